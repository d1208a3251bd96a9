"""Choose the slot of a booking, or the slots of a group, by the rules, the claims and the calendar's free times of this moment."""

from collections.abc import Collection, Iterable
from datetime import timedelta

from askproai_core.database import Connection
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.free_slots import busy_window, free_slots, least_busy_per_start
from askproai_runtime.availability.group_times import Plan, find_plan, group_window
from askproai_runtime.availability.slots import Busy, Slot, SlotQuery
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import SlotNotFree
from askproai_runtime.book.free_times import read_fresh
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.book.store.claims import read_busy_spans


async def choose_slots(
    conn: Connection,
    ctx: BookingContext,
    request: BookingRequest,
    refused_staff: Collection[str] = (),
) -> Plan:
    """Check the rules, the claims and the known free times of the remote calendar again, and return the slots to book.

    The offered staff member is kept if free, else the least busy staff member of that day is chosen. A group keeps its
    `offered` times. `refused_staff` are the staff members whom the calendar has just refused to book. Raises `SlotNotFree`.

    For an offered slot, the minimum notice counts from one hold duration ago: it must not run out while the caller decides.
    """
    rules, start = request.rules, request.start
    now = ctx.clock.now() - (ctx.settings.hold if request.offered_staff else timedelta())
    query = SlotQuery.at(start, now, request.service.staff)
    window = (
        group_window(rules, query.first, query.end)
        if request.companions
        else busy_window(rules, start.astimezone(rules.zone).date())
    )
    busy = await read_busy_spans(
        conn,
        ctx.tenant,
        rules.resource_ids,
        window.start,
        window.end,
        request.actor.call_id,
        elsewhere=find_elsewhere(ctx.config(), rules),
    )
    if request.companions:
        plan = find_plan(rules, busy, query, request.language, request.offered)
    else:
        remote = await read_fresh(conn, ctx, rules, start)
        plan = _choose_staff(request, busy, free_slots(rules, busy, query, remote), refused_staff)
    if plan is None:
        raise SlotNotFree
    return plan


def _choose_staff(
    request: BookingRequest, busy: Busy, slots: Iterable[Slot], refused_staff: Collection[str]
) -> Plan | None:
    slots = [slot for slot in slots if slot.staff not in refused_staff]
    if not slots:
        return None
    offered = [slot for slot in slots if slot.staff == request.offered_staff]
    slot = (offered or least_busy_per_start(slots, busy, request.rules, request.language))[0]
    claims = allocate_visit(request.rules, slot.staff, busy, slot.start)
    return None if claims is None else [(slot, claims)]
