"""A time that only the caller's own appointment blocks: it is free if the caller moves that appointment to it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from askproai_runtime.availability.search import find_closest
from askproai_runtime.availability.slots import Slot, SlotQuery
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.caller_appointments import list_of_number
from askproai_runtime.book.context import Basis, BookingContext
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import busy_reader
from askproai_runtime.book.one_more import overlaps
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.appointments import list_call_appointments
from askproai_runtime.conversation.answers import (
    basis_fields,
    describe_appointment,
    have_several_customers,
    name_service,
)
from askproai_runtime.conversation.asked_choices import ask_choice
from askproai_runtime.conversation.owner_questions import says_customer
from askproai_runtime.conversation.slot_sentences import slot_fields
from askproai_runtime.conversation.types import Answer, CallContext, Choice, FunctionOutcome
from askproai_runtime.person_names import same_name
from askproai_runtime.sentences import decline_name, format_spoken, say
from askproai_runtime.spoken_times import Candidate
from askproai_runtime.visits import same_services, share_services


async def offer_own_move(
    ctx: BookingContext, call: CallContext, request: ServiceRequest, candidates: Sequence[Candidate], name: str = ""
) -> Answer | None:
    """Return the offer to move the caller's own appointment of this service to the only requested time, or the question whether
    to replace an own visit that has only a part of the services in common; None if there are several times, or anything else
    blocks the time. With a `name`, only an appointment of this customer counts.
    """
    rules, now = request.rules, ctx.clock.now()
    if len(candidates) != 1 or candidates[0].end is not None or rules.companions:
        return None
    start = candidates[0].start
    async with ctx.pool.acquire() as conn:
        of_call = await list_call_appointments(conn, ctx.tenant, call.call_id)
        own = [*of_call, *await list_of_number(conn, ctx, call.actor)]
    for each in own:
        if not _blocks(each, request, start) or (name and not same_name(name, each.customer_name)):
            continue
        read_remote = FreeTimesReader(ctx, rules, call.correlation_id, each.id)
        query = replace(SlotQuery.at(start, now, each.staff), limit=1)
        for slot in await find_closest(rules, busy_reader(ctx, rules, call.call_id, each.id), query, read_remote):
            basis = read_remote.basis([slot])
            named = have_several_customers(own) or says_customer(ctx, call, {}, each)
            if not same_services(each.service, rules.service.name):
                booked = describe_appointment(ctx.config(), each, now, named=named)
                question = say().beside_or_replaced.format(appointment=booked, service=rules.service.display_name)
                return ask_choice(question, each, each.customer_name, Choice.FURTHER, Choice.CANCEL).answer
            return _offer_move(ctx, call, request, each, slot, basis, named=named)
    return None


def _blocks(appointment: Appointment, request: ServiceRequest, start: datetime) -> bool:
    """Return True if another visit of the requested staff that has a requested service, or the same one at another time than
    `start`, overlaps it.
    """
    rules, name = request.rules, request.rules.service.name
    is_of_it = appointment.branch == rules.branch.name and share_services(appointment.service, name)
    is_of_person = request.staff in {None, appointment.staff} and appointment.live and appointment.settled
    is_other = appointment.starts_at != start or not same_services(appointment.service, name)
    return is_of_it and is_of_person and is_other and overlaps(start, rules, appointment)


def _offer_move(
    ctx: BookingContext,
    call: CallContext,
    request: ServiceRequest,
    appointment: Appointment,
    slot: Slot,
    basis: Basis,
    *,
    named: bool,
) -> Answer:
    rules, now = request.rules, ctx.clock.now()
    question = say().shall_i_move
    if basis is Basis.OWN_BOOK:
        question = say().confirmed_when_booked.format(question=question)
    free = say().free_by_moving.format(
        when=format_spoken(slot.start, rules.zone, now),
        staff=decline_name(rules.display_name(slot.staff)),
        appointment=describe_appointment(ctx.config(), appointment, now, named=named),
    )
    fields = {"alternatives": slot_fields(rules, [slot], now, request.staff), **basis_fields([slot], basis)}
    answer = Answer(success=False, message=f"{free} {question}", fields=fields, outcome=FunctionOutcome.OFFERED)
    return name_service(ctx.config(), rules, call, answer)
