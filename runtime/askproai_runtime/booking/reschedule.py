"""reschedule_appointment, read from top to bottom; the same steps as in `book.py`.

    claim the action of the call → TX1: lock the staff member, check the new time again, move (pending, the old time kept
    blocked, with its sync job) → ask the calendar, outside any transaction → TX2: confirm, and free the old time; or revert
    the move, if the calendar refuses it → answer the caller

The appointment keeps its id, its service, and its staff member unless the caller names another one (`changed_visits.py`). Killed
anywhere, it leaves an appointment that is where one of the two calendars has it, and a sync job that brings them together.
See docs/decisions/0015-reschedule-keeps-the-old-time-blocked.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.elsewhere import find_elsewhere
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import ServiceRules, SlotQuery
from askproai_runtime.booking.announce import announce
from askproai_runtime.booking.answers import (
    appointment_fields,
    busy_answer,
    describe_appointment,
    end_sentence,
    failure,
    have_several_customers,
    is_requested,
)
from askproai_runtime.booking.appointment_filters import is_of_service
from askproai_runtime.booking.cancel_question import read_cancel_reply
from askproai_runtime.booking.changed_visits import (
    choose_offered_staff,
    choose_staff,
    find_offered_elsewhere,
    find_other_service,
    list_others,
    require_movable,
)
from askproai_runtime.booking.changes import Change
from askproai_runtime.booking.day_readings import name_start
from askproai_runtime.booking.free_times import drop_free_times
from askproai_runtime.booking.further import find_beside, require_beside_wanted
from askproai_runtime.booking.idempotency import ActionClaim, SlotNotFree, claim_action, settle_action
from askproai_runtime.booking.kept_offers import read_kept_offers
from askproai_runtime.booking.named_owner import name_owner
from askproai_runtime.booking.named_people import names_several
from askproai_runtime.booking.new_times import (
    count_from_appointment,
    counted_words,
    require_other_start,
    understand_new_time,
)
from askproai_runtime.booking.offer import offer_alternatives, offer_for_move
from askproai_runtime.booking.own_appointments import resolve_appointment
from askproai_runtime.booking.owner_questions import ask_name, comes_instead, require_owner, says_customer
from askproai_runtime.booking.remote import cover_end, enqueue_sync, move_booking
from askproai_runtime.booking.request import ServiceRequest, read_parts, read_text, require_exact
from askproai_runtime.booking.said_appointments import name_place
from askproai_runtime.booking.said_names import is_named_beside
from askproai_runtime.booking.store.actions import (
    FormerStart,
    hash_words,
    is_action_done,
    move_key,
    record_former_start,
    record_question,
)
from askproai_runtime.booking.store.appointments import (
    Appointment,
    Status,
    get_appointment,
    list_call_appointments,
    move_appointment,
)
from askproai_runtime.booking.store.audit import record_desk_change
from askproai_runtime.booking.store.calendar import lock_unchanged, read_sync_state, revert_move
from askproai_runtime.booking.store.claims import (
    Placement,
    lock_and_clear_holds,
    lock_resources_of,
    read_busy_spans,
)
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    CallContext,
    ClarificationNeeded,
    DeskRequest,
    FunctionOutcome,
)
from askproai_runtime.booking.unsaid_days import find_unheard, require_said_day
from askproai_runtime.booking.verification import list_own_appointments
from askproai_runtime.calendars import CalendarOutcome, MustRevert, Refused, Taken, Unavailable
from askproai_runtime.german_dates import Understanding, understand_parts
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import only_thanks
from askproai_runtime.language.names import find_staff_id
from askproai_runtime.notifications.types import Kind
from askproai_runtime.sentences import format_spoken, say
from askproai_runtime.visits import find_by_name

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """An appointment as it was found, and where it is to be moved: the same service, another start or another staff member; with
    one of `others` if that person has no time.
    """

    appointment: Appointment
    service: ServiceRequest
    start: datetime
    desk: DeskRequest | None = None
    names_customer: bool = False  # there may be another person's
    counted: str | None = None  # the words by which `start` was counted from the appointment
    beside: frozenset[UUID] = (
        frozenset()
    )  # appointments of the same person at that time, to which the caller has said yes
    others: tuple[ServiceRequest, ...] = ()
    own: Sequence[Appointment] = ()  # of the number before the move

    @property
    def key(self) -> str:
        """The key of the action within the call, or the request of the desk."""
        staff = self.service.staff
        key = move_key(self.appointment.id, self.start)
        return key if self.desk is not None or staff == self.appointment.staff else f"{key}|{staff}"


@dataclass(frozen=True, slots=True)
class _Move:
    """An appointment before and after TX1; the same object if it was there already, or if it is not to be moved again."""

    before: Appointment
    after: Appointment
    changed_since: bool = False


_Moving: TypeAlias = Change[_Move, Answer]


class MoveInFlight(Exception):
    """Somebody else is changing this appointment at this moment."""


class _PersonBusy(Exception):
    """The person of an appointment has another one at its new time, and nobody has said that this is meant."""

    def __init__(self, beside: Appointment) -> None:
        super().__init__()
        self.beside = beside


async def move_own_appointment(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment, or find that it is there already, or offer what is free instead.

    Raises `ReplacementWanted`.
    """
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    call = await read_kept_offers(ctx, call)
    try:
        try:
            request = await _understand_move(ctx, call, args)
        except ClarificationNeeded as question:
            start = await find_unheard(ctx, call, args, question)
            request = await _understand_move(ctx, call, name_start(args, start))
    except ClarificationNeeded as clarification:
        return clarification.answer
    if isinstance(request, Answer):
        return request
    try:
        answer = await carry_out_move(ctx, call, request, deadline)
        for other in request.others if "alternatives" in answer.fields else ():
            moved = await carry_out_move(ctx, call, replace(request, service=other), deadline)
            answer = moved if moved.success else answer
            if moved.success:
                break
        answer = _ask_for_more(call, request.counted, answer)
        answer = _say_others_stay(ctx, call, args, request, answer)
        answer = _say_service_stays(ctx, args, request.appointment, answer)
        return _ask_for_name(ctx, call, args, request.appointment, answer)
    except MoveInFlight:
        return failure(say().move_in_flight, FunctionOutcome.IN_FLIGHT)
    except asyncpg.LockNotAvailableError:
        return busy_answer()


