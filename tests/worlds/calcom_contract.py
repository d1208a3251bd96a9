"""Cal.com's published API, for the endpoints that we use, as a table of our own (docs/vendors/calcom.md).

The version of each endpoint, what a request may and must have, and what an answer has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.worlds.exchanges import Exchange

_BOOKINGS, _SLOTS, _EVENT_TYPES = "2024-08-13", "2024-09-04", "2024-06-14"
_BOOKING = frozenset({
    "id", "uid", "title", "description", "hosts", "status", "start", "end", "duration", "eventTypeId", "eventType",
    "location", "absentHost", "createdAt", "updatedAt", "attendees",
})  # fmt: skip
_WEBHOOK = frozenset({"id", "subscriberUrl", "triggers", "active", "payloadTemplate", "secret"})
_EVENT_TYPE = frozenset({
    "id", "ownerId", "lengthInMinutes", "title", "slug", "description", "locations", "bookingFields", "recurrence",
    "disableGuests", "slotInterval", "minimumBookingNotice", "beforeEventBuffer", "afterEventBuffer", "metadata", "price",
    "currency", "lockTimeZoneToggleOnBookingPage", "hidden", "bookingRequiresAuthentication", "seats",
})  # fmt: skip
_WEBHOOK_BODY = frozenset({"subscriberUrl", "triggers", "active", "secret", "payloadTemplate", "version"})
_PAGE = frozenset({"take", "skip"})
# The values of fields with a closed list, in requests or answers, wherever they are.
_ENUMS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"success", "error", "accepted", "pending", "cancelled", "rejected"}),
    "schedulingType": frozenset({"collective", "roundRobin", "managed"}),
    "reason": frozenset({"unspecified", "vacation", "travel", "sick", "public_holiday"}),
    "version": frozenset({"2021-10-20"}),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`keys` are the permitted keys of body or query; `answer` are the fields that `data`, or each of its items, always has."""

    version: str | None = None
    status: int = 200
    keys: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    answer: frozenset[str] = frozenset()


ENDPOINTS: Mapping[str, Endpoint] = {
    "create-booking": Endpoint(
        _BOOKINGS, 201,
        frozenset({"start", "attendee", "eventTypeId", "eventTypeSlug", "username", "teamSlug", "organizationSlug", "guests",
                   "lengthInMinutes", "bookingFieldsResponses", "location", "meetingUrl", "metadata", "routing",
                   "emailVerificationCode", "recurrenceCount", "rrHostSubsetIds"}),
        frozenset({"start", "attendee"}), _BOOKING,
    ),
    "get-booking": Endpoint(_BOOKINGS, answer=_BOOKING),
    "cancel-booking": Endpoint(
        _BOOKINGS, keys=frozenset({"cancellationReason", "cancelSubsequentBookings", "seatUid"}), answer=_BOOKING,
    ),
    "reschedule-booking": Endpoint(
        _BOOKINGS, 201,
        frozenset({"start", "rescheduledBy", "reschedulingReason", "seatUid", "emailVerificationCode"}),
        frozenset({"start"}), _BOOKING,
    ),
    "mark-absent": Endpoint(_BOOKINGS, keys=frozenset({"host", "attendees"}), answer=_BOOKING),
    "list-bookings": Endpoint(
        _BOOKINGS,
        keys=_PAGE | {"status", "attendeeEmail", "attendeeName", "bookingUid", "eventTypeIds", "eventTypeId", "teamsIds",
                      "teamId", "afterStart", "beforeEnd", "afterCreatedAt", "beforeCreatedAt", "afterUpdatedAt",
                      "beforeUpdatedAt", "sortStart", "sortEnd", "sortCreated", "sortUpdatedAt"},
        answer=_BOOKING,
    ),
    "list-slots": Endpoint(
        _SLOTS,
        keys=frozenset({"start", "end", "timeZone", "duration", "format", "bookingUidToReschedule", "eventTypeId",
                        "eventTypeSlug", "username", "teamSlug", "usernames", "organizationSlug", "rrHostSubsetIds"}),
        required=frozenset({"start", "end"}),
    ),
    "get-event-type": Endpoint(_EVENT_TYPES, answer=_EVENT_TYPE),
    "create-webhook": Endpoint(
        None, 201, _WEBHOOK_BODY, frozenset({"subscriberUrl", "triggers", "active"}), _WEBHOOK,
    ),
    "list-webhooks": Endpoint(keys=_PAGE, answer=_WEBHOOK),
    "update-webhook": Endpoint(keys=_WEBHOOK_BODY, answer=_WEBHOOK),
    "delete-webhook": Endpoint(answer=_WEBHOOK),
    "me": Endpoint(answer=frozenset({
        "id", "username", "email", "name", "timeZone", "weekStart", "timeFormat", "defaultScheduleId", "organizationId",
    })),
}  # fmt: skip


def check_exchange(exchange: Exchange) -> Iterator[str]:
    """Yield the differences from the table in an accepted request and in its answer or error."""
    if exchange.operation.endswith("-v1"):
        return
    if exchange.status >= 400:
        yield from _check_error(exchange)
        return
    endpoint = ENDPOINTS[exchange.operation]
    if endpoint.version and exchange.headers.get("cal-api-version") != endpoint.version:
        yield f"request: cal-api-version must be {endpoint.version}"
    sent = {**exchange.query, **(exchange.body or {})}
    yield from (f"request: {name} is unknown" for name in sent.keys() - endpoint.keys)
    yield from (f"request: {name} is missing" for name in endpoint.required - sent.keys())
    yield from (f"request: {text}" for text in _check_enums(sent, {"reason", "version"}))
    if exchange.status != endpoint.status:
        yield f"answer: {exchange.status} instead of {endpoint.status}"
    if exchange.answer.get("status") != "success":
        yield "answer: without the envelope"
    data = exchange.answer["data"]
    for item in data if isinstance(data, list) else [data]:
        yield from (f"answer: {name} is missing" for name in endpoint.answer - _of_team(item) - item.keys())
        yield from (f"answer: {text}" for text in _check_enums(item, _ENUMS))


def _of_team(item: Any) -> set[str]:
    """Return the fields that a team's event type may lack."""
    return {"ownerId"} if isinstance(item, dict) and item.get("teamId") else set()


def _check_enums(values: Mapping[str, Any], names: Any) -> Iterator[str]:
    for name in names:
        if isinstance(values.get(name), str) and values[name] not in _ENUMS[name]:
            yield f"{name} cannot be {values[name]}"


def _check_error(exchange: Exchange) -> Iterator[str]:
    """Yield the mistakes in an error body, which has one of two shapes."""
    answer = exchange.answer
    bare = isinstance(answer, dict) and answer.keys() == {"statusCode", "message"}
    wrapped = isinstance(answer, dict) and answer.keys() == {"status", "timestamp", "path", "error"}
    if not bare and not (wrapped and {"code", "message"} <= answer["error"].keys()):
        yield f"error: {str(answer)[:100]} has neither of the two shapes"
