"""One Cal.com user: event types, bookings and webhooks, their JSON bodies, and when a host is free (docs/vendors/calcom.md)."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

TIME_ZONE = ZoneInfo("Europe/Berlin")
OPENS, CLOSES, WORKDAYS = time(6), time(22), range(6)  # Monday to Saturday; wide, so that the branch's own hours decide
_EVENT_TYPE = yaml.safe_load(Path(__file__).with_name("event_type.yaml").read_text(encoding="utf-8"))


@dataclass(slots=True)
class EventType:
    id: int
    host: str
    fields: dict[str, Any]

    @classmethod
    def create(cls, number: int, host: str, fields: dict[str, Any]) -> "EventType":
        """Return an event type with the server's defaults. Raises ValueError for a field that the simulator would not respect."""
        if unknown := fields.keys() - set(_EVENT_TYPE["settable"]):
            raise ValueError(f"not simulated at an event type: {', '.join(sorted(unknown))}")
        names = {"title": f"Event {number}", "slug": f"event-{number}"}
        return cls(number, host, {**_EVENT_TYPE["defaults"], **names, **fields})

    def minutes(self, name: str) -> timedelta:
        return timedelta(minutes=self.fields[name])

    @property
    def needs_confirmation(self) -> bool:
        return not self.fields["confirmationPolicy"].get("disabled")

    def blocked_span(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Return what a booking of this type blocks: its time and the buffers."""
        return start - self.minutes("beforeEventBuffer"), end + self.minutes("afterEventBuffer")

    def is_bookable(self, start: datetime, now: datetime) -> bool:
        """Return whether a start respects the minimum notice and is within the booking window."""
        days = self.fields["bookingWindow"].get("value")
        last_day = now.astimezone(TIME_ZONE).date() + timedelta(days=days) if days else None
        in_time = start >= now + self.minutes("minimumBookingNotice")
        return in_time and (last_day is None or start.astimezone(TIME_ZONE).date() <= last_day)


@dataclass(slots=True)
class Booking:
    id: int
    event_type: EventType
    start: datetime
    end: datetime
    attendee: dict[str, Any]
    created: datetime
    updated: datetime
    status: str = "accepted"
    uid: str = field(default_factory=secrets.token_urlsafe)
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)  # the reasons, rescheduledFromUid, rescheduledToUid
    absent: bool = False

    @property
    def live(self) -> bool:
        return self.status in {"accepted", "pending"}

    @property
    def title(self) -> str:
        return f"{self.event_type.fields['title']} between {self.event_type.host} and {self.attendee['name']}"

    def body(self) -> dict[str, Any]:
        """Return this booking as API v2 does."""
        event_type, attendee = self.event_type, self.attendee
        name, mail = event_type.host, f"{event_type.host}@example.com"
        host = {
            "id": 1,
            "name": name,
            "username": name,
            "email": mail,
            "displayEmail": mail,
            "timeZone": str(TIME_ZONE),
        }
        return {
            "id": self.id, "uid": self.uid, "title": self.title, "description": "", "hosts": [host],
            "status": self.status, "eventTypeId": event_type.id, "location": "integrations:daily",
            "start": iso(self.start), "end": iso(self.end),
            "duration": (self.end - self.start) // timedelta(minutes=1),
            "eventType": {"id": event_type.id, "slug": event_type.fields["slug"]}, "absentHost": False,
            "metadata": self.metadata, "createdAt": iso(self.created), "updatedAt": iso(self.updated),
            "icsUid": f"{self.uid}@Cal.com", "guests": [],
            "attendees": [{**attendee, "displayEmail": attendee["email"], "absent": self.absent}],
            "bookingFieldsResponses": {"name": attendee["name"], "email": attendee["email"]}, **self.extra,
        }  # fmt: skip


@dataclass(slots=True)
class Webhook:
    uid: str
    created: datetime
    fields: dict[str, Any]


@dataclass(slots=True)
class Account:
    """The objects of one API key: a key acts as one user."""

    user_id: int
    event_types: dict[int, EventType] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return f"user{self.user_id}"

    def me(self) -> dict[str, Any]:
        names = {"username": self.username, "name": self.username, "email": f"{self.username}@example.com"}
        return {"id": self.user_id, **names, "timeZone": str(TIME_ZONE), "timeFormat": 24, "organizationId": None}

    def event_type_body(self, event_type: EventType) -> dict[str, Any]:
        host = {"id": self.user_id, "name": event_type.host, "username": event_type.host}
        return {**event_type.fields, "id": event_type.id, "ownerId": self.user_id, "users": [host]}

    def webhook_body(self, webhook: Webhook) -> dict[str, Any]:
        """Return a webhook as the API does, with its secret in plain text."""
        return {"payloadTemplate": None, "secret": None, **webhook.fields, "id": webhook.uid, "userId": self.user_id}

    def is_free(self, event_type: EventType, start: datetime, end: datetime, except_uid: str | None = None) -> bool:
        """Return whether the host works at that time and no other booking overlaps, with the buffers of both.

        `except_uid` is a booking that does not count: the one that is moved.
        """
        local_start, local_end = start.astimezone(TIME_ZONE), end.astimezone(TIME_ZONE)
        works = (
            local_start.weekday() in WORKDAYS and local_start.date() == local_end.date()
            and local_start.time() >= OPENS and local_end.time() <= CLOSES
        )  # fmt: skip
        blocked_from, blocked_until = event_type.blocked_span(start, end)
        busy = [
            b.event_type.blocked_span(b.start, b.end) for b in self.bookings.values()
            if b.live and b.event_type.host == event_type.host and b.uid != except_uid
        ]  # fmt: skip
        return works and all(blocked_until <= span[0] or span[1] <= blocked_from for span in busy)


def iso(value: datetime) -> str:
    """Return an instant as the API does: UTC, with milliseconds and Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
