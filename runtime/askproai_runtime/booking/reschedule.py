"""reschedule_appointment, read from top to bottom; the same steps as in `book.py`.

    claim the action of the call → TX1: lock the staff member, check the new time again, move (pending, the old time kept
    blocked, with its sync job) → ask the calendar, outside any transaction → TX2: confirm, and free the old time; or revert
    the move, if the calendar refuses it → answer the caller

The appointment keeps its id, service and staff member. Killed anywhere, it leaves an appointment that is where one of the two
calendars has it, and a sync job that brings them together.
See docs/decisions/0015-reschedule-keeps-the-old-time-blocked.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.answers import appointment_fields, busy_answer, describe_appointment, failure
from askproai_runtime.booking.availability import ServiceRules, SlotQuery, allocate_claims, free_slots
from askproai_runtime.booking.idempotency import ActionClaim, SlotNotFree, claim_action, settle_action
from askproai_runtime.booking.offer import offer_alternatives
from askproai_runtime.booking.own_appointments import resolve_appointment
from askproai_runtime.booking.remote import enqueue_sync
from askproai_runtime.booking.request import ServiceRequest, parse_start, read_text
from askproai_runtime.booking.store.actions import is_action_done, move_key
from askproai_runtime.booking.store.appointments import (
    Appointment,
    Status,
    get_appointment,
    list_call_appointments,
    move_appointment,
)
from askproai_runtime.booking.store.calendar import revert_move
from askproai_runtime.booking.store.claims import Placement, lock_and_clear_holds, read_busy_spans, run_transaction
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    CallContext,
    ClarificationNeeded,
    FunctionOutcome,
)
from askproai_runtime.calendars import CalendarOutcome, Refused, Taken, Unavailable

log = structlog.get_logger(__name__)

_WHICH = "Welchen Termin soll ich verschieben"
_WHEN = "Auf welchen Tag und welche Uhrzeit soll ich den Termin verschieben?"
_IN_FLIGHT = "Ich bin noch dabei, genau diesen Termin zu verschieben. Einen Augenblick bitte."


@dataclass(frozen=True, slots=True)
class _MoveRequest:
    """An appointment as it was found, and where it is to be moved: the same service and staff member, another start."""

    appointment: Appointment
    service: ServiceRequest
    start: datetime


@dataclass(frozen=True, slots=True)
class _Move:
    """An appointment before and after TX1; the same object if it was there already."""

    before: Appointment
    after: Appointment


async def reschedule_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment, or find that it is there already, or offer what is free instead."""
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    try:
        async with ctx.pool.acquire() as conn:
            appointment = await resolve_appointment(ctx, conn, call, args, _WHICH)
        service = _resolve_service(ctx.config(), appointment)
        start = _parse_new_start(args, call, appointment, service)
    except ClarificationNeeded as clarification:
        return clarification.answer
    request = _MoveRequest(appointment, service, start)
    claim = await _claim_move(ctx, call, request, deadline)
    if isinstance(claim, Answer):
        return claim
    try:
        return await _move(ctx, claim, request)
    except ClarificationNeeded as clarification:
        await claim.give_up(ctx)
        return clarification.answer
    except SlotNotFree:
        await claim.give_up(ctx)
        answer, _ = await offer_alternatives(ctx, service, call, start, moving=appointment.id)
        return answer
    except asyncpg.LockNotAvailableError:
        await claim.give_up(ctx)
        return busy_answer()


def _resolve_service(config: TenantConfig, appointment: Appointment) -> ServiceRequest:
    """Return the service and staff member of an appointment, by the rules of today. Raises `ClarificationNeeded`."""
    branch = next((branch for branch in config.branches if branch.name == appointment.branch), None)
    offered = (service for service in config.services if service.branch in {None, appointment.branch})
    service = next((service for service in offered if service.name == appointment.service), None)
    rules = ServiceRules.of(ZoneInfo(config.time_zone), branch, service) if branch and service else None
    staff = tuple(s for s in rules.staff_members if s.id == appointment.staff) if rules else ()
    if rules is None or not staff:
        gone = f"{describe_appointment(config, appointment)}: So gibt es das bei uns nicht mehr."
        question = f"{gone} Soll ich den Termin absagen und einen neuen suchen?"
        raise ClarificationNeeded(question, outcome=FunctionOutcome.NOT_BOOKABLE, appointment_id=str(appointment.id))
    return ServiceRequest(replace(rules, staff_members=staff), appointment.staff)


