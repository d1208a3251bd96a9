"""The meaning of one choice of a phrase, and days that are counted from those of another choice."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from askproai_runtime.spoken_times.atoms import (
    Around,
    Clock,
    Day,
    Days,
    Instant,
    Offset,
    Part,
    Period,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.spoken_times.rules import DAY
from askproai_runtime.spoken_times.weekday_dates import weekday_dates


@dataclass(slots=True)
class Meaning:
    """One choice of a phrase: at most one day, one time and so on. `only`, `excluded` are weekdays, `not_days` excluded days."""

    day: Day | None = None
    weekday: Weekday | None = None
    period: Period | None = None
    instant: Instant | None = None
    offset: Offset | None = None
    clock: Clock | None = None
    part: Part | None = None
    hours: TimeRange | None = None
    around: Around | None = None
    soon: bool = False
    latest: bool = False
    only: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)
    not_days: tuple[Days, ...] = ()

    @property
    def has_day(self) -> bool:
        return any((self.day, self.weekday, self.period, self.only))

    @property
    def has_time(self) -> bool:
        return any((self.clock, self.part, self.hours, self.around))

    @property
    def is_empty(self) -> bool:
        return not (self.has_day or self.has_time or self.soon or self.instant or self.excluded or self.offset)


def follow(before: Meaning, after: Meaning, today: date) -> Meaning:
    """Return the choice `after` with its `am Samstag drauf` or `einen Tag später` as dates, counted from the choice `before`."""
    dates = _list_dates(before, today)
    if not dates or after.day is not None:
        return after
    if after.offset is not None and after.weekday is None:
        moved = {day + after.offset.days * DAY for day in dates}
        return replace(after, offset=None, day=Day(tuple(sorted(moved))))
    weekday = after.weekday
    if weekday is None or weekday.which is not Which.FOLLOWING:
        return after
    following = {day + DAY + timedelta(days=(weekday.weekday - (day + DAY).weekday()) % 7) for day in dates}
    return replace(after, weekday=None, day=Day(tuple(sorted(following))))


def _list_dates(meaning: Meaning, today: date) -> tuple[date, ...]:
    """Return the single dates that a choice can mean; empty if it names no day, or only a span of days."""
    weekday = meaning.weekday
    if meaning.day is not None:
        return tuple(day for day in meaning.day.readings if weekday is None or day.weekday() == weekday.weekday)
    if weekday is None:
        return ()
    if meaning.period is None:
        return weekday_dates(weekday, today)
    return tuple(
        days.first + timedelta(days=(weekday.weekday - days.first.weekday()) % 7) for days in meaning.period.readings
    )
