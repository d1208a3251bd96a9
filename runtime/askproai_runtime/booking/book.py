"""book_appointment, read from top to bottom.

    claim the action of the call → lock the slot in Redis, which only spares work → TX1: lock the staff members, check the
    slot again, write the appointment (pending, with its sync job) → ask the calendar, outside any transaction → TX2: confirm
    it or keep it pending; if the time is taken there: give it up, and try the next staff member; if the calendar refuses it
    for another reason: give it up, and try the next one if the cause may be this staff member's event type, else say that
    nothing is booked → answer the caller

The desk books by the same steps (`desk_booking.py`), once for each request.

Killed anywhere, it leaves either nothing, or a pending appointment that its sync job finishes; asked again, it finds that
appointment instead of making a second one. The fault points between the steps are there to prove it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_core.tracing import annotate, span
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.free_slots import busy_window, free_slots, least_busy_per_start
from askproai_runtime.availability.group_times import Plan, find_plan, group_window
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Busy, Slot, SlotQuery
from askproai_runtime.booking.announce import announce
from askproai_runtime.booking.answers import busy_answer, failure, refused_answer
from askproai_runtime.booking.asked_choices import Chosen, read_chosen, read_move, read_renames
from askproai_runtime.booking.bookables import linked_event_types
from askproai_runtime.booking.changes import Change
from askproai_runtime.booking.companions import (
    BookedOneByOne,
    add_companions,
    find_booked,
    leaves_out,
    name_everybody,
)
from askproai_runtime.booking.confirmation import confirm, find_kept
from askproai_runtime.booking.corrections import (
    add_note,
    correct,
    correct_repeated,
    find_corrected,
    find_own,
)
from askproai_runtime.booking.day_readings import name_start
from askproai_runtime.booking.detail_corrections import correct_details
from askproai_runtime.booking.email_address import require_confirmed_email
from askproai_runtime.booking.free_times import drop_free_times, read_fresh
from askproai_runtime.booking.full_names import complete_name, list_short_names, read_asked_name, require_full_name
from askproai_runtime.booking.further import (
    ask_about_several,
    find_moved,
    is_second_person,
    list_asked_to_cancel,
    list_of_number,
    list_said,
    overlaps,
    require_free_people,
    require_no_move,
    require_only_one,
    takes_back,
)
from askproai_runtime.booking.idempotency import ActionClaim, SlotNotFree, claim_action, settle_action
from askproai_runtime.booking.kept_offers import add_kept_offers, read_lost_offers
from askproai_runtime.booking.last_days import after_request
from askproai_runtime.booking.limits import LimitReached, require_within_limits
from askproai_runtime.booking.moved_details import add_details
from askproai_runtime.booking.named_days import put_on_named_day
from askproai_runtime.booking.named_people import name_people
from askproai_runtime.booking.noted_changes import find_noted_staff, find_noted_time, require_agreeing_notes
from askproai_runtime.booking.offer import offer_alternatives
from askproai_runtime.booking.offered_groups import find_named, find_offered
from askproai_runtime.booking.one_by_one import find_next
from askproai_runtime.booking.phone_argument import ask_for_phone, ask_if_unclear, note_unclear, read_phone
from askproai_runtime.booking.relative_times import add_offered_weeks
from askproai_runtime.booking.remote import cover_end, create_booking, enqueue_sync
from askproai_runtime.booking.replaced_bookings import (
    ask_to_cancel_first,
    cancel_kept,
    cancel_replaced,
    cancel_replaced_afterwards,
    move_instead,
    say_replaced,
)
from askproai_runtime.booking.request import (
    BookingRequest,
    parse_booking_request,
    parse_service_request,
    read_said,
    read_text,
)
from askproai_runtime.booking.store.actions import is_action_done
from askproai_runtime.booking.store.appointments import (
    Appointment,
    Status,
    build_appointment,
    get_appointment,
    get_customer_name,
    get_desk_appointment,
    insert_appointment,
    list_call_appointments,
    upsert_customer,
)
from askproai_runtime.booking.store.audit import record_desk_change
from askproai_runtime.booking.store.calendar import mark_failed
from askproai_runtime.booking.store.claims import (
    lock_and_clear_holds,
    read_busy_spans,
)
from askproai_runtime.booking.store.verifications import set_birth_date
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    BookingOutcome,
    CallContext,
    Choice,
    ClarificationNeeded,
    FunctionOutcome,
)
from askproai_runtime.booking.unsaid_days import find_unheard, require_said_day
from askproai_runtime.booking.usual_staff import prefer_usual_staff
from askproai_runtime.booking.verification import asks_birth_date, require_birth_date
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.calendars import (
    CalendarOutcome,
    MustRevert,
    RefusalCause,
    Refused,
    Taken,
    Unavailable,
    attendee_email,
    needs_phone,
    usable_phone,
)
from askproai_runtime.language.phrases import correct_name, fold, same_name
from askproai_runtime.notifications.types import Kind
from askproai_runtime.sentences import present_language, say
from askproai_runtime.visits import same_services

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Written:
    """The appointments that a booking has written, and those that the caller had before and keeps. `again`: it was booked
    before.
    """

    appointments: list[Appointment]
    kept: list[Appointment]
    again: bool = False


@dataclass(frozen=True, slots=True)
class BookingResult:
    """What a booking answers, how it counts among those of callers, and what it has found or written."""

    answer: Answer
    outcome: BookingOutcome
    written: _Written | None = None


_Booking: TypeAlias = Change[_Written, BookingResult]


async def book_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Book, or find that this call already has the appointment, or offer what is free instead."""
    began = ctx.clock.monotonic()
    outcome = BookingOutcome.FAILED
    with span("booking"):
        try:
            ctx.faults.reach("before:book")
            result = await _book(ctx, call, args, deadline=began + ctx.settings.budget.total_seconds())
            outcome = result.outcome
        finally:
            annotate(outcome=outcome.value)
            ctx.metrics.booking(outcome.value, ctx.clock.monotonic() - began)
    return result.answer


