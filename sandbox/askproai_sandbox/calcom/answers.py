"""The shapes of Cal.com's answers (reference §1, §2, §4)."""

from typing import Any

from askproai_sandbox.calcom.account import HOME, Account, Booking, EventType, Webhook, iso

DEFAULT_FIELDS = [
    {"isDefault": True, "type": "name", "slug": "name", "required": True},
    {"isDefault": True, "type": "email", "slug": "email", "required": True},
    {"isDefault": True, "type": "radioInput", "slug": "location", "required": False, "hidden": False},
    {"isDefault": True, "type": "text", "slug": "title", "required": True, "hidden": True},
    {"isDefault": True, "type": "textarea", "slug": "notes", "required": False, "hidden": False},
    {"isDefault": True, "type": "multiemail", "slug": "guests", "required": False, "hidden": False},
    {"isDefault": True, "type": "textarea", "slug": "rescheduleReason", "required": False, "hidden": False},
]
EVENT_TYPE_DEFAULTS: dict[str, Any] = {
    "description": "", "locations": [{"type": "integration", "integration": "cal-video"}], "slotInterval": None,
    "minimumBookingNotice": 120, "beforeEventBuffer": 0, "afterEventBuffer": 0, "hidden": False,
    "disableGuests": False, "confirmationPolicy": {"disabled": True}, "seats": {"disabled": True}, "recurrence": None,
    "bookingWindow": {"disabled": True}, "bookingLimitsCount": {"disabled": True},
    "bookingLimitsDuration": {"disabled": True}, "bookerActiveBookingsLimit": {"disabled": True},
    "requiresBookerEmailVerification": False, "bookingRequiresAuthentication": False, "scheduleId": None,
    "disableCancelling": {"disabled": False}, "disableRescheduling": {"disabled": False}, "price": 0,
    "currency": "usd", "lockTimeZoneToggleOnBookingPage": False, "onlyShowFirstAvailableSlot": False, "metadata": {},
}  # fmt: skip
EVENT_TYPE_FIELDS = EVENT_TYPE_DEFAULTS.keys() - {"price", "currency", "metadata"} | {
    "lengthInMinutes", "lengthInMinutesOptions", "title", "slug", "bookingFields", "offsetStart", "customName",
    "destinationCalendar", "color", "successRedirectUrl", "interfaceLanguage", "allowReschedulingPastBookings",
    "allowReschedulingCancelledBookings", "showOptimizedSlots",
}  # fmt: skip


def fields_of(kind: EventType) -> list[dict[str, Any]]:
    """Give the booking fields: the default ones, as far as own ones do not replace them by type or slug."""
    own = kind.fields.get("bookingFields") or []
    replaced = {f["type"] for f in own} & {"name", "email"} | {f.get("slug") for f in own}
    return [f for f in DEFAULT_FIELDS if f["slug"] not in replaced] + [
        {"slug": f["type"], "hidden": False, "required": False, **f} for f in own
    ]


def me(account: Account) -> dict[str, Any]:
    return {
        "id": account.user_id, "username": account.username, "email": f"{account.username}@example.com",
        "name": account.username, "timeZone": str(HOME), "weekStart": "Monday", "timeFormat": 24,
        "defaultScheduleId": account.user_id, "organizationId": None,
    }  # fmt: skip


def event_type(account: Account, kind: EventType) -> dict[str, Any]:
    return {
        **EVENT_TYPE_DEFAULTS, **kind.fields, "id": kind.id, "ownerId": account.user_id,
        "bookingFields": fields_of(kind), "users": [{"id": account.user_id, "name": kind.host, "username": kind.host}],
    }  # fmt: skip


def old_event_type(kind: EventType) -> dict[str, Any]:
    """Give the body of the 2024-04-15 controller, which a missing version header falls back to."""
    return {"id": kind.id, "length": kind.fields["lengthInMinutes"], "slug": kind.fields["slug"],
            "title": kind.fields["title"]}  # fmt: skip


def booking(b: Booking) -> dict[str, Any]:
    kind, who = b.event_type, b.attendee
    host = {"id": 1, "name": kind.host, "email": f"{kind.host}@example.com", "username": kind.host,
            "displayEmail": f"{kind.host}@example.com", "timeZone": str(HOME)}  # fmt: skip
    attendee = {k: v for k, v in who.items() if v is not None} | {"displayEmail": who["email"], "absent": False}
    return {
        "id": b.id, "uid": b.uid, "title": f"{kind.fields['title']} between {kind.host} and {who['name']}",
        "description": b.responses.get("notes", ""), "hosts": [host], "status": b.status, "start": iso(b.start),
        "end": iso(b.end), "duration": int((b.end - b.start).total_seconds() // 60), "eventTypeId": kind.id,
        "eventType": {"id": kind.id, "slug": kind.fields["slug"]}, "location": b.location, "meetingUrl": b.location,
        "absentHost": False, "createdAt": iso(b.created), "updatedAt": iso(b.updated), "metadata": b.metadata,
        "icsUid": f"{b.uid}@Cal.com", "attendees": [attendee], "guests": b.responses.get("guests", []),
        "bookingFieldsResponses": {"name": who["name"], "email": who["email"], **b.responses}, **b.extra,
    }  # fmt: skip


def webhook(account: Account, hook: Webhook) -> dict[str, Any]:
    """Give a webhook; the secret is told in clear (§5)."""
    return {"payloadTemplate": None, "secret": None, **hook.fields, "id": hook.id, "userId": account.user_id}
