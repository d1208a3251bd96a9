"""join_waitlist: a caller's request becomes an entry of the waiting list, or an offer of free slots."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from askproai_runtime.availability.slots import horizon_end
from askproai_runtime.book.changes import said_of_written
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import ListFull, Waiting
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.waitlist import list_entries_of_call, list_waiting_names
from askproai_runtime.book.waiting import WaitingSpan, join
from askproai_runtime.book.waitlist import NewEntry, WaitingName, WaitlistEntry
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.any_day import ASKED_DAY, leave_out_days, read_any_day
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.asked_choices import read_choice, read_chosen
from askproai_runtime.conversation.companions import BookedOneByOne, Group, add_companions
from askproai_runtime.conversation.corrected_entries import (
    find_misnamed,
    find_number,
    find_replaced,
    find_unsettled,
    has_other_first_name,
    is_former,
    is_same_request,
    may_be_misheard,
)
from askproai_runtime.conversation.full_names import is_part_of_name
from askproai_runtime.conversation.kept_offers import read_kept_offers
from askproai_runtime.conversation.last_days import after_request
from askproai_runtime.conversation.named_days import put_on_named_day
from askproai_runtime.conversation.named_people import name_people
from askproai_runtime.conversation.offer_before_waiting import offer_before_waiting
from askproai_runtime.conversation.open_readings import require_exact
from askproai_runtime.conversation.own_waiting import describe_waiting, waiting_fields
from askproai_runtime.conversation.phone_argument import read_phone, say_unclear, spell_phone
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import any_reading, drop_own_end, names_day, parse_time
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, Choice, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.language.phrases import format_reading, join_list
from askproai_runtime.language.replies import PhoneQuestion, kept_key, rename_key
from askproai_runtime.person_names import (
    addressed_differently,
    fold,
    is_same_person,
    list_name_words,
    same_name,
)
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.spoken_times import Candidate
from askproai_runtime.visits import canonical_name

_MAX_REQUESTED = 500


async def join_waitlist(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Put a caller on the waiting list of a service, with one staff member or any, for the named days and hours, or ask the
    caller for missing details.

    Bookable slots are offered once before a caller may wait, and nobody waits for a time that the rules never allow. The waiting
    list offers no time that the caller has declined. The same request for the same person from the same number is one entry,
    also in a later call, with the declined times of the last request. Each companion needs a separate entry.
    """
    call = await read_kept_offers(ctx, call)
    try:
        args = name_people(args, ctx.config().services, say().wait_for_whom, call)
        request = parse_service_request(ctx.config(), call, args)
        zone = request.rules.zone
        args = read_any_day(call, args, zone)
        args = leave_out_days(call, args, zone) if names_day(read_parts(args)) else args
        with suppress(ClarificationNeeded):  # each of the days that were asked about will do
            args = put_on_named_day(after_request(call, zone), args, zone, lambda: request)
        candidates = _parse_times(call, args, request)
        together = _add_companions(ctx, call, args, request)
        name = read_text(args, "customer_name") or ""
        if instead := await offer_before_waiting(ctx, together.service, call, candidates, name):
            return instead
        async with ctx.pool.acquire() as conn:
            own = await list_entries_of_call(conn, ctx.tenant, call.call_id)
        entry = _parse(ctx, call, args, request, candidates, own)
        renamed = await _find_renamed_entry(ctx, call, args, entry)
        _require_settled(ctx, call, args, entry, own)
    except ClarificationNeeded as clarification:
        return clarification.answer

    declined = call.declined  # what this call holds of it is others' at once

    def find_formers(own: Sequence[WaitlistEntry]) -> tuple[Sequence[WaitlistEntry], Collection[UUID]]:
        formers = [each for each in own if is_former(call, entry, each)]
        return formers, find_replaced(call, args, entry, formers, zone)

    outcome = await join(ctx, entry, renamed, request.rules.resource_ids, declined, find_formers)
    with said_of_written():
        answer = _answer_waiting(ctx, together, entry, outcome)
        return _add_corrections(ctx, call, args, entry, answer, outcome) if isinstance(outcome, Waiting) else answer


