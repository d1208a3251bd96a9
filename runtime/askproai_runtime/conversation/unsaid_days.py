"""Ask for the day before a booking or move on a day that no answer has named, if the caller's words may mean another day.

"Am Dienstag danach" and "diesen Donnerstag" depend on the words before them. The change is not made before the caller has heard
the date.
"""

import re
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import NO_APPOINTMENT, record_which
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import ask_readings, dates_of, days_of, read_near
from askproai_runtime.conversation.last_days import (
    OF_OWN,
    after_request,
    find_agreed,
    find_repeated_start,
    list_weekdays,
)
from askproai_runtime.conversation.requested_times import names_day
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, Naming
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.declines import rejects_times
from askproai_runtime.language.places_among import holds_place
from askproai_runtime.spoken_times import Days, Grain, exact_at, fold, understand_parts
from askproai_runtime.spoken_times.arguments import find_open_span, read_in_languages
from askproai_runtime.spoken_times.mentions import (
    find_named_spans,
    list_bounding_weekdays,
    list_days_of_month,
    names_relative_day,
)
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.places
_OF_TODAY = re.compile(rf"\b(?:{_WORDS.near_day})\b")  # one day each, whatever was said before
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_OTHER_DAY = re.compile(rf"\d{{1,2}}\.|\b(?:{_WORDS.other_day})\b")
_CLAUSE = re.compile(r"[,;!?]|(?<!\d)\.")
_MONTH_DAYS: Final = 31
_ASKS = re.compile(rf"\b(?:{_WORDS.asks_for_times})\b")


def require_said_day(
    call: CallContext,
    args: Mapping[str, Any],
    start: datetime,
    zone: ZoneInfo,
    own: datetime | None = None,
    booked: Collection[datetime] = (),
) -> None:
    """Raise `ClarificationNeeded` with the question whether `start` is meant, unless the last answer named its day, or the
    request's words can mean no other day. `own` is the present start of the appointment to move, and `booked` are those of
    this call's appointments. Days of the caller's own appointments do not count as named.
    """
    if read_text(args, "start") is not None:
        return
    named, parts = after_request(call, zone).named_last, read_parts(args)
    of_own = {each.astimezone(zone).weekday() for each in (own, *booked) if each}
    _require_said_weekday(call, start.astimezone(zone), parts[0] or "", of_own)
    if (span := find_open_span(parts[0] or parts[1] or "")) is not None:
        _require_said_week(call, start.astimezone(zone), is_of_month=span is Grain.MONTH)
    if named is None or not names_day(parts):
        return
    if find_repeated_start(call, args, zone, own) == start:
        return
    local, before = start.astimezone(zone), named.before.starts if named.before else ()
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
        is_date, is_place = _is_date(call, parts, zone), holds_place(words)
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


def names_day_of_other(call: CallContext, other: date, own: date, new: date, *, is_moved: bool) -> bool:
    """Return whether the caller's last words name the day of another appointment (`other`), and not its own day. The day of the
    new start (`new`) is named, too. A rejected day is that of an appointment if the last answer has moved one (`is_moved`):
    "Und am Freitag kann ich nicht, lieber am Samstag". Else it is none for the new start.
    """
    words, now = call.said_since or "", call.started_at
    if rejects_times(words_of(words)) and not is_moved:
        return False
    numbers = list_days_of_month(words, now) - {new.day}
    if (other.day in numbers) != (own.day in numbers):
        return other.day in numbers
    said = list_weekdays(words) - {new.weekday()} - list_bounding_weekdays(words, now)
    if (other.weekday() in said) != (own.weekday() in said):
        return other.weekday() in said
    return names_relative_day(words, other, own, now) and not names_relative_day(words, new, own, now)


