"""Ask for the day before a booking or move on a day that no answer has named, if the caller's words may mean another day.

"Am Dienstag danach" and "diesen Donnerstag" depend on the words before them. The change is not made before the caller has heard
the date.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import NO_APPOINTMENT, record_which
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import ask_readings, dates_of, days_of, read_near
from askproai_runtime.conversation.last_days import OF_OWN, after_request, find_agreed, list_weekdays
from askproai_runtime.conversation.requested_times import names_day
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, Naming
from askproai_runtime.conversation.wanted_times import require_wanted_time
from askproai_runtime.language.places_among import holds_place
from askproai_runtime.spoken_times import exact_at, fold, understand_parts
from askproai_runtime.spoken_times.arguments import find_open_span
from askproai_runtime.understood import UNDERSTOOD

_OF_TODAY = re.compile(rf"\b(?:{UNDERSTOOD.places.near_day})\b")  # one day each, whatever was said before


def require_said_day(
    call: CallContext,
    args: Mapping[str, Any],
    start: datetime,
    zone: ZoneInfo,
    own: datetime | None = None,
    booked: Collection[datetime] = (),
) -> None:
    """Raise `ClarificationNeeded` with the question whether `start` is meant, unless the last answer named its day, the request's
    words can mean no other day, or the reply to our question has chosen it. `own` is the present start of the appointment to
    move, `booked` are those of this call's appointments. Days of the caller's own appointments do not count as named.
    """
    local, parts = start.astimezone(zone), read_parts(args)
    require_wanted_time(call, args, local, [own] if own else booked, moves=own is not None)
    asked = call.named_last if call.named_last and call.named_last.naming is Naming.ASKED else None
    # The reply has chosen one of several: the request may repeat what contradicts it.
    is_chosen = asked is not None and asked.is_exact and len(asked.starts) > 1 and start in asked.starts
    if read_text(args, "start") is not None or is_chosen:
        return
    named, span = after_request(call, zone).named_last, find_open_span(parts[0] or parts[1] or "")
    if named is None or not names_day(parts):
        return
    before = named.before.starts if named.before else ()
    days = {*days_of(filter(None, (*named.starts, *before, named.refused)), zone)}
    words = fold(" ".join(filter(None, parts)))
    weekdays = list_weekdays(words)
    if not weekdays or local.weekday() in weekdays:
        is_of_own = named.naming is Naming.LISTED or (own is not None and named.naming is Naming.CHANGED)
        was_offered = any(offer[0].start == start for offer in call.offered)
        if is_of_own or was_offered or local.date() in days or _OF_TODAY.search(words):
            return
        meant = _list_days(parts, call.started_at, zone)
        if span is None:
            since = {day for each in days for day in _list_days(parts, datetime.combine(each, local.timetz()), zone)}
        else:
            since = dates_of(read_near(days, span, parts, call, zone))
        # A date means the same day a week earlier; "Freitag" would not.
        days_then, is_place = _list_days(parts, call.started_at - timedelta(days=8), zone), holds_place(words)
        is_date = days_then == _list_days(parts, call.started_at, zone)
        # An answer to the same weekday has said which day it is.
        is_repeated = span is not None and any(parts[0] in each.texts for each in call.earlier)
        if local.date() in meant and not is_place and (is_date or is_repeated or meant == since == {local.date()}):
            return
    offers = {offer[0].start.astimezone(zone) for offer in call.offered if offer}
    offered = (days if named.naming not in OF_OWN else set()) | {each.date() for each in offers}
    others = {day for day in offered if day.weekday() in weekdays and day >= call.started_at.astimezone(zone).date()}
    if len(offers) > 1 and holds_place(words):
        others |= {each.date() for each in offers if each.time() == local.time()}
    starts = sorted({local, *(datetime.combine(day, local.timetz()) for day in others)})
    raise ask_readings([exact_at(each) for each in starts], call, zone)


async def find_unheard(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], question: ClarificationNeeded
) -> datetime:
    """Return the only start in `question`, if the caller has agreed to it, or if this call has no transcript and was asked about
    the same words before: a model that repeats its words after the question means that start. Otherwise raise `question`.
    """
    if (agreed := find_agreed(call, question, ZoneInfo(ctx.config().time_zone))) is not None:
        return agreed
    readings = question.answer.fields.get("candidates") or []
    if call.replies is None and len(readings) == 1 and "end" not in readings[0]:
        start, about = datetime.fromisoformat(readings[0]["start"]), "|".join(each or "" for each in read_parts(args))
        async with ctx.pool.acquire() as conn:
            age = await record_which(conn, ctx.tenant, call.call_id, NO_APPOINTMENT, start, about)
        if call.find_reply(about, age) is not None:
            return start
    raise question


def _list_days(parts: Sequence[str | None], at: datetime, zone: ZoneInfo) -> set[date]:
    """Return the days that words mean if they are said at `at`."""
    return dates_of(understand_parts(*parts, at=at, zone=zone).candidates)
