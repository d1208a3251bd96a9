"""Cancel an appointment: its time is free at once. The sync job cancels the remote booking, however long the calendar is down."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.announce import announce
from askproai_runtime.book.appointments import Appointment, CancelledBy, Status
from askproai_runtime.book.changes import commit_and_answer
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import OutcomeUnknown, SlotNotFree
from askproai_runtime.book.outcomes import Busy, Cancelled, ChangedSince, Gone
from askproai_runtime.book.remote import enqueue_sync
from askproai_runtime.book.store.actions import cancel_key, record_done
from askproai_runtime.book.store.appointments import get_appointment, mark_cancelled
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.claims import lock_resources_of
from askproai_runtime.book.store.transactions import run_transaction
from askproai_runtime.notifications.types import Kind

log = structlog.get_logger(__name__)


class _MovedSince(Exception):
    """The appointment no longer starts at the time that the caller agreed to cancel."""


async def cancel(
    ctx: BookingContext, actor: Actor, found: Appointment, reason: str | None
) -> Cancelled | Gone | ChangedSince | Busy:
    """Cancel an appointment, unless its start has changed since it was `found`. A repeated cancellation succeeds, too."""

    async def write(conn: Connection) -> Appointment:
        now = await write_cancellation(conn, ctx, actor, found.id, reason, agreed_start=found.starts_at)
        if now.live and now.starts_at != found.starts_at:
            raise _MovedSince
        return now

    def outcome_of(now: Appointment) -> Cancelled | Gone:
        ctx.faults.reach("after:cancel-commit")
        return Cancelled(now) if now.status == Status.CANCELLED else Gone(now)

    try:
        return await commit_and_answer(ctx, write, outcome_of)
    except _MovedSince:
        return ChangedSince(found)
    except asyncpg.LockNotAvailableError:
        return Busy()


async def write_cancellation(
    conn: Connection,
    ctx: BookingContext,
    actor: Actor,
    appointment_id: UUID,
    reason: str | None,
    *,
    agreed_start: datetime | None = None,
) -> Appointment:
    """Cancel an appointment in the transaction, with its sync job and the desk's audit entry, and return the appointment.

    A concurrent cancellation or move waits for the lock, and then reads the new status. An appointment that has begun, or does
    not start at `agreed_start`, is returned unchanged. In the local calendar the desk can cancel an appointment until
    `ctx.settings.begun` after its start.
    """
    await lock_resources_of(conn, ctx.tenant, appointment_id)
    appointment = await get_appointment(conn, ctx.tenant, appointment_id, lock=True)
    assert appointment is not None, "appointments that are no holds are never deleted while their call goes on"
    if agreed_start not in {None, appointment.starts_at}:
        return appointment
    grace = ctx.settings.begun if actor.desk is not None and not appointment.in_remote_calendar else timedelta()
    if appointment.live and appointment.starts_at > ctx.clock.now() - grace:
        await mark_cancelled(conn, ctx.tenant, appointment, CancelledBy.CALLER, reason)
        if appointment.in_remote_calendar:
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
        if actor.desk is not None:
            facts = {"appointment": appointment.id, "start": appointment.starts_at, "staff": appointment.staff}
            await record_desk_change(
                conn, ctx.tenant, actor.desk, "appointment.cancelled", appointment.correlation_id, **facts
            )
        appointment = await get_appointment(conn, ctx.tenant, appointment_id) or appointment
        told = actor.desk is None or appointment.by_desk
        await announce(conn, ctx.config(), Kind.CANCELLED, appointment, told=told)
    if appointment.status == Status.CANCELLED:
        await record_done(conn, ctx.tenant, actor.call_id, cancel_key(appointment.id), appointment.id)
    return appointment


async def cancel_replaced(conn: Connection, ctx: BookingContext, actor: Actor, replaced: Appointment) -> None:
    """Cancel an appointment in the transaction that books its replacement. Raises `SlotNotFree` if it was moved or has begun."""
    found = await write_cancellation(conn, ctx, actor, replaced.id, None, agreed_start=replaced.starts_at)
    if found.live:
        raise SlotNotFree


async def cancel_replaced_afterwards(ctx: BookingContext, actor: Actor, replaced: Appointment) -> bool:
    """Cancel an appointment whose replacement is confirmed. Returns False if it may still be live: the book may be unavailable."""

    async def write(conn: Connection) -> Appointment:
        return await write_cancellation(conn, ctx, actor, replaced.id, None, agreed_start=replaced.starts_at)

    try:
        return not (await run_transaction(ctx.pool, write)).live
    except (*DATABASE_UNAVAILABLE, OutcomeUnknown) as error:
        log.warning("booking.replaced_not_cancelled", appointment_id=str(replaced.id), error=type(error).__name__)
        return False
