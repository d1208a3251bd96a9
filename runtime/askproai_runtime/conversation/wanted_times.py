"""Compare the time of a request with the times that the caller's words can mean: models miscalculate dates. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import ask_which
from askproai_runtime.conversation.named_appointments import names_known, says_it_stays, split_new_time
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.declines import SAYS_HOUR, list_clauses, rejects_times
from askproai_runtime.language.places_among import holds_place
from askproai_runtime.language.replies import holds_yes
from askproai_runtime.spoken_times import ALL_WEEKDAYS, Days, Grain, counts_time, fold
from askproai_runtime.spoken_times.arguments import find_open_span
from askproai_runtime.spoken_times.mentioned_days import MentionedDays, excludes_time, read_mentioned_days
from askproai_runtime.spoken_times.mentions import list_only_hour
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.places
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:T.*)?|\d{1,2}\.\d{1,2}\.(?:\d{2,4})?")
_RELATIVE_DAY: Final = re.compile(rf"\b(?:{_WORDS.other_day})\b")
_NUMBERED: Final = re.compile(rf"\b(?:{_WORDS.before_number}) (?:\d{{1,2}}\b|\w+(?:{_WORDS.ordinal})\b)")
_REJECTED_DAY: Final = re.compile(rf"\b(?:{_WORDS.rejects_day}) (?:\w+ )?(?:{'|'.join(sorted(ALL_WEEKDAYS))})s?\b")
_TAKEN_BACK: Final = re.compile(rf"\b(?:{_WORDS.takes_back})\b")
_ASKS: Final = re.compile(rf"\b(?:{_WORDS.asks_for_times})\b")
_MOST_MEANT: Final = 2
_BY_DAY: Final = (time(6), time(22))


def require_wanted_time(
    call: CallContext,
    args: Mapping[str, Any],
    start: datetime,
    own: Collection[datetime] = (),
    *,
    is_exact: bool = True,
) -> None:
    """Raise the question which day, or else which hour, is meant if the caller's words cannot mean that of a local start: the model
    has calculated it. The last utterance since the last answer with days that names one counts; for an offered `start`, the
    last words. `own` are present starts of the caller's appointments. Unless `is_exact`, only the day is compared.
    """
    said, is_start, parts = call.said_without_days, read_text(args, "start") is not None, read_parts(args)
    if is_start and any(offer[0].start == start for offer in call.offered):
        said = () if holds_yes(call.said_since or "") else (call.said_since or "",)
    zone, readings = ZoneInfo(str(start.tzinfo)), {start}
    is_date = is_start or bool(_DATE.fullmatch((parts[0] or "").strip()))
    span = find_open_span(parts[0] or parts[1] or "")
    if is_date or span is not None:
        days = _list_other_days(call, start, said, own, None if is_date else span)
        readings |= {datetime.combine(day, start.timetz()) for day in days}
    if is_exact and len(readings) == 1:
        readings |= {
            datetime.combine(start.date(), hour, start.tzinfo) for hour in _list_other_hours(call, start, said, own)
        }
    if len(readings) > 1:
        raise ask_which(readings, call, zone, is_exact=is_exact)


def _list_other_days(
    call: CallContext, start: datetime, said: Sequence[str], own: Collection[datetime], span: Grain | None
) -> Iterator[date]:
    """Yield the days nearest to a start that the last words with a day can mean; none if they can mean the start's day. A weekday
    is in the week, and a day of a month in the month, asked about before: "Haben Sie übernächste Woche offen? Dann am Mittwoch".
    With `span` only this is compared: the request repeats the caller's words.
    """
    now, days = call.started_at.astimezone(start.tzinfo), list[MentionedDays]()
    spans: Sequence[Days] = ()
    for words in reversed(said):
        named = [*_list_wanted(call, words, own, now)]
        if not days and (_RELATIVE_DAY.search(fold(words)) or counts_time(words)):
            return
        first = next((n for n, each in enumerate(named) if each.has_day), len(named))
        if days and first < len(named):
            break
        days = days or [each for each in named if each.has_day]
        if spans := next((each.spans for each in reversed(named[:first])), ()):
            break
    if span is not None:  # of the words of the request, whatever the caller has said
        weekday, number = frozenset({start.weekday()}), frozenset({start.day})
        days = [MentionedDays(numbers=number) if span is Grain.MONTH else MentionedDays(weekday)] if spans else []
    if spans:
        days = [each if each.spans or each.dates else each.within(spans) for each in days] or [
            MentionedDays(spans=spans)
        ]
    if not any(each.may_mean(start.date()) for each in days):
        yield from (day for each in days for day in islice(each.find_near(start.date(), now.date()), _MOST_MEANT))


def _list_other_hours(
    call: CallContext, start: datetime, said: Sequence[str], own: Collection[datetime]
) -> Iterator[time]:
    """Yield the hours by day that the last words with an hour can mean; none if they can mean the start's. Words such as "den um
    zehn" name one of the appointments at `own`.
    """
    words = next((each for each in reversed(said) if SAYS_HOUR.search(words_of(each))), "")
    if (
        rejects_times(words_of(words))
        or counts_time(words)
        or (own and (_asks_which(call) or names_known(fold(words))))
    ):
        return
    if words and excludes_time(words, start.time(), call.started_at):
        yield from (each for each in list_only_hour(words, call.started_at) if _BY_DAY[0] <= each < _BY_DAY[1])


def _list_wanted(call: CallContext, words: str, own: Collection[datetime], now: datetime) -> Iterator[MentionedDays]:
    """Yield the days that each sentence of an utterance wants: without those that are rejected, taken back ("am Freitag, nein, am
    Samstag"), or name an appointment that stays or is moved.
    """
    own_days, is_asked = {each.astimezone(now.tzinfo).weekday() for each in own}, _asks_which(call)
    sentences = dict[int, list[str]]()
    for clause, number in list_clauses(words):
        said = _REJECTED_DAY.sub(" ", clause)
        if (not rejects_times(said) or _TAKEN_BACK.search(fold(said))) and not says_it_stays(clause):
            sentences.setdefault(number, []).append(fold(said))
    for clauses in sentences.values():
        for said in reversed(_TAKEN_BACK.split(", ".join(clauses))):
            known, new = split_new_time(said)
            named = _read_days(new if own and new else known + new, now)
            is_own = named is not None and bool(named.weekdays) and named.weekdays <= own_days
            if named is not None and not (is_own and not new and (is_asked or names_known(known))):
                yield named
                break


def _asks_which(call: CallContext) -> bool:
    """Return whether the last answer asked about an appointment: the caller's words may name it."""
    return call.said_last.asks or any(call.said_last.about == each.about for each in call.asked_choices)


def _read_days(said: str, now: datetime) -> MentionedDays | None:
    """Return the days that folded words name; None if they name none, or only a span in a remark."""
    days = read_mentioned_days(said, now)
    is_place = holds_place(said)  # "am zweiten Tag" of an offer
    days = days if _NUMBERED.search(said) and not is_place else replace(days, numbers=frozenset())
    return days if days.has_day or (days.spans and _ASKS.search(said)) else None
