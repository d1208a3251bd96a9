"""check_availability: free slots, the closest one held for this call; and alternatives when the requested time is not free."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_runtime.booking.answers import (
    basis_fields,
    candidate_fields,
    candidate_question,
    example_sentence,
    obstacle_sentence,
    refused_answer,
    slot_fields,
    slot_sentence,
)
from askproai_runtime.booking.availability import (
    LONGEST_SPAN,
    Busy,
    Obstacle,
    ServiceRules,
    Slot,
    SlotQuery,
    Span,
    allocate_visit,
    busy_window,
    find_obstacle,
    free_slots,
    horizon_end,
    is_day_off,
    is_open_day,
    is_working_day,
    list_days,
)
from askproai_runtime.booking.bookables import list_refused_staff
from askproai_runtime.booking.free_times import FreeTimesReader
from askproai_runtime.booking.names import find_rules
from askproai_runtime.booking.request import ServiceRequest, parse_service_request, parse_time
from askproai_runtime.booking.search import (
    ReadBusy,
    ReadRemote,
    find_choice,
    find_closest,
    no_remote,
    remember_reads,
)
from askproai_runtime.booking.store.appointments import Status, build_appointment, insert_appointment
from askproai_runtime.booking.store.claims import (
    is_hold_allowed,
    lock_and_clear_holds,
    read_busy_spans,
    run_transaction,
)
from askproai_runtime.booking.types import (
    Answer,
    Basis,
    BookingContext,
    BookingSettings,
    CallContext,
    ClarificationNeeded,
    FunctionOutcome,
)
from askproai_runtime.german_dates import Candidate, Daily, Grain, Refusal, Understanding
from askproai_runtime.sentences import format_day, say

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_EXTRA_SECONDS = 0.5  # a caller waits for an answer, not for examples and for what other people have free
_DAY = timedelta(days=1)
_LONGEST_DAY = timedelta(hours=25)  # that of the change to winter time
_PERSON_IS_OFF = "the person does not work on that day"
_ALL_ARE_OFF = "nobody who does this service works on that day"
_NO_CALL = ""  # a request outside a call has no hold of its own to ignore


@dataclass(frozen=True, slots=True)
class Missed:
    """A candidate that is not free, and why."""

    candidate: Candidate
    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots to offer, and what is not free (`missed`). If none is at the requested time: why (`obstacle`), and whether the slots
    are at least at its hours.

    `readings` are those of an ambiguous time that are free, if they are several: the caller must say which one is meant. The slots
    are one of each then, or none.
    """

    slots: list[Slot]
    missed: tuple[Missed, ...] = ()
    obstacle: Obstacle | None = None
    keeps_hours: bool = True
    readings: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class FreeDay:
    """The slots of a day, and what they rest on; `read_at`: since when the remote calendar is known to have them free.

    Of a day without slots both are about the whole day. `refused` are the staff members whose event type Cal.com does not have:
    they have no slots.
    """

    rules: ServiceRules
    slots: list[Slot]
    basis: Basis
    read_at: datetime | None
    refused: frozenset[str] = frozenset()


