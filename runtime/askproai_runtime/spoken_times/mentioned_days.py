"""Compare a day or a time of day with those that words name, whatever else the words say. Pure."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from askproai_runtime.spoken_times.atoms import (
    PARTS_OF_DAY,
    Around,
    Atom,
    Clock,
    Day,
    Days,
    Instant,
    Op,
    Part,
    Period,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.spoken_times.mentions import BOUNDS, read_spans, scan_words
from askproai_runtime.spoken_times.times import expand
from askproai_runtime.spoken_times.weekday_dates import weekday_dates

_MONTH = 31
_FARTHEST = timedelta(days=92)  # a later date may be a date of birth


@dataclass(frozen=True, slots=True)
class MentionedDays:
    """The weekdays (0 is Monday), days of a month, dates and spans that words name. A weekday or day of a month beside a span is
    one in this span.
    """

    weekdays: frozenset[int] = frozenset()
    numbers: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()
    spans: Sequence[Days] = ()

    @property
    def has_day(self) -> bool:
        """Return whether a day is named, and not only a span such as "nächste Woche"."""
        return bool(self.weekdays or self.numbers or self.dates)

    def within(self, spans: Sequence[Days]) -> "MentionedDays":
        """Return these days in `spans`; days of a month are in whole months: "Mitte Januar", "der 23."."""
        return replace(self, spans=[_widen(each) for each in spans] if self.numbers else spans)

    def may_mean(self, day: date) -> bool:
        """Return whether the words can mean a day."""
        if day in self.dates:
            return True
        if self.dates and not (self.weekdays or self.numbers):
            return False
        is_in = not self.spans or any(each.holds(day) for each in self.spans)
        is_weekday = not self.weekdays or day.weekday() in self.weekdays
        return is_in and is_weekday and (not self.numbers or day.day in self.numbers)

    def find_near(self, day: date, first: date) -> Iterator[date]:
        """Yield as many days from `first` on as the words name, the nearest to `day`, and in doubt to `first`. If a weekday and a
        day of a month do not fit within a month, these are the nearest of each. A distant span, which may be a name ("Sommer"),
        does not count.
        """
        if not self._fits_soon(first):
            alone = (replace(self, numbers=frozenset()), replace(self, weekdays=frozenset()))
            yield from (found for each in alone for found in each.find_near(day, first))
            return
        days = (first + timedelta(days=n) for n in range(_FARTHEST.days))
        count = max(len(self.weekdays), len(self.numbers)) + len(self.dates)
        found = sorted(filter(self.may_mean, days), key=lambda each: abs(each - day))[: count or 1]
        yield from found or (replace(self, spans=()).find_near(day, first) if self.spans and self.has_day else ())

    def _fits_soon(self, first: date) -> bool:
        days = (first + timedelta(days=n) for n in range(_MONTH))
        return not (self.weekdays and self.numbers) or bool(self.spans) or any(map(self.may_mean, days))


def _widen(span: Days) -> Days:
    """Return the span extended to whole months."""
    last = span.last and span.last.replace(day=monthrange(span.last.year, span.last.month)[1])
    return Days(span.first.replace(day=1), last)


def read_mentioned_days(words: str, now: datetime) -> MentionedDays:
    """Return the days that words name. A day after a bound ("ab Freitag") is none, and neither is the weekday of a date beside it
    ("Freitag, der 4. Dezember"). A weekday that depends on something said before ("am Freitag drauf") may be in any week.
    """
    weekdays, numbers, dates, spans = set[int](), set[int](), set[date](), list[Days]()
    said = [atom for atom in scan_words(words, now) if atom is not Op.COMMA]
    # an hour may stand between: "Freitag um neun, der 4. Dezember"
    ends = [isinstance(atom, Clock | Part) for atom in (*said, None)]
    atoms = [atom for n, atom in enumerate(said) if not (ends[n] or (atom in BOUNDS and ends[n + 1]))]
    is_dated = any(isinstance(atom, Day) and atom.number for atom in atoms)
    is_choice = Op.OR in atoms and any(isinstance(atom, Weekday) for atom in atoms)
    for before, atom, behind in zip([None, *atoms], atoms, [*atoms[1:], None], strict=False):
        if isinstance(atom, Period) or (isinstance(atom, Day) and atom.ahead):
            spans += (each for each in read_spans(before, atom) if each.first != date.min)
        elif before in BOUNDS:
            continue
        elif isinstance(atom, Weekday) and not (_is_date_on(before, atom) or _is_date_on(behind, atom)):
            is_open = is_dated or atom.which in {None, Which.FOLLOWING}
            weekdays |= {atom.weekday} if is_open else set()
            dates |= set() if is_open else {*weekday_dates(atom, now.date())}
        elif isinstance(atom, Day) and atom.number and not atom.month and not (is_choice and Op.OR in (before, behind)):
            numbers.add(atom.number)
        elif isinstance(atom, Day):
            fits = not isinstance(before, Weekday) or before.weekday in {each.weekday() for each in atom.readings}
            if atom.month is None or fits:
                dates |= {*atom.readings}
            else:  # "Donnerstag, den 15. Dezember", a Tuesday: either may be wrong
                numbers |= {each.day for each in atom.readings}
    near = {each for each in dates if each - now.date() <= _FARTHEST}
    return MentionedDays(frozenset(weekdays), frozenset(numbers), frozenset(near), spans)


def _is_date_on(atom: Atom | None, weekday: Weekday) -> bool:
    if not isinstance(atom, Day) or atom.ahead or (atom.number is not None and atom.month is None):
        return False
    return any(day.weekday() == weekday.weekday for day in atom.readings)


def excludes_time(words: str, at: time, now: datetime) -> bool:
    """Return whether words name hours or parts of the day, and none that includes the time `at`."""
    atoms = scan_words(words, now)
    parts = [atom for atom in atoms if isinstance(atom, Part) and atom.name]
    clocks = [atom for atom in atoms if isinstance(atom, Clock)]
    if not (clocks or parts) or any(isinstance(atom, TimeRange | Around | Instant) for atom in atoms):
        return False
    try:
        hours = {each for clock in clocks for each in (*expand(clock), *(expand(clock, parts[0]) if parts else ()))}
    except ValueError:  # "drei Uhr vormittags"
        return False
    return at not in hours and not any(
        first <= at < last for first, last in (PARTS_OF_DAY[each.name] for each in parts)
    )