async def _understand_move(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> MoveRequest | Answer:
    """Return the move that the arguments ask for, or the offer of times. Raises `ClarificationNeeded` and `ReplacementWanted`."""
    args = name_place(call, args)
    async with ctx.pool.acquire() as conn:
        appointment = await resolve_appointment(
            ctx, conn, call, args, say().which_to_move, lambda *moved: _is_repeated(ctx, call, args, *moved)
        )
        own = await list_own_appointments(ctx, conn, call, {})
        if comes_instead(ctx, call, args, appointment) and not _names_other_time(ctx, call, args, appointment):
            raise ask_name(name_owner(call, args), appointment)
        await require_owner(ctx, conn, call, args, appointment, own)
        service = await _require_service(ctx, conn, call, appointment)
    named = says_customer(ctx, call, args, appointment) or have_several_customers([appointment, *own])
    other_service = find_other_service(ctx, call, args, appointment)
    service = other_service or choose_staff(ctx, call, args, appointment, service)
    counted = counted_words(args)
    timed = await count_from_appointment(ctx, call, args, appointment, service)
    understood = understand_new_time(timed, call, appointment, service)
    if understood is None and other_service is None and service.staff == appointment.staff:
        raise ClarificationNeeded(_ask_when(ctx, call, appointment))
    others = () if other_service is not None else list_others(ctx, call, appointment, service)
    if others and understood is not None and (refused := _find_refused(ctx, call, understood)) is not None:
        return MoveRequest(appointment, service, refused, names_customer=named, others=others, own=own)
    if understood is not None and understood.exact is None and not understood.ambiguous:
        _require_future(ctx, appointment, appointment)
        return await offer_for_move(ctx, service, call, understood, appointment)
    start = appointment.starts_at if understood is None else require_exact(understood, call, service)
    require_said_day(call, args, start, service.rules.zone, appointment.starts_at)
    elsewhere = find_offered_elsewhere(ctx, call, args, appointment, other_service, start) if understood else None
    if elsewhere is not None:
        service = other_service = elsewhere
    if other_service is None and "staff" not in args:
        service = await choose_offered_staff(ctx, call, args, appointment, service, start)
    if other_service is not None or service.staff != appointment.staff:
        _require_future(ctx, appointment, appointment)
        is_asked = other_service is not None or understood is None
        await require_movable(ctx, call, appointment, service, start, is_asked=is_asked)
    elif start == appointment.starts_at:
        await require_other_start(ctx, call, timed, appointment, service)
    return MoveRequest(appointment, service, start, names_customer=named, counted=counted, others=others, own=own)


def _names_other_time(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment
) -> bool:
    """Return whether a move names anything new: a time that is not the appointment's, a person or a service."""
    if any(read_text(args, name) for name in ("staff", "service", "part_of_day")):
        return True
    named = read_parts(args)
    understood = understand_parts(*named, at=call.started_at, zone=ZoneInfo(ctx.config().time_zone))
    return any(named) and not any(each.contains(appointment.starts_at) for each in understood.candidates)


def _find_refused(ctx: BookingContext, call: CallContext, understood: Understanding) -> datetime | None:
    """Return the start that the last answer has refused with the own person, if it is one that is asked for."""
    refused = call.named_last.refused if call.named_last is not None else None
    then = None if refused is None else refused.astimezone(ZoneInfo(ctx.config().time_zone))
    return refused if then is not None and any(each.contains(then) for each in understood.candidates) else None


def _ask_for_more(call: CallContext, counted: str | None, answer: Answer) -> Answer:
    """Return the answer, with the question for a time where the caller has said more than thanks since it was moved."""
    if answer.outcome is not FunctionOutcome.ALREADY_MOVED or not counted or only_thanks(call.said_since or ""):
        return answer
    return replace(answer, message=f"{answer.message}{say().move_further}")


def _say_others_stay(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: MoveRequest, answer: Answer
) -> Answer:
    """Return the answer, with the other appointments of this number that stay: those of customers whom the caller has named, or the
    only one where a move names several people.
    """
    if not answer.success:
        return answer
    start, zone = datetime.fromisoformat(answer.fields["start"]), ZoneInfo(ctx.config().time_zone)
    others = [each for each in request.own if each.id != request.appointment.id and each.starts_at != start]
    customer = request.appointment.customer_name
    named = [each for each in others if is_named_beside(call.utterances, each.customer_name, customer)]
    is_of_several = len(others) == 1 and names_several(read_text(args, "customer_name"))
    for each in named or (others if is_of_several else ()):
        when = format_spoken(each.starts_at, zone, ctx.clock.now())
        whom = say().for_customer.format(name=each.customer_name)
        answer = replace(answer, message=f"{answer.message}{say().other_stays.format(when=f'{when}{whom}')}")
    return answer


def _say_service_stays(
    ctx: BookingContext, args: Mapping[str, Any], appointment: Appointment, answer: Answer
) -> Answer:
    """Return the answer, with a sentence where a service is named that is not that of the moved appointment."""
    named = read_text(args, "service")
    if not answer.success or named is None or is_of_service(ctx.config(), appointment, named):
        return answer
    is_with_other = answer.fields["staff"] != appointment.staff
    return replace(
        answer, message=f"{answer.message} {say().nothing_else_noted if is_with_other else say().only_time_moved}"
    )


def _ask_for_name(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, answer: Answer
) -> Answer:
    """Return the answer, with the question whether the moved appointment gets another name."""
    if not answer.success or not comes_instead(ctx, call, args, appointment):
        return answer
    question = ask_name(name_owner(call, args), appointment)
    return replace(answer, message=f"{answer.message} {question}", fields=answer.fields | question.answer.fields)


async def carry_out_move(ctx: BookingContext, call: CallContext, request: MoveRequest, deadline: float) -> Answer:
    """Move an appointment once. Raises `MoveInFlight`, and `asyncpg.LockNotAvailableError` after `lock_timeout`."""
    claim = await _claim_move(ctx, call, request, deadline)
    if isinstance(claim, Answer):
        return claim
    change: _Moving = Change(
        ctx, lambda move: _answer_move(ctx, request, move), lambda conn, move: _read_move(conn, ctx, request, move)
    )
    try:
        return await change.run(lambda: _move(ctx, claim, request, change))
    except ClarificationNeeded as clarification:
        await claim.give_up(ctx)
        return clarification.answer
    except SlotNotFree:
        await claim.give_up(ctx)
        answer, _ = await offer_alternatives(ctx, request.service, call, request.start, moving=request.appointment)
        return answer
    except _PersonBusy as busy:
        await claim.give_up(ctx)
        try:
            await require_beside_wanted(ctx, call, request.appointment, busy.beside, request.start)
        except ClarificationNeeded as clarification:
            return clarification.answer
        request = replace(request, beside=request.beside | {busy.beside.id})
        return await carry_out_move(ctx, call, request, deadline)
    except (MoveInFlight, asyncpg.LockNotAvailableError):
        await claim.give_up(ctx)
        raise


def resolve_service(ctx: BookingContext, appointment: Appointment, other_staff: str | None = None) -> ServiceRequest:
    """Return the service of an appointment with its staff member or another one, by the present rules.

    Raises `ClarificationNeeded` if it is not offered so any more, and `UnknownName` if `other_staff` does not do it.
    """
    service = find_service(ctx, appointment, other_staff)
    if service is None:
        when = describe_appointment(ctx.config(), appointment, ctx.clock.now())
        question = say().not_offered_any_more.format(when=when)
        raise ClarificationNeeded(
            question,
            outcome=FunctionOutcome.NOT_BOOKABLE,
            cause="its branch, service or person is not declared any more: cancel it, and book a new one",
            appointment_id=str(appointment.id),
            needs_confirmation=True,
        )
    return service


async def _require_service(
    ctx: BookingContext, conn: Connection, call: CallContext, appointment: Appointment
) -> ServiceRequest:
    """Return what `resolve_service` does. The question of its error is that of a cancellation: the yes leads to
    `cancel_appointment`, which does not ask again. A model that repeats the move after the answer cancels nothing by that.
    """
    try:
        return resolve_service(ctx, appointment)
    except ClarificationNeeded as clarification:
        _require_future(ctx, appointment, appointment)
        reply = await read_cancel_reply(ctx, conn, call, appointment)
        await record_question(conn, ctx.tenant, call.call_id, appointment.id, appointment.starts_at)
        if reply in {None, Reply.NO}:
            raise
        answer = clarification.answer
        raise ClarificationNeeded(say().say_cancel, outcome=answer.outcome, **answer.fields) from None


def _require_future(ctx: BookingContext, found: Appointment, now: Appointment | None) -> Appointment:
    """Return an appointment as it is `now`, if it can still be moved. Raises `ClarificationNeeded`, which names it as `found`."""
    if now is not None and now.live and now.starts_at > ctx.clock.now():
        return now
    gone = describe_appointment(ctx.config(), found, ctx.clock.now())
    sentence = say().cancelled_or_over.format(when=gone)
    raise ClarificationNeeded(sentence, outcome=FunctionOutcome.GONE)


def find_service(
    ctx: BookingContext, appointment: Appointment, other_staff: str | None = None
) -> ServiceRequest | None:
    """Return what `resolve_service` does; None if the service, or the staff member for it, is not offered any more."""
    config = ctx.config()
    branch = config.find_branch(appointment.branch)
    service = find_by_name(config, appointment.service, appointment.branch)
    rules = ServiceRules.of(ZoneInfo(config.time_zone), branch, service) if branch and service else None
    name = appointment.staff
    if rules is not None and rules.staff_members and other_staff:
        name = find_staff_id(rules, other_staff)
    staff = tuple(s for s in rules.staff_members if s.id == name) if rules else ()
    return ServiceRequest(replace(rules, staff_members=staff), name) if rules is not None and staff else None


def _is_repeated(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, former: FormerStart
) -> bool:
    """Return whether an appointment, which was at its former start before, has the new start that is asked for."""
    counted = counted_words(args)
    if counted is not None:
        return former.counted == hash_words(counted)
    try:
        service = resolve_service(ctx, appointment)
        understood = understand_new_time(args, call, appointment, service)
    except ClarificationNeeded:
        return False
    return understood is not None and understood.exact == appointment.starts_at


def _ask_when(ctx: BookingContext, call: CallContext, appointment: Appointment) -> str:
    """Return the question about the new time. An appointment of another branch than the one that was called is named with it: it
    stays there, and the caller may mean the branch that was called.
    """
    if not call.branch or appointment.branch == call.branch:
        return say().when_to_move
    when = describe_appointment(ctx.config(), appointment, ctx.clock.now())
    return say().when_to_move_there.format(when=when)


async def _claim_move(
    ctx: BookingContext, call: CallContext, request: MoveRequest, deadline: float
) -> ActionClaim | Answer:
    """Claim the right to do this move once. A concurrent request that has done it answers for both.

    A caller who says it again after another change wants it again. A repeated request of the desk is the same one, sent again.
    """
    appointment, key = request.appointment, request.key

    async def find_result(conn: Connection) -> Answer | None:
        if not await is_action_done(conn, ctx.tenant, call.call_id, key):
            return None
        moved = await get_appointment(conn, ctx.tenant, appointment.id) or appointment
        return _answer(ctx, request, moved, again=True)

    again = request.desk is None
    claim = await claim_action(ctx, call, key, request.start, deadline, find_result, again=again)
    if claim is None:
        raise MoveInFlight
    return claim


async def _read_move(conn: Connection, ctx: BookingContext, request: MoveRequest, move: _Move) -> _Move:
    """Return a move as it is now. Raises `SlotNotFree` if it was reverted."""
    after = await get_appointment(conn, ctx.tenant, move.after.id) or move.after
    if after.starts_at != request.start:
        raise SlotNotFree
    return replace(move, after=after)


async def _move(ctx: BookingContext, claim: ActionClaim, request: MoveRequest, change: _Moving) -> Answer:
    try:
        move = await change.commit(lambda conn: _write_move(conn, ctx, claim, request, change.attempted))
    except asyncpg.ExclusionViolationError as error:
        raise SlotNotFree from error
    ctx.faults.reach("after:move-commit")
    if move.changed_since or move.after.status == Status.CONFIRMED or move.before is move.after:
        return _answer_move(ctx, request, move)
    after, outcome = await cover_end(ctx, move.after, await _ask_calendar(ctx, claim, move))
    ctx.faults.reach("after:calcom-move")
    if isinstance(outcome, Taken | Refused):
        return await _revert(ctx, claim, request, move, outcome, change)
    return _answer(ctx, request, await settle_action(ctx, claim, after, outcome))


async def _write_move(
    conn: Connection, ctx: BookingContext, claim: ActionClaim, request: MoveRequest, attempted: _Move | None
) -> _Move:
    """TX1: in one transaction everything that must not be lost: the new time, the kept old one, sync job, action's state.

    Only under the lock it is certain where the appointment is: a concurrent move, a cancellation or an event of the calendar
    may have committed since it was found.
    """
    rules, start, staff, call_id = request.service.rules, request.start, request.service.staff, claim.call.call_id
    offered = any(
        (hold.status, hold.staff, hold.starts_at) == (Status.HELD, staff, start)
        for hold in await list_call_appointments(conn, ctx.tenant, call_id)
    )
    found = request.appointment
    await lock_and_clear_holds(
        conn, ctx.tenant, rules.resource_ids, call_id, appointments=[found.id], for_caller=request.desk is None
    )
    before = _require_future(ctx, found, await get_appointment(conn, ctx.tenant, found.id, lock=True))
    if before.staff != request.appointment.staff:
        raise MoveInFlight
    if attempted is not None and (attempted.after.starts_at, attempted.after.version) == (start, before.version):
        return attempted  # it was committed, and the answer lost
    if (before.starts_at, before.staff) == (start, staff):
        await claim.complete(conn, ctx, before.id)
        return _Move(before, before)
    if request.desk is None:
        await _require_free_person(conn, ctx, claim.call, request, before)
    elif await claim.has_written(conn, ctx):
        # The process that moved it died before it answered, and somebody has moved it since.
        await claim.complete(conn, ctx, before.id)
        return _Move(before, before, changed_since=True)
    # The minimum notice of what was offered counts from before the offer: it must not run out while the caller considers.
    now = ctx.clock.now() - (ctx.settings.hold if offered else timedelta())
    placement = await _place(conn, ctx, request, call_id, now)
    ask_calendar = before.in_remote_calendar and ctx.calendar.remote
    await move_appointment(conn, ctx.tenant, before, placement, ask_calendar=ask_calendar)
    await record_former_start(conn, ctx.tenant, call_id, request.key, before.starts_at, request.counted)
    if ask_calendar:
        run_at = ctx.clock.now() + ctx.settings.sync_delay  # for the case that this process dies; TX2 completes the job
        await enqueue_sync(conn, ctx.tenant, before.id, claim.call.correlation_id, run_at)
        await claim.attach(conn, ctx, before.id)
    else:
        await claim.complete(conn, ctx, before.id)
    after = await get_appointment(conn, ctx.tenant, before.id) or before
    await _record_desk(conn, ctx, request, "appointment.moved", before, after)
    await announce(conn, ctx.config(), Kind.MOVED, after)
    return _Move(before, after)


async def _require_free_person(
    conn: Connection, ctx: BookingContext, call: CallContext, request: MoveRequest, moved: Appointment
) -> None:
    """Raise `_PersonBusy` for another appointment at the new time that is for the same person, and that nobody has agreed to."""
    own = await list_own_appointments(ctx, conn, call, {})
    for beside in find_beside(moved, request.service.rules, request.start, own):
        if beside.id not in request.beside:
            raise _PersonBusy(beside)


async def _place(conn: Connection, ctx: BookingContext, request: MoveRequest, call_id: str, now: datetime) -> Placement:
    """Return the new place of an appointment. Raises `SlotNotFree`."""
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
    """Record a move in the audit log, if it is one of the desk."""
    if request.desk is not None:
        await record_desk_change(
            conn, ctx.tenant, request.desk, action, before.correlation_id, appointment=before.id,
            was={"start": before.starts_at, "staff": before.staff}, now={"start": after.starts_at, "staff": after.staff},
        )  # fmt: skip


async def _ask_calendar(ctx: BookingContext, claim: ActionClaim, move: _Move) -> CalendarOutcome:
    """Move the booking in the calendar, unless an earlier move of it is still open there: then the sync job does both."""
    before, timeout = move.before, claim.provider_timeout(ctx)
    if before.external_id is None or before.was_starts_at is not None or timeout is None:
        why = "it is not certain at which time the calendar has it, or no time was left to ask while the caller waits"
        return Unavailable(why)
    return await move_booking(ctx, move.after, before.external_id, claim.call.correlation_id, timeout)


async def _revert(
    ctx: BookingContext,
    claim: ActionClaim,
    request: MoveRequest,
    move: _Move,
    outcome: Taken | Refused,
    change: _Moving,
) -> Answer:
    """Move the appointment back to its old time, which nobody could get meanwhile, since the calendar refuses the move."""
    log.info("move.refused_at_calendar", appointment=str(move.after.id), correlation_id=claim.call.correlation_id)
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
        if reverted and request.desk is not None:
            await claim.detach(conn, ctx)
            await _record_desk(conn, ctx, request, "appointment.move_refused", move.after, move.before)
        return reverted

    reverted = await change.revert(write)
    ctx.faults.reach("after:move-take-back")
    if not reverted:
        # Our lease had ended, and a concurrent request answered that it is moved: its sync job decides.
        raise MoveInFlight  # so the caller hears what the book has
    if isinstance(outcome, Taken):
        raise SlotNotFree
    stays = describe_appointment(ctx.config(), move.before, ctx.clock.now())
    sentence = say().move_refused.format(when=stays)
    raise ClarificationNeeded(sentence, outcome=FunctionOutcome.REFUSED, alternatives=[])


async def _is_syncing(conn: Connection, ctx: BookingContext, move: _Move) -> bool:
    """Return whether a sync job may have read the new time: it may bring it to the calendar, which has refused it to us.

    Locks the appointment to the end of the transaction, since a job that begins later must not read the new time either.
    """
    await lock_resources_of(conn, ctx.tenant, move.after.id)
    unchanged = await lock_unchanged(conn, ctx.tenant, move.after)
    return unchanged and await read_sync_state(conn, ctx.tenant, move.after.id) == "running"


def _answer_move(ctx: BookingContext, request: MoveRequest, move: _Move) -> Answer:
    if not move.changed_since:
        return _answer(ctx, request, move.after, again=move.before is move.after)
    when = describe_appointment(ctx.config(), move.after, ctx.clock.now())
    message = say().changed_meanwhile.format(when=when)
    return replace(failure(message, FunctionOutcome.REFUSED), cause="it was changed since this request was first sent")


def _answer(ctx: BookingContext, request: MoveRequest, appointment: Appointment, *, again: bool = False) -> Answer:
    config = ctx.config()
    when = describe_appointment(config, appointment, ctx.clock.now(), named=request.names_customer)
    outcome = FunctionOutcome.ALREADY_MOVED if again else FunctionOutcome.MOVED
    if not appointment.live:  # cancelled by somebody at this very moment
        outcome = FunctionOutcome.GONE
        message = say().just_cancelled.format(when=when)
    elif is_requested(config, appointment):
        message = say().move_requested.format(when=when)
    else:
        message = (say().stands_already if again else say().moved).format(when=when)
        message += end_sentence(config, appointment)
        if appointment.status == Status.PENDING_SYNC:
            message += say().calendar_has_to_confirm
    fields = appointment_fields(ZoneInfo(config.time_zone), appointment)
    return Answer(success=appointment.live, message=message, fields=fields, outcome=outcome)
