"""Find the days of public and church holidays in the calendar, and days beside them.

The names of the days are in the section `holidays` of each language's words.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final, TypeAlias

from dateutil.easter import easter

from askproai_runtime.spoken_times.atoms import Day, Days, Period
from askproai_runtime.spoken_times.rules import DAY, WEEK
from askproai_runtime.spoken_times.types import Grain
from askproai_runtime.understood import Understood

DaysOfYear: TypeAlias = Callable[[int], Days]
_FRIDAY, _SUNDAY = 4, 6


def fixed(month: int, day: int, last: int | None = None) -> DaysOfYear:
    """Return a function for the days of a year from `day` to `last` in this month; without `last` for one day."""
    return lambda year: Days(date(year, month, day), date(year, month, last or day))


def from_easter(first: int, last: int | None = None) -> DaysOfYear:
    """Return a function for the days of a year that are `first` to `last` days after Easter Sunday."""
    return lambda year: Days(
        easter(year) + timedelta(days=first), easter(year) + timedelta(days=first if last is None else last)
    )


def advent(number: int) -> DaysOfYear:
    """Return a function for a Sunday of Advent in a year."""

    def days(year: int) -> Days:
        fourth = date(year, 12, 24) - timedelta(days=(date(year, 12, 24).weekday() + 1) % 7)
        sunday = fourth - (4 - number) * WEEK
        return Days(sunday, sunday)

    return days


def sunday_of_the_dead(year: int) -> Days:
    """Return the Sunday before the first of Advent."""
    first, _ = advent(1)(year)
    return Days(first - WEEK, first - WEEK)


def repentance(year: int) -> Days:
    """Return the Wednesday before the 23rd of November."""
    day = date(year, 11, 22) - timedelta(days=(date(year, 11, 22).weekday() - 2) % 7)
    return Days(day, day)


def mothers(year: int) -> Days:
    """Return the second Sunday of May."""
    day = date(year, 5, 1) + timedelta(days=(_SUNDAY - date(year, 5, 1).weekday()) % 7 + 7)
    return Days(day, day)


HOLIDAYS: Final[Mapping[str, DaysOfYear]] = {
    "new_years_eve": fixed(12, 31), "new_year": fixed(1, 1), "epiphany": fixed(1, 6), "valentines_day": fixed(2, 14),
    "womens_carnival": from_easter(-52), "carnival_monday": from_easter(-48), "shrove_tuesday": from_easter(-47),
    "ash_wednesday": from_easter(-46), "palm_sunday": from_easter(-7), "maundy_thursday": from_easter(-3),
    "good_friday": from_easter(-2), "holy_saturday": from_easter(-1), "easter_sunday": from_easter(0),
    "easter_monday": from_easter(1), "easter": from_easter(0, 1), "labour_day": fixed(5, 1), "mothers_day": mothers,
    "ascension": from_easter(39), "whit_sunday": from_easter(49), "whit_monday": from_easter(50), "whitsun": from_easter(49, 50),
    "corpus_christi": from_easter(60), "assumption": fixed(8, 15), "german_unity": fixed(10, 3), "reformation": fixed(10, 31),
    "all_saints": fixed(11, 1), "all_souls": fixed(11, 2), "repentance": repentance, "first_advent": advent(1),
    "second_advent": advent(2), "third_advent": advent(3), "fourth_advent": advent(4), "saint_nicholas": fixed(12, 6),
    "christmas_eve": fixed(12, 24), "sunday_of_the_dead": sunday_of_the_dead, "christmas_day": fixed(12, 25),
    "boxing_day": fixed(12, 26), "christmas": fixed(12, 24, 26), "between_the_years": fixed(12, 27, 31),
}  # fmt: skip


def read_holidays(words: Understood) -> tuple[str, Callable[[re.Match[str]], DaysOfYear]]:
    """Return a pattern that finds a language's names of days (group `named`), and a function that returns for a match the
    `DaysOfYear` of the named days.
    """
    names = [
        (pattern, HOLIDAYS[key]) for key, pattern in zip(words.holidays.keys, words.holidays, strict=True) if pattern
    ]
    compiled = [(re.compile(pattern), of_year) for pattern, of_year in names]

    def find(match: re.Match[str]) -> DaysOfYear:
        return next(of_year for pattern, of_year in compiled if pattern.fullmatch(match["named"]))

    return rf"(?P<named>{'|'.join(f'(?:{pattern})' for pattern, _ in names)})", find


def next_days(of_year: DaysOfYear, today: date) -> Days:
    """Return the days that `of_year` returns for this year or, if they are over, for the next year; without days before today."""
    return next(
        days for year in (today.year, today.year + 1) if (days := of_year(year)).last is not None and days.last >= today
    )


def named(of_year: DaysOfYear, today: date) -> Day | Period:
    """Return the next date of a named day: as a day, or as a period if the name means several days."""
    days = next_days(of_year, today)
    return Day((days.first,)) if days.is_one else Period((days,))


def beside_named(of_year: DaysOfYear, today: date, *, is_before: bool) -> Day:
    """Return the day before or after a named day."""
    days = next_days(of_year, today)
    return Day((days.first - DAY,)) if is_before else Day(((days.last or days.first) + DAY,))


def weekday_beside_named(weekday: int, of_year: DaysOfYear, today: date, *, is_before: bool) -> Day:
    """Return the last date with this weekday before a named day, or the first one after it."""
    days = next_days(of_year, today)
    if is_before:
        before = days.first - DAY
        return Day((before - timedelta(days=(before.weekday() - weekday) % 7),))
    after = (days.last or days.first) + DAY
    return Day((after + timedelta(days=(weekday - after.weekday()) % 7),))


def week_beside_named(of_year: DaysOfYear, today: date, *, is_before: bool) -> Period:
    """Return the week before or after the week of a named day."""
    monday = next_days(of_year, today).first
    monday -= timedelta(days=monday.weekday())
    monday += -WEEK if is_before else WEEK
    return Period((Days(monday, monday + 6 * DAY),), Grain.WEEK)


def bridge_day(of_year: DaysOfYear, today: date) -> Day:
    """Return the Friday after a holiday on a Thursday, or the Monday before one on a Tuesday."""
    day = next_days(of_year, today).first
    return Day((day + DAY,)) if day.weekday() < _FRIDAY and day.weekday() != 1 else Day((day - DAY,))
