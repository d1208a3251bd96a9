"""The German names of days: holidays, and days that people name by them (`zwischen den Jahren`, `Brückentag`)."""

import re

from askproai_runtime.spoken_times.german.vocabulary import WEEKDAY, WEEKDAYS
from askproai_runtime.spoken_times.named_days import (
    DaysOfYear,
    advent,
    beside_named,
    bridge_day,
    fixed,
    from_easter,
    mothers,
    named,
    repentance,
    sunday_of_the_dead,
    week_beside_named,
    weekday_beside_named,
)
from askproai_runtime.spoken_times.rules import Rule

# Pattern on the normalized phrase (ordinals are digits), and the days of a year.
_NAMES: tuple[tuple[str, DaysOfYear], ...] = (
    (r"neujahr(?:stag)?", fixed(1, 1)),
    (r"(?:heilige[nr]? )?3 koenige?|heiligdreikoenig|dreikoenig(?:stag)?|heilige dreikoenige", fixed(1, 6)),
    (r"valentinstag", fixed(2, 14)),
    (r"weiberfastnacht|altweiber", from_easter(-52)),
    (r"rosenmontag", from_easter(-48)),
    (r"faschingsdienstag|fastnachtsdienstag|veilchendienstag", from_easter(-47)),
    (r"aschermittwoch", from_easter(-46)),
    (r"palmsonntag", from_easter(-7)),
    (r"gruendonnerstag", from_easter(-3)),
    (r"karfreitag", from_easter(-2)),
    (r"karsamstag", from_easter(-1)),
    (r"ostersonntag", from_easter(0)),
    (r"ostermontag", from_easter(1)),
    (r"ostern", from_easter(0, 1)),
    (r"tag der arbeit|maifeiertag", fixed(5, 1)),
    (r"muttertag", mothers),
    (r"christi himmelfahrt|himmelfahrt|himmelfahrtstag|vatertag", from_easter(39)),
    (r"pfingstsonntag", from_easter(49)),
    (r"pfingstmontag", from_easter(50)),
    (r"pfingsten", from_easter(49, 50)),
    (r"fronleichnam", from_easter(60)),
    (r"mariae? himmelfahrt", fixed(8, 15)),
    (r"tag der deutschen einheit", fixed(10, 3)),
    (r"reformationstag|halloween", fixed(10, 31)),
    (r"allerheiligen", fixed(11, 1)),
    (r"allerseelen", fixed(11, 2)),
    (r"buss(?: ?-)? und bettag|buss- und bettag", repentance),
    *((rf"{number}\. advent(?:ssonntag)?", advent(number)) for number in (1, 2, 3, 4)),
    (r"nikolaus(?:tag)?", fixed(12, 6)),
    (r"heiligabend|heilige[nr]? abend", fixed(12, 24)),
    (r"stefanitag|stephani?tag|stephanstag", fixed(12, 26)),
    (r"totensonntag|ewigkeitssonntag", sunday_of_the_dead),
    (r"1\. (?:weihnachtstag|weihnachtsfeiertag|feiertag)", fixed(12, 25)),
    (r"2\. (?:weihnachtstag|weihnachtsfeiertag|feiertag)", fixed(12, 26)),
    (r"weihnachten", fixed(12, 24, 26)),
    (r"zwischen den jahren|zwischen weihnachten und neujahr", fixed(12, 27, 31)),
    (r"(?:silvester|sylvester)(?:tag)?", fixed(12, 31)),
)
_COMPILED = tuple((re.compile(pattern), days) for pattern, days in _NAMES)


def _of(match: re.Match[str]) -> DaysOfYear:
    return next(of_year for pattern, of_year in _COMPILED if pattern.fullmatch(match["named"]))


def _is_before(match: re.Match[str]) -> bool:
    return match["side"] == "vor"


_NAMED = rf"(?P<named>{'|'.join(f'(?:{pattern})' for pattern, _ in _NAMES)})"
NAMED_DAYS: tuple[Rule, ...] = (
    (_NAMED, lambda m, today: named(_of(m), today)),
    (rf"(?:letzte[nr]? )?tag (?P<side>vor|nach) {_NAMED}",
     lambda m, today: beside_named(_of(m), today, is_before=_is_before(m))),
    (rf"(?:letzte[nr]? |1\. )?{WEEKDAY} (?P<side>vor|nach) {_NAMED}",
     lambda m, today: weekday_beside_named(WEEKDAYS[m["weekday"]], _of(m), today, is_before=_is_before(m))),
    (rf"woche (?P<side>vor|nach) {_NAMED}", lambda m, today: week_beside_named(_of(m), today, is_before=_is_before(m))),
    (rf"brueckentag nach {_NAMED}", lambda m, today: bridge_day(_of(m), today)),
)  # fmt: skip
