"""The appointments of a caller: of the calling number, of the call, and with a second factor those that the call has proven."""

from collections.abc import Collection, Sequence
from uuid import UUID

from askproai_core.database import Connection
from askproai_core.tenant_config import CallerVerification
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import is_requested
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.one_more import is_same_slot_booked, is_same_visit
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.book.store.actions import get_last_question, list_cancelled_appointments, list_former_starts
from askproai_runtime.book.store.appointments import (
    get_appointment,
    list_call_appointments,
    list_upcoming_appointments,
)
from askproai_runtime.book.store.verifications import list_verified
from askproai_runtime.person_names import same_name


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


async def list_asked_to_cancel(
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


async def list_moved(conn: Connection, ctx: BookingContext, actor: Actor) -> set[UUID]:
    """Return the ids of the appointments that a call has moved."""
    return {each.appointment_id for each in await list_former_starts(conn, ctx.tenant, actor.call_id)}


async def find_moved(
    conn: Connection, ctx: BookingContext, request: BookingRequest, others: Sequence[Appointment]
) -> list[Appointment]:
    """Return, in a list, the one of `others` that this call has moved to the requested slot; else an empty list."""
    if request.companions or request.another:
        return []
    then = [each for each in others if is_same_slot_booked(request, each)]
    moved = await list_moved(conn, ctx, request.actor) if then else ()
    return [each for each in then if each.id in moved][:1]


async def find_kept(
    conn: Connection,
    ctx: BookingContext,
    request: BookingRequest,
    repeated: Sequence[Appointment] = (),
    written: Sequence[Appointment] = (),
) -> list[Appointment]:
    """Return the caller's appointments that stay in addition to this booking.

    They are the number's appointments for this person, of this service or of any service if an answer has listed them
    (docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md), and other people's appointments at the very same time
    ("Mia kommt für mich"). `repeated` are the call's earlier appointments for this request: the others of their group stay.
    With `another`, the call's other appointments stay, except those just `written`: a model may book a corrected time in this
    way.

    The number's appointments are left out if a number alone proves nothing. Empty for the desk, which sees the day. Only
    confirmed appointments are returned, since the calendar may still refuse the others.
    """
    actor = request.actor
    if actor.desk is not None:
        return []
    is_beside = bool(repeated) or request.another
    of_call = await list_call_appointments(conn, ctx.tenant, actor.call_id) if is_beside else []
    group = [each for each in of_call if repeated and _is_of_group(repeated[0], each)]
    left_out = {*(each.id for each in (*repeated, *written)), request.replaces_afterwards}
    others = [*(of_call if request.another else ()), *await list_of_number(conn, ctx, actor)]
    is_then = [each for each in others if not request.another and each.starts_at == request.start]
    own = [each for each in others if _is_of_one(request, each) or each in is_then]
    kept = [each for each in (*group, *own) if each.id not in left_out]
    return [each for each in kept if each.status == Status.CONFIRMED and not is_requested(ctx.config(), each)]


def _is_of_one(request: BookingRequest, appointment: Appointment) -> bool:
    """Return whether an appointment is for a person of the request, and has the same service or was named to the caller."""
    is_listed = str(appointment.id) in request.doubts.listed
    return any(
        is_same_visit(one, appointment) or (is_listed and same_name(one.name, appointment.customer_name))
        for one in request.each
    )


def _is_of_group(own: Appointment, other: Appointment) -> bool:
    """Return whether two appointments of a call have one branch and one start, and different names."""
    is_then = (other.branch, other.starts_at) == (own.branch, own.starts_at)
    return is_then and other.id != own.id and not same_name(own.customer_name, other.customer_name)
