"""Examples of free times beside the question about a time that was not understood."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_runtime.availability.search import find_choice
from askproai_runtime.availability.slots import SlotQuery
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import busy_reader
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import basis_fields, example_sentence, slot_fields
from askproai_runtime.conversation.kept_offers import keep_alternatives
from askproai_runtime.conversation.offer_choice import EXTRA_SECONDS, find_in_hours
from askproai_runtime.conversation.types import Answer, CallContext
from askproai_runtime.german_dates import Daily, Grain, Refusal, find_excluded_weekdays, understand_parts

log = structlog.get_logger(__name__)


async def add_examples(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, answer: Answer, parts: Sequence[str | None]
) -> Answer:
    """Add the next free times to the question about a time that was not understood, so that the caller has something to choose.

    They keep what was understood: the hours, and the weekdays that the words exclude ("aber nicht am Montag"). They begin with the
    first of the times that were offered last. None is held: nobody has asked for them. A hold of the call keeps them as offers. The
    question alone is the answer if they are not found in time, or the database is away.
    """
    if answer.fields.get("refused") != Refusal.NOT_UNDERSTOOD:
        return answer
    now, settings = ctx.clock.now(), ctx.settings
    days = Daily(frozenset(range(7)) - find_excluded_weekdays(" ".join(filter(None, parts))))
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
    """Return the hours that the time and the part of the day name beside a day that was not understood; None if they name none."""
    if not any(parts[1:]):
        return None
    tomorrow = call.started_at.astimezone(zone).date() + timedelta(days=1)
    understood = understand_parts(tomorrow.isoformat(), *parts[1:], at=call.started_at, zone=zone)
    (named,) = understood.candidates if len(understood.candidates) == 1 else (None,)
    if named is None or named.grain is Grain.DAY:
        return None
    end = named.end or named.start + timedelta(minutes=1)
    return replace(days, opens=named.start.time(), closes=end.time() if end.date() == named.start.date() else None)
