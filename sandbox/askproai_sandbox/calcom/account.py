"""One Cal.com account: a user's event types, bookings and webhooks, and their JSON bodies (docs/vendors/calcom.md)."""

import itertools
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from askproai_sandbox.calcom.event_types import EventType
from askproai_sandbox.calcom.hosts import TIME_ZONE, Host, iso

Delivery = Callable[[], Awaitable[None]]
_HOST_IDS = 1000  # from here on, for a user who has no key here


@dataclass(slots=True)
class Seat:
    """A seat in a booking, taken by one attendee. Only bookings of an event type with seats have seats."""

    attendee: dict[str, Any]
    responses: dict[str, Any]
    metadata: dict[str, Any]
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def body(self, *, absent: bool) -> dict[str, Any]:
        return {
            **_attendee_body(self.attendee, absent=absent), "seatUid": self.uid,
            "bookingFieldsResponses": self.responses, "metadata": self.metadata,
        }  # fmt: skip


@dataclass(slots=True)
class Booking:
    id: int
    event_type: EventType
    host: Host
    start: datetime
    end: datetime
    attendee: dict[str, Any]
    created: datetime
    updated: datetime
    status: str = "accepted"
    uid: str = field(default_factory=secrets.token_urlsafe)
    metadata: dict[str, Any] = field(default_factory=dict)
    responses: dict[str, Any] = field(default_factory=dict)  # to the event type's own booking fields
    extra: dict[str, Any] = field(default_factory=dict)  # the reasons, rescheduledFromUid, rescheduledToUid
    absent: bool = False
    seats: list[Seat] = field(default_factory=list)  # only of an event type with seats

    @property
    def live(self) -> bool:
        return self.status in {"accepted", "pending"}

    @property
    def blocks(self) -> bool:
        """Return True if this booking makes its host busy."""
        return self.status == "accepted" or (self.status == "pending" and self.event_type.pending_blocks)

    @property
    def title(self) -> str:
        return f"{self.event_type.fields['title']} between {self.host.name} and {self.attendee['name']}"

    @property
    def attendees(self) -> list[dict[str, Any]]:
        return [seat.attendee for seat in self.seats] if self.event_type.seats else [self.attendee]

    def responses_body(self) -> dict[str, Any]:
        return {"name": self.attendee["name"], "email": self.attendee["email"], **self.responses}

    def body(self) -> dict[str, Any]:
        """Return this booking as API v2 returns it. A booking of an event type with seats has other fields."""
        if self.event_type.seats:
            people: dict[str, Any] = {"attendees": [seat.body(absent=self.absent) for seat in self.seats]}
        else:
            people = {
                "attendees": [_attendee_body(self.attendee, absent=self.absent)], "guests": [],
                "bookingFieldsResponses": self.responses_body(), "metadata": self.metadata,
            }  # fmt: skip
        return {
            "id": self.id, "uid": self.uid, "title": self.title, "description": "", "hosts": [self.host.body()],
            "status": self.status, "eventTypeId": self.event_type.id, "location": "integrations:daily",
            "start": iso(self.start), "end": iso(self.end),
            "duration": (self.end - self.start) // timedelta(minutes=1),
            "eventType": {"id": self.event_type.id, "slug": self.event_type.fields["slug"]}, "absentHost": False,
            "createdAt": iso(self.created), "updatedAt": iso(self.updated), "icsUid": f"{self.uid}@Cal.com",
            **people, **self.extra,
        }  # fmt: skip


def _attendee_body(attendee: dict[str, Any], *, absent: bool) -> dict[str, Any]:
    return {**attendee, "displayEmail": attendee["email"], "absent": absent}


@dataclass(slots=True)
class Webhook:
    uid: str
    created: datetime
    fields: dict[str, Any]


@dataclass(slots=True)
class Account:
    """The objects of one API key. A key acts as one user. The user has one team here, with the other hosts as its members."""

    user_id: int
    event_types: dict[int, EventType] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    outbox: list[Delivery] = field(default_factory=list)  # webhooks that wait for others
    _host_ids: Iterator[int] = field(default_factory=lambda: itertools.count(_HOST_IDS))

    @property
    def username(self) -> str:
        return f"user{self.user_id}"

    @property
    def team_id(self) -> int:
        return self.user_id + 1

    def host(self, name: str | None = None) -> Host:
        """Return the host with this name, created if new; without a name the host who is the key's user."""
        name = name or self.username
        if name not in self.hosts:
            self.hosts[name] = Host(self.user_id if name == self.username else next(self._host_ids), name)
        return self.hosts[name]

    def me(self) -> dict[str, Any]:
        names = {"username": self.username, "name": self.username, "email": f"{self.username}@example.com"}
        return {
            "id": self.user_id, **names, "timeZone": str(TIME_ZONE), "weekStart": "Monday", "timeFormat": 24,
            "defaultScheduleId": None, "organizationId": None,
        }  # fmt: skip

    def event_type_body(self, event_type: EventType) -> dict[str, Any]:
        """Return an event type as the API returns it: a user's with its owner, a team's with its hosts."""
        fields = {name: value for name, value in event_type.fields.items() if value is not None or name in _NULLABLE}
        if event_type.scheduling is None:
            del fields["rrHostSubsetEnabled"]
            host = self.host(event_type.host)
            user = {"id": self.user_id, "name": host.name, "username": host.name}
            return {**fields, "id": event_type.id, "ownerId": self.user_id, "users": [user]}
        hosts = [self.host(name) for name in event_type.host_names]
        return {
            **fields, "id": event_type.id, "ownerId": None, "teamId": self.team_id, "parentEventTypeId": None,
            "schedulingType": str(event_type.scheduling),
            "hosts": [
                {"userId": h.id, "name": h.name, "username": h.name, "avatarUrl": None, "mandatory": False, "priority": "medium"}
                for h in hosts
            ],
        }  # fmt: skip

    def webhook_body(self, webhook: Webhook) -> dict[str, Any]:
        """Return a webhook as the API does, with its secret in plain text."""
        return {"payloadTemplate": None, "secret": None, **webhook.fields, "id": webhook.uid, "userId": self.user_id}


_NULLABLE = {"slotInterval", "recurrence", "scheduleId"}  # null when nobody set them; other fields are absent then
