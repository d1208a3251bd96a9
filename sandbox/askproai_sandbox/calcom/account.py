"""What one Cal.com user holds, and when its hosts are free (reference §2 to §4)."""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HOME = ZoneInfo("Europe/Berlin")
OPENS, CLOSES, DAYS = time(6), time(22), range(6)  # Monday to Saturday, wide: the branch's own hours shall decide


@dataclass(slots=True)
class EventType:
    id: int
    born: datetime
    host: str
    fields: dict[str, Any]

    def minutes(self, name: str) -> timedelta:
        return timedelta(minutes=self.fields.get(name) or 0)

    def blocked(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        return start - self.minutes("beforeEventBuffer"), end + self.minutes("afterEventBuffer")

    def on(self, policy: str) -> bool:
        value: dict[str, Any] = self.fields.get(policy) or {"disabled": True}
        return not value.get("disabled")


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
    uid: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    metadata: dict[str, Any] = field(default_factory=dict)
    responses: dict[str, Any] = field(default_factory=dict)
    location: str = "integrations:daily"
    extra: dict[str, Any] = field(default_factory=dict)  # reasons, rescheduledFromUid, rescheduledToUid

    @property
    def born(self) -> datetime:
        return self.created

    @property
    def live(self) -> bool:
        return self.status in {"accepted", "pending"}


@dataclass(slots=True)
class Webhook:
    id: str
    born: datetime
    fields: dict[str, Any]


@dataclass(slots=True)
class Account:
    """Everything behind one API key: a key acts as one user."""

    key: str
    user_id: int
    event_types: dict[int, EventType] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return f"user{self.user_id}"

    def busy(self, host: str, ignoring: str | None = None) -> list[tuple[datetime, datetime]]:
        """Give a host's blocked spans, each with the buffers of its own event type."""
        return [
            b.event_type.blocked(b.start, b.end) for b in self.bookings.values()
            if b.live and b.event_type.host == host and b.uid != ignoring
        ]  # fmt: skip

    def is_free(self, kind: EventType, start: datetime, end: datetime, ignoring: str | None = None) -> bool:
        """Say whether the host works then and nothing overlaps, buffers of both sides included."""
        local_start, local_end = start.astimezone(HOME), end.astimezone(HOME)
        works = (
            local_start.weekday() in DAYS and local_start.date() == local_end.date()
            and local_start.time() >= OPENS and local_end.time() <= CLOSES
        )  # fmt: skip
        mine = kind.blocked(start, end)
        return works and all(mine[1] <= span[0] or span[1] <= mine[0] for span in self.busy(kind.host, ignoring))

    def free_starts(
        self, kind: EventType, first: datetime, last: datetime, now: datetime, ignoring: str | None = None
    ) -> Iterator[datetime]:
        """Give the free starts in [first, last], on a grid from the opening of each local day."""
        length = kind.minutes("lengthInMinutes")
        step = kind.minutes("slotInterval") or length
        earliest = max(first, now + kind.minutes("minimumBookingNotice"))
        for offset in range((last.astimezone(HOME).date() - first.astimezone(HOME).date()).days + 1):
            day = first.astimezone(HOME).date() + timedelta(days=offset)
            opening, closing = _at(day, OPENS), _at(day, CLOSES)
            for start in itertools.takewhile(lambda s: s + length <= closing, _every(opening, step)):  # noqa: B023 - used at once
                if earliest <= start <= last and bookable(kind, start, now) and self.is_free(
                    kind, start, start + length, ignoring
                ):  # fmt: skip
                    yield start


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, HOME).astimezone(UTC)


def _every(start: datetime, step: timedelta) -> Iterator[datetime]:
    return (start + step * n for n in itertools.count())


def bookable(kind: EventType, start: datetime, now: datetime) -> bool:
    """Say whether a start keeps the notice and lies within the booking window."""
    window = kind.fields.get("bookingWindow") or {}
    value = window.get("value")
    in_window = not isinstance(value, int) or start.astimezone(HOME).date() <= (
        now.astimezone(HOME).date() + timedelta(days=value)
    )
    return start >= now + kind.minutes("minimumBookingNotice") and in_window


def instant(text: Any, *, end_of_day: bool = False) -> datetime:
    """Read ISO 8601 as Cal.com does: no zone means UTC, a bare date its first or last second; raises ValueError."""
    text = str(text)
    if len(text) == 10:
        text += "T23:59:59" if end_of_day else "T00:00:00"
    value = datetime.fromisoformat(text)
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC)


def iso(value: datetime) -> str:
    """Give an instant as the API does, with milliseconds; UTC as Z."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
