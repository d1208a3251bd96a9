"""The known free times of the remote calendar: read from our table, else requested while the caller waits.

Free times only remove slots from an offer. The booking itself decides whether a slot can be booked: by our constraint, and by
the remote calendar's answer (docs/decisions/0057-offers-are-true-on-both-sides.md).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.opening_hours import EpochSpan, local_days, merge_spans
from askproai_runtime.availability.slots import FreeSpans, RemoteFree, ServiceRules, Slot, Span
from askproai_runtime.book.bookables import (
    find_event_types_of_person,
    find_event_types_of_staff,
    linked_bookables,
    list_possible_hosts,
)
from askproai_runtime.book.context import Basis, BookingContext
from askproai_runtime.book.store.free_times import (
    KnownDay,
    YieldingSpan,
    drop_days,
    drop_span,
    list_known_days,
    list_unseen_spans,
    list_yielding_spans,
    read_clock,
    store_days,
)
from askproai_runtime.calendars import Bookable, CalendarUnavailable, FreeTimesQuery

log = structlog.get_logger(__name__)

_DAY = timedelta(days=1)
_SHORTEST = 60  # seconds
_LONGEST = timedelta(days=2)  # a booking lasts for a day at most; a longer remote one must not make a thousand rows
_READ_SOON = timedelta(weeks=4)  # two blocks of days: a read of later days is hardly ever in flight


async def drop_free_times(
    conn: Connection, config: TenantConfig, event_type_id: int | None, spans: Iterable[Span]
) -> None:
    """Forget the known free times on the days of `spans` of the persons linked to `event_type_id`, so that they are read again.

    Call this in the transaction that records the change in the remote calendar, after the other statements.
    """
    zone = ZoneInfo(config.time_zone)
    days = {day for span in spans for day in local_days(zone, span.start, min(span.end, span.start + _LONGEST))}
    event_types = find_event_types_of_person(config, event_type_id)
    if days and event_types:
        await drop_days(conn, config.tenant, event_types, days)


async def drop_absence(
    conn: Connection, config: TenantConfig, host_id: int | None, first: date, last: date, today: date
) -> None:
    """Forget the known free times on the days of an absence of the remote calendar's user `host_id`; if no link names this
    user, the free times of everybody.

    Event types of the tenant's own account are included: they belong to the user of its key, who may be that host. The days
    before and after are forgotten, too, since the absence is in the person's own zone. Days that nobody can book are left out.
    """
    teams = (link for service in config.services for link in service.team_event_types)
    event_types = find_event_types_of_staff(config, {link.staff for link in teams if link.host_id == host_id})
    event_types += [link.event_type_id for service in config.services for link in service.event_types]
    horizon = max((service.booking_horizon_days for service in config.services), default=0)
    first, last = max(first, today) - _DAY, min(last, today + timedelta(days=horizon)) + _DAY
    if first <= last and event_types:
        await drop_span(conn, config.tenant, event_types, first, first + _READ_SOON, last)


async def read_and_store(
    ctx: BookingContext, bookable: Bookable, first: date, last: date, correlation_id: str
) -> list[KnownDay]:
    """Fetch the remote calendar's free times from `first` to `last`, store them, and return the stored days.

    Raises `CalendarUnavailable`, and the errors of asyncpg.
    """
    async with ctx.pool.acquire() as conn:
        began = await read_clock(conn)
    query = FreeTimesQuery(bookable, first, last, ctx.config().time_zone, correlation_id)
    times = await ctx.calendar.read_free_times(query, within=ctx.settings.provider_timeout)
    async with ctx.pool.acquire() as conn:
        return await store_days(conn, ctx.tenant, bookable, began, times)


def find_block(ctx: BookingContext, zone: ZoneInfo, day: date) -> tuple[date, date]:
    """Return the first and the last day of the group of `free_times_days` days that is fetched together with `day`.

    Groups are counted from today, so that all callers for a day request the same group.
    """
    today, days = ctx.clock.now().astimezone(zone).date(), ctx.settings.free_times_days
    first = today + timedelta(days=(day - today).days // days * days)
    return first, first + timedelta(days=days - 1)


@dataclass(slots=True)
class FreeTimesReader:
    """Reads the remote calendar's free times of one service for one answer. `moving` is the appointment to be moved."""

    ctx: BookingContext
    rules: ServiceRules
    correlation_id: str
    moving: UUID | None = None
    _known: dict[tuple[Bookable, date], KnownDay] = field(default_factory=dict)
    _yielding: list[YieldingSpan] = field(default_factory=list)
    _unseen: list[tuple[str, Span]] = field(default_factory=list)
    _loaded: set[tuple[Bookable, date]] = field(default_factory=set)
    _asked: set[tuple[Bookable, date]] = field(default_factory=set)
    _deadline: float | None = None
    _links: dict[str, Bookable] = field(init=False)
    _shown: dict[tuple[str, date], FreeSpans | None] = field(default_factory=dict)  # valid until something is read

    def __post_init__(self) -> None:
        self._links = linked_bookables(self.ctx, self.rules.service)

    async def __call__(self, day: date, staff: str | None) -> RemoteFree:
        """Return the spans in which each staff member is free in the remote calendar on a local day.

        Staff members who are not booked there, or whose free times are unknown, are left out.
        """
        links, members = self._links, self.rules.staff_members
        wanted = {s.id: links[s.id] for s in members if staff in {None, s.id} and s.id in links}
        if not wanted:
            return {}
        block = find_block(self.ctx, self.rules.zone, day)
        await self._load(wanted, block)
        unsure = [b for b in wanted.values() if not self._is_fresh(b, day) and (b, block[0]) not in self._asked]
        if unsure:
            await self._ask(unsure, block)
        spans = {
            staff_id: self._spans(staff_id, bookable, day, self._yielding) for staff_id, bookable in wanted.items()
        }
        return {staff_id: free for staff_id, free in spans.items() if free is not None}

    def basis(self, slots: Sequence[Slot]) -> Basis:
        """Return the basis of an offer of these slots."""
        return _basis([self._age(slot) for slot in slots])

    def read_at(self, slots: Sequence[Slot]) -> datetime | None:
        """Return when the oldest remote free times behind these slots were read; None if there are none."""
        return self._since([self._age(slot) for slot in slots])

    def describe_day(self, day: date) -> tuple[Basis, datetime | None]:
        """Return the basis of a local day without a slot, and when its oldest remote free times were read, or None."""
        ages = [self._day_age(self._links.get(staff_member.id), day) for staff_member in self.rules.staff_members]
        return _basis(ages), self._since(ages)

    def _since(self, ages: Iterable[timedelta | None]) -> datetime | None:
        known = [age for age in ages if age]
        return self.ctx.clock.now() - max(known) if known else None

    def _age(self, slot: Slot) -> timedelta | None:
        bookable = self._links.get(slot.staff)
        day = slot.start.astimezone(self.rules.zone).date()
        is_uncertain = bookable and (self._is_hidden(slot, bookable, day) or self._may_get_busy_host(slot))
        return None if is_uncertain else self._day_age(bookable, day)

    def _may_get_busy_host(self, slot: Slot) -> bool:
        """Return whether the remote calendar may choose a host whose appointment at this time it does not have."""
        others = list_possible_hosts(self.rules.service, slot.staff) - {slot.staff}
        return any(staff in others and span.start < slot.end and slot.start < span.end for staff, span in self._unseen)

    def _is_hidden(self, slot: Slot, bookable: Bookable, day: date) -> bool:
        """Return whether a slot is free only because remote bookings of appointments that are cancelled here are ignored."""
        if (slot.staff, day) not in self._shown:
            self._shown[slot.staff, day] = self._without_cancelled(slot.staff, bookable, day)
        free, start = self._shown[slot.staff, day], int(slot.start.timestamp())
        return free is not None and not free.starts_within([start], int((slot.end - slot.start).total_seconds()))

    def _without_cancelled(self, staff: str, bookable: Bookable, day: date) -> FreeSpans | None:
        """Return a day's free spans, with remote bookings that are cancelled only here as busy; None if there are none."""
        own = [each for each in self._yielding if each.staff == staff]
        shown = [each for each in own if not each.is_cancelled]
        return None if len(shown) == len(own) else self._spans(staff, bookable, day, shown)

    def _day_age(self, bookable: Bookable | None, day: date) -> timedelta | None:
        """Return the age of a day's free times; None if unknown or too old. Zero for a staff member without a bookable."""
        if bookable is None:
            return timedelta()
        return self._known[bookable, day].age if self._is_fresh(bookable, day) else None

    def _is_fresh(self, bookable: Bookable, day: date) -> bool:
        known = self._known.get((bookable, day))
        return known is not None and known.age <= self.ctx.settings.free_times_age

    async def _load(self, wanted: dict[str, Bookable], block: tuple[date, date]) -> None:
        """Read the stored free times of the bookables for a group of days, and for the day before and after it."""
        missing = [b for b in wanted.values() if (b, block[0]) not in self._loaded]
        if not missing:
            return
        ctx, (first, last) = self.ctx, block
        span = _span_of(self.rules.zone, first, last)
        async with ctx.pool.acquire() as conn:
            known = await list_known_days(
                conn, ctx.tenant, missing, first - _DAY, last + _DAY, ctx.settings.free_times_kept
            )
            self._yielding += await list_yielding_spans(conn, ctx.tenant, wanted, span, self.moving)
            others = {host for staff in wanted for host in list_possible_hosts(self.rules.service, staff) - {staff}}
            if others:
                self._unseen += await list_unseen_spans(conn, ctx.tenant, others, span)
        self._remember(known)
        self._loaded |= {(b, first) for b in missing}

    async def _ask(self, bookables: Sequence[Bookable], block: tuple[date, date]) -> None:
        """Request a group of days from the remote calendar for all bookables at once. A late answer is stored when it comes."""
        ctx, now = self.ctx, self.ctx.clock.monotonic()
        self._asked |= {(b, block[0]) for b in bookables}
        if self._deadline is None:
            self._deadline = now + ctx.settings.free_times_wait.total_seconds()
        if self._deadline <= now:
            return
        tasks = [ctx.reads.join((b, block), partial(self._read, b, block)) for b in bookables]
        done, _ = await asyncio.wait(tasks, timeout=self._deadline - now)
        for task in done:
            self._remember(task.result())

    async def _read(self, bookable: Bookable, block: tuple[date, date]) -> list[KnownDay]:
        """Return the free times of one bookable from the remote calendar, or from our table if another caller's request has
        stored them meanwhile. Empty if the calendar or the database does not answer: the offer then relies on our own book.
        """
        first, last = block
        try:
            async with self.ctx.pool.acquire() as conn:
                age = self.ctx.settings.free_times_age
                known = await list_known_days(conn, self.ctx.tenant, [bookable], first, last, age)
            if len(known) == (last - first).days + 1:
                return known
            return await read_and_store(self.ctx, bookable, *block, self.correlation_id)
        except (CalendarUnavailable, *DATABASE_UNAVAILABLE) as error:
            why = str(error) if isinstance(error, CalendarUnavailable) else type(error).__name__
            log.warning(
                "free_times.unknown", **bookable._asdict(), error=why, correlation_id=self.correlation_id,
                consequence="callers are offered what our own book has free",
            )  # fmt: skip
            return []

    def _remember(self, known: Iterable[KnownDay]) -> None:
        self._shown.clear()
        for day in known:
            self._known[day.bookable, day.day] = day

    def _spans(self, staff: str, bookable: Bookable, day: date, yielding: Sequence[YieldingSpan]) -> FreeSpans | None:
        near = [self._known.get((bookable, day + n * _DAY)) for n in (-1, 0, 1)]
        if near[1] is None:
            return None
        if not near[1].free:  # rather an absence, for which appointments were cancelled, than a full day
            yielding = [each for each in yielding if not each.is_cancelled]
        return free_spans(self.rules, staff, [k for k in near if k], yielding)


