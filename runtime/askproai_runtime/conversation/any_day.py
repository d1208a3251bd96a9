"""Decide whether a request leaves the day open ("egal"), and leave out the days that the caller has excluded. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.requested_times import names_day
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import ANYBODY, is_question, words_of
from askproai_runtime.language.placeholders import leaves_open
from askproai_runtime.language.said_days import read_said_days
from askproai_runtime.person_names import fold
from askproai_runtime.spoken_times import Candidate, Days, Understanding, understand_parts
from askproai_runtime.spoken_times.excluded_days import (
    Excluded,
    ExcludedDay,
    exclude_day,
    find_excluded_days,
    includes_hours,
)
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD

ASKED_DAY: Final = "date"  # the marker of the question for a day
_ANY: Final = "egal"  # in the words of the reader of times
_LONG: Final = timedelta(days=300)  # no named day or month lasts as long
_DAY: Final = timedelta(hours=25)  # the longest one
_WEEKEND: Final = timedelta(days=1)  # from its first day to its last
_MOMENT: Final = timedelta(microseconds=1)
_MOST_READ: Final = 20  # turns of the caller
_MOST_WORDS: Final = 9  # of a clause that only names a first day: the event loop waits for its reading
_SENTENCE = re.compile(r"(?:[^.!?;\n]|(?<=\d)\.(?= ))+[.!?;]?")  # "am 24. kann ich nicht" is one
_WORDS: Final = UNDERSTOOD.any_day
_BETWEEN_CLAUSES = re.compile(rf"[, ]+(?:{UNDERSTOOD.excluded_days.links}) |, *", re.IGNORECASE)
_OF_DAYS = re.compile(rf"\b(?:{_WORDS.of_days})\b")
_EACH_DAY = re.compile(rf"\b(?:{_WORDS.each_day})\b")
_SUITS = re.compile(rf"\b(?:{_WORDS.suits})\b")
_EXCEPT = re.compile(rf"\b(?:{_WORDS.exceptions})\b")


def read_any_day(call: CallContext, args: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with a `date` for any day, if the argument `date` or (without a named day) the caller leaves the day
    open; else unchanged.

    "Egal" alone means any day only after our question for the day. The request's hours then apply to each day.
    """
    date, rest = read_text(args, "date"), {name: each for name, each in args.items() if name != "date"}
    if date is None and names_day(read_parts(args)):
        return args
    is_asked = ASKED_DAY in call.asked_unclear
    said = [(each, is_asked) for each in _list_clauses(call.said_since or "")]
    if is_asked or _is_repeated(call, args, zone):  # what made it any day was said before the first request
        said += [(each, False) for words in call.utterances[-_MOST_READ:] for each in _list_clauses(words)]
    clauses = said if date is None else [(date, True)]
    days = (_find_any_day(each, call, args, zone, is_asked=is_answer) for each, is_answer in clauses)
    found = next(filter(None, days), None)
    if found is None or (date is not None and leaves_open(date) and names_day(read_parts(rest))):
        return args if found is None else rest
    return rest | {"date": found}


