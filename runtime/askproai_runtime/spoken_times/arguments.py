"""Decide to which argument of a call function a phrase belongs: `date`, `time` or `part_of_day`."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_runtime.sentences import present_language, speaking
from askproai_runtime.spoken_times.atoms import (
    Around,
    Atom,
    Clock,
    Contradiction,
    Day,
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
from askproai_runtime.spoken_times.intervals import read_interval, spell_out
from askproai_runtime.spoken_times.iso import read_instant
from askproai_runtime.spoken_times.phrase import understand
from askproai_runtime.spoken_times.scan import UnknownWord, scan
from askproai_runtime.spoken_times.types import Argument, Grain, Refusal
from askproai_runtime.spoken_times.written_values import read_clock, read_day, read_part

_Found = TypeVar("_Found")
_ZONE = ZoneInfo("UTC")
_AT = datetime(2026, 1, 1, tzinfo=_ZONE)
# Whether words name a time does not depend on today, but "in fünf Tagen am Mittwoch" is a day only where today is a Friday.
_WEEK = tuple(_AT + timedelta(days=days) for days in range(7))
_FIRST_NEVER = frozenset({Op.COMMA, Op.AND, Op.OR, Op.EXCEPT})
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
    """Return whether an argument names a day of the calendar, alone or beside other words: `Freitag um zehn`,
    `2026-11-27T10:00`.
    """
    with suppress(ValueError, OverflowError):
        if read_instant(text, _ZONE) or read_interval(spell_out(text), _ZONE):
            return True
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
