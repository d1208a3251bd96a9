"""The German families of months, quarters, seasons and years: `Mitte Dezember`, `nächsten Monat`, `im ersten Quartal`."""

import re
from collections.abc import Callable
from datetime import date

from askproai_runtime.spoken_times.atoms import Period, Third
from askproai_runtime.spoken_times.german.vocabulary import LAST, MONTH, MONTHS, NEXT, OVERNEXT, THIRD, THIRDS
from askproai_runtime.spoken_times.months import (
    first_months,
    half_of_month,
    month_ahead,
    month_of,
    next_quarter,
    rest_of_year,
    third_of_this_month,
    third_of_year,
    week_of_month,
    year_ahead,
)
from askproai_runtime.spoken_times.rules import Rule, past


def _third(match: re.Match[str]) -> Third | None:
    said = match.groupdict().get("third")
    return THIRDS[said] if said else None


def _month(match: re.Match[str], today: date) -> Period:
    return month_of(MONTHS[match["month"]], int(match["year"]) if match["year"] else None, _third(match), today)


def _month_ahead(count: int) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: month_ahead(count, _third(match), today)


def _half_of_month(match: re.Match[str], today: date) -> Period:
    return half_of_month(MONTHS[match["month"]], is_first=match["half"] == "1", today=today)


def _week_of_month(match: re.Match[str], today: date) -> Period:
    return week_of_month(MONTHS[match["month"]], int(match["number"]), today)


_SEASONS = {"fruehjahr": 3, "fruehling": 3, "sommer": 6, "herbst": 9, "winter": 12}
MONTH_RULES: tuple[Rule, ...] = (
    (rf"{LAST} (?:monat|jahr|quartal)", past),
    (rf"(?:{THIRD} )?{MONTH}(?: (?P<year>\d{{4}}))?", _month),
    (rf"(?:{THIRD} )?(?:des )?{NEXT} monate?s?", _month_ahead(1)),
    (rf"(?:{THIRD} )?(?:des )?{OVERNEXT} monate?s?", _month_ahead(2)),
    (r"diesen monat(?: noch)?|noch diesen monat|in diesem monat", _month_ahead(0)),
    (rf"{THIRD} (?:des|dieses|vom) monats?", lambda m, today: third_of_this_month(THIRDS[m["third"]], today)),
    (rf"(?P<half>1|2)\. haelfte im {MONTH}", _half_of_month),
    (rf"(?P<number>\d)\. woche im {MONTH}", _week_of_month),
    (r"(?P<quarter>[1-4])\. quartal", lambda m, today: first_months(int(m["quarter"]) * 3 - 2, 3, today)),
    (rf"{NEXT} quartal", lambda _m, today: next_quarter(today)),
    (rf"(?P<season>{'|'.join(_SEASONS)})", lambda m, today: first_months(_SEASONS[m["season"]], 3, today)),
    (rf"(?:{THIRD} )?(?:des )?(?:{NEXT}|neuen) jahre?s?", lambda m, today: year_ahead(_third(m), today)),
    (rf"{THIRD} (?:des|dieses) jahres", lambda m, today: third_of_year(THIRDS[m["third"]], today)),
    (r"(?:noch )?(?:in )?diese[ms]? jahr(?: noch)?", lambda _m, today: rest_of_year(today)),
)  # fmt: skip