async def _book(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], deadline: float) -> BookingResult:
    try:
        said_notes = args.get("notes")
        args = name_people(args, ctx.config().services, say().whose_name)
        if (corrected := await correct_details(ctx, call, args)) is not None:
            return BookingResult(corrected, BookingOutcome.ALREADY_BOOKED)
        async with ctx.pool.acquire() as conn:
            appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
            known = await _list_known_names(conn, ctx, call, appointments)
            call = await read_lost_offers(conn, ctx.tenant, call, appointments)
        named_id, listed = frozenset(filter(None, [read_text(args, "appointment_id")])), call.listed
        call = add_kept_offers(replace(call, listed=listed | named_id), appointments)
        args, request = await _understand(ctx, call, args, appointments)
        require_agreeing_notes(
            ctx, call, request.notes, request.service, request.start, request.name, request.offered_staff
        )
        chosen = read_chosen(call, args, request.name, appointments)
        is_second = chosen is not None and chosen.choice is Choice.FURTHER
        if not (request.another or is_second):
            then = [each for each in appointments if each.starts_at == request.start]
            request = replace(request, name=complete_name(call, then, request.name, read_asked_name(call)))
        moves, chooses_move = read_move(args, chosen)
        request = replace(
            request,
            names_customer=bool(known - {fold(request.name)}) or args.get("notes") != said_notes,
            moves=moves or not (request.another or chosen or named_id.isdisjoint(listed)),
        )
        offered = find_named(call, request.rules, request.start)
        is_alone = request.another or is_second or any(each.live for each in appointments)
        if not is_alone:
            request = replace(request, leaves_out=leaves_out(call, args, request.start, offered[1:]))
        try:
            group = add_companions(ctx, call, args, request.service, () if is_alone else offered[1:])
        except BookedOneByOne as together:
            alone = find_next(call, args, request, appointments, together)
            result = await _book(ctx, call, alone.args, deadline)
            return replace(result, answer=alone.ask_for_next(result.answer))
        group = name_everybody(call, group, request.name, request.start, another=request.another)
        renames = read_renames(call, args, (request.name, *group.names), appointments) if group.names else {}
        service = await prefer_usual_staff(ctx, group.service, call)
        instead = await _find_instead(ctx, call, request, chosen) if chosen and not group.names else None
        is_new_person = is_second_person(request, appointments) and not group.names
        # Two under one name are only those of a caller who has chosen a further one.
        is_booked = request.another and not (is_second or group.names) and request.is_booked_in(appointments)
        another = (request.another and not is_booked) or is_second or is_new_person or instead is not None
        request = replace(
            request,
            service=service,
            companions=group.names,
            renames=renames,
            another=another,
            offered_staff=request.offered_staff if offered or not group.names else None,
        )
        request = replace(request, short_names=list_short_names(call, request, appointments, known))
        await require_confirmed_email(ctx, call, args)
        request = _ask_for_phone(ctx, call, args, _ask_for_birth_date(ctx, args, request))
        named = await find_corrected(ctx, call, request, args, chosen)
        require_full_name(ctx, call, request, named or instead)
    except ClarificationNeeded as clarification:
        return _asked_back(clarification)
    except asyncpg.LockNotAvailableError:
        return BookingResult(busy_answer(), BookingOutcome.BUSY)
    if named is not None and not request.companions:
        repeated = _booked(ctx, request, _Written([named], [], again=True))
        return replace(repeated, answer=await correct(ctx, call, request, [named], repeated.answer))
    if instead is not None and chosen is not None:
        return await _book_instead(ctx, call, request, chosen.choice, instead, deadline)
    result = await carry_out_booking(ctx, call, request, deadline)
    if result.outcome is BookingOutcome.ALREADY_BOOKED and result.written is not None:
        answer = await _answer_repeated(ctx, call, request, result.written, result.answer, chooses_move=chooses_move)
        return replace(result, answer=_leave_further(request, answer) if is_booked else answer)
    return result


