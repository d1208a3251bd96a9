"""Move an appointment, read from top to bottom; the same steps as in `booking.py`.

    claim the action of the call → TX1: lock the staff member, check the new time again, move (pending, the old time kept
    blocked, with its sync job) → ask the calendar, outside any transaction → TX2: confirm, and free the old time; or revert
    the move, if the calendar refuses it

The appointment keeps its id, its service, and its staff member unless another one is named. A process that is killed anywhere
leaves the appointment at a time that one of the two calendars has, and a sync job that makes them equal.
See docs/decisions/0015-reschedule-keeps-the-old-time-blocked.md.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import SlotQuery
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.announce import announce
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.caller_appointments import list_own
from askproai_runtime.book.changes import Change
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import SlotNotFree
from askproai_runtime.book.free_times import drop_free_times
from askproai_runtime.book.idempotency import ActionClaim, claim_action, settle_action
from askproai_runtime.book.one_more import list_beside
from askproai_runtime.book.outcomes import (
    Busy,
    ChangedSince,
    Gone,
    InFlight,
    Moved,
    MoveRefused,
    NotFree,
    NotMovable,
    NotMoved,
    PersonElsewhere,
)
from askproai_runtime.book.remote import cover_end, enqueue_sync, move_booking
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import is_action_done, move_key, record_former_start
from askproai_runtime.book.store.appointments import get_appointment, list_call_appointments, move_appointment
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.calendar import lock_unchanged, read_sync_state, revert_move
from askproai_runtime.book.store.claims import Placement, lock_and_clear_holds, lock_resources_of, read_busy_spans
from askproai_runtime.calendars import CalendarOutcome, MustRevert, Refused, Taken, Unavailable
from askproai_runtime.notifications.types import Kind

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """An appointment as it was found, and its target: the same service at another start or with another staff member.

    `counted` are the words that name `start` relative to the appointment. `beside` has the ids of the same person's
    appointments at the new time that the caller has accepted.
    """

    actor: Actor
    appointment: Appointment
    service: ServiceRequest
    start: datetime
    counted: str | None = None
    beside: frozenset[UUID] = frozenset()

    @property
    def key(self) -> str:
        """Return the key of the move within the call or the desk request."""
        staff = self.service.staff
        key = move_key(self.appointment.id, self.start)
        return key if self.actor.desk is not None or staff == self.appointment.staff else f"{key}|{staff}"


@dataclass(frozen=True, slots=True)
class _Move:
    """The appointment before and after a move's first transaction. `before` and `after` are the same object if nothing is
    moved: the appointment starts at the requested time already, or was `changed_since` and must not be moved again.
    """

    before: Appointment
    after: Appointment
    changed_since: bool = False


_Moving: TypeAlias = Change[_Move, Moved | ChangedSince]


class _OthersChange(Exception):
    """Another request has moved the same appointment meanwhile, so this move is given up."""


async def move(ctx: BookingContext, request: MoveRequest, deadline: float) -> Moved | ChangedSince | NotMoved:
    """Move an appointment once, or return why it is not moved. `deadline` is in monotonic seconds. Raises `OutcomeUnknown`."""
    try:
        claim = await _claim_move(ctx, request, deadline)
        if not isinstance(claim, ActionClaim):
            return claim
        change: _Moving = Change(ctx, _outcome_of, lambda conn, move: _read_move(conn, ctx, request, move))
        try:
            return await change.run(lambda: _move(ctx, claim, request, change))
        except (NotMovable, SlotNotFree, _OthersChange, asyncpg.LockNotAvailableError):
            await claim.give_up(ctx)
            raise
    except NotMovable as error:
        return error.outcome
    except SlotNotFree:
        return NotFree()
    except _OthersChange:
        return InFlight()
    except asyncpg.LockNotAvailableError:
        return Busy()


def _outcome_of(move: _Move) -> Moved | ChangedSince:
    return ChangedSince(move.after) if move.changed_since else Moved(move.after, again=move.before is move.after)


async def _claim_move(ctx: BookingContext, request: MoveRequest, deadline: float) -> ActionClaim | Moved | InFlight:
    """Claim the action of this move, or return a concurrent request's move; `InFlight` while that request still runs.

    A caller's request can claim a move that was done before: after another change the caller wants the move once more. A
    repeated request of the desk cannot: it is the same request, sent again.
    """
    actor, appointment, key = request.actor, request.appointment, request.key

    async def find_result(conn: Connection) -> Moved | None:
        if not await is_action_done(conn, ctx.tenant, actor.call_id, key):
            return None
        return Moved(await get_appointment(conn, ctx.tenant, appointment.id) or appointment, again=True)

    again = actor.desk is None
    claim = await claim_action(ctx, actor, key, request.start, deadline, find_result, again=again)
    return claim or InFlight()


async def _read_move(conn: Connection, ctx: BookingContext, request: MoveRequest, move: _Move) -> _Move:
    """Return a move as it is now. Raises `SlotNotFree` if it was reverted."""
    after = await get_appointment(conn, ctx.tenant, move.after.id) or move.after
    if after.starts_at != request.start:
        raise SlotNotFree
    return replace(move, after=after)


async def _move(ctx: BookingContext, claim: ActionClaim, request: MoveRequest, change: _Moving) -> Moved | ChangedSince:
    try:
        move = await change.commit(lambda conn: _write_move(conn, ctx, claim, request, change.attempted))
    except asyncpg.ExclusionViolationError as error:
        raise SlotNotFree from error
    ctx.faults.reach("after:move-commit")
    if move.changed_since or move.after.status == Status.CONFIRMED or move.before is move.after:
        return _outcome_of(move)
    after, outcome = await cover_end(ctx, move.after, await _ask_calendar(ctx, claim, request, move))
    ctx.faults.reach("after:calcom-move")
    if isinstance(outcome, Taken | Refused):
        return await _revert(ctx, claim, request, move, outcome, change)
    return Moved(await settle_action(ctx, claim, after, outcome))


async def _write_move(
    conn: Connection, ctx: BookingContext, claim: ActionClaim, request: MoveRequest, attempted: _Move | None
) -> _Move:
    """TX1: write in one transaction all that must not be lost: new time, blocked old time, sync job, and the action's state.

    Only under the lock is it certain where the appointment is: a concurrent move, a cancellation or an event of the calendar
    may have committed since it was found.
    """
    rules, start, staff, call_id = request.service.rules, request.start, request.service.staff, request.actor.call_id
    offered = any(
        (hold.status, hold.staff, hold.starts_at) == (Status.HELD, staff, start)
        for hold in await list_call_appointments(conn, ctx.tenant, call_id)
    )
    found = request.appointment
    await lock_and_clear_holds(
        conn, ctx.tenant, rules.resource_ids, call_id, appointments=[found.id], for_caller=request.actor.desk is None
    )
    before = await get_appointment(conn, ctx.tenant, found.id, lock=True)
    if before is None or not before.live or before.starts_at <= ctx.clock.now():
        raise NotMovable(Gone(found))
    if attempted is not None and (attempted.after.starts_at, attempted.after.version) == (start, before.version):
        return attempted  # it was committed, and the answer lost
    if before.staff != request.appointment.staff:
        raise _OthersChange
    if (before.starts_at, before.staff) == (start, staff):
        await claim.complete(conn, ctx, before.id)
        return _Move(before, before)
    if request.actor.desk is None:
        await _require_free_person(conn, ctx, request, before)
    elif await claim.has_written(conn, ctx):
        # The process that moved it died before it answered, and somebody has moved it since.
        await claim.complete(conn, ctx, before.id)
        return _Move(before, before, changed_since=True)
    # The minimum notice of an offered time counts from before the offer: it must not run out while the caller considers.
    now = ctx.clock.now() - (ctx.settings.hold if offered else timedelta())
    placement = await _place(conn, ctx, request, call_id, now)
    ask_calendar = before.in_remote_calendar and ctx.calendar.remote
    await move_appointment(conn, ctx.tenant, before, placement, ask_calendar=ask_calendar)
    await record_former_start(conn, ctx.tenant, call_id, request.key, before.starts_at, request.counted)
    if ask_calendar:
        run_at = ctx.clock.now() + ctx.settings.sync_delay  # for the case that this process dies; TX2 completes the job
        await enqueue_sync(conn, ctx.tenant, before.id, request.actor.correlation_id, run_at)
        await claim.attach(conn, ctx, before.id)
    else:
        await claim.complete(conn, ctx, before.id)
    after = await get_appointment(conn, ctx.tenant, before.id) or before
    await _record_desk(conn, ctx, request, "appointment.moved", before, after)
    await announce(conn, ctx.config(), Kind.MOVED, after)
    return _Move(before, after)


async def _require_free_person(conn: Connection, ctx: BookingContext, request: MoveRequest, moved: Appointment) -> None:
    """Raise `NotMovable` if the person has another appointment at the new time that the caller has not accepted."""
    own = await list_own(conn, ctx, request.actor)
    for beside in list_beside(moved, request.service.rules, request.start, own):
        if beside.id not in request.beside:
            raise NotMovable(PersonElsewhere(beside))


async def _place(conn: Connection, ctx: BookingContext, request: MoveRequest, call_id: str, now: datetime) -> Placement:
    rules, start, day = request.service.rules, request.start, timedelta(days=1)
    where, elsewhere = (start - day, start + day, call_id), find_elsewhere(ctx.config(), rules)
    busy = await read_busy_spans(conn, ctx.tenant, rules.resource_ids, *where, request.appointment.id, elsewhere)
    slots = free_slots(rules, busy, SlotQuery.at(start, now, request.service.staff))
    claims = allocate_visit(rules, slots[0].staff, busy, slots[0].start) if slots else None
    if claims is None:
        raise SlotNotFree
    return Placement(slots[0].staff, slots[0].start, slots[0].end, claims, rules.staff_members[0].units)


async def _record_desk(
    conn: Connection, ctx: BookingContext, request: MoveRequest, action: str, before: Appointment, after: Appointment
) -> None:
    if request.actor.desk is not None:
        await record_desk_change(
            conn, ctx.tenant, request.actor.desk, action, before.correlation_id, appointment=before.id,
            was={"start": before.starts_at, "staff": before.staff}, now={"start": after.starts_at, "staff": after.staff},
        )  # fmt: skip


async def _ask_calendar(ctx: BookingContext, claim: ActionClaim, request: MoveRequest, move: _Move) -> CalendarOutcome:
    """Move the booking in the calendar; `Unavailable` if no time is left, or an earlier move is not accepted there yet."""
    before, timeout = move.before, claim.provider_timeout(ctx)
    if before.external_id is None or before.was_starts_at is not None or timeout is None:
        why = "it is not certain at which time the calendar has it, or no time was left to ask while the caller waits"
        return Unavailable(why)
    return await move_booking(ctx, move.after, before.external_id, request.actor.correlation_id, timeout)


async def _revert(
    ctx: BookingContext,
    claim: ActionClaim,
    request: MoveRequest,
    move: _Move,
    outcome: Taken | Refused,
    change: _Moving,
) -> Moved | ChangedSince:
    """Move the appointment back to its old time, which is still blocked for it, since the calendar refuses the move."""
    log.info("move.refused_at_calendar", appointment=str(move.after.id), correlation_id=request.actor.correlation_id)
    reverting = ctx.tenant, move.after, outcome.message, ctx.settings.refusal

    async def write(conn: Connection) -> bool:
        was_confirmed = (
            move.before.status == Status.CONFIRMED
            and not isinstance(outcome, MustRevert)  # the sync job brings it back there
            and not await _is_syncing(conn, ctx, move)
        )
        reverted = await revert_move(conn, *reverting, was_confirmed=was_confirmed)
        if isinstance(outcome, Taken):
            await drop_free_times(conn, ctx.config(), move.after.event_type_id, move.after.spans)
        if reverted and request.actor.desk is not None:
            await claim.detach(conn, ctx)
            await _record_desk(conn, ctx, request, "appointment.move_refused", move.after, move.before)
        return reverted

    reverted = await change.revert(write)
    ctx.faults.reach("after:move-take-back")
    if not reverted:
        # Our lease had ended, and a concurrent request answered that it is moved: its sync job decides.
        raise _OthersChange  # so the caller hears the state of the book
    if isinstance(outcome, Taken):
        raise SlotNotFree
    raise NotMovable(MoveRefused(move.before))


async def _is_syncing(conn: Connection, ctx: BookingContext, move: _Move) -> bool:
    """Return whether a running sync job may have read the new time, and may write it to the calendar that has refused it.

    Locks the appointment until the transaction ends, since a job that begins later must not read the new time either.
    """
    await lock_resources_of(conn, ctx.tenant, move.after.id)
    unchanged = await lock_unchanged(conn, ctx.tenant, move.after)
    return unchanged and await read_sync_state(conn, ctx.tenant, move.after.id) == "running"
