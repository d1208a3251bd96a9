"""Read a single argument of a call function: as atoms, or as a full date and time."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.atoms import (
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
    Weekday,
)
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.grammars import scan_argument
from askproai_runtime.spoken_times.intervals import read_interval, spell_out
from askproai_runtime.spoken_times.iso import IsoInstant, read_instant
from askproai_runtime.spoken_times.scan import UnknownWord
from askproai_runtime.spoken_times.types import Argument
from askproai_runtime.spoken_times.written_values import (
    add_colon,
    read_clock,
    read_day,
    read_day_and_clock,
    read_part,
    split_short_day,
)
from askproai_runtime.understood import UNDERSTOOD

TIMES = (Clock, TimeRange, Around, Part)
# A time as a clock of 24 hours shows it: `08:00`, `08h00`, `0800`, `08.00 Uhr`, unlike `8:00`.
_OF_24 = re.compile(
    rf"(?<![\d.,:/-])T?(?:[01]\d|2[0-4])\s?(?:[:h]\s?[0-5]\d|[.,][0-5]\d\s?(?:{UNDERSTOOD.values.clock}|h)\b)"
    r"|^T?(?:[01]\d|2[0-4])[0-5]\d(?:00)?$",
    re.IGNORECASE,
)
_CLOCKS = (Clock, TimeRange, Around)
_BEFORE_TIME = frozenset({Op.FROM, Op.AFTER, Op.LATER_THAN, Op.BEFORE, Op.BETWEEN, Op.ABOUT})
_TWO_DIGITS = 10
_LONE_HOUR = re.compile(r"^(?:[01]?\d|2[0-4])$")


@dataclass(frozen=True, slots=True)
class ArgumentValue:
    """The meaning of one argument's text (`date`, `time` or `part_of_day`), read without the other arguments."""

    atoms: tuple[Atom, ...] = ()
    instant: IsoInstant | None = None

    @property
    def has_time(self) -> bool:
        return any(isinstance(atom, TIMES) for atom in self.atoms)

    @property
    def has_day(self) -> bool:
        return any(not isinstance(atom, (*TIMES, Op)) for atom in self.atoms)

    def split_days(self, today: date) -> "list[ArgumentValue]":
        """Return one value for each day in the argument, if several stand side by side: `morgen (2026-11-28)`. Each value keeps
        the other atoms. A weekday beside a date means the day in the date's week: in `Montag, den 11. Dezember`, if the 11th
        is a Friday, the days are the 11th and the 7th.
        """
        days = [atom for atom in self.atoms if isinstance(atom, Day | Weekday)]
        last = max((number for number, atom in enumerate(self.atoms) if atom in days), default=0)
        if len(days) < 2 or any(isinstance(atom, Op) and atom is not Op.COMMA for atom in self.atoms[:last]):  # noqa: PLR2004
            return [self]
        rest = [atom for atom in self.atoms if atom not in days and atom is not Op.COMMA]
        dates = [atom for atom in days if isinstance(atom, Day) and atom.is_date]
        return [ArgumentValue((_in_week_of(dates, day, today), *rest)) for day in days]


def _in_week_of(dates: Sequence[Day], day: Day | Weekday, today: date) -> Day | Weekday:
    """Return a weekday as its date in the week of the first of `dates`, or a week later if that is over; other days unchanged."""
    if not dates or not isinstance(day, Weekday) or day.which is not None or day.habit:
        return day
    first = dates[0].readings[0]
    near = first + timedelta(days=day.weekday - first.weekday())
    return Day((near if near >= today else near + timedelta(weeks=1),), dated=True)


