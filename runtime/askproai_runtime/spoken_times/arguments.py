"""Decide to which argument of a call function a phrase belongs: `date`, `time` or `part_of_day`."""

import re
from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_runtime.sentences import present_language, speaking
from askproai_runtime.spoken_times.atoms import (
    PARTS_OF_DAY,
    Around,
    Atom,
    Clock,
    Contradiction,
    Day,
    Days,
    ImpossibleDay,
    ImpossibleTime,
    Op,
    Part,
    PastDay,
    Period,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.spoken_times.combine import drop_replaced
from askproai_runtime.spoken_times.exclusions import find_exclusions
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.grammars import present_grammar
from askproai_runtime.spoken_times.intervals import spell_out
from askproai_runtime.spoken_times.phrase import place_atoms, understand
from askproai_runtime.spoken_times.scan import UnknownWord, scan
from askproai_runtime.spoken_times.times import expand, hours_of, shifted
from askproai_runtime.spoken_times.types import Argument, Daily, Grain, Refusal, Understanding
from askproai_runtime.spoken_times.written_values import read_clock, read_day, read_part
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_Found = TypeVar("_Found")
ExcludedDay: TypeAlias = int | Days  # a weekday (0 is Monday), or a span of days
Excluded: TypeAlias = dict[ExcludedDay, Part | Clock | None]  # the excluded hours of each day; None: all
_ZONE = ZoneInfo("UTC")
_AT = datetime(2026, 1, 1, tzinfo=_ZONE)
# Whether words name a time does not depend on today, but "in fünf Tagen am Mittwoch" is a day only where today is a Friday.
_WEEK = tuple(_AT + timedelta(days=days) for days in range(7))
_FIRST_NEVER = frozenset({Op.COMMA, Op.AND, Op.OR, Op.EXCEPT})
# Words that are searched for excluded days, words of one exclusion, and exclusions: the event loop waits for them.
_MOST_WORDS, _LONGEST_EXCLUSION, _MOST_EXCLUSIONS = 30, 10, 4
_EXCLUSIONS = frozenset({Op.EXCEPT, Op.NOT})
_LINKS, _RANGE = frozenset({Op.AND, Op.OR, Op.COMMA}), frozenset({Op.BETWEEN, Op.FROM, Op.AFTER, Op.UNTIL, Op.BEFORE})
_ENDS, _MOMENT, _OPEN_END = 2, timedelta(microseconds=1), timedelta(days=300)  # of a range of days
_WORDS = UNDERSTOOD.excluded_days
_NOT_DENIED = re.compile(rf"\b(?:{_WORDS.not_denied})\b|[.!?;](?= |$)(?<!\d\.)")
_NEITHER = re.compile(rf"\b(?:{_WORDS.neither}) (.*?),? (?:{_WORDS.nor})\b")
_DENIED_BEFORE = re.compile(rf"(\b(?:{_WORDS.denials})) ?, ?(?=(?:{_WORDS.exceptions})\b)")
_DENIAL = re.compile(rf"(?:^|(?<=\s))(?:{_WORDS.denials})(?= *(?:$|(?:{_WORDS.exceptions})\b))")
_EXCEPTION = re.compile(rf"\b(?:{_WORDS.exceptions})\b")
_CONDITION = re.compile(rf"\b(?:{_WORDS.conditions})\b")
_REASON = re.compile(rf"(?:{_WORDS.reasons})\b")
_APPOINTMENT = re.compile(rf"\b(?:{_WORDS.appointments})\b")
_RELATIVE_WEEKDAYS = frozenset({Which.THIS, Which.COMING, Which.NEXT, Which.AFTER_NEXT})
_CORRECTIONS = frozenset({Op.CORRECT, Op.HESITATE})
_NEVER = frozenset({Op.NOT, Op.BUT, Op.INSTEAD, Op.CORRECT, Op.HESITATE, Op.END})


def find_argument(text: str) -> Argument | None:
    """Return the argument of a phrase that names only days, only clock times or only parts of the day; None for other phrases.

    A day or a time that does not exist counts, too; a rejected or corrected one does not.
    """
    try:
        atoms = _scan(text)
    except (ImpossibleDay, PastDay):
        return Argument.DATE
    except ImpossibleTime:
        return Argument.TIME
    except (UnknownWord, Contradiction):
        return None
    found = {_argument_of(atom) for atom in atoms if not isinstance(atom, Op)}
    if len(found) != 1 or isinstance(atoms[-1], Op) or not _NEVER.isdisjoint(a for a in atoms if isinstance(a, Op)):
        return None
    if atoms[0] in _FIRST_NEVER and not fold(text).startswith(present_grammar().may_exclude):
        return None
    return found.pop() if is_understood(text) else None


def find_part_argument(text: str) -> Argument | None:
    """Return the argument to which a text belongs by its words in any language, or None. A lone number is an hour: `zehn`."""
    try:
        text = spell_out(text)
        if read_clock(text) is not None:
            return Argument.TIME
        if read_day(text, _AT.date()) is not None:
            return Argument.DATE
    except ValueError:  # such as 14:30 AM, or a date that is over
        return None
    if read_part(text) is not None:
        return Argument.PART_OF_DAY
    return read_in_languages(lambda: find_argument(text) or _find_as_hour(text), None)


def _find_as_hour(text: str) -> Argument | None:
    """Return the argument of a text that is read as an hour (`zehn`); None if it cannot be read so: English `28. Dezember`."""
    completed = f"{present_grammar().hour_prefix} {text}"
    try:
        _scan(completed)
    except ValueError:
        return None
    return find_argument(completed)


def find_open_span(text: str) -> Grain | None:
    """Return the span after which a named day recurs: the week for `Donnerstag`, the month for `am 7.`; else None."""
    return read_in_languages(lambda: _find_open_span(text), None)


def names_next_weekday(text: str) -> bool:
    """Return whether an argument names a weekday with "next": `nächsten Freitag`."""
    return read_in_languages(lambda: _names_next_weekday(text), False)


def _names_next_weekday(text: str) -> bool:
    try:
        return any(isinstance(atom, Weekday) and atom.which is Which.NEXT for atom in _scan(text))
    except ValueError:
        return False


def is_relative_day(text: str) -> bool:
    """Return whether an argument names a day that depends on the day of the call or on another day: `diesen Freitag`, `in zwei
    Wochen`, `Freitag übernächste Woche`.
    """
    return read_in_languages(lambda: _is_relative_day(text), False)


def _is_relative_day(text: str) -> bool:
    try:
        atoms, later = _scan(text), scan(text, _AT + timedelta(days=7), present_grammar())
    except ValueError:
        return False
    is_weekday = any(isinstance(atom, Weekday) for atom in atoms)
    return any(
        (isinstance(atom, Weekday) and atom.which in _RELATIVE_WEEKDAYS)
        or (isinstance(atom, Day) and (atom.ahead or atom.counted))
        or (isinstance(atom, Period) and is_weekday and atom != other and atom.readings[0].first > _AT.date())
        for atom, other in zip(atoms, later, strict=True)
    )


def read_day_and_month(text: str) -> tuple[int, int] | None:
    """Return (month, day) of a text that names one date without a year: `vierter dritter`, `March 4th`; else None."""
    return read_in_languages(lambda: _read_day_and_month(text), None)


def _read_day_and_month(text: str) -> tuple[int, int] | None:
    try:
        atoms = _scan(text)
    except ValueError:
        return None
    match atoms:
        case [Day(month=int(month), number=int(number))]:
            return month, number
        case _:
            return None


def holds_day(text: str) -> bool:
    """Return whether an argument names a day of the calendar, alone or beside other words: `Freitag um zehn`."""
    return read_in_languages(lambda: _holds_day(text), False)


def _holds_day(text: str) -> bool:
    try:
        return any(isinstance(atom, Day | Weekday | Period) for atom in _scan(text))
    except PastDay:
        return True
    except ValueError:
        return False


def read_in_languages(read: Callable[[], _Found], nothing: _Found) -> _Found:
    """Return the result of `read` in the call's language; if that is `nothing`, the result in the other language."""
    own = present_language()
    for language in sorted(Language, key=lambda each: each is not own):
        with speaking(language):
            if (found := read()) != nothing:
                return found
    return nothing


def _find_open_span(text: str) -> Grain | None:
    try:
        atoms = _scan(text)
    except ValueError:
        return None
    said = [atom for atom in _list_wanted(atoms) if atom is not Op.COMMA]
    days = [atom for atom in said if isinstance(atom, Op) or _argument_of(atom) is Argument.DATE]
    if not days or not all(_is_open(day) for day in days):  # nor a choice: "Dienstag oder Mittwoch"
        return None
    return Grain.MONTH if any(isinstance(day, Day) for day in days) else Grain.WEEK


def _list_wanted(atoms: list[Atom]) -> list[Atom]:
    """Return the atoms without replaced, corrected or excluded ones: `nicht Donnerstag, sondern Freitag`."""
    try:
        kept = drop_replaced(atoms)
        last = max((n + 1 for n, atom in enumerate(kept) if atom in _CORRECTIONS), default=0)
        rest = find_exclusions(kept[last:], _AT.date()).rest
        return rest[:-1] if rest[-1:] == [Op.AND] else rest  # "Freitag, und nicht Donnerstag"
    except Contradiction:
        return atoms


def _is_open(day: Atom | Op) -> bool:
    if isinstance(day, Weekday):
        return day.which is None and not day.habit
    return isinstance(day, Day) and day.number is not None and day.month is None


def _argument_of(atom: Atom) -> Argument:
    if isinstance(atom, Clock | TimeRange | Around):
        return Argument.TIME
    return Argument.PART_OF_DAY if isinstance(atom, Part) else Argument.DATE


def _scan(text: str) -> list[Atom]:
    """Return the atoms of a phrase, as of the first day of a week on which they do not conflict. Raises as `scan`."""
    found = _scan_in(text, present_language())
    if isinstance(found, ValueError):
        raise copy(found)  # a raised error holds the frames of its request
    return list(found)


@lru_cache(maxsize=4096)  # most of a request's texts are no time, and are read by each reader of arguments
def _scan_in(text: str, language: Language) -> tuple[Atom, ...] | ValueError:
    with speaking(language):
        for at in _WEEK:
            try:
                return tuple(scan(text, at, present_grammar()))
            except Contradiction as error:
                contradiction = copy(error)
            except ValueError as error:
                return copy(error)
    return contradiction


def is_understood(text: str) -> bool:
    """Return whether a phrase is understood on any day of the call, even if its day does not exist or is over."""
    if understand(text, at=_AT, zone=_ZONE).refused is not Refusal.NOT_UNDERSTOOD:
        return True
    try:
        _scan(text)
    except UnknownWord:  # it has no meaning on another day either
        return False
    except ValueError:
        pass
    return any(understand(text, at=at, zone=_ZONE).refused is not Refusal.NOT_UNDERSTOOD for at in _WEEK[1:])


def says_nothing(word: str) -> bool:
    """Return whether a word beside a time has no meaning, such as "bitte" or "um"."""
    try:
        return not scan(word, _AT, present_grammar())
    except ValueError:  # unknown, or no day or time alone
        return False


def find_excluded_days(text: str, now: datetime = _AT) -> Excluded:
    """Return the weekdays (0 is Monday) and the spans of days that words exclude, each with its excluded hours (None: all).

    "Aber nicht am Montag", "heute geht es nicht" and "mittwochs vormittags kann ich nicht" exclude a day. Other words may be
    unknown. `now` is the local time of the call.
    """
    return read_in_languages(lambda: _find_excluded_days(fold(text), now), {})


def exclude_day(text: str, day: ExcludedDay, hours: Part | Clock | None) -> str:
    """Return a phrase ("": any day) that leaves out a day, in the present language: `nächste woche ≠ montag vormittag`.

    If the hours have no name, the phrase leaves out the whole day.
    """
    words = UNDERSTOOD_IN[present_language()]
    tables = words.counted.weekdays, words.values.parts
    weekdays, parts = ({each: word for word, each in reversed(table.items())} for table in tables)
    named = (
        weekdays[day] if isinstance(day, int) else f"≥ {day.first}" if day.last is None else f"{day.first}/{day.last}"
    )
    part = hours.name if isinstance(hours, Part) else ""
    said = parts.get(words.values.own_parts.get(part, part), "")
    return f"{spell_out(text)} ≠ {named} {said}".strip()


def includes_hours(understood: Understanding, hours: Part | Clock) -> bool:
    """Return whether a request for several days includes excluded hours. A time without a request for hours excludes nothing.

    An excluded morning begins with its day.
    """
    asked = [candidate.daily or Daily() for candidate in understood.candidates]
    spans: list[tuple[time | None, time | None]]
    if isinstance(hours, Clock):
        spans = [(at, shifted(at, 1)) for at in expand(hours)]
        asked = [each for each in asked if each.closes or each.opens > time()]
    else:
        opens, closes = hours_of(hours)
        spans = [(opens if opens and opens >= PARTS_OF_DAY["mittag"][0] else None, closes)]
    return any(
        (closes is None or each.opens < closes) and (opens is None or each.closes is None or opens < each.closes)
        for opens, closes in spans
        for each in asked
    )


def _find_excluded_days(said: str, now: datetime) -> Excluded:
    """Return what denials exclude before them, and then what words such as "außer" exclude behind them."""
    excluded, clauses = Excluded(), list[str]()
    said = _NOT_DENIED.sub(" ", " ".join(said.split()[:_MOST_WORDS]))
    said = _DENIED_BEFORE.sub(r"\1 ", _NEITHER.sub(r"≠ \1 ≠", said))
    for clause in re.split(r" ?, ?", said):
        denial, exception = _DENIAL.search(clause), _EXCEPTION.search(clause)
        if _CONDITION.search(clause):
            continue
        if denial and exception and not _REASON.match(denial[0]):
            excluded |= _read_denied_exception(clause, denial, exception, now)
        elif denial and not _APPOINTMENT.search(clause):
            excluded |= (own := _read_ending(clause[: denial.start()], now) or {})
            clauses.append(clause if all(isinstance(day, int) for day in own) else clause[: denial.start()])
        else:
            clauses.append(clause)
    said, patterns = present_grammar().normalize(", ".join(clauses)), present_grammar().operators
    texts = [said[word.start() :] for word in re.finditer(r"\S+", said)]
    ends = (((pattern.match(text), text) for pattern, op in patterns if op in _EXCLUSIONS) for text in texts)
    behind = [next((text[match.end() :] for match, text in each if match), None) for each in ends]
    for text in [each for each in behind if each is not None][:_MOST_EXCLUSIONS]:
        excluded |= _read_beginning(text.split("~")[0], now) or {}
    return excluded


def _read_denied_exception(clause: str, denial: re.Match[str], exception: re.Match[str], now: datetime) -> Excluded:
    """Return all weekdays but those of an exception if nothing else is denied: "außer samstags kann ich nie". Else the exception
    excludes nothing: "mittwochs kann ich nicht, außer vormittags".
    """
    if denial.start() < exception.start() and (own := _read_ending(clause[: denial.start()], now)):
        return own
    only = _read_beginning(clause[exception.end() :].partition(denial[0])[0], now) or {}
    is_weekdays = all(isinstance(day, int) and hours is None for day, hours in only.items())
    return dict.fromkeys(set(range(7)) - only.keys()) if only and is_weekdays else {}


def _read_beginning(text: str, now: datetime) -> Excluded | None:
    """Return the days that the longest understood beginning of a text names; None if no beginning names any."""
    words = text.split()
    read = (_read_days(words[:end], now) for end in range(min(len(words), _LONGEST_EXCLUSION), 0, -1))
    return next((days for days in read if days is not None), None)


def _read_ending(text: str, now: datetime) -> Excluded | None:
    words = text.split()
    read = (_read_days(words[first:], now) for first in range(max(0, len(words) - _LONGEST_EXCLUSION), len(words)))
    return next((days for days in read if days is not None), None)


def _read_days(words: Sequence[str], now: datetime) -> Excluded | None:
    """Return the days that words name, {} if they name only hours or bound those of a day; None for other words."""
    try:
        atoms = scan(" ".join(words), now, present_grammar())
    except (ValueError, OverflowError):
        return None
    while atoms and atoms[-1] in _LINKS:
        atoms.pop()
    hours = [atom for atom in atoms if isinstance(atom, Part | Clock)]
    named = [atom for atom in atoms if atom not in hours]
    weekdays = [atom for atom in named if isinstance(atom, Weekday) and (atom.habit or atom.which is None)]
    if not named or not all(isinstance(atom, Day | Weekday | Period) or atom in _LINKS | _RANGE for atom in named):
        return {} if hours else None
    if len(hours) > 1 or (hours and not _RANGE.isdisjoint(named)):
        return {}
    part = hours[0] if hours else None
    if all(atom in weekdays or atom in _LINKS for atom in named):
        return {atom.weekday: part for atom in weekdays}
    if len(weekdays) == _ENDS and len(named) - len(weekdays) <= _ENDS and named[-2] is Op.UNTIL:
        first, last = (atom.weekday for atom in weekdays)
        return {(first + n) % 7: part for n in range((last - first) % 7 + 1)}
    if Op.COMMA in named:
        return None
    said = [Op.OR if atom is Op.AND and Op.BETWEEN not in named else atom for atom in named]
    zone = now.tzinfo
    understood = place_atoms(lambda: said, now, zone if isinstance(zone, ZoneInfo) else _ZONE).candidates
    ends = [(each.start, each.end - _MOMENT) for each in understood if each.end and not each.daily]
    return {Days(start.date(), end.date() if end - start < _OPEN_END else None): part for start, end in ends}
