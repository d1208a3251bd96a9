"""What one Cal.com user holds, when its hosts are free, and how both are told (reference §1, §2, §4)."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

HOME = ZoneInfo("Europe/Berlin")
OPENS, CLOSES, DAYS = time(6), time(22), range(6)  # Monday to Saturday, wide: the branch's own hours shall decide
_EVENT_TYPE = yaml.safe_load(Path(__file__).with_name("event_type.yaml").read_text(encoding="utf-8"))


@dataclass(slots=True)
class EventType:
    id: int
    host: str
    fields: dict[str, Any]

    @classmethod
    def make(cls, number: int, host: str, own: dict[str, Any]) -> "EventType":
        """Fill in the server's defaults; raises ValueError for what would be taken and not kept to."""
        if unknown := own.keys() - set(_EVENT_TYPE["settable"]):
            raise ValueError(f"not simulated at an event type: {', '.join(sorted(unknown))}")
        named = {"title": f"Event {number}", "slug": f"event-{number}"}
        return cls(number, host, {**_EVENT_TYPE["defaults"], **named, **own})

    def minutes(self, name: str) -> timedelta:
        return timedelta(minutes=self.fields[name])

    @property
    def needs_confirmation(self) -> bool:
        return not self.fields["confirmationPolicy"].get("disabled")

    def blocked(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        return start - self.minutes("beforeEventBuffer"), end + self.minutes("afterEventBuffer")

    def bookable(self, start: datetime, now: datetime) -> bool:
        """Say whether a start keeps the notice and lies within the booking window."""
        days = self.fields["bookingWindow"].get("value")
        last = now.astimezone(HOME).date() + timedelta(days=days) if days else None
        in_time = start >= now + self.minutes("minimumBookingNotice")
        return in_time and (last is None or start.astimezone(HOME).date() <= last)


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
    extra: dict[str, Any] = field(default_factory=dict)  # reasons, rescheduledFromUid, rescheduledToUid
    absent: bool = False

    @property
    def live(self) -> bool:
        return self.status in {"accepted", "pending"}

    @property
    def title(self) -> str:
        return f"{self.event_type.fields['title']} between {self.event_type.host} and {self.attendee['name']}"

    def answer(self) -> dict[str, Any]:
        kind, who = self.event_type, self.attendee
        mail = f"{kind.host}@example.com"
        host = {"id": 1, "name": kind.host, "username": kind.host, "email": mail, "displayEmail": mail}
        return {
            "id": self.id, "uid": self.uid, "title": self.title, "description": "", "hosts": [{**host, "timeZone": str(HOME)}],
            "status": self.status, "eventTypeId": kind.id, "location": "integrations:daily", "start": iso(self.start),
            "end": iso(self.end), "duration": (self.end - self.start) // timedelta(minutes=1),
            "eventType": {"id": kind.id, "slug": kind.fields["slug"]}, "absentHost": False, "metadata": self.metadata,
            "createdAt": iso(self.created), "updatedAt": iso(self.updated), "icsUid": f"{self.uid}@Cal.com",
            "attendees": [{**who, "displayEmail": who["email"], "absent": self.absent}], "guests": [],
            "bookingFieldsResponses": {"name": who["name"], "email": who["email"]}, **self.extra,
        }  # fmt: skip


@dataclass(slots=True)
class Webhook:
    uid: str
    created: datetime
    fields: dict[str, Any]


@dataclass(slots=True)
class Account:
    """Everything behind one API key: a key acts as one user."""

    user_id: int
    event_types: dict[int, EventType] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return f"user{self.user_id}"

    def me(self) -> dict[str, Any]:
        names = {"username": self.username, "name": self.username, "email": f"{self.username}@example.com"}
        return {"id": self.user_id, **names, "timeZone": str(HOME), "timeFormat": 24, "organizationId": None}

    def event_type(self, kind: EventType) -> dict[str, Any]:
        host = {"id": self.user_id, "name": kind.host, "username": kind.host}
        return {**kind.fields, "id": kind.id, "ownerId": self.user_id, "users": [host]}

    def webhook(self, hook: Webhook) -> dict[str, Any]:
        """Give a webhook; the secret is told in clear (§5)."""
        return {"payloadTemplate": None, "secret": None, **hook.fields, "id": hook.uid, "userId": self.user_id}

    def is_free(self, kind: EventType, start: datetime, end: datetime, ignoring: str | None = None) -> bool:
        """Say whether the host works then and nothing overlaps, buffers of both sides included."""
        local_start, local_end = start.astimezone(HOME), end.astimezone(HOME)
        works = (
            local_start.weekday() in DAYS and local_start.date() == local_end.date()
            and local_start.time() >= OPENS and local_end.time() <= CLOSES
        )  # fmt: skip
        mine = kind.blocked(start, end)
        busy = [
            b.event_type.blocked(b.start, b.end) for b in self.bookings.values()
            if b.live and b.event_type.host == kind.host and b.uid != ignoring
        ]  # fmt: skip
        return works and all(mine[1] <= span[0] or span[1] <= mine[0] for span in busy)


def iso(value: datetime) -> str:
    """Give a UTC instant as the API does, with milliseconds and Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
