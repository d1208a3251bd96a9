"""The free times of an event type: working hours without absences, linked calendars' events, bookings, buffers and limits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from askproai_sandbox.calcom.account import Account, Booking
from askproai_sandbox.calcom.event_types import EventType, Scheduling
from askproai_sandbox.calcom.hosts import TIME_ZONE, Host, Span

_GRIDS = (60, 30, 20, 15, 10, 5, 1)  # minutes to which Cal.com rounds the first start of a free span


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Availability:
    """The free times of one event type. `except_uid` is a booking that does not make its host busy, because it is being moved."""

    account: Account
    event_type: EventType
    now: datetime
    except_uid: str | None = None

    def free_hosts(self, start: datetime, end: datetime) -> list[Host]:
        """Return the hosts who are free from `start` to `end`; Cal.com assigns the booking to the first of them.

        For a round robin the host whose last booking is the oldest comes first. For a collective event type, return all its
        hosts, or an empty list if one of them is busy.
        """
        hosts = [self.account.host(name) for name in self.event_type.host_names]
        free = [h for h in hosts if any(s <= start and end <= e for s, e in self._free_spans(h, start, end))]
        match self.event_type.scheduling:
            case Scheduling.MANAGED:
                return []
            case Scheduling.COLLECTIVE:
                return free if len(free) == len(hosts) else []
            case Scheduling.ROUND_ROBIN:
                return sorted(free, key=self._last_booked)
        return free

    def starts(self, first: datetime, last: datetime, length: timedelta, only: Collection[int] = ()) -> list[datetime]:
        """Return the free starts from `first` to `last`. `only` are the ids of the hosts to consider; empty means all hosts."""
        hosts = [self.account.host(name) for name in self.event_type.host_names]
        spans = [self._free_spans(h, first, last) for h in hosts if self.event_type.counts(only, h.id)]
        if self.event_type.scheduling is Scheduling.MANAGED:
            return []
        if self.event_type.scheduling is Scheduling.COLLECTIVE and spans:
            spans = [_intersection(spans)]
        found = {start for host_spans in spans for span in host_spans for start in self._in_span(span, length)}
        return sorted(
            start for start in found
            if first <= start <= last and self.event_type.is_bookable(start, self.now)
            and self.reached_limit(start, start + length) is None and self.seats_left(start, start + length) != 0
        )  # fmt: skip

    def seated(self, start: datetime) -> Booking | None:
        """Return the booking of an event type with seats that starts exactly at `start`; None if there is none."""
        if self.event_type.seats is None:
            return None
        return next((b for b in self._own_bookings() if b.start == start), None)

    def seats_left(self, start: datetime, end: datetime) -> int | None:
        """Return the free seats of a span, 0 if another booking of this type overlaps it; None for a type without seats."""
        if self.event_type.seats is None:
            return None
        if booking := self.seated(start):
            return max(0, self.event_type.seats - len(booking.attendees))
        overlaps = any(b.start < end and start < b.end for b in self._own_bookings())
        return 0 if overlaps else self.event_type.seats

    def _own_bookings(self) -> list[Booking]:
        return [
            b for b in self.account.bookings.values()
            if b.live and b.event_type is self.event_type and b.uid != self.except_uid
        ]  # fmt: skip

    def _free_spans(self, host: Host, start: datetime, end: datetime) -> list[Span]:
        """Return the spans in which a host works and nothing is booked. The buffers of both bookings are taken off the spans."""
        before, after = self.event_type.minutes("beforeEventBuffer"), self.event_type.minutes("afterEventBuffer")
        busy = [
            b.event_type.blocked_span(b.start, b.end) for b in self.account.bookings.values()
            if b.blocks and b.host.id == host.id and b.uid != self.except_uid
            and not (self.event_type.seats and b.event_type is self.event_type)
        ]  # fmt: skip
        spans = host.working_spans(start, end)
        for busy_from, busy_until in [*busy, *host.busy_times.values()]:
            spans = _without(spans, (busy_from - after, busy_until + before))
        return spans

    def _in_span(self, span: Span, length: timedelta) -> Iterable[datetime]:
        """Yield the possible starts in one free span, one slot interval apart, from its first round time (such as 10:15) on.

        So a booking shifts the later starts: Cal.com counts them from the end of the busy time.
        """
        interval = self.event_type.minutes("slotInterval") or length
        grid = next(minutes for minutes in _GRIDS if interval % timedelta(minutes=minutes) == timedelta())
        start = max(span[0], self.now + self.event_type.minutes("minimumBookingNotice"))
        hour = start.replace(minute=0, second=0, microsecond=0)
        start = hour + timedelta(minutes=grid) * -((hour - start) // timedelta(minutes=grid))
        start += self.event_type.minutes("offsetStart")
        while start + length <= span[1]:
            yield start
            start += interval

    def reached_limit(self, start: datetime, end: datetime) -> str | None:
        """Return the name of a limit (per day, week, month or year) that one more booking would exceed; None if none would."""
        counts, minutes = self.event_type.fields["bookingLimitsCount"], self.event_type.fields["bookingLimitsDuration"]
        for period in Period:
            if period not in counts and period not in minutes:  # asked for each start of each free day
                continue
            inside = [b for b in self._own_bookings() if _period(b.start, period) == _period(start, period)]
            booked = sum((b.end - b.start for b in inside), end - start)
            if period in counts and len(inside) >= counts[period]:
                return "booking_limit_reached"
            if period in minutes and booked > timedelta(minutes=minutes[period]):
                return "duration_limit_reached"
        return None

    def _last_booked(self, host: Host) -> tuple[float, int]:
        made = [b.created.timestamp() for b in self._own_bookings() if b.host.id == host.id]
        return max(made, default=0.0), host.id


def _period(value: datetime, period: Period) -> tuple[int, ...]:
    local = value.astimezone(TIME_ZONE)
    match period:
        case Period.DAY:
            return local.year, local.month, local.day
        case Period.WEEK:
            return tuple(local.isocalendar()[:2])
        case Period.MONTH:
            return local.year, local.month
    return (local.year,)


def _without(spans: Iterable[Span], busy: Span) -> list[Span]:
    """Return the spans with the span `busy` cut out of them."""
    result: list[Span] = []
    for start, end in spans:
        if busy[1] <= start or end <= busy[0]:
            result.append((start, end))
            continue
        result += [part for part in ((start, busy[0]), (busy[1], end)) if part[0] < part[1]]
    return result


def _intersection(all_spans: list[list[Span]]) -> list[Span]:
    common, *others = all_spans
    for spans in others:
        pairs = [(max(a[0], b[0]), min(a[1], b[1])) for a in common for b in spans]
        common = [span for span in pairs if span[0] < span[1]]
    return common