async def read_fresh(conn: Connection, ctx: BookingContext, rules: ServiceRules, start: datetime) -> RemoteFree:
    """Return the spans in which staff members may be free in the remote calendar on the day of `start`, by fresh free times.

    The remote calendar lists whole slots, so a remainder of less than one slot may follow the last slot of a span. A booking
    that begins between two slots can end in that remainder, so it is included. The calendar decides.
    """
    links = linked_bookables(ctx, rules.service)
    wanted = {s.id: links[s.id] for s in rules.staff_members if s.id in links}
    if not wanted:
        return {}
    day = start.astimezone(rules.zone).date()
    known = await list_known_days(
        conn, ctx.tenant, wanted.values(), day - _DAY, day + _DAY, ctx.settings.free_times_age
    )
    if not known:
        return {}
    yielding = await list_yielding_spans(conn, ctx.tenant, wanted, _span_of(rules.zone, day, day), None)
    by_bookable: dict[Bookable, list[KnownDay]] = {}
    for each in known:
        by_bookable.setdefault(each.bookable, []).append(each)
    return {
        staff: _lengthen_spans(free_spans(rules, staff, by_bookable[bookable], yielding))
        for staff, bookable in wanted.items()
        if any(each.day == day for each in by_bookable.get(bookable, ()))
    }