def names_date(text: str, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether a `date` is one day, however written, also `morgen`; not a choice, and not counted: `in zwei Wochen`."""
    with suppress(ValueError, OverflowError):
        value = read_argument(Argument.DATE, text, now, zone)
        days = [atom for atom in value.atoms if isinstance(atom, Day)]
        is_single = all(atom is Op.COMMA for atom in value.atoms if isinstance(atom, Op))
        is_day = any(day.dated or day.month or not (day.number or day.counted or day.ahead) for day in days)
        return value.instant is not None or (is_single and is_day)
    return False


def read_argument(argument: Argument, text: str, now: datetime, zone: ZoneInfo) -> ArgumentValue:
    """Return the value of one argument, by its own text alone. Raises the errors of `scan` if the text is not understood."""
    if (instant := read_instant(text, zone)) is not None:
        if not instant.is_day:
            return ArgumentValue(instant=instant)
        days = tuple(dict.fromkeys(reading.date() for reading in instant.readings))
        return ArgumentValue((_day(days, now.date()),))
    text = spell_out(text.replace(";", ",").replace("&", ","))
    if (interval := read_interval(text, zone)) is not None:
        first, end = interval
        is_clear = len(first.readings) == 1
        return ArgumentValue(_span(first.readings[0], end, now.date())) if is_clear else ArgumentValue(instant=first)
    atoms: Sequence[Atom] | None = read_day_and_clock(text, now.date())
    if atoms is None:
        atoms = _read_day(text, now) if argument is Argument.DATE else _read_time(argument, text, now)
    return ArgumentValue(_mark_of_24(text, atoms))


def _span(begin: datetime, end: datetime, today: date) -> tuple[Atom, ...]:
    """Return the atoms of an interval: its day and its hours; for several days, one period with its first and last time."""
    if begin.date() != end.date():
        days = Days(_day((begin.date(),), today).readings[0], end.date())
        return (Period((days,), opens=begin.time(), closes=end.time()),)
    opens, closes = (Clock(each.hour, each.minute, is_bare=False, is_of_24=True) for each in (begin, end))
    return _day((begin.date(),), today), TimeRange(opens, closes)


def _mark_of_24(text: str, atoms: Sequence[Atom]) -> tuple[Atom, ...]:
    """Return the atoms with `08:00` marked as a 24-hour time; unchanged if the text names a part of the day: `08:00 abends`."""
    if not _OF_24.search(text) or any(isinstance(atom, Part) for atom in atoms):
        return tuple(atoms)
    return tuple(_of_24(atom) for atom in atoms)


def _of_24(atom: Atom) -> Atom:
    if isinstance(atom, TimeRange):
        return replace(
            atom, opens=atom.opens and _clock_of_24(atom.opens), closes=atom.closes and _clock_of_24(atom.closes)
        )
    if isinstance(atom, Around):
        return replace(atom, clock=_clock_of_24(atom.clock))
    return _clock_of_24(atom) if isinstance(atom, Clock) else atom


def _clock_of_24(clock: Clock) -> Clock:
    is_open = clock.other is not None or (clock.is_bare and clock.hour < _TWO_DIGITS)
    return clock if is_open else replace(clock, is_bare=False, is_of_24=True)


def _day(days: tuple[date, ...], today: date) -> Day:
    coming = tuple(day for day in days if day >= today)
    if not coming:
        raise PastDay(days[0].isoformat(), days[0])
    return Day(coming, dated=True)


def _read_day(text: str, now: datetime) -> Sequence[Atom]:
    if (day := read_day(text, now.date())) is not None:
        return [day]
    if not (atoms := scan_argument(_add_full_stop(text, now), now)):
        raise UnknownWord("a day that is only words that fill")  # it would count as a day that was named
    return atoms


def _add_full_stop(text: str, now: datetime, *, is_time: bool = False) -> str:
    """Return a text whose date has the full stop after its month: `18.12. um 15.30 Uhr` for `18.12 um 15.30 Uhr`. Unchanged with
    another day or time behind it (`12.12 13.12`, `10.12 bis 11.12`), and a time (`is_time`) without a clock: `9.10 vormittags`.
    """
    if (split := split_short_day(text)) is None or not split[1]:
        return split[0] if split and not is_time else text
    try:
        atoms = scan_argument(split[1], now)
    except (ValueError, OverflowError):
        return text
    is_behind = atoms[:1] and (
        isinstance(atoms[0], _CLOCKS) or (not is_time and (isinstance(atoms[0], Part) or atoms[0] in _BEFORE_TIME))
    )
    is_only = all(isinstance(atom, (*TIMES, Op)) for atom in atoms)
    return " ".join(split) if is_behind and is_only and split_short_day(split[1]) is None else text


def _read_time(argument: Argument, text: str, now: datetime) -> Sequence[Atom]:
    text = add_colon(text)
    if (clock := read_clock(text)) is not None:
        return [clock]
    # As a time "noon" is an hour. "AM" is none, and in German only a preposition.
    if (part := read_part(text)) is not None and (argument is Argument.PART_OF_DAY or part.is_half):
        return [part]
    if _FIRST.fullmatch(fold(text)):
        return [Soon()]
    if (day := read_day(text, now.date())) is not None:
        return [day]
    try:
        text = _drop_dots(_add_full_stop(text, now, is_time=True), now)
        return scan_argument(text, now, is_time=True)
    except UnknownWord:
        part = read_part(text)
        if part is None:
            raise
        return [part]


# As a time "das erste" is the first one of its day, and not the first day of a month.
_WORDS = UNDERSTOOD.first
_FIRST = re.compile(
    rf"(?:(?:{_WORDS.before}) )*(?:(?:{_WORDS.article}) )?(?:{_WORDS.very})?(?:{_WORDS.first})"
    rf"(?: (?:{_WORDS.found}))*(?: (?:{_WORDS.of_day}))?"
)


def _drop_dots(time: str, now: datetime) -> str:
    """Return a time of day without a sentence's full stops. A day, which models also pass as a time, keeps them (`am 16.`)."""
    stripped = time.strip().rstrip(". ")
    if stripped == time.strip() or _LONE_HOUR.match(stripped):
        return stripped
    try:
        atoms = scan_argument(stripped, now)
    except (ValueError, OverflowError):
        return time
    return stripped if all(isinstance(atom, (*TIMES, Op)) for atom in atoms) else time
