"""What one argument of a call function means by itself: atoms, or a full date and time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates.atoms import (
    Around,
    Atom,
    Clock,
    Day,
    Days,
    Op,
    Part,
    PastDay,
    Period,
    Soon,
    TimeRange,
)
from askproai_runtime.german_dates.grammars import scan_argument
from askproai_runtime.german_dates.intervals import read_interval, spell_out
from askproai_runtime.german_dates.iso import IsoInstant, read_instant
from askproai_runtime.german_dates.scan import UnknownWord
from askproai_runtime.german_dates.types import Argument
from askproai_runtime.german_dates.vocabulary import fold
from askproai_runtime.german_dates.written_values import read_clock, read_day, read_day_and_clock, read_part

TIMES = (Clock, TimeRange, Around, Part)
_LONE_HOUR = re.compile(r"^(?:[01]?\d|2[0-4])$")


@dataclass(frozen=True, slots=True)
class ArgumentValue:
    """What one argument means by itself: atoms, or a full date and time."""

    atoms: tuple[Atom, ...] = ()
    instant: IsoInstant | None = None

    @property
    def has_time(self) -> bool:
        return any(isinstance(atom, TIMES) for atom in self.atoms)

    @property
    def has_day(self) -> bool:
        return any(not isinstance(atom, (*TIMES, Op)) for atom in self.atoms)


def read_argument(argument: Argument, text: str, now: datetime, zone: ZoneInfo) -> ArgumentValue:
    """Return the value of one argument. Raises what `scan` does."""
    if (instant := read_instant(text, zone)) is not None:
        if not instant.is_day:
            return ArgumentValue(instant=instant)
        days = tuple(dict.fromkeys(reading.date() for reading in instant.readings))
        return ArgumentValue((_day(days, now.date()),))
    text = spell_out(text)
    if (interval := read_interval(text, zone)) is not None:
        first, end = interval
        is_clear = len(first.readings) == 1
        return ArgumentValue(_span(first.readings[0], end, now.date())) if is_clear else ArgumentValue(instant=first)
    if (both := read_day_and_clock(text, now.date())) is not None:
        return ArgumentValue(both)
    if argument is Argument.DATE:
        return ArgumentValue(tuple(_read_day(text, now)))
    return ArgumentValue(tuple(_read_time(argument, text, now)))


def _span(begin: datetime, end: datetime, today: date) -> tuple[Atom, ...]:
    """Return the day and the hours of an interval; of several days the days, with the time at which it begins and ends."""
    if begin.date() != end.date():
        days = Days(_day((begin.date(),), today).readings[0], end.date())
        return (Period((days,), opens=begin.time(), closes=end.time()),)
    opens, closes = (Clock(each.hour, each.minute, is_bare=False) for each in (begin, end))
    return _day((begin.date(),), today), TimeRange(opens, closes)


def _day(days: tuple[date, ...], today: date) -> Day:
    coming = tuple(day for day in days if day >= today)
    if not coming:
        raise PastDay(days[0].isoformat(), days[0])
    return Day(coming, dated=True)


def _read_day(text: str, now: datetime) -> Sequence[Atom]:
    if (day := read_day(text, now.date())) is not None:
        return [day]
    if not (atoms := scan_argument(text, now)):
        raise UnknownWord("a day that is only words that fill")  # it would count as a day that was named
    return atoms


def _read_time(argument: Argument, text: str, now: datetime) -> Sequence[Atom]:
    if (clock := read_clock(text)) is not None:
        return [clock]
    if argument is Argument.PART_OF_DAY and (part := read_part(text)) is not None:
        return [part]
    if _FIRST.fullmatch(fold(text)):
        return [Soon()]
    if (day := read_day(text, now.date())) is not None:
        return [day]
    try:
        return scan_argument(_drop_dots(text, now), now, is_time=True)
    except UnknownWord:
        part = read_part(text)
        if part is None:
            raise
        return [part]


# As a time "das erste" is the first one of its day, and not the first day of a month.
_FIRST = re.compile(
    r"(?:als |gleich |einfach |just )*(?:das |den |die |der |the )?(?:very |aller)?"
    r"(?:(?:erste|fruehe?ste)[mnrs]?|first|earliest|soonest)"
    r"(?: (?:freie[mnrs]?|moegliche[mnrs]?|available|one|thing|slot|termin))*"
    r"(?: (?:in der frueh|am morgen|am tag|in the morning|of the day))?"
)


def _drop_dots(time: str, now: datetime) -> str:
    """Return a time of day without the dots that end a sentence. Models also pass days as a time."""
    stripped = time.strip().rstrip(". ")
    if stripped == time.strip() or _LONE_HOUR.match(stripped):
        return stripped
    try:
        atoms = scan_argument(stripped, now)
    except (ValueError, OverflowError):
        return time
    return stripped if all(isinstance(atom, (*TIMES, Op)) for atom in atoms) else time