def _parse_new_start(
    args: Mapping[str, Any], call: CallContext, appointment: Appointment, service: ServiceRequest
) -> datetime:
    """Understand the new start; a time alone ("lieber um vier") keeps the day. Raises `ClarificationNeeded`."""
    zone = service.rules.zone
    if read_text(args, "time") and not (read_text(args, "date") or read_text(args, "start")):
        args = {**args, "date": appointment.starts_at.astimezone(zone).date().isoformat()}
    return parse_start(args, call, service, _WHEN)


async def _claim_move(
    ctx: BookingContext, call: CallContext, request: _MoveRequest, deadline: float
) -> ActionClaim | Answer:
    """Claim the right to do this move once. A concurrent request that has done it answers for both."""
    appointment, key = request.appointment, move_key(request.appointment.id, request.start)

    async def find_result(conn: Connection) -> Answer | None:
        if not await is_action_done(conn, ctx.tenant, call.call_id, key):
            return None
        moved = await get_appointment(conn, ctx.tenant, appointment.id) or appointment
        return _answer(ctx.config(), moved, again=True)

    return await claim_action(ctx, call, key, request.start, deadline, find_result) or failure(
        _IN_FLIGHT, FunctionOutcome.IN_FLIGHT
    )


async def _move(ctx: BookingContext, claim: ActionClaim, request: _MoveRequest) -> Answer:
    try:
        move = await run_transaction(ctx.pool, lambda conn: _write_move(conn, ctx, claim, request))
    except asyncpg.ExclusionViolationError as error:
        raise SlotNotFree from error
    ctx.faults.reach("after:move-commit")
    if move.after.status == Status.CONFIRMED or move.before is move.after:
        return _answer(ctx.config(), move.after, again=move.before is move.after)
    outcome = await _ask_calendar(ctx, claim, move)
    ctx.faults.reach("after:calcom-move")
    if isinstance(outcome, Taken | Refused):
        return await _revert(ctx, claim, move, outcome)
    return _answer(ctx.config(), await settle_action(ctx, claim, move.after, outcome))


async def _write_move(conn: Connection, ctx: BookingContext, claim: ActionClaim, request: _MoveRequest) -> _Move:
    """TX1: in one transaction everything that must not be lost: the new time, the kept old one, sync job, action's state.

    Only under the lock it is certain where the appointment is: a concurrent move, a cancellation or an event of the calendar
    may have committed since it was found.
    """
    rules, start, staff, call_id = request.service.rules, request.start, request.service.staff, claim.call.call_id
    offered = any(
        (hold.status, hold.staff, hold.starts_at) == (Status.HELD, staff, start)
        for hold in await list_call_appointments(conn, ctx.tenant, call_id)
    )
    await lock_and_clear_holds(conn, ctx.tenant, rules.resource_ids, call_id, appointment_id=request.appointment.id)
    before = await get_appointment(conn, ctx.tenant, request.appointment.id, lock=True)
    if before is None or not before.live or before.starts_at <= ctx.clock.now():
        gone = describe_appointment(ctx.config(), request.appointment)
        sentence = f"Der Termin {gone} wurde abgesagt oder liegt schon zurück. Soll ich einen neuen suchen?"
        raise ClarificationNeeded(sentence, outcome=FunctionOutcome.GONE)
    if before.starts_at == start:
        await claim.complete(conn, ctx, before.id)
        return _Move(before, before)
    # The minimum notice of what was offered counts from before the offer: it must not run out while the caller considers.
    now = ctx.clock.now() - (ctx.settings.hold if offered else timedelta())
    day = timedelta(days=1)
    busy = await read_busy_spans(conn, ctx.tenant, rules.resource_ids, start - day, start + day, call_id, before.id)
    slots = free_slots(rules, busy, SlotQuery.at(start, now, staff))
    staff_member = rules.staff_member(before.staff)
    claims = allocate_claims(staff_member, rules.service.capacity, busy, rules.blocked_span(start))
    if not slots or claims is None:
        raise SlotNotFree
    slot, ask_calendar = slots[0], before.in_remote_calendar and ctx.calendar.remote
    placement = Placement(slot.staff, slot.start, slot.end, claims, staff_member.units)
    await move_appointment(conn, ctx.tenant, before, placement, ask_calendar=ask_calendar)
    if ask_calendar:
        run_at = ctx.clock.now() + ctx.settings.sync_delay  # for the case that this process dies; TX2 completes the job
        await enqueue_sync(conn, ctx.tenant, before.id, claim.call.correlation_id, run_at)
        await claim.attach(conn, ctx, before.id)
    else:
        await claim.complete(conn, ctx, before.id)
    return _Move(before, await get_appointment(conn, ctx.tenant, before.id) or before)


