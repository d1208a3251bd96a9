"""Hold the first offered slot for a call, and read the spans that block slots for the call."""

from uuid import UUID, uuid4

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.availability.allocation import add_claims, allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.search import ReadBusy
from askproai_runtime.availability.slots import Busy, Claims, ServiceRules, Slot, Span, local_day
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import Status, build_appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.appointments import insert_appointment
from askproai_runtime.book.store.appointments import release_holds as release_holds  # noqa: PLC0414  for the end of a call
from askproai_runtime.book.store.claims import (
    hold_claims,
    is_hold_allowed,
    lock_and_clear_holds,
    read_busy_spans,
)
from askproai_runtime.book.store.offers import replace_offers
from askproai_runtime.book.store.transactions import run_transaction

ATTEMPTS = 3  # to offer a slot that no other call takes between our reading and our hold


def busy_reader(ctx: BookingContext, rules: ServiceRules, call_id: str, ignoring: UUID | None = None) -> ReadBusy:
    """Return a function that returns the staff members' busy spans within a span. The appointment `ignoring` is left out."""

    elsewhere = find_elsewhere(ctx.config(), rules)

    async def read_busy(span: Span) -> Busy:
        async with ctx.pool.acquire() as conn:
            return await read_busy_spans(
                conn, ctx.tenant, rules.resource_ids, span.start, span.end, call_id, ignoring, elsewhere
            )

    return read_busy


async def hold_slot(ctx: BookingContext, actor: Actor, rules: ServiceRules, slot: Slot, offers: str) -> bool:
    """Hold a slot and its companions' slots for a call, in place of the earlier hold. Returns False if a slot is taken.

    The hold keeps the `offers` that were made with it. Returns True without a hold if a limit of holds is reached or the lock
    is not free in time: a caller waits, and a slot that is offered without a hold is checked again when it is booked.
    """
    settings = ctx.settings
    slots = list(zip(rules.people, (slot, *slot.companions), strict=True))
    blocked = [each.blocked_span(at.start, at.staff) for each, at in slots]
    resources = list({r: r for each, at in slots for r in each.staff_member(at.staff).resource_ids})
    appointment = build_appointment(uuid4(), actor, rules, slot, Status.HELD, offers=offers)
    day = local_day(slot.start.astimezone(rules.zone).date(), rules.zone)
    limits = settings.holds_per_staff_and_day, settings.holds_per_caller

    async def write_hold(conn: Connection) -> bool:
        await lock_and_clear_holds(conn, ctx.tenant, resources, actor.call_id)
        busy: Busy = await read_busy_spans(
            conn, ctx.tenant, resources, min(b.start for b in blocked), max(b.end for b in blocked), actor.call_id,
            elsewhere=find_elsewhere(ctx.config(), rules),
        )  # fmt: skip
        held: list[tuple[Claims, int]] = []
        for each, at in slots:
            units = each.staff_member(at.staff).units
            claims = allocate_visit(each, at.staff, busy, at.start)
            if claims is None:
                return False
            held.append((claims, units))
            busy = add_claims(busy, claims, units)
        of_staff = {at.staff: each.staff_member(at.staff).resource_ids for each, at in slots}
        for staff, own in of_staff.items():  # a group in a row takes several times of one staff member
            times = sum(at.staff == staff for _, at in slots)
            if not await is_hold_allowed(conn, ctx.tenant, own, day, actor.caller, *limits, times=times):
                await replace_offers(conn, ctx.tenant, actor.call_id, offers)
                return True
        await insert_appointment(conn, ctx.tenant, appointment, *held[0], settings.hold)
        for number, (claims, units) in enumerate(held[1:], 2):
            await hold_claims(conn, ctx.tenant, appointment.id, claims, units, number, settings.hold)
        return True

    try:
        return await run_transaction(ctx.pool, write_hold)
    except asyncpg.ExclusionViolationError:
        return False
    except (asyncpg.LockNotAvailableError, asyncpg.UniqueViolationError):
        return True
