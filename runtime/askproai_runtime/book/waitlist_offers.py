"""Offer freed times to the waiting list, one person at a time: the periodic task `waitlist`.

A trigger of `claims` records each freed time in the transaction that frees it. So nothing is lost when a process dies, and the code
of bookings and cancellations does nothing for it. The removal of a block records the block's hours, also in its transaction. This
task reads whether a freed time can be booked now, and offers it to the first entry that waits for such a time. An offer blocks
nothing. When it expires or is declined, the next entry gets the time. It also ends when somebody books or blocks the time, when the
staff member is absent, and when the waiting person has booked.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.notifications import QuietHours
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import ServiceRules, Slot, SlotQuery, Span
from askproai_runtime.book.bookables import find_rules
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_days import list_free_slots
from askproai_runtime.book.store.claims import read_busy_spans
from askproai_runtime.book.store.waitlist import end_booked, list_awaited_services, list_reached
from askproai_runtime.book.store.waitlist_offers import (
    end_entries_and_offers,
    end_taken_offers,
    insert_offer,
    list_all_offered,
    list_candidates,
    list_freed,
    list_offered,
    mark_handled,
)
from askproai_runtime.book.waiting import has_booked, read_spans
from askproai_runtime.book.waitlist import FreedTime, Wait, WaitlistEntry, WaitlistOffer
from askproai_runtime.notifications.news import enqueue_freed_offer, enqueue_waitlist_offer
from askproai_runtime.notifications.schedule import is_quiet, until_end
from askproai_runtime.notifications.types import FreedOffer
from askproai_runtime.tasks import Next, TaskRun
from askproai_runtime.visits import find_by_name

FreeDays = dict[tuple[str, str, date, str], list[Slot]]  # by branch, service, local day and staff member

log = structlog.get_logger(__name__)

_IDLE = timedelta(hours=1)  # while nobody waits; a new entry makes the task due
_BUSY = timedelta(seconds=20)
_TIME_TO_ANSWER = timedelta(hours=2)
_DAY_BEGINS, _DAY_ENDS = time(8), time(20)  # local: at night nobody is asked
_MOST_WAITS = 4  # for the ends of night and quiet hours, which may leave no time between them
# A cancelled booking is gone in the remote calendar a moment later, and a hold ends: until then the time is not free yet.
_PATIENCE = timedelta(minutes=30)
_NO_CALL = ""  # holds of every call count
_MOST_FREED = 300  # a removed block may have lasted weeks, and a person who waits for any time of them has one offer


async def announce_offer(conn: Connection, ctx: BookingContext, entry: WaitlistEntry, offer: WaitlistOffer) -> None:
    """Enqueue the notifications of an offer in the transaction that makes it: for the waiting person, and for the business.

    The business may call the person, who has left a phone number and no e-mail address.
    """
    config = ctx.config()
    rules = find_rules(config, entry.branch, entry.service)
    if rules is None:  # it is not offered any more
        return
    freed = FreedOffer(
        offer.id, entry.name, entry.phone, rules.branch.name, rules.service.display_name, rules.display_name(offer.staff),
        offer.starts_at, offer.ends_at, offer.expires_at,
    )  # fmt: skip
    await enqueue_freed_offer(conn, config, freed, entry.correlation_id)
    await enqueue_waitlist_offer(
        conn, config, offer.id, name=entry.name, branch=rules.branch.name, phone=entry.phone, service=rules.service.display_name,
        staff=rules.display_name(offer.staff), starts_at=offer.starts_at, expires_at=offer.expires_at,
        correlation_id=entry.correlation_id,
    )  # fmt: skip


class WaitlistKeeper:
    """The handler of the periodic task `waitlist`. If a process dies during a run, the next run does the rest of its work."""

    def __init__(self, ctx: BookingContext) -> None:
        self._ctx = ctx

    async def run(self, run: TaskRun) -> Next:
        """End the entries and offers that are over, offer the freed times, and return when the next run is due."""
        ctx = self._ctx
        awaited = await list_awaited_services(ctx.pool, ctx.tenant)
        if not awaited:
            return Next(_IDLE, {})
        async with ctx.pool.acquire() as conn, conn.transaction():
            await run.check(conn)
            zone = ZoneInfo(ctx.config().time_zone)
            reached = await list_reached(conn, ctx.tenant)
            booked = [each.entry.id for each in reached if has_booked(each, zone)]
            await end_booked(conn, ctx.tenant, booked)
            await end_entries_and_offers(conn, ctx.tenant, ctx.clock.now(), _list_waits(ctx, awaited))
            open_offers = await list_all_offered(conn, ctx.tenant)
            impossible = [offer.id for entry, offer in open_offers if not _is_possible(ctx.config(), entry, offer)]
            if impossible:
                await end_taken_offers(conn, ctx.tenant, impossible)
        free_days: FreeDays = {}
        times = await list_freed(ctx.pool, ctx.tenant, ctx.clock.now(), _MOST_FREED)
        # Read again: a person may have joined the list before these times were freed.
        awaited = await list_awaited_services(ctx.pool, ctx.tenant)
        possible = {each: _list_possible(ctx.config(), each, awaited) for each in {time.resource_id for time in times}}
        for freed in times:
            await self._handle(run, freed, possible[freed.resource_id], free_days)
        return Next(_BUSY, {})

    async def _handle(
        self, run: TaskRun, freed: FreedTime, possible: Sequence[tuple[str, str, str]], free_days: FreeDays
    ) -> None:
        """Offer a freed time to the first entry that it suits. If there is none, keep the time for later, or mark it as handled.

        `possible` are branch, service and staff member of the appointments that can use the time.
        """
        ctx, now = self._ctx, self._ctx.clock.now()
        zone = ZoneInfo(ctx.config().time_zone)
        is_free = suits_later = False
        slots_of: dict[tuple[str, str], list[Slot]] = {}
        candidates = await list_candidates(ctx.pool, ctx.tenant, freed, possible) if freed.ends_at > now else []
        for candidate in candidates:
            entry, place = candidate.entry, (candidate.entry.branch, candidate.entry.service)
            if place not in slots_of:
                slots_of[place] = await self._find_slots(*place, freed, free_days, run.correlation_id)
            is_free |= bool(slots_of[place])
            spans = read_spans(entry)
            suiting = [
                slot
                for slot in slots_of[place]
                if entry.staff in {None, slot.staff} and any(span.contains(slot.start, zone) for span in spans)
            ]
            suits_later |= bool(suiting)  # has another offer now, or the time is offered
            for slot in suiting if candidate.is_free else ():
                if await self._offer(run, entry, freed, slot, expiry(now, slot.start, zone, _quiet_hours(ctx))):
                    return
                slots_of[place].remove(slot)  # somebody has an offer of this time: the others need not be tried with it
        if not suits_later and (is_free or not candidates or freed.age > _PATIENCE):
            await mark_handled(ctx.pool, ctx.tenant, freed)

    async def _offer(
        self, run: TaskRun, entry: WaitlistEntry, freed: FreedTime, slot: Slot, expires_at: datetime
    ) -> bool:
        """Offer a slot to an entry. Returns False if the entry cannot get an offer any more, or the slot is not free any more."""
        ctx, places = self._ctx, await self._count_places(entry, slot)
        async with ctx.pool.acquire() as conn, conn.transaction():
            await run.check(conn)
            if await self._count_offers(conn, entry, slot) >= places:
                return False
            offer = await insert_offer(
                conn, ctx.tenant, entry.id, freed.id, slot.staff, slot.start, slot.end, expires_at
            )
            if offer is not None:
                await announce_offer(conn, ctx, entry, offer)
        if offer is None:
            return False
        ctx.faults.reach("after:waitlist-offer")
        where = {"branch": entry.branch, "correlation_id": entry.correlation_id}
        log.info("waitlist.offered", entry=str(entry.id), offer=offer.id, **where)
        return True

    async def _count_places(self, entry: WaitlistEntry, slot: Slot) -> int:
        """Return how many persons can book a slot of the entry's service: one, unless the service has seats.

        0 if the slot was booked or held since the run read its day.
        """
        rules = find_rules(self._ctx.config(), entry.branch, entry.service)
        if rules is None:  # it is not offered any more
            return 0
        capacity, member = rules.service.capacity, rules.staff_member(slot.staff)
        blocked = rules.blocked_span(slot.start, slot.staff)
        async with self._ctx.pool.acquire() as conn:
            busy = await read_busy_spans(
                conn,
                self._ctx.tenant,
                member.resource_ids,
                blocked.start,
                blocked.end,
                _NO_CALL,
                elsewhere=find_elsewhere(self._ctx.config(), rules),
            )
        if allocate_visit(rules, slot.staff, busy, slot.start) is None:
            return 0
        units = member.resource_ids[: member.units]
        free = sum(not busy.get(unit) for unit in units)
        return max(1, free // (member.units // capacity)) if capacity > 1 else 1

    async def _count_offers(self, conn: Connection, entry: WaitlistEntry, slot: Slot) -> int:
        """Return how many open offers need the same staff member at the same time as the slot. Waits of a service do not count.

        Units of a staff member make no difference: a cancellation frees all units of the appointment.
        """
        needed = self._blocked_spans(entry, slot.staff, slot.start, slot.end)
        others = await list_offered(conn, self._ctx.tenant, _entries_of(self._ctx.config(), entry.branch, slot.staff))
        return sum(
            _overlap(needed, self._blocked_spans(each, offer.staff, offer.starts_at, offer.ends_at))
            for each, offer in others
        )

    def _blocked_spans(self, entry: WaitlistEntry, staff: str, start: datetime, end: datetime) -> list[Span]:
        """Return the spans in which an appointment needs its staff member, buffers included.

        If the service is not offered any more, return [start, end).
        """
        rules = find_rules(self._ctx.config(), entry.branch, entry.service)
        return [Span(start, end)] if rules is None else rules.blocked_spans(start, staff)

    async def _find_slots(
        self, branch: str, service: str, freed: FreedTime, free_days: FreeDays, correlation_id: str
    ) -> list[Slot]:
        """Return the slots that can be booked now and use the freed time, the closest to its start first.

        `free_days` caches the slots that this run reads, since offers block nothing.
        """
        ctx = self._ctx
        rules = find_rules(ctx.config(), branch, service)
        if rules is None:  # it is not offered any more
            return []
        staff = {member.id for member in rules.staff_members if freed.resource_id in member.resource_ids}
        day = freed.starts_at.astimezone(rules.zone).date()
        place = rules.branch.name, rules.service.name
        needing: list[Slot] = []
        for member in sorted(staff):
            key = (*place, day, member)
            if key not in free_days:
                free_days[key] = (await list_free_slots(ctx, rules, day, correlation_id, member)).slots
            span = [Span(freed.starts_at, freed.ends_at)]
            needing += (each for each in free_days[key] if _overlap(rules.blocked_spans(each.start, each.staff), span))
        if any(rules.staff_member(member).units > 1 for member in staff):
            needing = await self._without_other_units(rules, needing, freed)
        return sorted(needing, key=lambda slot: abs(slot.start - freed.starts_at))

    async def _without_other_units(self, rules: ServiceRules, slots: Sequence[Slot], freed: FreedTime) -> list[Slot]:
        """Return the slots that the freed resource itself can serve: a slot that needs another unit would count as taken."""
        if not slots:
            return []
        blocked = [rules.blocked_span(slot.start, slot.staff) for slot in slots]
        first, end = min(span.start for span in blocked), max(span.end for span in blocked)
        async with self._ctx.pool.acquire() as conn:
            busy = await read_busy_spans(conn, self._ctx.tenant, [freed.resource_id], first, end, _NO_CALL)
        taken = [Span(each.start, each.end) for each in busy.get(freed.resource_id, ())]
        return [slot for slot in slots if not _overlap(rules.blocked_spans(slot.start, slot.staff), taken)]


def _list_possible(config: TenantConfig, resource: int, services: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return branch, service and staff member of the appointments with one of `services` that can use a resource."""
    branches = [place.name for place in config.branches if any(resource in each.resource_ids for each in place.staff)]
    return [
        (branch, service, member.id)
        for service in services
        for branch in branches
        if (rules := find_rules(config, branch, service)) is not None  # else it is not offered there
        for member in rules.staff_members
        if resource in member.resource_ids
    ]


