"""Bookable times as values: spans, slots, the rules of a service, and the query for its starts. Pure.

Instants are in UTC: as epoch seconds where they are compared often. Every span is half-open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import force_setattr

from askproai_core.tenant_config import Branch, Service, Staff
from askproai_runtime.availability.opening_hours import DAY_MINUTES, EpochSpan, wall_clock_epoch
from askproai_runtime.spoken_times import Daily

Claims = list[tuple[int, "Span"]]  # ids of `resources`, and when each is blocked
Busy = Mapping[int, Sequence["BusySpan"]]  # by resource id
RemoteFree = Mapping[str, "FreeSpans"]  # by staff id; no remote calendar bounds a staff member who is not in it
# A month is searched as a whole; a year, or a span without an end, from its beginning.
LONGEST_SPAN = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time [start, end), in UTC."""

    start: datetime
    end: datetime


def local_day(day: date, zone: ZoneInfo) -> Span:
    """Return the span of a local day, of 23 to 25 hours."""
    return Span(datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone))


class BusySpan(msgspec.Struct, frozen=True, gc=False):
    """A busy span [start, end), UTC, of a resource. `units`: the number of units that its staff member had at the claim.

    The garbage collector does not track these spans: they refer to nothing that could refer back, and a search can hold 80,000.
    """

    start: datetime
    end: datetime
    units: int = 1
    seconds: EpochSpan = (0, 0)  # derived from both; each search reads it several times

    def __post_init__(self) -> None:
        seconds = int(self.start.timestamp()), int(-(-self.end.timestamp() // 1))
        force_setattr(self, "seconds", seconds)


@dataclass(frozen=True, slots=True)
class FreeSpans:
    """The spans in which a staff member is free in the remote calendar, sorted and apart. A remote booking takes `length`
    seconds.

    A start is free in the remote calendar if the whole booking lies within one of the spans. They are a union of slots, so our
    grid need not be that of the remote calendar.
    """

    spans: Sequence[EpochSpan]
    length: int

    def starts_within(self, starts: Sequence[int], length: int) -> list[tuple[int, int]]:
        """Return which of the sorted `starts` are free for at least `length` seconds, as ranges of their indices."""
        longest = max(length, self.length)
        ranges = ((bisect_left(starts, first), bisect_right(starts, end - longest)) for first, end in self.spans)
        return [(first, end) for first, end in ranges if first < end]


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The bounds for the starts of one service in one branch; `staff_members` can do the service. A caller who names nobody
    gets `usual_staff` if that person is free. `among` has the staff members to whom a caller limits the choice; empty
    without a limit. `companions` has the rules of each companion, who gets a separate appointment.
    """

    zone: ZoneInfo
    branch: Branch
    service: Service
    staff_members: tuple[Staff, ...]
    usual_staff: str | None = None
    companions: tuple["ServiceRules", ...] = ()
    among: tuple[Staff, ...] = ()

    @classmethod
    def of(cls, zone: ZoneInfo, branch: Branch, service: Service) -> Self:
        """Return the rules of a service in a branch, with the staff members of the branch who can do it."""
        able = service.staff.get(branch.name, ())
        return cls(zone, branch, service, tuple(s for s in branch.staff if s.id in able and s.resource_ids))

    @property
    def people(self) -> tuple["ServiceRules", ...]:
        """Return the rules for each person of the group, the caller's first."""
        return self, *self.companions

    @property
    def everybody(self) -> list[Staff]:
        """Return the staff members who can serve at least one person of the group."""
        return list({each.id: each for rules in self.people for each in rules.staff_members}.values())

    @property
    def resource_ids(self) -> list[int]:
        return [resource_id for staff_member in self.everybody for resource_id in staff_member.resource_ids]

    def staff_member(self, staff: str) -> Staff:
        """Return one of `staff_members` by id."""
        return next(staff_member for staff_member in self.staff_members if staff_member.id == staff)

    def able(self, staff: str | None) -> list[Staff]:
        """Return the staff members who can do the service: all, or with `staff` (an id) this one, if able."""
        return [staff_member for staff_member in self.staff_members if staff in {None, staff_member.id}]

    def display_name(self, staff: str) -> str:
        """Return the display name of a staff member of the branch, or the id of a staff member who has left it."""
        return next((s.display_name for s in self.branch.staff if s.id == staff), staff)

    def service_by(self, staff: str) -> Service:
        """Return the service as this staff member does it: with the staff member's own length and price, if there are any."""
        return self.service.done_by(staff)

    @property
    def longest_minutes(self) -> int:
        """Return the length of the service in minutes with the slowest staff member."""
        return max(
            [self.service.duration_minutes, *(self.service_by(s.id).duration_minutes for s in self.staff_members)]
        )

    @property
    def shortest_minutes(self) -> int:
        """Return the length of the service in minutes with the fastest staff member."""
        each = [self.service_by(s.id).duration_minutes for s in self.staff_members]
        return min(each, default=self.service.duration_minutes)

    def blocked_span(self, start: datetime, staff: str) -> Span:
        """Return the time from the first to the last instant that an appointment at `start` blocks, buffers included."""
        offsets = self.blocked_offsets(staff)
        return Span(start + timedelta(seconds=offsets[0][0]), start + timedelta(seconds=offsets[-1][1]))

    def blocked_offsets(self, staff: str) -> list[EpochSpan]:
        """Return the spans in which an appointment blocks a staff member, in seconds from its start, buffers included: one
        span, unless the customer waits in between.
        """
        service = self.service_by(staff)
        (_, *begins), (*ends, _) = zip(*service.work_spans, strict=True)
        before, after = service.buffer_before_minutes, service.duration_minutes + service.buffer_after_minutes
        return [(first * 60, end * 60) for first, end in zip((-before, *begins), (*ends, after), strict=True)]

    def blocked_spans(self, start: datetime, staff: str) -> list[Span]:
        """Return the spans in which an appointment at `start` blocks a staff member, buffers included."""
        return [
            Span(start + timedelta(seconds=a), start + timedelta(seconds=b)) for a, b in self.blocked_offsets(staff)
        ]


@dataclass(frozen=True, slots=True)
class EventTypeLink:
    """A service (in `rules`) and the staff member who is booked for it by an event type of the remote calendar."""

    rules: ServiceRules
    staff_member: Staff


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """A query for starts in [first, end), of one staff member or of anybody. Minimum notice and horizon count from `now`.

    `limit` bounds the number of starts of each staff member: the closest to `closest_to` (None: to `first`) are found. So the
    cost depends neither on the grid nor on how much is free. With `daily` only starts at these times of the days count. The
    starts in `without` are left out.
    """

    now: datetime
    first: datetime
    end: datetime
    staff: str | None = None
    closest_to: datetime | None = None
    limit: int | None = None
    daily: Daily | None = None
    without: frozenset[datetime] = frozenset()

    @classmethod
    def at(cls, start: datetime, now: datetime, staff: str | None) -> Self:
        """Return the query for exactly this start. A start with seconds is not on the grid, and is not found."""
        return cls(now, start, start + timedelta(microseconds=1), staff)


@dataclass(frozen=True, slots=True)
class Slot:
    """A bookable start with a staff member, and the companions' slots, in the order of the rules."""

    start: datetime
    end: datetime
    staff: str
    companions: tuple["Slot", ...] = ()


def horizon_end(rules: ServiceRules, now: datetime) -> int:
    """Return the end of the last local day that can be booked, in epoch seconds."""
    today = now.astimezone(rules.zone).date()
    return wall_clock_epoch(today + timedelta(days=rules.service.booking_horizon_days), DAY_MINUTES, rules.zone)


def subtract_spans(span: Span, others: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that none of `others` covers."""
    pieces, at = [], span.start
    for other in sorted(others, key=lambda other: other.start):
        pieces.append(Span(at, min(other.start, span.end)))
        at = max(at, other.end)
    pieces.append(Span(at, span.end))
    return [piece for piece in pieces if piece.start < piece.end]


def utc_span(start: int, end: int) -> Span:
    """Return the UTC span between two epoch seconds."""
    return Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
