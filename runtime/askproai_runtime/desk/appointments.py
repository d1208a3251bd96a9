"""Move or cancel one appointment of the tenant for the desk, by the steps of the call functions. `booking.py` books.

Locks, rules, buffers and the sync job are the same. Any appointment of the tenant can be changed, not only a caller's own. A
move may name another staff member. Our minimum notice, which protects the tenant from callers, does not apply. A request has an
id: a repeated request changes nothing more, whatever happened to the appointment meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from askproai_core.database import Connection
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.actor import Actor, DeskRequest
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.cancelling import write_cancellation
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import OutcomeUnknown
from askproai_runtime.book.moving import MoveRequest, move
from askproai_runtime.book.outcomes import (
    Busy,
    ChangedSince,
    Gone,
    InFlight,
    Moved,
    MoveRefused,
    NotFree,
    NotMoved,
    PersonElsewhere,
)
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import bind_request, cancel_key, is_action_done
from askproai_runtime.book.store.appointments import get_appointment, list_appointments_between
from askproai_runtime.book.store.calendar import read_sync_state
from askproai_runtime.book.store.transactions import run_transaction
from askproai_runtime.conversation.alternatives import ALL_ARE_OFF, find_alternatives
from askproai_runtime.conversation.changed_visits import stays_with_person
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.slot_sentences import in_spoken_order
from askproai_runtime.conversation.understood_move import find_service
from askproai_runtime.desk.outcomes import ChangeRefusal, NotDone
from askproai_runtime.spoken_times import Understanding, understand

_NOT_FREE_THERE = "the remote calendar does not have it free: its own minimum notice counts for the desk, too"
_SYNC_WAIT, _SYNC_POLL = timedelta(seconds=3), timedelta(milliseconds=100)


class DeskBusy(Exception):
    """Another request holds the lock of the staff member or the appointment, or this request's COMMIT had no answer.

    It is safe to send the same request again: it changes nothing twice.
    """


@contextmanager
def desk_busy() -> Iterator[None]:
    """Raise `DeskBusy` if in this block a lock is not available, or a COMMIT has no answer."""
    try:
        yield
    except (asyncpg.LockNotAvailableError, OutcomeUnknown):
        raise DeskBusy from None


class RequestUsed(Exception):
    """The request's id has been used for another change."""


class UnclearStart(ValueError):
    """A text names no start, or several; the message says what to write instead."""


class CalendarState(StrEnum):
    """Whether the remote calendar has an appointment's last change."""

    LOCAL = "local"  # it is in the local calendar only
    DONE = "done"
    QUEUED = "queued"  # the sync job tries until it succeeds or a person must decide
    FAILED = "failed"  # the sync job is a dead letter; the appointment's error says why


async def find_by_id(ctx: BookingContext, first: UUID, last: UUID) -> list[Appointment]:
    """Return up to two appointments whose ids are between `first` and `last`, both included; no holds."""
    async with ctx.pool.acquire() as conn:
        return await list_appointments_between(conn, ctx.tenant, first, last)


async def cancel_for_desk(
    ctx: BookingContext, desk: DeskRequest, appointment_id: UUID, reason: str | None, correlation_id: str
) -> Appointment | None:
    """Cancel an appointment, unless it is cancelled already, and return it afterwards; None if no appointment has this id.

    Raises `DeskBusy` and `RequestUsed`. An appointment that has begun is not cancelled; its status shows it. A repeated request
    does not cancel an appointment that the calendar has made live again.
    """
    actor = Actor.of_desk(desk, correlation_id)
    async with ctx.pool.acquire() as conn:
        found = await get_appointment(conn, ctx.tenant, appointment_id)
    if found is None or found.status == Status.HELD:
        return None

    async def write(conn: Connection) -> Appointment | None:
        await bind(conn, ctx, desk, "cancel", appointment=str(appointment_id))
        if await is_action_done(conn, ctx.tenant, actor.call_id, cancel_key(appointment_id)):
            return await get_appointment(conn, ctx.tenant, appointment_id)
        return await write_cancellation(conn, ctx, actor, appointment_id, reason)

    with desk_busy():
        return await run_transaction(ctx.pool, write)


def parse_start_for_desk(ctx: BookingContext, appointment: Appointment, text: str, staff: str | None) -> datetime:
    """Return the exact start, in UTC, that a text (German words or ISO 8601) names for a move of this appointment.

    As with callers, readings at which the staff member does not work are left out. Raises `UnclearStart` and `UnknownName`.
    """
    understood = understand(text, at=ctx.clock.now(), zone=ZoneInfo(ctx.config().time_zone))
    service = find_service(ctx, appointment, staff)
    if service is not None:  # without rules the text is read freely, and the move is refused as not offered
        understood = keep_open_readings(understood, service)
    return require_exact(text, understood)


def require_exact(text: str, understood: Understanding) -> datetime:
    """Return the only exact start, in UTC, of an understood text. Raises `UnclearStart` if there is none, or several."""
    advice = "write it as 2026-11-27T10:00"
    if understood.refused is not None:
        raise UnclearStart(f"{text!r} is refused ({understood.refused}): {advice}")
    readings = [candidate.reading for candidate in understood.candidates]
    if len(readings) > 1:
        raise UnclearStart(f"{text!r} can mean {' or '.join(readings)}: {advice}")
    if understood.exact is None:
        raise UnclearStart(f"{text!r} names no exact time ({readings[0]}): {advice}")
    return understood.exact.astimezone(UTC)