def _add_companions(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Group:
    """Return the request with its companions; for the caller alone if each person must be booked in a separate request."""
    try:
        return add_companions(ctx, call, args, request)
    except BookedOneByOne as together:
        return Group(request, together.names)


def _answer_waiting(ctx: BookingContext, together: Group, entry: NewEntry, outcome: Waiting | ListFull) -> Answer:
    if isinstance(outcome, ListFull):
        return Answer(success=False, message=say().waitlist_full, fields={}, outcome=FunctionOutcome.LIMITED)
    request = together.service
    name = decline_name(request.rules.display_name(request.staff)) if request.staff else None
    staff = say().with_staff.format(staff=name) if name else ""
    service = request.rules.service.display_name
    news = say().freed_by_message if outcome.by_message else say().freed_by_team
    message = say().waiting.format(service=service, staff=staff, requested=entry.requested, news=news)
    if entry.phone != entry.caller:
        region = region_of(ctx.config(), entry.branch)
        message += say().phone_noted.format(phone=spell_phone(entry.phone, region))
    if together.names:
        message += say().one_person_waits.format(name=entry.name)
    return Answer(
        success=True, message=message, fields={"waitlist_id": str(outcome.entry_id)}, outcome=FunctionOutcome.WAITING
    )


def _add_corrections(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], entry: NewEntry, answer: Answer, outcome: Waiting
) -> Answer:
    """Return the answer, with sentences about the entry's changed name, and about former entries that are removed or stay."""
    message, fields = answer.message, answer.fields
    if outcome.renamed:
        message += say().name_changed.format(name=outcome.renamed)
    if ended := [each for each in outcome.removed if not is_same_request(entry, each)]:  # a new number is read back
        removed = say().place_removed.format(entries=describe_waiting(ctx, call, args, ended))
        message = f"{removed} {message}"
    if outcome.kept:
        message += say().former_place_stays.format(entries=describe_waiting(ctx, call, args, outcome.kept))
        fields = {**fields, "waiting": waiting_fields(outcome.kept)}
    return replace(answer, message=message, fields=fields)


def _parse_times(call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Sequence[Candidate]:
    """Return the requested times: each of them suits. Raises `ClarificationNeeded` for an unclear time, and for one without a
    day: a caller who waits for "zehn Uhr" does not mean today.
    """
    rules = request.rules
    if request.staff is None and rules.among:  # an entry is for one person, or for anybody
        names = [decline_name(member.display_name) for member in rules.among]
        raise ClarificationNeeded(say().do_you_mean.format(choices=join_list(names)))
    understood = parse_time(args, call, request)
    if understood is None or not names_day(read_parts(args)):
        raise ClarificationNeeded(say().wait_for_when, unclear=ASKED_DAY)
    understood = any_reading(drop_own_end(understood, call, request))
    if understood.unclear is not None:
        require_exact(understood, call, request)
    if understood.ambiguous:
        raise ask_candidates(understood.candidates, call, rules.zone)
    return understood.candidates


def _parse(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    request: ServiceRequest,
    candidates: Sequence[Candidate],
    own: Sequence[WaitlistEntry],
) -> NewEntry:
    """Return the waiting-list entry for `candidates` before the horizon. A request without a number keeps that of the person's
    entry among the call's `own`. Raises `ClarificationNeeded` without name or number.
    """
    rules, now = request.rules, ctx.clock.now()
    last = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    candidates = [candidate for candidate in candidates if candidate.start < last]
    name = read_customer_name(read_text(args, "customer_name"), call.said)
    if not name:
        raise ClarificationNeeded(say().wait_for_whom)
    named, caller = read_said(args, "phone"), call.caller
    heard = read_phone(named, ctx.config(), call)
    if heard.unclear or heard.half:  # a caller who has named another number is not reached by that of the call
        question = PhoneQuestion.UNCLEAR if heard.half is None else PhoneQuestion.HALF
        raise ClarificationNeeded(say_unclear(heard, region_of(ctx.config(), call.branch)), needs_phone=question.value)
    kept = None if heard.of_call else find_number(name, own)
    phone = heard.number or kept or caller
    if phone is None:
        raise ClarificationNeeded(say().wait_at_number)
    requested = join_list([format_reading(each, rules.zone, now) for each in candidates])
    declined = call.declined_starts(rules.branch.name, rules.service.name, request.staff)
    spans = [_span_of(candidate, last, declined) for candidate in candidates]
    words = "|".join((rules.branch.name, canonical_name(rules.service.name), request.staff or "", requested))
    return NewEntry(
        call_id=call.call_id,
        key=hashlib.sha256(words.encode()).hexdigest(),
        branch=rules.branch.name,
        service=rules.service.name,
        staff=request.staff,
        spans=msgspec.json.encode(spans).decode(),
        requested=requested[:_MAX_REQUESTED],
        since=min(span.start for span in spans),
        until=max(span.end or span.start + timedelta(minutes=1) for span in spans),
        name=name,
        phone=phone,
        caller=caller,
        correlation_id=call.correlation_id,
    )


def _span_of(candidate: Candidate, last: datetime, declined: Iterable[datetime]) -> WaitingSpan:
    """Return the waiting span of a candidate, cut at `last`, with the declined starts in it."""
    start, end = candidate.start.astimezone(UTC), candidate.end and min(candidate.end, last).astimezone(UTC)
    without = tuple(sorted({each for each in declined if candidate.end and candidate.contains(each)}))
    if candidate.daily is None:
        return WaitingSpan(start, end, declined=without)
    daily = candidate.daily
    return WaitingSpan(start, end, tuple(sorted(daily.weekdays)), daily.opens, daily.closes, without)


def _require_settled(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], entry: NewEntry, own: Sequence[WaitlistEntry]
) -> None:
    """Raise `ClarificationNeeded` if it is open whether an entry for other times or with another number stays beside this one."""
    former = find_unsettled(call, args, entry, own, ZoneInfo(ctx.config().time_zone))
    if former is not None:
        question = say().does_former_place_stay.format(entries=describe_waiting(ctx, call, args, [former]))
        if is_same_request(entry, former):
            number = spell_phone(former.phone, region_of(ctx.config(), former.branch))
            question = f"{say().reached_at_number.format(phone=number).strip()} {question}"
        raise ClarificationNeeded(
            question,
            waitlist_id=str(former.id),
            customer_name=entry.name,
            choices=[Choice.FURTHER, Choice.MOVE],
            needs_answer=True,
            unclear=kept_key(str(former.id)),
        )


