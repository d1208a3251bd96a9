"""A host at Cal.com: the person's working hours, absences and calendar events (docs/vendors/calcom.md)."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

TIME_ZONE = ZoneInfo("Europe/Berlin")
Span = tuple[datetime, datetime]
ClockTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
Reason = Literal["unspecified", "vacation", "travel", "sick", "public_holiday"]


def iso(value: datetime) -> str:
    """Return an instant as Cal.com's API writes it: UTC, with milliseconds and Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WorkingHours(Struct, rename="camel", forbid_unknown_fields=True):
    days: list[Weekday]
    start_time: ClockTime
    end_time: ClockTime


class Override(Struct, rename="camel", forbid_unknown_fields=True):
    """A host's hours on one date, which replace the weekly hours. With equal times the host does not work that day."""

    date: date
    start_time: ClockTime
    end_time: ClockTime


# Wide, so that the branch's own hours decide.
DEFAULT_HOURS = WorkingHours(list(WEEKDAYS[:6]), "06:00", "22:00")


@dataclass(slots=True)
class Absence:
    """An entry of out-of-office. Cal.com keeps whole days of UTC, whatever times were sent."""

    id: int
    user_id: int
    start: datetime
    end: datetime
    reason: Reason
    notes: str | None
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def days(self) -> Iterator[date]:
        """Yield the dates, in the host's time zone, on which the host is absent: Cal.com uses the UTC dates as local dates."""
        day, last = self.start.astimezone(UTC).date(), self.end.astimezone(UTC).date()
        while day <= last:
            yield day
            day += timedelta(days=1)

    def body(self) -> dict[str, Any]:
        notes = {} if self.notes is None else {"notes": self.notes}
        return {
            "id": self.id, "uuid": self.uid, "userId": self.user_id, "toUserId": None, "start": iso(self.start),
            "end": iso(self.end), "reason": self.reason, **notes,
        }  # fmt: skip


@dataclass(slots=True)
class Host:
    """A user of Cal.com whom clients can book. `busy_times` are the events of a linked calendar, by id."""

    id: int
    name: str
    time_zone: ZoneInfo = TIME_ZONE
    availability: list[WorkingHours] = field(default_factory=lambda: [DEFAULT_HOURS])
    overrides: list[Override] = field(default_factory=list)
    absences: dict[int, Absence] = field(default_factory=dict)
    busy_times: dict[int, Span] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the host in the form that a booking's body contains."""
        mail = f"{self.name}@example.com"
        names = {"id": self.id, "name": self.name, "username": self.name}
        return {**names, "email": mail, "displayEmail": mail, "timeZone": str(self.time_zone)}

    def working_spans(self, start: datetime, end: datetime) -> list[Span]:
        """Return the spans in which the host works on the local days from `start` to `end`, without absences."""
        absent = {day for absence in self.absences.values() for day in absence.days()}
        day, last = start.astimezone(self.time_zone).date(), end.astimezone(self.time_zone).date()
        spans: list[Span] = []
        while day <= last:
            overrides = [hours for hours in self.overrides if hours.date == day]
            weekly = [hours for hours in self.availability if WEEKDAYS[day.weekday()] in hours.days]
            spans += [] if day in absent else [self._span(day, hours) for hours in overrides or weekly]
            day += timedelta(days=1)
        return sorted(span for span in spans if span[0] < span[1])

    def _span(self, day: date, hours: WorkingHours | Override) -> Span:
        start = datetime.combine(day, time.fromisoformat(hours.start_time), self.time_zone)
        end = datetime.combine(day, time.fromisoformat(hours.end_time), self.time_zone)
        if hours.end_time == "23:59":  # Cal.com's own way to write the end of a day
            end = datetime.combine(day + timedelta(days=1), time(), self.time_zone)
        return start.astimezone(UTC), end.astimezone(UTC)