async def move_for_desk(
    ctx: BookingContext,
    desk: DeskRequest,
    appointment_id: UUID,
    start: datetime,
    staff: str | None,
    correlation_id: str,
) -> Moved | NotDone | None:
    """Move an appointment to `start`, and to `staff` if it is set, or return why not; None if no appointment has this id.

    Raises `DeskBusy`, `RequestUsed` and `UnknownName`.
    """
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    async with ctx.pool.acquire() as conn:
        appointment = await get_appointment(conn, ctx.tenant, appointment_id)
    if appointment is None or appointment.status == Status.HELD:
        return None
    found = find_service(ctx, appointment, staff)
    if found is None:
        return NotDone(ChangeRefusal.NOT_BOOKABLE)
    service = _without_notice(found)
    if service.staff != appointment.staff and stays_with_person(ctx, appointment, service):
        cause = "a remote booking stays with its person: cancel it, and book a new one with the other person"
        return NotDone(ChangeRefusal.REFUSED, cause)
    with desk_busy():
        async with ctx.pool.acquire() as conn:
            await bind(conn, ctx, desk, "move", appointment=str(appointment_id), start=start.isoformat(), staff=staff)
        actor = Actor.of_desk(desk, correlation_id)
        request = MoveRequest(actor, appointment, service, start)
        return await _read_outcome(ctx, request, await move(ctx, request, deadline))


async def _read_outcome(
    ctx: BookingContext, request: MoveRequest, outcome: Moved | ChangedSince | NotMoved
) -> Moved | NotDone:
    """Convert the book's outcome of a move to the desk's result. Raises `DeskBusy` for `Busy`, `InFlight`, `PersonElsewhere`."""
    match outcome:
        case Moved(moved):
            return outcome if moved.live else NotDone(ChangeRefusal.GONE)
        case ChangedSince():
            return NotDone(ChangeRefusal.REFUSED, "it was changed since this request was first sent")
        case NotFree():
            taken, moved = "the person is booked or blocked then", request.appointment
            linked = moved.in_remote_calendar
            return await find_free(
                ctx, request.service, request.actor, request.start, taken=taken, linked=linked, moving=moved
            )
        case Gone():
            return NotDone(ChangeRefusal.GONE)
        case MoveRefused():
            return NotDone(ChangeRefusal.REFUSED)
        case InFlight() | Busy() | PersonElsewhere():  # the desk never gets `PersonElsewhere`
            raise DeskBusy


async def find_free(
    ctx: BookingContext,
    service: ServiceRequest,
    actor: Actor,
    start: datetime,
    *,
    taken: str,
    linked: bool,
    moving: Appointment | None = None,
) -> NotDone:
    """Return why `start` is not free, and the closest free times. If the rules allow the start, the cause is the text `taken`;
    with `linked` it also says that the remote calendar may have the time taken.
    """
    found = await find_alternatives(ctx, service, start, actor.call_id, actor.correlation_id, moving=moving)
    if not found.request.rules.staff_members:
        return NotDone(ChangeRefusal.REFUSED)
    cause = None
    if found.obstacle is Obstacle.TAKEN:
        cause = f"{taken}, or {_NOT_FREE_THERE}" if linked else taken
    elif found.obstacle is Obstacle.DAY_OFF and service.staff is None:
        cause = ALL_ARE_OFF
    free = in_spoken_order(found.request.rules, found.leave_out(moving), service.staff)
    return NotDone(found.obstacle, cause, free)


async def bind(conn: Connection, ctx: BookingContext, desk: DeskRequest, change: str, **content: str | None) -> None:
    """Bind a desk request's id to the content of its change. Raises `RequestUsed` if the id is bound to other content already."""
    if not await bind_request(conn, ctx.tenant, desk.call_id, change, **content):
        raise RequestUsed


def _without_notice(service: ServiceRequest) -> ServiceRequest:
    rules: ServiceRules = service.rules
    return replace(
        service, rules=replace(rules, service=msgspec.structs.replace(rules.service, minimum_notice_minutes=0))
    )


async def calendar_state(ctx: BookingContext, appointment: Appointment, *, wait: bool = False) -> CalendarState:
    """Return whether the remote calendar has the last change (LOCAL: it needs none). `wait`: wait up to 3 s for the sync job."""
    deadline = ctx.clock.monotonic() + (_SYNC_WAIT.total_seconds() if wait else 0)
    while appointment.in_remote_calendar:
        async with ctx.pool.acquire() as conn:
            job = await read_sync_state(conn, ctx.tenant, appointment.id)
        if job not in {"ready", "running"}:
            return CalendarState.FAILED if job == "dead" else CalendarState.DONE
        if ctx.clock.monotonic() >= deadline:
            return CalendarState.QUEUED
        await ctx.clock.sleep(_SYNC_POLL)
    return CalendarState.LOCAL