async def _find_renamed_entry(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], entry: NewEntry
) -> UUID | None:
    """Return the id of the waiting-list entry whose customer's name the request changes, by its `choice`; None if the request is
    for another person, or an entry has exactly its name.

    Raises `ClarificationNeeded` if the name may complete or correct one on the list, and for any other name once if the entry is
    of this call, unless the choice is a further entry and the first names differ. The caller's number has names of all its
    calls; for another number, only names of this call are said.
    """
    async with ctx.pool.acquire() as conn:
        known = await list_waiting_names(conn, ctx.tenant, entry)
    if any(is_same_person(entry.name, each.name) for each in known):
        return None
    own = {each.name: each.id for each in known if each.call_id == call.call_id}
    chosen = read_chosen(call, args, entry.name)
    if chosen is None and (misnamed := find_misnamed(args, entry.name, [*own])) is not None:
        return own[misnamed]
    about = "" if chosen is None else chosen.about
    if read_choice(args) is Choice.FURTHER:
        known = [each for each in known if not has_other_first_name(entry.name, each.name)]
    alike = [
        each for each in known if str(each.id) == about or _may_be_of(call, entry, each) or _is_unasked(call, each)
    ]
    if not alike or (chosen is not None and chosen.choice is Choice.FURTHER):
        return None
    nearest = max(reversed(alike), key=lambda each: _name_likeness(entry.name, each.name))
    if any(len(list_name_words(each.name)) > len(list_name_words(entry.name)) for each in alike):
        names = join_list([each.name for each in alike], say().and_word)
        question = f"{say().they_wait.format(names=names)}{say().which_full_name}"
        raise ClarificationNeeded(
            question, waitlist_id=str(nearest.id), customer_name=entry.name, choices=[Choice.FURTHER]
        )
    if chosen is not None and (meant := next((each for each in alike if str(each.id) == chosen.about), None)):
        return meant.id
    question = say().rename_or_another_waits.format(waiting=nearest.name, name=entry.name)
    raise ClarificationNeeded(
        question, waitlist_id=str(nearest.id), customer_name=entry.name, choices=[Choice.RENAME, Choice.FURTHER]
    )


def _is_unasked(call: CallContext, known: WaitingName) -> bool:
    """Return True if the caller has spoken since an entry of this call was made, but not replied to a question about its name."""
    is_asked = rename_key(str(known.id)) in call.asked_unclear and bool(call.said_since)
    return known.call_id == call.call_id and any(call.said_since_joining) and not is_asked


def _may_be_of(call: CallContext, entry: NewEntry, known: WaitingName) -> bool:
    """Return True if the entry's name may be that of a known one of this call, misheard, or is only a first name or surname."""
    is_of_call = known.call_id == call.call_id
    may_correct = is_part_of_name(entry.name) or may_be_misheard(entry.name, known.name)
    if is_of_call and may_correct and not addressed_differently(entry.name, known.name):
        return True
    return (is_of_call or entry.phone == call.caller) and same_name(entry.name, known.name)


def _name_likeness(said: str, known: str) -> float:
    """Return how alike two names are: for each word of `said`, 0 to 1 for the most similar word of `known`, added up."""
    words, others = fold(said).split(), fold(known).split()
    return sum(max(SequenceMatcher(None, word, other).ratio() for other in others) for word in words)
