"""cancel_appointment: the time is free at once; the calendar follows by its sync job, however long it is away."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from askproai_core.database import Connection
from askproai_runtime.booking.calendar_outbound import resync
from askproai_runtime.booking.find import fields, in_words, which
from askproai_runtime.booking.request import AskBack, text
from askproai_runtime.booking.store import actions, appointments, claims
from askproai_runtime.booking.store.appointments import Appointment, CancelledBy, Status
from askproai_runtime.booking.types import BUSY, Answer, BookingContext, CallContext

_WHICH = "Welchen Termin soll ich absagen:"


async def cancel_appointment(desk: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Cancel a caller's own appointment. Idempotent by state: what is cancelled already is a success."""
    try:
        async with desk.pool.acquire() as conn:
            meant = await which(desk, conn, call, args, _WHICH, cancelled=True)
        reason = text(args, "reason")
        gone = await appointments.transact(desk.pool, lambda conn: _cancel(conn, desk, call, meant.id, reason))
    except AskBack as question:
        return question.answer
    except asyncpg.LockNotAvailableError:
        return Answer(success=False, message=BUSY, fields={})
    desk.faults.reach("after:cancel-commit")
    told, known = in_words(desk.config(), gone), fields(ZoneInfo(desk.config().time_zone), gone)
    if gone.status != Status.CANCELLED:
        message = f"Der Termin {told} lässt sich nicht mehr absagen."
        return Answer(success=False, message=message, fields=known)
    return Answer(success=True, message=f"Der Termin ist abgesagt: {told}.", fields=known)


async def _cancel(
    conn: Connection, desk: BookingContext, call: CallContext, meant: UUID, reason: str | None
) -> Appointment:
    """One transaction: the state, the freed time, and the job that tells the calendar."""
    await claims.lock_people(conn, desk.tenant, meant)
    made = await appointments.appointment(conn, desk.tenant, meant, lock=True)
    assert made is not None, "appointments that are no holds are never deleted while their call goes on"
    if made.live and made.starts_at > desk.clock.now():
        await claims.cancel(conn, desk.tenant, made, CancelledBy.CALLER, reason)
        if made.event_type_id is not None:
            await resync(conn, desk.tenant, made)
        made = await appointments.appointment(conn, desk.tenant, meant) or made
    if made.status == Status.CANCELLED:
        await actions.note_done(conn, desk.tenant, call.call_id, f"cancel|{made.id}", made.id)
    return made