async def _answer_repeated(
    ctx: BookingContext,
    call: CallContext,
    request: BookingRequest,
    found: _Written,
    answer: Answer,
    *,
    chooses_move: bool,
) -> Answer:
    """Return the answer to a repeated booking, with its corrected details, or with the cancellation of the kept appointment."""
    answer = await correct_repeated(ctx, call, request, found.appointments, answer)
    if not (chooses_move and answer.success and len(found.appointments) == len(found.kept) == 1):
        return answer
    return await cancel_kept(ctx, call, found.appointments[0], found.kept[0], answer)


async def _understand(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], BookingRequest]:
    """Return the request with its arguments, at the time that they mean. Raises `ClarificationNeeded`."""
    try:
        parsed = _parse(ctx, call, _put_on_day(ctx, call, args), appointments)
        require_said_day(call, args, parsed[1].start, parsed[1].rules.zone)
    except ClarificationNeeded as question:
        start = await find_unheard(ctx, call, args, question)
        return _parse(ctx, call, name_start(args, start), appointments)
    return parsed


def _leave_further(request: BookingRequest, answer: Answer) -> Answer:
    """Return the answer to `another` for what is booked already, with the choice of a further appointment under the same name."""
    further = {"customer_name": request.name, "choices": [Choice.FURTHER]} if answer.success else {}
    return replace(answer, fields=answer.fields | further)


