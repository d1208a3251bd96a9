"""check_availability: free slots, the closest one held for this call; and alternatives if the requested time is not free."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.search import ReadBusy, ReadRemote, find_choice
from askproai_runtime.availability.slots import ServiceRules, Slot, SlotQuery
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.bookables import leave_out_refused
from askproai_runtime.book.context import Basis, BookingContext, BookingSettings
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import ATTEMPTS, busy_reader
from askproai_runtime.book.pauses import read_pause
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.usual_staff import prefer_usual_staff
from askproai_runtime.conversation.alternatives import ALL_ARE_OFF, find_alternatives
from askproai_runtime.conversation.answers import (
    basis_fields,
    candidate_fields,
    candidate_question,
    name_service,
    obstacle_sentence,
    refused_answer,
    refused_search,
)
from askproai_runtime.conversation.any_day import leave_out_days
from askproai_runtime.conversation.companions import BookedOneByOne, add_companions
from askproai_runtime.conversation.day_readings import ask_readings
from askproai_runtime.conversation.kept_offers import (
    hold_offer,
    keep_alternatives,
    note_counted_words,
    read_kept_offers,
)
from askproai_runtime.conversation.last_days import find_agreed, is_after_list
from askproai_runtime.conversation.named_days import keep_offered_days
from askproai_runtime.conversation.offer_choice import EXTRA_SECONDS, Missed, Offer, choose_offer, find_in_hours
from askproai_runtime.conversation.own_obstacles import offer_own_move
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import parse_searched_time
from askproai_runtime.conversation.slot_sentences import example_sentence, slot_fields, slot_sentence
from askproai_runtime.conversation.spoken_staff import leave_out_former_staff
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.wanted_times import require_wanted_time
from askproai_runtime.language.replies import ONE_BY_ONE
from askproai_runtime.sentences import say
from askproai_runtime.spoken_times import Candidate, Daily, Grain, Refusal, Understanding, exact_at, understand_parts
from askproai_runtime.spoken_times.excluded_days import find_excluded_days

_PERSON_IS_OFF = "the person does not work on that day"

log = structlog.get_logger(__name__)


async def check_availability(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Return an offer of up to three starts, the closest held for this call; or a question with free slots as examples."""
    call = await read_kept_offers(ctx, call)
    args, elsewhere = leave_out_former_staff(ctx.config(), call, args)
    answer = await _search(ctx, note_counted_words(call, args), args)
    return replace(answer, message=f"{elsewhere} {answer.message}".strip())