def free_spans(
    rules: ServiceRules, staff: str, known: Sequence[KnownDay], yielding: Sequence[YieldingSpan]
) -> FreeSpans:
    """Return the spans in which a staff member is free in the remote calendar on consecutive days. Pure.

    `yielding` are spans of our own bookings that will leave the remote calendar: they count as free, buffers included.
    """
    spans: list[EpochSpan] = [span for each in known for span in each.free]
    before, after = rules.service.buffer_before_minutes * 60, rules.service.buffer_after_minutes * 60
    spans += (
        (int(span.start.timestamp()) - before, int(span.end.timestamp()) + after)
        for of_staff, span, _ in yielding
        if of_staff == staff
    )
    lengths = [each.slot_seconds for each in known if each.slot_seconds is not None]
    return FreeSpans(merge_spans(spans), max(lengths, default=0))


def _lengthen_spans(free: FreeSpans) -> FreeSpans:
    """Return the spans, each extended at its end by the length of a slot minus one minute."""
    longer = [(start, end + max(0, free.length - _SHORTEST)) for start, end in free.spans]
    return FreeSpans(merge_spans(longer), free.length)


def _basis(ages: Sequence[timedelta | None]) -> Basis:
    return Basis.OWN_BOOK if None in ages else Basis.CALENDAR


def _span_of(zone: ZoneInfo, first: date, last: date) -> Span:
    return Span(datetime.combine(first, time(), zone), datetime.combine(last + _DAY, time(), zone))
