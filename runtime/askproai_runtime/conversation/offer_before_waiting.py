"""Before a caller joins the waiting list: offer the free slots of the requested time, or other slots if it is impossible."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.search import Choice, find_choice, find_closest, nobody_is_busy, remember_reads
from askproai_runtime.availability.slots import LONGEST_SPAN, Slot, SlotQuery, horizon_end
from askproai_runtime.book.bookables import leave_out_refused
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import ATTEMPTS, busy_reader
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import basis_fields, name_service, obstacle_sentence, refused_search
from askproai_runtime.conversation.kept_offers import hold_offer
from askproai_runtime.conversation.offer_choice import explain_missed
from askproai_runtime.conversation.own_obstacles import offer_own_move
from askproai_runtime.conversation.slot_sentences import slot_fields, slot_sentence
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.sentences import format_day, say
from askproai_runtime.spoken_times import Candidate


async def offer_before_waiting(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, candidates: Sequence[Candidate], name: str
) -> Answer | None:
    """Return None if a customer of this `name` can wait for `candidates`: the rules allow these times, and no slot in them is
    free. Otherwise return an offer of the free slots, the closest held for this call; or the reason why none is possible,
    and other slots.

    Each free slot is offered once: a caller who has heard one on each such day, and declines them all, can wait. Slots that
    were offered beside declined ones are offered again first. Only the first weeks of a long span are searched, as many as a
    month has. Nobody can wait for a staff member whom the remote calendar refuses, or for a time that only their own
    appointment blocks.
    """
    request = leave_out_refused(ctx, request)
    now, rules = ctx.clock.now(), request.rules
    if not rules.staff_members:
        return refused_search()
    read_remote = FreeTimesReader(ctx, rules, call.correlation_id)
    queries = [_query_of(request, candidate, now, ctx.settings.offers) for candidate in candidates]
    horizon = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    for query, candidate in zip(queries, candidates, strict=True):
        whole = replace(query, end=min(candidate.end or query.end, horizon), limit=1)
        if await find_closest(rules, nobody_is_busy, whole):
            break
    else:
        return await _offer_next(ctx, request, call, candidates[0], read_remote)
    beside = _starts_beside_declined(call, request, candidates)
    queries = [*(replace(SlotQuery.at(start, now, request.staff), limit=1) for start in beside), *queries]
    found = Choice([])
    for _ in range(ATTEMPTS):
        read_busy = remember_reads(busy_reader(ctx, rules, call.call_id))
        for query in queries:
            found = await find_choice(rules, read_busy, query, read_remote)
            if found.slots:
                break
        slots = found.slots
        if not slots:
            return await offer_own_move(ctx, call, request, candidates, name)
        if has_declined(call, request, slots, candidates):
            return None
        if await hold_offer(ctx, request, call, slots[0], slots):
            break  # else another call took it meanwhile
    basis = read_remote.basis(slots)
    ctx.metrics.offered(basis.value)
    others = f" {say().wait_for_which_time}" if any(candidate.end for candidate in candidates) else ""
    message = f"{say().no_need_to_wait} {slot_sentence(rules, slots, now, basis, has_more=found.has_more)}{others}"
    fields = {
        "slots": slot_fields(rules, slots, now),
        "instead_of_waiting": True,
        **basis_fields(slots, basis),
        **request.excluded_fields,
    }
    answer = Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome.OFFERED)
    return name_service(ctx.config(), rules, call, answer)


def has_declined(
    call: CallContext, request: ServiceRequest, slots: Sequence[Slot], candidates: Sequence[Candidate]
) -> bool:
    """Return True if on each day of these free `slots` the caller has declined a time that is within `candidates`.

    A slot that was offered beside declined ones, and may still suit, is not declined with them. A caller cannot wait for
    exactly the times that are free.
    """
    rules, zone = request.rules, request.rules.zone
    if not {slot.start for slot in slots}.isdisjoint(_starts_beside_declined(call, request, candidates)):
        return False
    starts = call.declined_starts(rules.branch.name, rules.service.name, request.staff)
    if all(candidate.end is None and candidate.start in starts for candidate in candidates):
        return False  # nothing else is asked for, and no declined slot is offered to a waiting caller
    declined = {
        start.astimezone(zone).date() for start in starts if any(candidate.contains(start) for candidate in candidates)
    }
    return all(slot.start.astimezone(zone).date() in declined for slot in slots)


def _starts_beside_declined(
    call: CallContext, request: ServiceRequest, candidates: Sequence[Candidate]
) -> list[datetime]:
    """Return the starts within `candidates` that were offered beside declined ones, earliest first."""
    beside = call.starts_beside_declined(request.rules.branch.name, request.rules.service.name, request.staff)
    return sorted(start for start in beside if any(candidate.contains(start) for candidate in candidates))


def _query_of(request: ServiceRequest, candidate: Candidate, now: datetime, limit: int) -> SlotQuery:
    end = candidate.end or candidate.start + timedelta(minutes=1)
    end = min(end, max(now, candidate.start) + LONGEST_SPAN)
    return SlotQuery(now, candidate.start, end, request.staff, candidate.about, limit, candidate.daily)


async def _offer_next(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, never: Candidate, read_remote: FreeTimesReader
) -> Answer:
    """Return the answer with the reason why no start in `never` is possible, and the next free slots or the next possible day."""
    now, rules, staff = ctx.clock.now(), request.rules, request.staff
    horizon = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    obstacle = await _why_never(request, never, now)
    first = max(now, never.start if obstacle is not Obstacle.TOO_FAR else horizon - ctx.settings.look_ahead)
    query = SlotQuery(now, first, min(first + ctx.settings.look_ahead, horizon), staff, limit=ctx.settings.offers)
    found = await find_choice(rules, remember_reads(busy_reader(ctx, rules, call.call_id)), query, read_remote)
    slots = found.slots
    basis = read_remote.basis(slots)
    why = obstacle_sentence(ctx.config(), rules, staff, never, obstacle, now)
    if slots:
        following = slot_sentence(rules, slots, now, basis, has_more=found.has_more)
    else:
        following = await _next_day_sentence(request, max(now, never.start), horizon, now)
    fields = {"obstacle": obstacle.value, "slots": slot_fields(rules, slots, now), **basis_fields(slots, basis)}
    answer = Answer(success=False, message=f"{why} {following}", fields=fields, outcome=FunctionOutcome(obstacle))
    return name_service(ctx.config(), rules, call, answer) if slots else answer


async def _why_never(request: ServiceRequest, never: Candidate, now: datetime) -> Obstacle:
    """Return why the rules allow no start in the candidate time `never`, as an `Obstacle`."""
    rules = request.rules
    obstacle = await explain_missed(rules, never, now, request.staff)
    if obstacle is not Obstacle.TAKEN:
        return obstacle
    earlier = min(now, never.start) - timedelta(minutes=rules.service.minimum_notice_minutes)
    in_time = _query_of(request, never, earlier, 1)
    return Obstacle.TOO_SOON if await find_closest(rules, nobody_is_busy, in_time) else Obstacle.OUTSIDE_HOURS


async def _next_day_sentence(request: ServiceRequest, first: datetime, horizon: datetime, now: datetime) -> str:
    """Return the sentence with the first day, from `first` on, for which the caller can wait: the rules allow a start on it."""
    rules = request.rules
    possible = SlotQuery(now, first, horizon, request.staff, limit=1)
    for slot in await find_closest(rules, nobody_is_busy, possible):
        day, today = (at.astimezone(rules.zone).date() for at in (slot.start, now))
        return say().next_possible_day.format(day=format_day(day, today))
    return say().wait_for_another_day