async def check_availability(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Offer up to three different starts, the closest one held for this call; or ask back, with examples. Never guesses."""
    now, look_ahead = ctx.clock.now(), ctx.settings.look_ahead
    try:
        request = parse_service_request(ctx.config(), call, args)
    except ClarificationNeeded as clarification:
        return clarification.answer
    request = _leave_out_refused(ctx, request)
    if not request.rules.staff_members:
        return replace(refused_answer(), fields={"slots": []})
    try:
        understood = parse_time(args, call, request)
    except ClarificationNeeded as clarification:
        return await _add_next_times(ctx, request, call, clarification.answer)
    soon = Candidate(now, now + look_ahead, Grain.RANGE, say().soon)
    understood = understood or Understanding(candidates=(soon,))
    read_busy = _reader(ctx, request.rules, call.call_id)
    read_remote = FreeTimesReader(ctx, request.rules, call.correlation_id)
    for _ in range(_ATTEMPTS):
        offer = await choose_offer(request, read_busy, now, understood, ctx.settings, read_remote)
        if not offer.slots or await _hold(ctx, request.rules, call, offer.slots[0]):
            break  # else another call took the slot between our reading and our hold: read again
    basis = read_remote.basis(offer.slots)
    if offer.slots:
        ctx.metrics.offered(basis.value)
    return _answer(request, offer, now, basis)


def _leave_out_refused(ctx: BookingContext, request: ServiceRequest) -> ServiceRequest:
    """Return the request without staff members whose bookings Cal.com surely refuses; of one who was asked for nobody is left."""
    refused, rules = list_refused_staff(ctx, request.rules.service), request.rules
    able = tuple(s for s in rules.staff_members if s.id not in refused and request.staff not in refused)
    return replace(request, rules=replace(rules, staff_members=able))


async def _add_next_times(ctx: BookingContext, request: ServiceRequest, call: CallContext, answer: Answer) -> Answer:
    """Add the next free times to the question about a time that was not understood, so that the caller has something to choose.

    None is held: nobody has asked for them. The question alone is the answer if they are not found in time, or the database is
    away.
    """
    if answer.fields.get("refused") != Refusal.NOT_UNDERSTOOD:
        return answer
    now, settings = ctx.clock.now(), ctx.settings
    query = SlotQuery(now, now, now + settings.look_ahead, request.staff, limit=settings.offers)
    read_busy = _reader(ctx, request.rules, call.call_id)
    read_remote = FreeTimesReader(ctx, request.rules, call.correlation_id)
    try:
        async with asyncio.timeout(_EXTRA_SECONDS):
            slots = await find_choice(request.rules, read_busy, query, read_remote)
    except DATABASE_UNAVAILABLE as error:
        consequence = "the caller is asked for a time without examples"
        log.warning("offer.no_examples", error=type(error).__name__, call_id=call.call_id, consequence=consequence)
        return answer
    message = f"{answer.message} {example_sentence(request.rules, slots, now)}".rstrip()
    known = basis_fields(slots, read_remote.basis(slots))
    fields = {**answer.fields, "slots": slot_fields(request.rules, slots, now), **known}
    return replace(answer, message=message, fields=fields)


async def choose_offer(
    request: ServiceRequest,
    read_busy: ReadBusy,
    now: datetime,
    understood: Understanding,
    settings: BookingSettings,
    read_remote: ReadRemote = no_remote,
) -> Offer:
    """Choose the slots of the earliest candidate that has any; else those closest to the first candidate, and its obstacle.

    Of an ambiguous time no free reading is taken before another: a yes would not say which one is meant.

    It runs in the event loop, between other callers' requests: every search is bounded, by `look_ahead` to either side of the
    requested time and by the number of offers, whatever the horizon and the grid are.
    """
    rules, staff, count = request.rules, request.staff, settings.offers
    read_busy = remember_reads(read_busy)
    free: list[tuple[Candidate, list[Slot]]] = []
    for candidate in understood.candidates:
        end = candidate.end or candidate.start + timedelta(minutes=1)
        if end - candidate.start > LONGEST_SPAN:
            end = max(now, candidate.start) + settings.look_ahead
        query = SlotQuery(now, candidate.start, end, staff, candidate.about, count, candidate.daily)
        if slots := await find_choice(rules, read_busy, query, read_remote):
            if not understood.ambiguous:
                return Offer(slots)
            free.append((candidate, slots))
    if len(free) > 1:
        return _ask_which(free, count)
    readings = [c for c in understood.candidates if all(c is not other for other, _ in free)]
    readings = readings if understood.ambiguous else readings[:1]
    missed = tuple([Missed(each, await _find_obstacle(rules, each, now, staff)) for each in readings])
    if free:
        return Offer(free[0][1], missed)
    first = missed[0]
    near = request, read_busy, now, first.candidate, first.obstacle, settings, read_remote
    slots, keeps_hours = await _find_near(*near)
    return Offer(slots, missed, first.obstacle, keeps_hours)


def _ask_which(free: Sequence[tuple[Candidate, list[Slot]]], count: int) -> Offer:
    """Return the readings with one slot of each; without slots if they are spans, in which a time has still to be chosen."""
    readings = tuple(candidate for candidate, _ in free)
    is_exact = len(free) <= count and all(candidate.end is None for candidate in readings)
    return Offer([slots[0] for _, slots in free] if is_exact else [], readings=readings)


async def _find_obstacle(rules: ServiceRules, missed: Candidate, now: datetime, staff: str | None) -> Obstacle:
    """Return why nothing of `missed` is free. Hours in which the rules allow no start have the obstacle of such a clock time."""
    if missed.end is None:
        return find_obstacle(rules, missed.start, now, staff)
    obstacle = find_obstacle(rules, missed.start, now, staff, whole_day=True)
    if missed.end - missed.start > _LONGEST_DAY and obstacle is not Obstacle.TOO_FAR:
        obstacle = _find_obstacle_of_days(rules, missed, staff)
    if obstacle is not Obstacle.TAKEN or _hours_of(missed) is None:
        return obstacle
    earlier = missed.start - timedelta(minutes=rules.service.minimum_notice_minutes)
    end = min(missed.end, missed.start + LONGEST_SPAN)
    possible = SlotQuery(earlier, missed.start, end, staff, limit=1, daily=missed.daily)
    return Obstacle.TAKEN if await find_closest(rules, _nobody_is_busy, possible) else Obstacle.OUTSIDE_HOURS


def _find_obstacle_of_days(rules: ServiceRules, missed: Candidate, staff: str | None) -> Obstacle:
    """Return why nothing of several days is free: the obstacle of the first one is not that of a whole week."""
    if not is_day_off(rules, missed, staff):
        return Obstacle.TAKEN
    is_open = any(is_open_day(rules, day) for day in list_days(rules, missed))
    return Obstacle.OUTSIDE_HOURS if is_open else Obstacle.CLOSED_DAY


async def _nobody_is_busy(_span: Span) -> Busy:
    return {}


def _hours_of(missed: Candidate) -> Daily | None:
    """Return at which times of any day `missed` is meant; None if it names none."""
    if missed.daily is not None or missed.end is None:
        return missed.daily
    opens, closes = missed.start.time(), missed.end.time()
    if missed.end - missed.start > _LONGEST_DAY or opens == closes:
        return None
    if closes == time():
        return Daily(opens=opens)
    return Daily(opens=opens, closes=closes) if opens < closes else None


async def _find_near(
    request: ServiceRequest,
    read_busy: ReadBusy,
    now: datetime,
    missed: Candidate,
    obstacle: Obstacle,
    settings: BookingSettings,
    read_remote: ReadRemote,
    *,
    with_others: bool = True,
) -> tuple[list[Slot], bool]:
    """Return a choice of free slots near `missed`, and whether they keep its hours: an afternoon is moved to another afternoon.

    Around a time that was named also before it, as far as `look_ahead`; else from `missed` on. Beyond the horizon the last ones
    before its end, or the next ones from now on. For an exact time or a day off of a named person other people's are included
    `with_others`.
    """
    rules, ahead = request.rules, settings.look_ahead
    desired, exact = max(now, missed.start), missed.end is None
    closest_to = missed.start if exact else missed.about
    is_around = closest_to is not None and obstacle in {Obstacle.TAKEN, Obstacle.OUTSIDE_HOURS, Obstacle.OFF_GRID}
    first, end = max(now, desired - ahead) if is_around else desired, desired + ahead
    if obstacle is Obstacle.TOO_FAR:
        end = datetime.fromtimestamp(horizon_end(rules, now), UTC)
        first, closest_to = max(now, end - ahead), closest_to or end
    elif exact and obstacle is Obstacle.CLOSED_DAY:
        closest_to = _find_same_time(request, desired, ahead)
    elif not is_around:
        closest_to = None
    query = SlotQuery(now, first, end, request.staff, closest_to=closest_to, limit=settings.offers)
    hours = None if missed.about else _hours_of(missed)
    slots = await find_choice(rules, read_busy, replace(query, daily=hours), read_remote) if hours is not None else []
    keeps_hours = hours is None or bool(slots)
    if not keeps_hours and missed.daily is None and obstacle is Obstacle.OUTSIDE_HOURS:  # other hours of that day
        query = replace(query, first=max(now, desired - ahead), closest_to=missed.start)
    slots = slots or await find_choice(rules, read_busy, query, read_remote)
    if obstacle is Obstacle.TOO_FAR:
        soon = replace(query, first=now, end=min(end, now + ahead), closest_to=None)
        return slots or await find_choice(rules, read_busy, soon, read_remote), True
    if with_others and request.staff is not None and (exact or is_day_off(rules, missed, request.staff)):
        slots = await _with_others(rules, read_busy, query, missed, slots, read_remote)
    return slots, keeps_hours


def _find_same_time(request: ServiceRequest, start: datetime, within: timedelta) -> datetime | None:
    """Return the next instant with the time of day of `start` on a day on which somebody works; None when there is none."""
    rules = request.rules
    at = start.astimezone(rules.zone)
    days = (at.date() + timedelta(days=n) for n in range(1, within.days + 1))
    day = next((day for day in days if is_working_day(rules, day, request.staff)), None)
    return None if day is None else datetime.combine(day, at.time(), rules.zone)


async def offer_alternatives(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, start: datetime, *, moving: UUID | None = None
) -> tuple[Answer, Obstacle]:
    """Say why `start` is not free, and offer a choice of what is free around it, as `check_availability` does.

    `moving` is the appointment that was to be moved there: it is no obstacle to itself, and stays with its staff member.
    """
    now, settings = ctx.clock.now(), ctx.settings
    obstacle = find_obstacle(request.rules, start, now, request.staff)
    request = _leave_out_refused(ctx, request) if moving is None else request
    rules = request.rules
    if not rules.staff_members:
        return refused_answer(), obstacle
    read_busy = remember_reads(_reader(ctx, rules, call.call_id, moving))
    read_remote = FreeTimesReader(ctx, rules, call.correlation_id, moving)
    missed = Candidate(start, None, Grain.MINUTE, "")
    near = request, read_busy, now, missed, obstacle, settings, read_remote
    alternatives, _ = await _find_near(*near, with_others=moving is None)
    basis = read_remote.basis(alternatives)
    if alternatives:
        ctx.metrics.offered(basis.value)
    why = obstacle_sentence(rules, request.staff, missed, obstacle, now)
    message = f"{why} {slot_sentence(rules, alternatives, now, basis, obstacle)}"
    fields = {
        "alternatives": slot_fields(rules, alternatives, now),
        "obstacle": obstacle.value,
        **basis_fields(alternatives, basis),
    }
    cause = None
    if obstacle is Obstacle.OUTSIDE_HOURS and is_day_off(rules, missed, request.staff):
        cause = _PERSON_IS_OFF if request.staff else _ALL_ARE_OFF
    outcome = FunctionOutcome(obstacle)
    return Answer(success=False, message=message, fields=fields, outcome=outcome, cause=cause), obstacle


async def _with_others(
    rules: ServiceRules,
    read_busy: ReadBusy,
    query: SlotQuery,
    missed: Candidate,
    slots: list[Slot],
    read_remote: ReadRemote,
) -> list[Slot]:
    """Insert another staff member's slot of `missed` after the first slot; if the requested person has none, offer anybody's.

    Anybody's are a second search, of everybody; if it takes too long, only who is free at `missed` is offered.
    """
    at = SlotQuery.at(missed.start, query.now, None)
    if missed.end is not None:
        end = min(missed.end, missed.start + LONGEST_SPAN)
        at = replace(at, end=end, closest_to=missed.about, daily=missed.daily)
    others = await find_closest(rules, read_busy, replace(at, limit=1), read_remote)
    if slots:
        return [*slots[:1], *others, *slots[1:]][: query.limit]
    try:
        async with asyncio.timeout(_EXTRA_SECONDS):
            return await find_choice(rules, read_busy, replace(query, staff=None), read_remote)
    except TimeoutError:
        return others


async def offer_before_waiting(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, candidates: Sequence[Candidate]
) -> Answer | None:
    """Return None if somebody can wait for `candidates`: the rules allow them, and nothing of them is free.

    Else offer what is free of them, the closest held for this call; or say why there can be nothing, and offer what comes next.
    What is free is named once: whoever has heard of a time of each such day in this call, and wants none of them, can wait.
    What was named beside times that were declined is named once more, before anything else.
    Of a long span the first weeks are searched, as many as a month has. Nobody waits for whom Cal.com surely refuses.
    """
    request = _leave_out_refused(ctx, request)
    now, rules = ctx.clock.now(), request.rules
    if not rules.staff_members:
        return replace(refused_answer(), fields={"slots": []})
    read_remote = FreeTimesReader(ctx, rules, call.correlation_id)
    queries = [_query_of(request, candidate, now, ctx.settings.offers) for candidate in candidates]
    horizon = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    for query, candidate in zip(queries, candidates, strict=True):
        whole = replace(query, end=min(candidate.end or query.end, horizon), limit=1)
        if await find_closest(rules, _nobody_is_busy, whole):
            break
    else:
        return await _offer_next(ctx, request, call, candidates[0], read_remote)
    beside = _starts_beside_declined(call, request, candidates)
    queries = [*(replace(SlotQuery.at(start, now, request.staff), limit=1) for start in beside), *queries]
    slots: list[Slot] = []
    for _ in range(_ATTEMPTS):
        read_busy = remember_reads(_reader(ctx, rules, call.call_id))
        for query in queries:
            if slots := await find_choice(rules, read_busy, query, read_remote):
                break
        if not slots or has_declined(call, request, slots, candidates):
            return None
        if await _hold(ctx, rules, call, slots[0]):
            break  # else another call took it meanwhile
    basis = read_remote.basis(slots)
    ctx.metrics.offered(basis.value)
    others = f" {say().wait_for_which_time}" if any(candidate.end for candidate in candidates) else ""
    message = f"{say().no_need_to_wait} {slot_sentence(rules, slots, now, basis)}{others}"
    fields = {
        "slots": slot_fields(rules, slots, now),
        "instead_of_waiting": True,
        **basis_fields(slots, basis),
    }
    return Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome.OFFERED)


def has_declined(
    call: CallContext, request: ServiceRequest, slots: Sequence[Slot], candidates: Sequence[Candidate]
) -> bool:
    """Return whether the caller has declined a time within `candidates` on each day of the `slots` that are free of them.

    A slot that was named beside declined ones and may still suit is declined by no other one of its day.
    """
    rules, zone = request.rules, request.rules.zone
    if not {slot.start for slot in slots}.isdisjoint(_starts_beside_declined(call, request, candidates)):
        return False
    declined = {
        start.astimezone(zone).date()
        for start in call.declined_starts(rules.branch.name, rules.service.name, request.staff)
        if any(candidate.contains(start) for candidate in candidates)
    }
    return all(slot.start.astimezone(zone).date() in declined for slot in slots)


def _starts_beside_declined(
    call: CallContext, request: ServiceRequest, candidates: Sequence[Candidate]
) -> list[datetime]:
    """Return the starts within `candidates` that were named beside declined ones, earliest first."""
    beside = call.starts_beside_declined(request.rules.branch.name, request.rules.service.name, request.staff)
    return sorted(start for start in beside if any(candidate.contains(start) for candidate in candidates))


def _query_of(request: ServiceRequest, candidate: Candidate, now: datetime, limit: int) -> SlotQuery:
    end = candidate.end or candidate.start + timedelta(minutes=1)
    end = min(end, max(now, candidate.start) + LONGEST_SPAN)
    return SlotQuery(now, candidate.start, end, request.staff, candidate.about, limit, candidate.daily)


async def _offer_next(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, never: Candidate, read_remote: FreeTimesReader
) -> Answer:
    """Say why the rules allow nothing of a candidate, and offer what is free next, or name the next day on which it is possible."""
    now, rules, staff = ctx.clock.now(), request.rules, request.staff
    horizon = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    obstacle = await _why_never(request, never, now)
    first = max(now, never.start if obstacle is not Obstacle.TOO_FAR else horizon - ctx.settings.look_ahead)
    query = SlotQuery(now, first, min(first + ctx.settings.look_ahead, horizon), staff, limit=ctx.settings.offers)
    slots = await find_choice(rules, remember_reads(_reader(ctx, rules, call.call_id)), query, read_remote)
    basis = read_remote.basis(slots)
    why = obstacle_sentence(rules, staff, never, obstacle, now)
    if slots:
        following = slot_sentence(rules, slots, now, basis)
    else:
        following = await _next_day_sentence(request, max(now, never.start), horizon, now)
    fields = {"obstacle": obstacle.value, "slots": slot_fields(rules, slots, now), **basis_fields(slots, basis)}
    return Answer(success=False, message=f"{why} {following}", fields=fields, outcome=FunctionOutcome(obstacle))


async def _why_never(request: ServiceRequest, never: Candidate, now: datetime) -> Obstacle:
    """Return why the rules allow nothing of a candidate."""
    rules = request.rules
    obstacle = await _find_obstacle(rules, never, now, request.staff)
    if obstacle is not Obstacle.TAKEN:
        return obstacle
    earlier = min(now, never.start) - timedelta(minutes=rules.service.minimum_notice_minutes)
    in_time = _query_of(request, never, earlier, 1)
    return Obstacle.TOO_SOON if await find_closest(rules, _nobody_is_busy, in_time) else Obstacle.OUTSIDE_HOURS


async def _next_day_sentence(request: ServiceRequest, first: datetime, horizon: datetime, now: datetime) -> str:
    """Name the first day from `first` on which the rules allow a start, so that the caller can wait for that one."""
    rules = request.rules
    possible = SlotQuery(now, first, horizon, request.staff, limit=1)
    for slot in await find_closest(rules, _nobody_is_busy, possible):
        day, today = (at.astimezone(rules.zone).date() for at in (slot.start, now))
        return say().next_possible_day.format(day=format_day(day, today))
    return say().wait_for_another_day


async def list_free_slots(
    ctx: BookingContext,
    branch_name: str,
    service_name: str,
    day: date,
    correlation_id: str = "slots",
    staff: str | None = None,
) -> FreeDay:
    """Return every bookable start of a local day, one entry for each staff member, and hold none. Raises `UnknownName`.

    `staff` is the id of the only one to be looked at, None for everybody.
    For people who look at the calendar; rules, claims and the remote calendar's free times are the same as for callers.
    """
    rules = find_rules(ctx.config(), branch_name, service_name)
    refused = frozenset(list_refused_staff(ctx, rules.service))
    rules = replace(rules, staff_members=tuple(s for s in rules.staff_members if s.id not in refused))
    span = _local_day(day, rules.zone)
    busy = await _reader(ctx, rules, _NO_CALL)(busy_window(rules, day))
    read_remote = FreeTimesReader(ctx, rules, correlation_id)
    remote = await read_remote(day, staff)
    slots = free_slots(rules, busy, SlotQuery(ctx.clock.now(), span.start, span.end, staff), remote)
    if not slots:
        return FreeDay(rules, slots, *read_remote.describe_day(day), refused)
    return FreeDay(rules, slots, read_remote.basis(slots), read_remote.read_at(slots), refused)


def _reader(ctx: BookingContext, rules: ServiceRules, call_id: str, ignoring: UUID | None = None) -> ReadBusy:
    """Return a function that reads what blocks the staff members; `ignoring` is an appointment that is to be moved."""

    async def read_busy(span: Span) -> Busy:
        async with ctx.pool.acquire() as conn:
            return await read_busy_spans(conn, ctx.tenant, rules.resource_ids, span.start, span.end, call_id, ignoring)

    return read_busy


async def _hold(ctx: BookingContext, rules: ServiceRules, call: CallContext, slot: Slot) -> bool:
    """Hold a slot for this call, in place of what it held before. Returns False when the slot is taken.

    Returns True without a hold when a limit of holds is reached or the lock is not free in time: a caller waits, and what is
    offered without a hold is checked again when it is booked.
    """
    settings, staff_member, blocked = ctx.settings, rules.staff_member(slot.staff), rules.blocked_span(slot.start)
    resources = staff_member.resource_ids
    appointment = build_appointment(uuid4(), call, rules, slot, Status.HELD)
    day = _local_day(slot.start.astimezone(rules.zone).date(), rules.zone)
    limits = settings.holds_per_staff_and_day, settings.holds_per_caller

    async def write_hold(conn: Connection) -> bool:
        await lock_and_clear_holds(conn, ctx.tenant, resources, call.call_id)
        busy = await read_busy_spans(conn, ctx.tenant, resources, blocked.start, blocked.end, call.call_id)
        claims = allocate_visit(rules, slot.staff, busy, slot.start)
        if claims is None:
            return False
        if await is_hold_allowed(conn, ctx.tenant, resources, day, call.caller, *limits):
            await insert_appointment(conn, ctx.tenant, appointment, claims, staff_member.units, settings.hold)
        return True

    try:
        return await run_transaction(ctx.pool, write_hold)
    except asyncpg.ExclusionViolationError:
        return False
    except (asyncpg.LockNotAvailableError, asyncpg.UniqueViolationError):
        return True


def _answer(request: ServiceRequest, offer: Offer, now: datetime, basis: Basis) -> Answer:
    rules, sentences = request.rules, list[str]()
    fields: dict[str, Any] = {"slots": slot_fields(rules, offer.slots, now), **basis_fields(offer.slots, basis)}
    if offer.readings:
        fields["candidates"] = candidate_fields(offer.readings)
        if not offer.slots:
            question = candidate_question(offer.readings, rules.zone, now)
            return Answer(success=False, message=question, fields=fields, outcome=FunctionOutcome.ASKED_BACK)
    for each in offer.missed:
        if offer.obstacle is not None or each.obstacle is not Obstacle.PAST:
            sentences.append(obstacle_sentence(rules, request.staff, each.candidate, each.obstacle, now))
    if offer.obstacle is not None:
        fields["obstacle"] = offer.obstacle.value
        if offer.slots and not offer.keeps_hours:
            sentences.append(say().other_hours)
    sentences.append(slot_sentence(rules, offer.slots, now, basis, offer.obstacle, which=bool(offer.readings)))
    outcome = FunctionOutcome(offer.obstacle) if offer.obstacle else FunctionOutcome.OFFERED
    return Answer(success=bool(offer.slots), message=" ".join(sentences), fields=fields, outcome=outcome)


def _local_day(day: date, zone: ZoneInfo) -> Span:
    return Span(datetime.combine(day, time(), zone), datetime.combine(day + _DAY, time(), zone))
