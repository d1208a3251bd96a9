"""Sentences about the opening hours and closed days of a branch. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch
from askproai_runtime.availability.opening_hours import find_closure, merge_spans, open_minutes
from askproai_runtime.availability.slots import Span
from askproai_runtime.conversation.business_information.numbers import spell_clock, spell_ranges
from askproai_runtime.conversation.business_information.paused_days import describe_pause, describe_pauses
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES, format_day, say
from askproai_runtime.spoken_times import Candidate, Grain, Understanding, understand, understand_parts
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.opening_hours
_AHEAD = timedelta(weeks=8)
_SOON = timedelta(weeks=1)  # closed days within it are said with the hours of the week
_LONGEST_CLOSURE = timedelta(weeks=26)
_MAX_DAYS, _MAX_CLOSURES = 3, 5  # that a listener can follow
_DAY = timedelta(days=1)
_WEEK_DAYS, _DAY_MINUTES = 7, 24 * 60
_MOST_WORDS, _LONGEST_PHRASE = 20, 4  # words of a question that are searched for a day, and of the name of a day
_GREETING = re.compile(rf"\b(?:{_WORDS.greeting})\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[?!])\s+|(?<=[^\W\d]{2}\.)\s+")
# In each language of callers: "samstags", "on Saturdays".
_HABITUAL: Final = {fold(name): day for words in SENTENCES.values() for day, name in enumerate(words.habitual_weekdays)}
_AND = re.compile(rf"\b(?:{UNDERSTOOD.questions.and_words})\b", re.IGNORECASE)
_DAYS = frozenset({Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.RANGE})


@dataclass(frozen=True, slots=True)
class _Closure:
    """Consecutive closed days on which the branch is usually open. `holiday` is the name if there is only one day."""

    first: date
    last: date
    holiday: str


def understand_days(phrase: str | None, words: str, at: datetime, zone: ZoneInfo) -> Understanding | None:
    """Return the days that a question is about: those of the argument `phrase`, else those in its words; None if it names none.

    If the argument is not understood, the result has no candidates, since the hours of a usual week would not answer the
    question. If the question does not contain the argument ("allgemein"), its words count. Words that say more about a day than
    its name mean all days of the next weeks: a wrong day would be worse than the hours of the week.
    """
    if phrase:
        understood = understand_parts(phrase, None, None, at=at, zone=zone)
        if not understood.candidates:  # "Samstag und Sonntag" are two days here, and no span of a booking
            understood = understand_parts(_AND.sub(say().or_word, phrase), None, None, at=at, zone=zone)
        if understood.candidates or not words or fold(phrase) in fold(words):
            return understood
    said = [word for word in _asked_words(words) if fold(word) not in _WORDS.asking]
    understood = understand(" ".join(said), at=at, zone=zone)
    if _are_days(understood) and _WORDS.of_appointment.isdisjoint(map(fold, said)):
        return understood
    parts = (said[first : first + length] for length in range(1, _LONGEST_PHRASE + 1) for first in range(len(said)))
    phrases = (" ".join(part).strip(",;: ") for part in parts)  # "do" alone is an English verb, "am Do" a day
    named = (understand(each, at=at, zone=zone) for each in phrases if not re.fullmatch(r"[A-Za-z]{2}", each))
    if phrase or any(map(_are_days, named)):
        return Understanding((Candidate(at.astimezone(zone), at.astimezone(zone) + _AHEAD, Grain.RANGE, ""),))
    return None


def find_habitual_days(phrase: str | None, words: str) -> tuple[int, ...]:
    """Return the weekdays (0 is Monday) whose usual hours a question asks for: "samstags", "on Saturdays".

    Return () for a span ("montags bis freitags"), for more than three days, and for words that say more about a day than its
    name ("Ich arbeite samstags", "außer samstags"): the answer is then the hours of the week.
    """
    asked = " ".join(_asked_words(words))
    if phrase is None:
        return _find_habitual(asked)
    if (days := _find_habitual(phrase)) or not phrase.strip().isalpha():
        return days
    days = _find_habitual(f"{phrase.strip()}s")  # models drop the "s" of "on Sundays"
    return days if days and days == _find_habitual(asked) else ()


def _find_habitual(phrase: str) -> tuple[int, ...]:
    said = fold(phrase).split()
    if not (_WORDS.of_appointment | _WORDS.exceptions).isdisjoint(said):
        return ()
    days = tuple(sorted({_HABITUAL[word] for word in said if word in _HABITUAL}))
    is_span = any(between in _WORDS.until and after in _HABITUAL for between, after in pairwise(said))
    return days if len(days) <= _MAX_DAYS and not is_span else ()


def describe_habitual_days(
    branch: Branch, days: Sequence[int], now: datetime, zone: ZoneInfo, pauses: Sequence[Span] = ()
) -> str | None:
    """Return the usual hours of weekdays (0 is Monday), and whether the branch is closed on the next date of each.

    `now` is an aware time. Return None if the branch has no opening hours.
    """
    if not branch.opening_hours:
        return None
    local = now.astimezone(zone)
    sentences = []
    for weekday in days:
        following = local.date() + _DAY * ((weekday - local.weekday()) % _WEEK_DAYS)
        usual, hours = say().habitual_weekdays[weekday], open_minutes(branch, following)
        day = say().on_every.format(day=usual[:1].upper() + usual[1:])
        if not hours:
            sentences.append(say().day_closed.format(day=day, holiday=""))
            continue
        sentences.append(say().day_open.format(day=day, hours=spell_ranges(hours)))
        if find_closure(branch, following) is not None:
            sentences.append(_describe_day(branch, following, local))
        sentences.append(describe_pause(branch, following, local, pauses))
    return _join(*sentences)


def asks_about_now(phrase: str | None, words: str) -> bool:
    """Return whether a question is about this moment ("Haben Sie jetzt gerade offen?"), by `phrase`, or without it by `words`."""
    said = (
        phrase.split()
        if phrase
        else [w for w in _asked_words(words) if fold(w) not in _WORDS.asking | _WORDS.asking_now]
    )
    folded = set(fold(" ".join(said)).split())
    return folded <= _WORDS.now | _WORDS.beside_now and not folded.isdisjoint(_WORDS.now)


def _asked_words(text: str) -> list[str]:
    """Return the first words of the questions in a text, without greetings; of the whole text if it has no question mark."""
    sentences = _SENTENCE_END.split(_GREETING.sub(" ", text))
    questions = [sentence for sentence in sentences if sentence.endswith("?")] or sentences
    return " ".join(questions).replace("?", " ").split()[:_MOST_WORDS]


def _are_days(understood: Understanding) -> bool:
    found = understood.candidates  # clock times, "jetzt" and "jeden Tag" get the hours of a week instead
    return bool(found) and all(each.grain in _DAYS and each.end and each.end - each.start < _AHEAD for each in found)


def describe_hours(
    branch: Branch, understood: Understanding | None, now: datetime, zone: ZoneInfo, pauses: Sequence[Span] = ()
) -> str | None:
    """Return the opening hours on the days that a caller named. For no day or more than three days, return the hours of a week.

    `now` is an aware time: a caller who asks in the evening about today hears that the branch has closed. During `pauses`
    nobody can be booked although the branch may be open, and the caller hears this. Return None if the branch has no opening
    hours.
    """
    if not branch.opening_hours:
        return None
    local = now.astimezone(zone)
    days = list_days(understood) if understood else []
    if not days or len(days) > _MAX_DAYS:
        until = max([local.date() + _SOON, *days])
        return _join(_describe_week(branch, local.date(), until), describe_pauses(branch, local, until, pauses))
    sentences = [_join(_describe_day(branch, day, local), describe_pause(branch, day, local, pauses)) for day in days]
    if len(days) == 1 and (_is_closed(branch, days[0]) or _is_over(branch, days[0], local)):
        sentences += _describe_next_opening(branch, days[0], local, pauses)
    return " ".join(sentences)


def describe_now(branch: Branch, now: datetime, zone: ZoneInfo, pauses: Sequence[Span] = ()) -> str | None:
    """Return the sentence whether the branch is open now, and until or from when; None if it has no opening hours."""
    if not branch.opening_hours:
        return None
    local = now.astimezone(zone)
    day, minute = local.date(), local.hour * 60 + local.minute
    ranges = [] if _is_closed(branch, day) else [each for each in open_minutes(branch, day) if each[1] > minute]
    if not ranges:
        return _join(say().closed_now, *_describe_next_opening(branch, day, local, pauses))
    opens, closes = ranges[0]
    pause = describe_pause(branch, day, local, pauses)
    if opens > minute:
        return _join(say().closed_now, say().still_open_today.format(hours=spell_ranges(ranges)), pause)
    if (opens, closes) == (0, _DAY_MINUTES):
        return _join(_describe_day(branch, day, local), pause)
    return _join(say().open_now.format(until=spell_clock(closes)), pause)


def describe_closures(branch: Branch, now: datetime, pauses: Sequence[Span] = ()) -> str | None:
    """Return the closed days of the next 8 weeks on which the branch usually opens; None without opening hours. `now` is local."""
    if not branch.opening_hours:
        return None
    today = now.date()
    closures = _find_closures(branch, today, today + _AHEAD)
    closed = say().closed_beside.format(days=_name_closures(closures, today)) if closures else say().open_as_usual
    return _join(closed, describe_pauses(branch, now, today + _AHEAD, pauses))


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def list_days(understood: Understanding) -> list[date]:
    """Return the days that a phrase means, in order. A long span has only its first days and its last day."""
    days: set[date] = set()
    for candidate in understood.candidates:
        first = candidate.start.date()
        last = first if candidate.end is None else (candidate.end - timedelta(microseconds=1)).date()
        days |= {last, *(first + _DAY * n for n in range(min((last - first).days, _MAX_DAYS) + 1))}
    return sorted(days)


def _describe_week(branch: Branch, today: date, until: date) -> str:
    """Return the sentences with the hours of a usual week, and with the closed days that begin on `until` or before."""
    hours, closed = spell_week(today, partial(open_minutes, branch))
    sentences = [say().open_week.format(hours=hours)]
    sentences += [say().closed_week.format(days=_name_days(closed))] if closed else []
    if closures := _find_closures(branch, today, until):
        sentences.append(say().also_closed.format(days=_name_closures(closures, today)))
    return " ".join(sentences)


def spell_week(today: date, list_ranges: Callable[[date], list[tuple[int, int]]]) -> tuple[str, list[int]]:
    """Return the ranges of minutes on each weekday as they are said, and the weekdays without any."""
    monday = today - _DAY * today.weekday()
    by_ranges: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for weekday in range(_WEEK_DAYS):
        by_ranges.setdefault(tuple(merge_spans(list_ranges(monday + _DAY * weekday))), []).append(weekday)
    free = by_ranges.pop((), [])
    parts = [f"{_name_days(days)} {spell_ranges(ranges)}" for ranges, days in by_ranges.items()]
    return join_list(parts, say().and_word), free


def _name_days(days: Sequence[int]) -> str:
    """Return weekdays as they are said: `Dienstag bis Freitag`, `Montag und Mittwoch`, `täglich`."""
    if len(days) == _WEEK_DAYS:
        return say().every_day
    rows: list[list[int]] = []
    for day in days:
        if rows and rows[-1][-1] == day - 1:
            rows[-1].append(day)
        else:
            rows.append([day])
    names: list[str] = []
    for row in rows:
        weekdays = [say().weekdays[day] for day in row]
        is_span = len(row) > 2  # noqa: PLR2004
        names += [say().days_to.format(first=weekdays[0], last=weekdays[-1])] if is_span else weekdays
    return join_list(names, say().and_word)


def _describe_day(branch: Branch, day: date, now: datetime) -> str:
    today = now.date()
    template = {today: say().today, today + _DAY: say().tomorrow}.get(day, say().on_day)
    name = template.format(day=format_day(day, today))
    if _is_closed(branch, day):
        holiday = find_closure(branch, day)
        return say().day_closed.format(day=name, holiday=say().holiday.format(holiday=holiday) if holiday else "")
    ranges = open_minutes(branch, day)
    if _is_over(branch, day, now):
        return say().day_over.format(day=name, until=spell_clock(ranges[-1][1]))
    return say().day_open.format(day=name, hours=spell_ranges(ranges))


def _describe_next_opening(branch: Branch, day: date, now: datetime, pauses: Sequence[Span]) -> list[str]:
    later = (day + _DAY * n for n in range(1, _LONGEST_CLOSURE.days))
    opening = next((each for each in later if not _is_closed(branch, each)), None)
    if opening is None:
        return []
    hours = spell_ranges(open_minutes(branch, opening))
    opens = say().next_opening.format(day=format_day(opening, now.date()), hours=hours)
    return [_join(opens, describe_pause(branch, opening, now, pauses))]


def _is_closed(branch: Branch, day: date) -> bool:
    return find_closure(branch, day) is not None or not open_minutes(branch, day)


def _is_over(branch: Branch, day: date, now: datetime) -> bool:
    """Return whether `day` is today and its opening hours are over."""
    ranges = open_minutes(branch, day)
    return day == now.date() and bool(ranges) and now.hour * 60 + now.minute >= ranges[-1][1]


def _find_closures(branch: Branch, first: date, until: date) -> list[_Closure]:
    """Return the closed days, from `first`, on which the branch is usually open, in runs without an opening between them. A run
    that begins on `until` or before is returned to its end.
    """
    closures: list[_Closure] = []
    joins = False  # whether nothing was open since the last closed day
    a_week = (first + _DAY * n for n in range(_WEEK_DAYS))
    usually_open = {day.weekday() for day in a_week if open_minutes(branch, day)}
    for day in (first + _DAY * n for n in range(_LONGEST_CLOSURE.days)):
        if day.weekday() not in usually_open:
            continue
        holiday = find_closure(branch, day)
        if joins and holiday is not None:
            closures[-1] = _Closure(closures[-1].first, day, "")
        elif day > until:
            break
        elif holiday is not None:
            closures.append(_Closure(day, day, holiday))
        joins = holiday is not None
    return closures


def _name_closures(closures: Sequence[_Closure], today: date) -> str:
    names = [_name_closure(closure, today) for closure in closures[:_MAX_CLOSURES]]
    if len(closures) > _MAX_CLOSURES:
        return say().and_further_days.format(days=", ".join(names))
    return join_list(names, say().and_word)


def _name_closure(closure: _Closure, today: date) -> str:
    first = format_day(closure.first, today)
    if closure.first != closure.last:
        return say().closed_from_to.format(first=first, last=format_day(closure.last, today))
    return say().closed_on.format(day=first, holiday=f", {closure.holiday}" if closure.holiday else "")