async def _search(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    now, look_ahead = ctx.clock.now(), ctx.settings.look_ahead
    # A yes is all that is left to say.
    settings = replace(ctx.settings, offers=1) if call.leaves_choice else ctx.settings
    try:
        request = parse_service_request(ctx.config(), call, args)
        request = add_companions(ctx, call, args, request).service
    except BookedOneByOne:  # the first person is served at once, and hears the reason of each day
        first = {**args, "companions": [], "service": request.rules.service.name}
        answer = await _search(ctx, call, first)
        message = f"{say().only_one_by_one} {say().one_by_one_first} {answer.message}"
        return replace(answer, success=False, message=message, fields={**answer.fields, "needs_companions": ONE_BY_ONE})
    except ClarificationNeeded as clarification:
        return clarification.answer
    request = leave_out_refused(ctx, request)
    if not request.rules.staff_members:
        return refused_search()
    try:
        args = keep_offered_days(call, args, request)
        understood = _read_time(call, args, request)
    except ClarificationNeeded as question:
        if (agreed := find_agreed(call, question, request.rules.zone)) is None:
            return await _add_examples(ctx, request, call, question.answer, read_parts(args))
        understood = Understanding.of([exact_at(agreed.astimezone(request.rules.zone))])
    soon = Candidate(now, now + look_ahead, Grain.RANGE, say().soon)
    asks_day = not any(read_parts(args)) and not call.offered  # once in a call
    understood = understood or Understanding(candidates=(soon,))
    request = await prefer_usual_staff(ctx, request, call.caller)
    read_busy = busy_reader(ctx, request.rules, call.call_id)
    read_remote = FreeTimesReader(ctx, request.rules, call.correlation_id)
    for _ in range(ATTEMPTS):
        offer = await _choose_unless_named(call, request, read_busy, now, understood, settings, read_remote)
        if own := await _offer_own_move(ctx, call, request, understood, offer):
            return own
        if not offer.slots or await hold_offer(ctx, request, call, offer.slots[0], offer.slots):
            break  # else another call took the slot between our reading and our hold: read again
    paused_until = None if offer.slots else await read_pause(ctx, request.rules.branch, now, look_ahead)
    answer = describe_offer(
        ctx.config(), request, offer, now, _count_offer(ctx, read_remote, offer.slots), paused_until
    )
    is_unclear = understood.unclear is not None and understood.exact is None  # an answer says a minute
    answer = _ask_besides(answer, asks_day=asks_day and bool(offer.slots), is_unclear=is_unclear)
    if not offer.slots:
        return answer
    return name_service(ctx.config(), request.rules, call, answer)


def _read_time(call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Understanding | None:
    """Return the time of a search. Raises `ClarificationNeeded` if it is unclear, or on another day than the caller has said."""
    zone = request.rules.zone
    understood = parse_searched_time(leave_out_days(call, args, zone), call, request)
    if understood is not None and len(understood.candidates) == 1:
        own = call.named_last.starts if call.named_last is not None and is_after_list(call) else ()
        start, has_hour = understood.candidates[0].start.astimezone(zone), understood.exact is not None
        require_wanted_time(call, args, start, own, is_exact=False, has_hour=has_hour)
    return understood


async def _offer_own_move(
    ctx: BookingContext, call: CallContext, request: ServiceRequest, understood: Understanding, offer: Offer
) -> Answer | None:
    """Return the offer to move the caller's own appointment to the requested time, if only that appointment blocks the time. If
    other readings of this time are free, the caller is asked which one is meant. None if anything else blocks the time.
    """
    rules, is_free = request.rules, offer.obstacle is None
    taken = [each for each in offer.missed if each.obstacle is Obstacle.TAKEN]
    for blocked in taken if understood.ambiguous or not is_free else ():
        if (own := await offer_own_move(ctx, call, request, [blocked.candidate])) is None:
            continue
        others = [each for each in offer.missed if each is not blocked and each.obstacle is not Obstacle.PAST]
        if is_free:
            missed = [each.candidate for each in others]
            return ask_readings((each for each in understood.candidates if each not in missed), call, rules.zone).answer
        why = [(each.candidate, each.obstacle) for each in others]
        reasons = [obstacle_sentence(ctx.config(), rules, request.staff, *each, ctx.clock.now()) for each in why]
        return replace(own, message=" ".join([*reasons, own.message]))
    return None


def _ask_besides(answer: Answer, *, asks_day: bool, is_unclear: bool) -> Answer:
    """Return the offer, with the question for another day (`asks_day`), or after "the hour was not understood" (`is_unclear`)."""
    if asks_day:
        answer = replace(answer, message=f"{answer.message} {say().or_another_day}")
    if is_unclear:  # the day is kept
        message = f"{say().hour_not_understood} {answer.message}"
        answer = replace(answer, success=False, message=message, outcome=FunctionOutcome.ASKED_BACK)
    return answer


async def _choose_unless_named(
    call: CallContext,
    request: ServiceRequest,
    read_busy: ReadBusy,
    now: datetime,
    understood: Understanding,
    settings: BookingSettings,
    read_remote: ReadRemote,
) -> Offer:
    """Return an offer. If all its slots have just been named, and the caller has asked for other times since, return an offer
    of other free slots if there are any.
    """
    search = request, read_busy, now, understood, settings, read_remote
    service = request.rules.service.name
    named = {(slot.staff, slot.start) for slot in call.wants_others_than if slot.service == service}
    offer = await choose_offer(*search)
    if not named.issuperset((slot.staff, slot.start) for slot in offer.slots):
        return offer
    others = await choose_offer(*search, without=frozenset(start for _, start in named))
    return others if others.slots and others.obstacle is None else offer


def _count_offer(ctx: BookingContext, read_remote: FreeTimesReader, slots: Sequence[Slot]) -> Basis:
    """Return the `Basis` of the offer of these slots (both books, or our own); count the offer in the metrics if it has any."""
    basis = read_remote.basis(slots)
    if slots:
        ctx.metrics.offered(basis.value)
    return basis


def describe_offer(
    config: TenantConfig,
    request: ServiceRequest,
    offer: Offer,
    now: datetime,
    basis: Basis,
    paused_until: datetime | None = None,
    *,
    moves: bool = False,
) -> Answer:
    """Return the answer that says which requested times are not free, and why, and offers the slots.

    It is a success only if a requested time is free: otherwise a model says "10 Uhr geht" about a time that is taken.
    """
    rules, sentences = request.rules, list[str]()
    slots = slot_fields(rules, offer.slots, now, request.staff)
    fields: dict[str, Any] = {"slots": slots, **basis_fields(offer.slots, basis), **request.excluded_fields}
    if offer.obstacle is not None and len(offer.missed) == 1:
        fields |= _refused_fields(offer.missed[0].candidate, rules.zone)
    if offer.readings:
        fields["candidates"] = candidate_fields(offer.readings)
        if not offer.slots:
            question = candidate_question(offer.readings, rules.zone, now)
            return Answer(success=False, message=question, fields=fields, outcome=FunctionOutcome.ASKED_BACK)
    for each in _without_repeated(offer.missed, rules):
        if offer.obstacle is not None or each.obstacle is not Obstacle.PAST:
            sentences.append(obstacle_sentence(config, rules, request.staff, each.candidate, each.obstacle, now))
    if offer.obstacle is not None:
        fields["obstacle"] = offer.obstacle.value
        if offer.slots and not offer.keeps_hours:
            sentences.append(say().other_hours)
    question = slot_sentence(
        rules,
        offer.slots,
        now,
        basis,
        offer.obstacle,
        which=bool(offer.readings),
        moves=moves,
        paused_until=paused_until,
        staff=request.staff,
        has_more=offer.has_more,
    )
    sentences.append(question)
    outcome = FunctionOutcome(offer.obstacle) if offer.obstacle else FunctionOutcome.OFFERED
    is_free = bool(offer.slots) and offer.obstacle is None
    return Answer(success=is_free, message=" ".join(sentences), fields=fields, outcome=outcome)


def _refused_fields(missed: Candidate, zone: ZoneInfo) -> dict[str, str]:
    """Return the field with the only requested start, or day, that is not free; {} if several days were requested."""
    first = missed.start.astimezone(zone)
    if missed.end is None:
        return {"refused_start": first.isoformat()}
    is_day = (missed.end - timedelta(seconds=1)).astimezone(zone).date() == first.date()
    return {"refused_day": first.date().isoformat()} if is_day else {}


def _without_repeated(missed: Sequence[Missed], rules: ServiceRules) -> list[Missed]:
    """Return the missed times without those whose clock time, off the grid, is also missed on an earlier day for this reason."""
    kept, clocks = list[Missed](), set[time]()
    for each in missed:
        clock = each.candidate.start.astimezone(rules.zone).time()
        if each.obstacle is Obstacle.OFF_GRID and clock in clocks:
            continue
        if each.obstacle is Obstacle.OFF_GRID:
            clocks.add(clock)
        kept.append(each)
    return kept


async def offer_alternatives(
    ctx: BookingContext,
    request: ServiceRequest,
    call: CallContext,
    start: datetime,
    *,
    moving: Appointment | None = None,
    shared: bool = False,
) -> tuple[Answer, Obstacle]:
    """Return the answer with the reason why `start` is not free and the free slots closest to it; and that reason as an
    `Obstacle`.

    `moving` is the appointment that was to be moved to `start`: it is no obstacle to itself and stays with its staff member.
    Its present start is offered only if nothing else is free. `shared`: the call held no time when it asked, so one search
    serves all calls that ask at the same moment.
    """
    now, settings = ctx.clock.now(), ctx.settings
    found = await find_alternatives(
        ctx, request, start, call.call_id, call.correlation_id, caller=call.caller, moving=moving, shared=shared
    )
    request, obstacle, rules = found.request, found.obstacle, found.request.rules
    if not rules.staff_members:
        return refused_answer(), obstacle
    missed, alternatives = Candidate(start, None, Grain.MINUTE, ""), found.slots
    if rules.companions and alternatives:  # whoever agrees to other times than the first one's gets them by the hold
        closest = min(alternatives, key=lambda slot: abs(slot.start - start))
        await hold_offer(ctx, request, call, closest, alternatives)
    elif alternatives and moving is None and not found.is_shared:
        await keep_alternatives(ctx, request, call, alternatives)
    alternatives = found.leave_out(moving)
    basis = _count_offer(ctx, found.read_remote, alternatives)
    why = obstacle_sentence(ctx.config(), rules, request.staff, missed, obstacle, now)
    offered = [{(each.staff, each.start) for each in named} for named in call.list_offers(rules.branch.name, start)]
    free = [{(each.staff, each.start) for each in (slot, *slot.companions)} for slot in alternatives]
    is_gone = bool(rules.companions and offered) and not any(each in free for each in offered)
    if is_gone and any({start} == {at for _, at in each} for each in free):
        why = say().group_offer_gone  # what was offered from this start on is taken, but all can come at this time now
    paused_until = None if alternatives else await read_pause(ctx, rules.branch, now, settings.look_ahead)
    choice = slot_sentence(
        rules, alternatives, now, basis, obstacle, moves=moving is not None, paused_until=paused_until,
        staff=request.staff, has_more=found.has_more,
    )  # fmt: skip
    message = f"{why} {choice}"
    fields = {
        "alternatives": slot_fields(rules, alternatives, now, request.staff),
        "obstacle": obstacle.value,
        "refused_start": start.astimezone(rules.zone).isoformat(),
        **basis_fields(alternatives, basis),
        **request.excluded_fields,
        **({} if moving is None else {"appointment_id": str(moving.id)}),
    }
    cause = None
    if obstacle is Obstacle.DAY_OFF:
        cause = _PERSON_IS_OFF if request.staff else ALL_ARE_OFF
    outcome = FunctionOutcome(obstacle)
    answer = Answer(success=False, message=message, fields=fields, outcome=outcome, cause=cause)
    return name_service(ctx.config(), rules, call, answer) if alternatives and moving is None else answer, obstacle


async def offer_for_move(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, understood: Understanding, appointment: Appointment
) -> Answer:
    """Return an offer of starts to which an appointment can move within hours, days or a choice: `gegen elf`, `Dienstag oder
    Mittwoch`. No slot is held: the caller still has to choose. The present start is offered only if nothing else is free.
    """
    now = ctx.clock.now()
    read_remote = FreeTimesReader(ctx, request.rules, call.correlation_id, appointment.id)
    read_busy = busy_reader(ctx, request.rules, call.call_id, appointment.id)
    offer = await choose_offer(request, read_busy, now, understood, ctx.settings, read_remote)
    others = [slot for slot in offer.slots if slot.start != appointment.starts_at]
    offer = replace(offer, slots=others or offer.slots)
    paused_until = None if offer.slots else await read_pause(ctx, request.rules.branch, now, ctx.settings.look_ahead)
    basis = _count_offer(ctx, read_remote, offer.slots)
    answer = describe_offer(ctx.config(), request, offer, now, basis, paused_until, moves=True)
    if understood.unclear is not None:  # the day is kept
        answer = replace(answer, message=f"{say().hour_not_understood} {answer.message}")
    fields = {**answer.fields, "alternatives": answer.fields["slots"], "appointment_id": str(appointment.id)}
    del fields["slots"]
    return replace(answer, success=False, fields=fields)


async def _add_examples(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, answer: Answer, parts: Sequence[str | None]
) -> Answer:
    """Return the question about a time that was not understood, with the next free slots, so that the caller can choose one.

    The slots respect the understood words: hours, and excluded weekdays ("aber nicht am Montag"). They begin with the first
    time of the last offer. None is held, since nobody has asked for them, but they are stored as offers of the call. If they
    are not found in time, or the database is unavailable, the question is returned alone.
    """
    if answer.fields.get("refused") != Refusal.NOT_UNDERSTOOD:
        return answer
    now, settings = ctx.clock.now(), ctx.settings
    days = Daily(frozenset(range(7)).difference(*map(find_excluded_days, filter(None, parts))))
    hours = _find_hours(parts, days, call, request.rules.zone)
    first = max(now, min(call.offered_last, default=now))
    query = SlotQuery(
        now, first, first + settings.look_ahead, request.staff, limit=settings.offers, daily=hours or days
    )
    read_busy = busy_reader(ctx, request.rules, call.call_id)
    read_remote = FreeTimesReader(ctx, request.rules, call.correlation_id)
    try:
        async with asyncio.timeout(EXTRA_SECONDS):
            slots = (await find_in_hours(request.rules, read_busy, query, read_remote)).slots
            if hours and not slots:
                query = replace(query, daily=days)
                slots = (await find_choice(request.rules, read_busy, query, read_remote)).slots
            if slots:
                await keep_alternatives(ctx, request, call, slots)
    except DATABASE_UNAVAILABLE as error:
        consequence = "the caller is asked for a time without examples"
        log.warning("offer.no_examples", error=type(error).__name__, call_id=call.call_id, consequence=consequence)
        return answer
    message = f"{answer.message} {example_sentence(request.rules, slots, now)}".rstrip()
    known = basis_fields(slots, read_remote.basis(slots))
    fields = {**answer.fields, "slots": slot_fields(request.rules, slots, now), **known, **request.excluded_fields}
    return replace(answer, message=message, fields=fields)


def _find_hours(parts: Sequence[str | None], days: Daily, call: CallContext, zone: ZoneInfo) -> Daily | None:
    """Return `days` limited to the hours that the time or the part of the day names; None if these name no hours."""
    if not any(parts[1:]):
        return None
    tomorrow = call.started_at.astimezone(zone).date() + timedelta(days=1)
    understood = understand_parts(tomorrow.isoformat(), *parts[1:], at=call.started_at, zone=zone)
    (named,) = understood.candidates if len(understood.candidates) == 1 else (None,)
    if named is None or named.grain is Grain.DAY:
        return None
    end = named.end or named.start + timedelta(minutes=1)
    return replace(days, opens=named.start.time(), closes=end.time() if end.date() == named.start.date() else None)