def _is_repeated(call: CallContext, args: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Return True if a request repeats the times of one that was answered with offers, and the caller has chosen no day since."""
    named, now = call.named_last, call.started_at.astimezone(zone)
    times = {text for name in ("start", "date", "time", "part_of_day") if (text := read_text(args, name))}
    if named is None or not any(each.starts and each.times <= times <= each.texts for each in call.earlier):
        return False
    said = read_said_days(named.said_since, [each.astimezone(zone) for each in named.starts], now)
    return not (said.chosen or said.elsewhere or said.doubtful)


def leave_out_days(call: CallContext, args: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments of a request for any or for several days with the days left out of `date` that the caller has
    excluded ("mittwochs kann ich nicht"). Any day is one from the first on which the caller can come ("nicht vor Mittwoch").

    For a date that no earlier request had, only the words since the last answer count: the earlier ones were about other dates.
    """
    named, *others = read_parts(args)
    is_open = named is None or leaves_open(named)
    text = "" if named is None or is_open else named
    plain = understand_parts(text or _ANY, *others, at=call.started_at, zone=zone)
    frame, own = _split_excluded(text, call, zone)
    if own:
        text, plain = frame, understand_parts(frame, *others, at=call.started_at, zone=zone)
    is_of_one = any(each.end is None or each.end - each.start <= _DAY for each in plain.candidates)
    if is_of_one or not plain.candidates or (not text and names_day(others)):
        return args
    since = [*_list_clauses(call.said_since or "", with_questions=True)]
    if not text:
        short = (each for each in since if each.count(" ") < _MOST_WORDS and not is_question(each))
        text = next((each for each in short if _names_first_day(each, call, zone)), text)
    is_repeated = any(named in each.times for each in call.earlier)
    before = call.utterances[-_MOST_READ:] if is_open or is_repeated else ()
    clauses = [each for said in before for each in _list_clauses(said, with_questions=True)]
    excluded = own | _list_excluded([*clauses, *since], call, zone)
    for day, hours in excluded.items():
        if hours and not includes_hours(plain, hours):
            continue
        tried = (exclude_day(text, day, each) for each in (None if any(others) else hours, None))
        left = (each for each in tried if understand_parts(each, *others, at=call.started_at, zone=zone).candidates)
        text = next(left, text)
    limited = understand_parts(text or None, *others, at=call.started_at, zone=zone)
    return {**args, "date": text} if text and limited.candidates else args


def _list_excluded(clauses: Iterable[str], call: CallContext, zone: ZoneInfo) -> Excluded:
    """Return the days that clauses exclude, each with its hours (None: all). A later clause or question that names such a day,
    a weekend or the same span lifts this.
    """
    excluded, now = Excluded(), call.started_at.astimezone(zone)
    for clause in clauses:
        if not is_question(clause) and (found := find_excluded_days(clause, now)):
            excluded |= found
        elif excluded:
            named = understand_parts(clause, None, None, at=call.started_at, zone=zone).candidates
            excluded = {day: hours for day, hours in excluded.items() if not any(_lifts(each, day) for each in named)}
    return excluded


def _split_excluded(text: str, call: CallContext, zone: ZoneInfo) -> tuple[str, Excluded]:
    """Return the first clause of a date and the days that the others exclude; none if one of them says anything else: "nächste
    Woche, Montag geht nicht und Mittwoch auch nicht".
    """
    now = call.started_at.astimezone(zone)
    frame, *clauses = _BETWEEN_CLAUSES.split(text)
    excluded = [find_excluded_days(each, now) for each in clauses]
    is_clear = all(excluded) and not find_excluded_days(frame, now)
    return frame, {day: hours for each in excluded for day, hours in each.items()} if is_clear else {}


def _lifts(named: Candidate, days: ExcludedDay) -> bool:
    first, last = named.start.date(), ((named.end or named.start) - _MOMENT).date()
    if last - first > _WEEKEND:
        return days == Days(first, last)
    within = (first + timedelta(days=n) for n in range(max((last - first).days, 0) + 1))
    return any(each.weekday() == days if isinstance(days, int) else days.holds(each) for each in within)


def _names_first_day(clause: str, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether a clause names the first day on which the caller can come, and says nothing else: "nicht vor Mittwoch" and
    not "ab Mittwoch ist es mir zu spät".
    """
    try:
        find_mention(clause, call.started_at.astimezone(zone), ())
    except UnclearMention:
        return False
    understood = understand_parts(clause, None, None, at=call.started_at, zone=zone)
    return _is_long(understood) and understood.candidates[0].start > call.started_at


def _list_clauses(said: str, *, with_questions: bool = False) -> Iterator[str]:
    """Yield each sentence that is no question; then its parts between commas, unless the sentence has an exception ("außer").
    With `with_questions` also yield the questions.
    """
    for sentence in _SENTENCE.findall(said):
        if is_question(sentence):
            if with_questions:
                yield sentence.strip()
            continue
        yield sentence.strip(" ,.!;")
        if "," in sentence and not _EXCEPT.search(fold(sentence)):
            yield from sentence.split(",")


def _find_any_day(
    clause: str, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, *, is_asked: bool
) -> str | None:
    """Return the text for the argument `date` if a clause leaves the day open; else None."""
    said, words, stripped = fold(clause), words_of(clause), clause.strip(" ,.!;")
    is_open = leaves_open(clause)
    if ANYBODY.search(words) or (not is_asked and not _OF_DAYS.search(said)):
        return None
    _, clock, part = read_parts({name: each for name, each in args.items() if name != "date"})
    if _is_long(understand_parts(stripped, clock, part, at=call.started_at, zone=zone)):
        return stripped
    if _EXCEPT.search(said) and not is_open:
        return None
    is_each = bool(_EACH_DAY.search(said)) and (is_asked or bool(_SUITS.search(said)))
    alone = understand_parts(stripped, None, None, at=call.started_at, zone=zone)
    return _ANY if is_open or is_each or _is_long(alone) else None


def _is_long(understood: Understanding) -> bool:
    """Return True if a text has exactly one reading, and this is a span so long that it has no real last day."""
    if understood.refused is not None or len(understood.candidates) != 1:
        return False
    (only,) = understood.candidates
    return only.end is not None and only.end - only.start >= _LONG