def _entries_of(config: TenantConfig, branch: str, staff: str) -> list[str]:
    """Return the entries, each `branch/staff`, of a staff member's person, in all branches where the person works."""
    members = [(place.name, member) for place in config.branches for member in place.staff]
    resources = {
        each for place, member in members if (place, member.id) == (branch, staff) for each in member.resource_ids
    }
    return [f"{place}/{member.id}" for place, member in members if not resources.isdisjoint(member.resource_ids)]


def _list_waits(ctx: BookingContext, awaited: Iterable[str]) -> list[Wait]:
    found = ((name, find_by_name(ctx.config(), name)) for name in awaited)
    return [Wait(name, *span) for name, service in found if service is not None for span in service.wait_spans]


def _is_possible(config: TenantConfig, entry: WaitlistEntry, offer: WaitlistOffer) -> bool:
    """Return whether hours, absences and services in the config still allow the offered slot. Neither notice nor claims count."""
    rules = find_rules(config, entry.branch, entry.service)
    if rules is None:  # it is not offered any more
        return False
    in_time = offer.starts_at - timedelta(minutes=rules.service.minimum_notice_minutes)
    return bool(free_slots(rules, {}, SlotQuery.at(offer.starts_at, in_time, offer.staff)))


def _overlap(spans: Iterable[Span], others: Sequence[Span]) -> bool:
    return any(one.start < other.end and other.start < one.end for one in spans for other in others)


def expiry(now: datetime, start: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """Return when an offer of the slot at `start` expires: two hours after the person can be asked, but not after `start`.

    Nobody is asked between 20:00 and 8:00 local time, or within the tenant's quiet hours, in which no message is sent.
    """
    local = now.astimezone(zone)
    for _ in range(_MOST_WAITS):
        if local.time() >= _DAY_ENDS:
            local = datetime.combine(local.date() + timedelta(days=1), _DAY_BEGINS, zone)
        elif local.time() < _DAY_BEGINS:
            local = datetime.combine(local.date(), _DAY_BEGINS, zone)
        elif quiet is not None and is_quiet(local, quiet):
            local = (local.astimezone(UTC) + until_end(local, quiet)).astimezone(zone)
        else:
            break
    return min(local + _TIME_TO_ANSWER, start)


def _quiet_hours(ctx: BookingContext) -> QuietHours | None:
    settings = ctx.config().notifications
    return settings.customer.quiet_hours if settings and settings.customer else None