async def _ask_calendar(ctx: BookingContext, claim: ActionClaim, move: _Move) -> CalendarOutcome:
    """Move the booking in the calendar, unless an earlier move of it is still open there: then the sync job does both."""
    before, timeout = move.before, claim.provider_timeout(ctx)
    if before.external_id is None or before.was_starts_at is not None or timeout is None:
        why = "where it stands in the calendar is not certain, or no time was left to ask while the caller waits"
        return Unavailable(why)
    return await ctx.calendar.move(
        before.external_id,
        move.after.starts_at,
        event_type_id=before.event_type_id,
        correlation_id=claim.call.correlation_id,
        within=timeout,
    )


async def _revert(ctx: BookingContext, claim: ActionClaim, move: _Move, outcome: Taken | Refused) -> Answer:
    """Move the appointment back to its old time, which nobody could get meanwhile, since the calendar refuses the move."""
    log.info("move.refused_at_calendar", appointment=str(move.after.id), correlation_id=claim.call.correlation_id)
    was_confirmed = move.before.status == Status.CONFIRMED
    reverting = ctx.tenant, move.after, outcome.message, ctx.settings.refusal
    async with ctx.pool.acquire() as conn, conn.transaction():
        reverted = await revert_move(conn, *reverting, was_confirmed=was_confirmed)
    ctx.faults.reach("after:move-take-back")
    if not reverted:
        # Our lease had ended, and a concurrent request answered that it is moved: its sync job decides.
        return failure(_IN_FLIGHT, FunctionOutcome.IN_FLIGHT)
    if isinstance(outcome, Taken):
        raise SlotNotFree
    stays = describe_appointment(ctx.config(), move.before)
    sentence = f"Der Kalender lässt das Verschieben nicht zu. Es bleibt bei {stays}."
    raise ClarificationNeeded(sentence, outcome=FunctionOutcome.REFUSED, alternatives=[])


def _answer(config: TenantConfig, appointment: Appointment, *, again: bool = False) -> Answer:
    when = describe_appointment(config, appointment)
    outcome = FunctionOutcome.ALREADY_MOVED if again else FunctionOutcome.MOVED
    if not appointment.live:  # cancelled by somebody at this very moment
        outcome = FunctionOutcome.GONE
        message = f"Der Termin {when} wurde gerade abgesagt. Möchten Sie einen anderen?"
    elif appointment.awaits_confirmation:
        message = f"Die Verschiebung ist angefragt: {when}. Sie wird noch bestätigt."
    else:
        message = f"Der Termin {'steht schon' if again else 'ist verschoben'}: {when}."
    fields = appointment_fields(ZoneInfo(config.time_zone), appointment)
    return Answer(success=appointment.live, message=message, fields=fields, outcome=outcome)