def _parse(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> tuple[Mapping[str, Any], BookingRequest]:
    """Return the request with its arguments, and with the person or the time that its notes name where the caller means that."""
    request = parse_booking_request(ctx.config(), call, args, appointments)
    if (time := find_noted_time(call, request.notes, request.service, request.start)) is not None:
        day = request.start.astimezone(request.rules.zone).date().isoformat()
        args = {name: each for name, each in args.items() if name != "start"} | {"date": day, "time": time}
        return args, parse_booking_request(ctx.config(), call, args, appointments)
    if (staff := find_noted_staff(call, request.notes, request.service, request.name)) is None:
        return args, request
    args = {**args, "staff": staff}
    return args, parse_booking_request(ctx.config(), call, args, appointments)


def _put_on_day(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments with the day that they mean of those named before. Raises `ClarificationNeeded`."""
    zone, find_service = ZoneInfo(ctx.config().time_zone), partial(parse_service_request, ctx.config(), call, args)
    args = put_on_named_day(after_request(call, zone), args, zone, find_service)
    return add_offered_weeks(args, call, zone, find_service)


async def _find_instead(
    ctx: BookingContext, call: CallContext, request: BookingRequest, chosen: Chosen
) -> Appointment | None:
    """Return the appointment that is moved, or cancelled for the requested one; None where none is, or it is gone."""
    if chosen.choice not in {Choice.MOVE, Choice.CANCEL}:
        return None
    if chosen.among and chosen.about not in chosen.among:
        return await _find_among(ctx, call, request, chosen.among)
    return await find_own(ctx, call, chosen.about)


async def _find_among(
    ctx: BookingContext, call: CallContext, request: BookingRequest, among: Iterable[str]
) -> Appointment | None:
    """Return the only one that is left of several appointments. Raises the question which of them is moved."""
    found = [await find_own(ctx, call, each) for each in among]
    left = [each for each in found if each is not None]
    if len(left) > 1:
        raise ask_about_several(ctx, request, left, moves=True)
    return left[0] if left else None


async def _book_instead(
    ctx: BookingContext,
    call: CallContext,
    request: BookingRequest,
    choice: Choice,
    booked: Appointment,
    deadline: float,
) -> BookingResult:
    """Move the booked appointment, or cancel it and book the requested one in its place, as the caller has chosen.

    It is moved with its service and its staff member; another one is booked in its place.
    """
    is_same = same_name(request.name, booked.customer_name)  # "Lange" is Petra Lange, for whom it was
    is_person = (request.service.staff or request.offered_staff) in {None, booked.staff}
    if choice is Choice.MOVE and is_person and same_services(request.rules.service.name, booked.service):
        answer = await move_instead(ctx, call, request, booked, deadline)
        if answer.success:  # with the notes, the number and the name that came with it
            answer = await add_details(ctx, call, request, booked, answer)
        return BookingResult(answer, BookingOutcome.ALREADY_BOOKED if answer.success else BookingOutcome.ASKED_BACK)
    name = correct_name(booked.customer_name, request.name) if is_same else request.name
    request = replace(request, replaces=booked, name=name, notes=add_note(booked.notes, request.notes))
    if linked_event_types(ctx, request.rules.service):  # the calendar may refuse what is committed here
        later = replace(request, replaces=None, replaces_afterwards=booked.id)
        result = await carry_out_booking(ctx, call, later, deadline)
        if result.outcome is BookingOutcome.NOT_FREE and overlaps(
            request.start, request.rules, booked
        ):  # in its own way
            return BookingResult(await ask_to_cancel_first(ctx, call, later, booked), BookingOutcome.ASKED_BACK)
        is_confirmed = result.answer.fields.get("status") == Status.CONFIRMED and _is_new(result)
        is_cancelled = is_confirmed and await cancel_replaced_afterwards(ctx, call, booked)
    else:
        result = await carry_out_booking(ctx, call, request, deadline)
        is_cancelled = result.answer.success and _is_new(result)
    return replace(result, answer=await say_replaced(ctx, booked, result.answer, is_cancelled=is_cancelled))


def _is_new(result: BookingResult) -> bool:
    """Return whether this request has booked. One that finds its booking cancels nothing."""
    return result.outcome in {BookingOutcome.CONFIRMED, BookingOutcome.PENDING_SYNC}


def _ask_for_birth_date(ctx: BookingContext, args: Mapping[str, Any], request: BookingRequest) -> BookingRequest:
    """Return the request with the birth date, where the tenant asks for it. Raises `ClarificationNeeded`."""
    if not asks_birth_date(ctx):
        return request
    return replace(request, birth_date=require_birth_date(args, ctx.clock.now(), request.rules.zone))


def _ask_for_phone(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: BookingRequest
) -> BookingRequest:
    """Return the request, with what was heard of a number in its notes if that is no number.

    Raises `ClarificationNeeded` where the caller is asked for it.
    """
    said = read_phone(read_said(args, "phone"), ctx.config(), call.branch)
    ask_if_unclear(call, said, region_of(ctx.config(), call.branch))
    _require_phone(ctx, request)
    ask_for_phone(call, said, request.phone)
    return replace(request, notes=note_unclear(request.notes, said))


async def _list_known_names(
    conn: Connection, ctx: BookingContext, call: CallContext, appointments: Iterable[Appointment]
) -> set[str]:
    """Return the folded names for which this call has booked, and the first one of its number; of that none where a number alone
    proves nothing about its customer.
    """
    names = {each.customer_name for each in appointments if each.live}
    if call.caller and not asks_birth_date(ctx):
        names.add(await get_customer_name(conn, ctx.tenant, call.caller) or "")
    return {fold(name) for name in names} - {""}


async def carry_out_booking(
    ctx: BookingContext, call: CallContext, request: BookingRequest, deadline: float
) -> BookingResult:
    """Book once what is resolved, of a caller or of the desk, or answer why it is not booked, with what is free instead."""
    try:
        _require_phone(ctx, request)
        with span("booking.claim"):
            claim = await _claim_booking(ctx, call, request, deadline)
        if isinstance(claim, BookingResult):
            return claim
        change: _Booking = Change(
            ctx,
            lambda written: _booked(ctx, request, written),
            lambda conn, written: _read_written(conn, ctx, written),
        )
        try:
            return await change.run(lambda: _book_slot(ctx, claim, request, change))
        except (ClarificationNeeded, SlotNotFree, asyncpg.LockNotAvailableError):
            await claim.give_up(ctx)
            raise
    except ClarificationNeeded as clarification:
        return _asked_back(clarification)
    except asyncpg.LockNotAvailableError:
        return BookingResult(busy_answer(), BookingOutcome.BUSY)
    except SlotNotFree:
        return await _offer_alternatives(ctx, call, request)


def _asked_back(clarification: ClarificationNeeded) -> BookingResult:
    limited = isinstance(clarification, LimitReached)
    return BookingResult(clarification.answer, BookingOutcome.LIMITED if limited else BookingOutcome.ASKED_BACK)


def _require_phone(ctx: BookingContext, request: BookingRequest) -> None:
    """Raise `ClarificationNeeded` if the calendar refuses bookings without a number, and none is known that it accepts."""
    is_linked = bool(linked_event_types(ctx, request.rules.service))
    if is_linked and needs_phone(request.rules.service) and usable_phone(request.phone) is None:
        raise ClarificationNeeded(
            say().phone_needed, cause="Cal.com requires a valid telephone number for this service"
        )


async def _claim_booking(
    ctx: BookingContext, call: CallContext, request: BookingRequest, deadline: float
) -> ActionClaim | BookingResult:
    """Claim the right to book this once. A concurrent request that has booked it answers for both."""

    async def find_result(conn: Connection) -> BookingResult | None:
        if request.desk is None:
            settled = [a for a in await list_call_appointments(conn, ctx.tenant, call.call_id) if a.settled]
            repeated = find_booked(request, settled)
            if not repeated:
                repeated = await find_moved(conn, ctx, call, request, await list_of_number(conn, ctx, call))
        elif await is_action_done(conn, ctx.tenant, call.call_id, request.key):
            repeated = _list(await get_desk_appointment(conn, ctx.tenant, call.call_id))
        else:
            repeated = []
        if not repeated:
            return None
        return _booked(
            ctx, request, _Written(repeated, await find_kept(conn, ctx, call, request, repeated), again=True)
        )

    again = request.desk is None  # a caller who says it again after a cancellation wants it again
    claim = await claim_action(ctx, call, request.key, request.start, deadline, find_result, again=again)
    return claim or _in_flight()


async def _find_repeated(
    conn: Connection, ctx: BookingContext, call: CallContext, request: BookingRequest
) -> list[Appointment]:
    """Return what the call, or this request of the desk, has booked before, of a group the appointment of each.

    Of the desk it is that whatever became of it since, except what the calendar has refused. Raises `ClarificationNeeded`.
    """
    if request.desk is None:
        appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
        repeated = find_booked(request, appointments)
        if not repeated:
            is_beside = request.another and not request.moves
            others = [] if is_beside else await list_of_number(conn, ctx, call)
            if moved := await find_moved(conn, ctx, call, request, others):
                return moved
            if request.moves:
                require_no_move(ctx, request, [*others, *appointments])
            asked = [] if is_beside else await list_asked_to_cancel(conn, ctx, call, others)
            said_before = await list_said(conn, ctx, call, request, others)
            before = {each.id: each for each in (*said_before, *asked)}
            taken_back = appointments if takes_back(call) else ()
            meant = {*before, *(each.id for each in taken_back)}
            require_only_one(ctx, request.each, [*before.values(), *appointments], meant)
            require_free_people(ctx, call, request.each, [*others, *appointments], before)
        return repeated
    found = await get_desk_appointment(conn, ctx.tenant, call.call_id)
    return [] if found is None or found.status == Status.FAILED else [found]


def _list(appointment: Appointment | None) -> list[Appointment]:
    return [] if appointment is None else [appointment]


async def _check_slot(ctx: BookingContext, claim: ActionClaim, request: BookingRequest) -> None:
    """Check without any lock, while another call books there, whether the slot is still free.

    Raises `SlotNotFree` if not: many callers for one slot then cost one transaction, and the others a query each.
    """
    if request.replaces is not None:
        return  # its time is free only within the transaction
    async with ctx.pool.acquire() as conn:
        if not await _find_repeated(conn, ctx, claim.call, request):
            await _place(conn, ctx, claim, request, offered=find_offered(claim.call, request))


async def _book_slot(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, change: _Booking
) -> BookingResult:
    async with ctx.slot_lock.hold(*request.slot_key, on_retry=lambda: _check_slot(ctx, claim, request)):
        return await _book_with_any_staff(ctx, claim, request, change)


async def _read_written(conn: Connection, ctx: BookingContext, written: _Written) -> _Written:
    """Return what a booking has written as it is now. Raises `SlotNotFree` if the calendar does not have the time free."""
    found = [await get_appointment(conn, ctx.tenant, each.id) or each for each in written.appointments]
    if any(each.status == Status.FAILED for each in found):
        raise SlotNotFree
    return replace(written, appointments=found)


async def _book_with_any_staff(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, change: _Booking
) -> BookingResult:
    """Try one staff member after the other until the calendar agrees, nobody is left, or the caller has waited long enough."""
    refused_staff: set[str] = set()
    while True:
        written = await _write_with_any_staff(ctx, claim, request, refused_staff, change)
        ctx.faults.reach("after:book-commit")
        if isinstance(written, BookingResult):
            return written
        if written.again or all(each.status == Status.CONFIRMED for each in written.appointments):
            return _booked(ctx, request, written)
        (appointment,) = written.appointments  # of a group none is in the remote calendar
        appointment, outcome = await cover_end(ctx, appointment, await _ask_calendar(ctx, claim, appointment))
        ctx.faults.reach("after:calcom-create")
        if not isinstance(outcome, Taken | Refused):
            with span("booking.settle"):
                settled = await settle_action(ctx, claim, appointment, outcome)
            return _booked(ctx, request, replace(written, appointments=[settled]))
        if not await _give_up_appointment(ctx, request, appointment, outcome, change):
            # Our lease had ended, and a concurrent request answered that it is booked: its sync job decides.
            return _in_flight()
        ctx.faults.reach("after:book-give-back")
        if isinstance(outcome, Refused):
            refused_staff.add(appointment.staff)
            may_fit_others = outcome.cause in {RefusalCause.EVENT_TYPE, RefusalCause.REQUEST} or (
                outcome.cause is RefusalCause.CREDENTIALS
                and ctx.config().own_credential(appointment.event_type_id) is not None
            )
            if not may_fit_others or request.service.staff is not None or claim.provider_timeout(ctx) is None:
                return await _refuse(ctx, claim)
        elif claim.provider_timeout(ctx) is None:
            raise SlotNotFree


async def _write_with_any_staff(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, refused_staff: Collection[str], change: _Booking
) -> _Written | BookingResult:
    """Run TX1. Raises `SlotNotFree`, unless some were refused: if all others are busy, the refusal is still the reason."""
    try:
        with span("booking.write"):
            return await change.commit(
                lambda conn: _write_appointments(conn, ctx, claim, request, refused_staff, change.attempted)
            )
    except (SlotNotFree, asyncpg.ExclusionViolationError) as error:
        if refused_staff:
            return await _refuse(ctx, claim)
        raise SlotNotFree from error


async def _refuse(ctx: BookingContext, claim: ActionClaim) -> BookingResult:
    """Say that nothing is booked, since the calendar refuses it; the call may ask again at once."""
    await claim.give_up(ctx)
    return BookingResult(refused_answer(), BookingOutcome.FAILED)


async def _give_up_appointment(
    ctx: BookingContext, request: BookingRequest, appointment: Appointment, outcome: Taken | Refused, change: _Booking
) -> bool:
    """Free the time of an appointment that the calendar has not accepted. Returns False if it was promised meanwhile.

    A time that is taken there is not offered again for a while. One that was refused is: the cause is not the time.
    """
    ids = {"appointment": str(appointment.id), "correlation_id": appointment.correlation_id}
    if isinstance(outcome, Taken):
        refusal = ctx.settings.refusal
        log.info("booking.taken_at_calendar", **ids)
    else:
        refusal = timedelta()
        log.warning("booking.refused_by_calendar", consequence="the caller was told that nothing is booked", **ids)

    async def write(conn: Connection) -> bool:
        given_up = await mark_failed(conn, ctx.tenant, appointment, outcome.message, refusal)
        if given_up and isinstance(outcome, MustRevert):  # the sync job cancels it there
            await enqueue_sync(conn, ctx.tenant, appointment.id, appointment.correlation_id)
        if isinstance(outcome, Taken):
            await drop_free_times(conn, ctx.config(), appointment.event_type_id, appointment.spans)
        if given_up:
            await _record_desk(conn, ctx, request, "appointment.booking_refused", appointment)
        return given_up

    return await change.revert(write)


async def _ask_calendar(ctx: BookingContext, claim: ActionClaim, appointment: Appointment) -> CalendarOutcome:
    timeout = claim.provider_timeout(ctx)
    if timeout is None:
        return Unavailable("no time was left to ask the calendar while the caller waits")
    with span("booking.calendar"):
        outcome = await create_booking(ctx, appointment, timeout, caller_waits=True)
        annotate(outcome=type(outcome).__name__.lower())
        return outcome


async def _write_appointments(
    conn: Connection,
    ctx: BookingContext,
    claim: ActionClaim,
    request: BookingRequest,
    refused_staff: Collection[str],
    attempted: _Written | None,
) -> _Written:
    """TX1: in one transaction everything that must not be lost: appointments, claims, customer, sync job, and the action's state.

    Only under the lock it is certain whether the call has the appointment already: whoever had the claim before may have
    committed a moment ago, after its lease ended.
    """
    call, rules = claim.call, request.rules
    replaced = [] if request.replaces is None else [request.replaces.id]
    await lock_and_clear_holds(
        conn, ctx.tenant, rules.resource_ids, call.call_id, appointments=replaced, for_caller=True
    )
    if repeated := await _find_repeated(conn, ctx, call, request):
        if attempted is not None and {each.id for each in repeated} == {each.id for each in attempted.appointments}:
            return attempted  # it was committed, and the answer lost
        await claim.complete(conn, ctx, repeated[0].id)
        return _Written(repeated, await find_kept(conn, ctx, call, request, repeated), again=True)
    if request.replaces is not None:
        await cancel_replaced(conn, ctx, call, request.replaces)
    plan = await _place(conn, ctx, claim, request, refused_staff, find_offered(call, request))
    if request.companions and any(
        slot.staff in linked_event_types(ctx, each.rules.service)
        for each, (slot, _) in zip(request.each, plan, strict=True)
    ):
        raise SlotNotFree  # linked since the request was read: a group is booked in the local calendar only
    if request.desk is None:
        await require_within_limits(conn, ctx, call, people=len(plan) - len(replaced))
    customer, written = None, list[Appointment]()
    for each, (slot, claims) in zip(request.each, plan, strict=True):
        if request.phone and customer is None:
            customer = await upsert_customer(conn, ctx.tenant, request.phone, request.name, request.email)
        appointment = _build_appointment(ctx, claim, each, slot, customer)
        await insert_appointment(conn, ctx.tenant, appointment, claims, each.rules.staff_member(slot.staff).units)
        if request.birth_date is not None:
            await set_birth_date(conn, ctx.tenant, appointment.id, request.birth_date)
        await announce(conn, ctx.config(), Kind.BOOKED, appointment)
        written.append(appointment)
    first = written[0]
    if first.in_remote_calendar:
        run_at = ctx.clock.now() + ctx.settings.sync_delay  # for the case that this process dies; TX2 completes the job
        await enqueue_sync(conn, ctx.tenant, first.id, call.correlation_id, run_at)
        await claim.attach(conn, ctx, first.id)
    else:
        await claim.complete(conn, ctx, first.id)
    await _record_desk(conn, ctx, request, "appointment.booked", first)
    return _Written(written, await find_kept(conn, ctx, call, request, written=written))


async def _record_desk(
    conn: Connection, ctx: BookingContext, request: BookingRequest, action: str, appointment: Appointment
) -> None:
    """Record a booking in the audit log, if it is one of the desk."""
    if request.desk is not None:
        facts = {"appointment": appointment.id, "start": appointment.starts_at, "staff": appointment.staff}
        await record_desk_change(conn, ctx.tenant, request.desk, action, appointment.correlation_id, **facts)


async def _place(
    conn: Connection,
    ctx: BookingContext,
    claim: ActionClaim,
    request: BookingRequest,
    refused_staff: Collection[str] = (),
    offered: Sequence[Slot] = (),
) -> Plan:
    """Check rules, claims and what the remote calendar is known to have free again: who was offered is kept, else who is booked
    least that day; of a group all that was `offered`. Raises `SlotNotFree`.

    `refused_staff` are those whom the calendar has just refused to book.

    The minimum notice of what was offered counts from before the offer (by the duration of a hold): it must not run out while
    the caller considers.
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
        claim.call.call_id,
        elsewhere=find_elsewhere(ctx.config(), rules),
    )
    if request.companions:
        plan = find_plan(rules, busy, query, present_language(), offered)
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
    slot = (offered or least_busy_per_start(slots, busy, request.rules, present_language()))[0]
    claims = allocate_visit(request.rules, slot.staff, busy, slot.start)
    return None if claims is None else [(slot, claims)]


def _build_appointment(
    ctx: BookingContext, claim: ActionClaim, request: BookingRequest, slot: Slot, customer: UUID | None
) -> Appointment:
    """Return the row to write: pending if it belongs into the remote calendar, else confirmed."""
    appointment_id, domain = uuid4(), ctx.config().calendar.attendee_email_domain
    event_type_id = linked_event_types(ctx, request.rules.service).get(slot.staff)
    return build_appointment(
        appointment_id,
        claim.call,
        request.rules,
        slot,
        Status.CONFIRMED if event_type_id is None else Status.PENDING_SYNC,
        customer_name=request.name,
        phone=request.phone,
        notes=request.notes,
        attendee_email=attendee_email(request.email, request.phone, str(appointment_id), domain),
        event_type_id=event_type_id,
        customer_id=customer,
        generation=claim.generation,
    )


async def _offer_alternatives(ctx: BookingContext, call: CallContext, request: BookingRequest) -> BookingResult:
    shared = request.desk is None and not request.was_offered
    answer, obstacle = await offer_alternatives(ctx, request.service, call, request.start, shared=shared)
    if obstacle is Obstacle.TAKEN and request.offered_staff:
        ctx.metrics.offered_but_lost()
    return BookingResult(answer, BookingOutcome.NOT_FREE)


def _booked(ctx: BookingContext, request: BookingRequest, written: _Written) -> BookingResult:
    confirmed = all(each.status == Status.CONFIRMED for each in written.appointments)
    outcome = BookingOutcome.CONFIRMED if confirmed else BookingOutcome.PENDING_SYNC
    answer = confirm(ctx, request, written.appointments, written.kept, again=written.again)
    return BookingResult(answer, BookingOutcome.ALREADY_BOOKED if written.again else outcome, written)


def _in_flight() -> BookingResult:
    return BookingResult(failure(say().booking_in_flight, FunctionOutcome.IN_FLIGHT), BookingOutcome.IN_FLIGHT)
