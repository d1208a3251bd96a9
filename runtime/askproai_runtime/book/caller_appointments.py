"""The appointments of a caller: from the calling number and this call, and with a second factor the proven ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from askproai_core.database import Connection
from askproai_core.tenant_config import CallerVerification
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import get_last_question, list_cancelled_appointments, list_former_starts
from askproai_runtime.book.store.appointments import (
    get_appointment,
    get_desk_appointment,
    list_call_appointments,
    list_upcoming_appointments,
)
from askproai_runtime.book.store.verifications import list_verified


@dataclass(frozen=True, slots=True)
class CallerAppointments:
    """The appointments that a booking request is compared with, as one read found them.

    `of_call` are this call's live appointments and its last hold; for the desk, the appointment of the request id in any status.
    `of_number` are the calling number's live upcoming appointments from other calls. `asked_to_cancel` has the appointment of
    another call about which this call last asked "cancel it?". `moved` has the ids of the appointments that this call has moved.
    """

    of_call: Sequence[Appointment]
    of_number: Sequence[Appointment] = ()
    asked_to_cancel: Sequence[Appointment] = ()
    moved: frozenset[UUID] = frozenset()


async def read_caller_appointments(conn: Connection, ctx: BookingContext, actor: Actor) -> CallerAppointments:
    """Return the appointments of a caller, or of a request by the desk."""
    if actor.desk is not None:
        found = await get_desk_appointment(conn, ctx.tenant, actor.call_id)
        return CallerAppointments([] if found is None else [found])
    of_call = await list_call_appointments(conn, ctx.tenant, actor.call_id)
    of_number = await list_of_number(conn, ctx, actor)
    return CallerAppointments(
        of_call,
        of_number,
        await _list_asked_to_cancel(conn, ctx, actor, of_number),
        await list_moved(conn, ctx, actor) if of_number else frozenset(),
    )


def asks_birth_date(ctx: BookingContext) -> bool:
    """Return whether the tenant asks callers for a birth date: then a phone number alone does not prove who calls."""
    return ctx.config().caller_verification is CallerVerification.NAME_AND_BIRTH_DATE


async def list_own(conn: Connection, ctx: BookingContext, actor: Actor) -> list[Appointment]:
    """Return the caller's live upcoming appointments; with a second factor only those the call has proven, made or cancelled."""
    if asks_birth_date(ctx):
        return await list_upcoming(conn, ctx, await list_proven(conn, ctx, actor))
    return await list_upcoming_appointments(conn, ctx.tenant, actor.caller, actor.call_id, ctx.clock.now())


async def list_proven(conn: Connection, ctx: BookingContext, actor: Actor) -> set[UUID]:
    """Return the ids of the appointments that this call has proven by name and birth date, has booked, or has cancelled."""
    made = await list_upcoming_appointments(conn, ctx.tenant, None, actor.call_id, ctx.clock.now())
    cancelled = await list_cancelled_appointments(conn, ctx.tenant, actor.call_id)
    verified = await list_verified(conn, ctx.tenant, actor.call_id)
    return {*(each.id for each in made), *cancelled, *verified}


async def list_upcoming(conn: Connection, ctx: BookingContext, proven: Collection[UUID]) -> list[Appointment]:
    """Return the live upcoming appointments with an id in `proven`, by start."""
    known = [await get_appointment(conn, ctx.tenant, each) for each in proven]
    found = [each for each in known if each is not None and each.live and each.starts_at > ctx.clock.now()]
    return sorted(found, key=lambda each: (each.starts_at, each.id))


async def list_of_number(conn: Connection, ctx: BookingContext, actor: Actor) -> list[Appointment]:
    """Return the calling number's live upcoming appointments from other calls; empty if callers need a second factor."""
    if actor.caller is None or asks_birth_date(ctx):
        return []
    found = await list_upcoming_appointments(conn, ctx.tenant, actor.caller, actor.call_id, ctx.clock.now())
    return [each for each in found if each.call_id != actor.call_id]


async def _list_asked_to_cancel(
    conn: Connection, ctx: BookingContext, actor: Actor, others: Sequence[Appointment]
) -> list[Appointment]:
    """Return, in a list, the live appointment of another call about which this call last asked "cancel it?"; else an empty
    list. A booking after that question may be meant as a move. `others` is the result of `list_of_number`.
    """
    if not others and not asks_birth_date(ctx):
        return []
    asked = await get_last_question(conn, ctx.tenant, actor.call_id)
    appointment = None if asked is None else await get_appointment(conn, ctx.tenant, asked.appointment_id)
    is_other = appointment is not None and appointment.live and appointment.call_id != actor.call_id
    return [appointment] if appointment is not None and is_other else []


async def list_moved(conn: Connection, ctx: BookingContext, actor: Actor) -> frozenset[UUID]:
    """Return the ids of the appointments that a call has moved."""
    return frozenset(each.appointment_id for each in await list_former_starts(conn, ctx.tenant, actor.call_id))