def _require_said_weekday(call: CallContext, start: datetime, day: str, of_own: Collection[int]) -> None:
    """Raise the question for the day if the ISO date of a local start is not on the only weekday that the caller has said since
    the last answer: the model has probably miscalculated. Beside another weekday, or after a question about the appointment, a
    weekday `of_own` only names the appointment: "den Mittwoch auf Donnerstag".
    """
    if not _ISO_DAY.fullmatch(day.strip()):
        return
    words = fold(call.said_since or "")
    weekdays, is_asked = (
        list_weekdays(words),
        call.said_last.asks or any(call.said_last.about == each.about for each in call.asked_choices),
    )
    if is_asked or len(weekdays) > 1:
        weekdays = weekdays.difference(of_own)
    if len(weekdays) != 1 or start.weekday() in weekdays or _OTHER_DAY.search(words):
        return
    if rejects_times(words_of(call.said_since or "")):
        return
    (weekday,) = weekdays
    today = call.started_at.astimezone(start.tzinfo).date()
    days = (start.date() + timedelta(days=n) for n in range(-6, 7))
    meant = [each for each in days if each.weekday() == weekday and each >= today]
    readings = sorted({start, *(datetime.combine(each, start.timetz()) for each in meant)})
    raise ask_readings(map(exact_at, readings), call, ZoneInfo(str(start.tzinfo)))


def _require_said_week(call: CallContext, start: datetime, *, is_of_month: bool) -> None:
    """Raise the question for the date if a local start is outside the weeks or months that the caller named last, although
    these have a day with its weekday, or its day of the month, and no answer has named days since: "Haben Sie übernächste
    Woche offen? Dann am Mittwoch", "What do you have in January? The 23rd at noon".
    """
    clauses = [clause for words in call.said_without_days for clause in _CLAUSE.split(words)]
    now = call.started_at.astimezone(start.tzinfo)
    named = (_find_spans(clause, now) for clause in reversed(clauses) if not rejects_times(words_of(clause)))
    spans = [span for span in next((each for each in named if each is not None), ()) if span.first != date.min]
    spans = [_widen(span) for span in spans] if is_of_month else spans
    if any(each.first <= start.date() <= (each.last or date.max) for each in spans):
        return
    said = [day for each in spans if (day := _find_same(each, start.date(), now.date(), is_of_month=is_of_month))]
    if said:
        starts = sorted({start, start.combine(min(said), start.timetz())})
        raise ask_readings(map(exact_at, starts), call, ZoneInfo(str(start.tzinfo)))


def _find_same(span: Days, day: date, today: date, *, is_of_month: bool) -> date | None:
    """Return the first day of a span, from today on, with the weekday (`is_of_month`: the number) of `day`; else None."""
    days = (max(span.first, today) + timedelta(days=n) for n in range(_MONTH_DAYS))
    if is_of_month:
        return next((each for each in days if each.day == day.day), None)
    last = span.last or date.max
    return next((each for each in days if each.weekday() == day.weekday() and each <= last), None)


def _widen(span: Days) -> Days:
    """Return the span extended to whole months."""
    last = span.last and span.last.replace(day=monthrange(span.last.year, span.last.month)[1])
    return Days(span.first.replace(day=1), last)


def _find_spans(clause: str, now: datetime) -> Sequence[Days] | None:
    """Return the spans that a clause asks about, in the call's language or the other one; None if a mere remark names them."""
    spans = read_in_languages(lambda: find_named_spans(clause, now), None)
    return None if spans and not _ASKS.search(words_of(clause)) else spans


def _is_date(call: CallContext, parts: Sequence[str | None], zone: ZoneInfo) -> bool:
    """Return whether words name a date: said a week earlier, they would mean the same day. "Freitag" would not."""
    return _list_days(parts, call.started_at, zone) == _list_days(parts, call.started_at - timedelta(days=8), zone)


def _list_days(parts: Sequence[str | None], at: datetime, zone: ZoneInfo) -> set[date]:
    """Return the days that words mean if they are said at `at`."""
    return dates_of(understand_parts(*parts, at=at, zone=zone).candidates)
