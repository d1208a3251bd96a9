"""find_appointments and cancel_appointment, and which appointment a caller means.

A caller owns what was booked from the number that calls now, or for it, and what this call has made; never more. Who
withholds the number owns what this call has made.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.booking.answers import appointment_fields, appointment_list_fields, describe_appointment
from askproai_runtime.booking.phrases import BUSY, join_list
from askproai_runtime.booking.remote import enqueue_sync
from askproai_runtime.booking.request import read_text
from askproai_runtime.booking.store.actions import list_cancelled_appointments, record_cancellation
from askproai_runtime.booking.store.appointments import (
    Appointment,
    CancelledBy,
    Status,
    get_appointment,
    list_upcoming_appointments,
    mark_cancelled,
)
from askproai_runtime.booking.store.audit import record_desk_change
from askproai_runtime.booking.store.claims import lock_resources_of, run_transaction
from askproai_runtime.booking.types import Answer, BookingContext, CallContext, ClarificationNeeded, DeskRequest

_MAX_SPOKEN = 5
_NONE = "Unter Ihrer Nummer finde ich keinen kommenden Termin."
_WITHHELD = (
    "Ihre Rufnummer ist unterdrückt, deshalb kann ich Ihre Termine nicht nachsehen."
    " Bitte rufen Sie noch einmal mit sichtbarer Nummer an, oder wenden Sie sich direkt an uns."
)
_WHICH_TO_CANCEL = "Welchen Termin soll ich absagen:"


async def find_appointments(ctx: BookingContext, call: CallContext) -> Answer:
    """Say this caller's appointments to come, in every branch of the tenant."""
    async with ctx.pool.acquire() as conn:
        found = await list_upcoming_appointments(conn, ctx.tenant, call.caller, call.call_id, ctx.clock.now())
    config = ctx.config()
    if not found:
        return Answer(success=call.caller is not None, message=_none_found(call), fields={"appointments": []})
    spoken = [describe_appointment(config, appointment) for appointment in found[:_MAX_SPOKEN]]
    unspoken = len(found) - len(spoken)
    if len(found) == 1:
        message = f"Sie haben einen Termin: {spoken[0]}."
    else:
        rest = f", und {unspoken} weitere" if unspoken else ""
        message = f"Sie haben {len(found)} Termine: {join_list(spoken, 'und')}{rest}."
    return Answer(success=True, message=message, fields={"appointments": appointment_list_fields(config, found)})


async def cancel_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Cancel a caller's own appointment. Idempotent by state: one that is cancelled already is a success.

    Its time is free at once; the calendar follows by the sync job, however long it is away.
    """
    try:
        async with ctx.pool.acquire() as conn:
            target = await resolve_appointment(ctx, conn, call, args, _WHICH_TO_CANCEL, cancelled=True)
        reason = read_text(args, "reason")
        appointment = await run_transaction(
            ctx.pool, lambda conn: write_cancellation(conn, ctx, call, target.id, reason)
        )
    except ClarificationNeeded as clarification:
        return clarification.answer
    except asyncpg.LockNotAvailableError:
        return Answer(success=False, message=BUSY, fields={})
    ctx.faults.reach("after:cancel-commit")
    description = describe_appointment(ctx.config(), appointment)
    fields = appointment_fields(ZoneInfo(ctx.config().time_zone), appointment)
    if appointment.status != Status.CANCELLED:
        message = f"Der Termin {description} lässt sich nicht mehr absagen."
        return Answer(success=False, message=message, fields=fields)
    return Answer(success=True, message=f"Der Termin ist abgesagt: {description}.", fields=fields)


async def write_cancellation(
    conn: Connection,
    ctx: BookingContext,
    call: CallContext,
    appointment_id: UUID,
    reason: str | None,
    desk: DeskRequest | None = None,
) -> Appointment:
    """Write, in one transaction, the status, the freed time, and the job that cancels it in the calendar; of the desk, the audit.

    A concurrent cancellation or move waits for the lock, and then finds the status that this one has written.
    """
    await lock_resources_of(conn, ctx.tenant, appointment_id)
    appointment = await get_appointment(conn, ctx.tenant, appointment_id, lock=True)
    assert appointment is not None, "appointments that are no holds are never deleted while their call goes on"
    if appointment.live and appointment.starts_at > ctx.clock.now():
        await mark_cancelled(conn, ctx.tenant, appointment, CancelledBy.CALLER, reason)
        if appointment.in_remote_calendar:
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
        if desk is not None:
            facts = {"appointment": appointment.id, "start": appointment.starts_at, "staff": appointment.staff}
            await record_desk_change(
                conn, ctx.tenant, desk, "appointment.cancelled", appointment.correlation_id, **facts
            )
        appointment = await get_appointment(conn, ctx.tenant, appointment_id) or appointment
    if appointment.status == Status.CANCELLED:
        await record_cancellation(conn, ctx.tenant, call.call_id, appointment.id)
    return appointment


async def resolve_appointment(
    ctx: BookingContext,
    conn: Connection,
    call: CallContext,
    args: Mapping[str, Any],
    question: str,
    *,
    cancelled: bool = False,
) -> Appointment:
    """Return the appointment that is meant: the one named by `appointment_id`, else the only one to come.

    Raises `ClarificationNeeded` with `question` and the choice. With `cancelled` it may be one that is cancelled already: named
    by its id, or the last one that this call has cancelled if no other is to come.
    """
    config = ctx.config()
    found = await list_upcoming_appointments(conn, ctx.tenant, call.caller, call.call_id, ctx.clock.now())
    appointment_id = read_text(args, "appointment_id")
    if appointment_id is not None:
        if named := await _get_own_appointment(ctx, conn, call, appointment_id):
            return named
        question = f"Diesen Termin finde ich nicht. {question}"
    elif cancelled and (cancelled_ids := await list_cancelled_appointments(conn, ctx.tenant, call.call_id)):
        last = await get_appointment(conn, ctx.tenant, cancelled_ids[-1])
        if last is not None and not found:
            return last
        question = f"Ein Termin ist schon abgesagt. {question}"
    elif len(found) == 1:
        return found[0]
    if not found:
        raise ClarificationNeeded(_none_found(call), appointments=[])
    choice = join_list([describe_appointment(config, appointment) for appointment in found[:_MAX_SPOKEN]])
    raise ClarificationNeeded(f"{question} {choice}?", appointments=appointment_list_fields(config, found))


async def _get_own_appointment(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment_id: str
) -> Appointment | None:
    """Return the appointment of this id if the caller owns it. A stranger's and an unknown id are answered alike."""
    try:
        appointment = await get_appointment(conn, ctx.tenant, UUID(appointment_id))
    except ValueError:
        return None
    if appointment is None or appointment.status == Status.HELD:
        return None
    of_number = call.caller is not None and call.caller in {appointment.caller, appointment.phone}
    of_call = call.call_id and appointment.call_id == call.call_id
    return appointment if of_number or of_call else None


def _none_found(call: CallContext) -> str:
    return _NONE if call.caller is not None else _WITHHELD
