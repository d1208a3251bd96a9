"""The German families of weekdays and weeks: `nächsten Freitag`, `dienstags`, `Anfang nächster Woche`, `KW 48`."""

import re
from collections.abc import Callable
from datetime import date

from askproai_runtime.spoken_times.atoms import Day, Days, Period, Weekday, Which
from askproai_runtime.spoken_times.german.vocabulary import (
    LAST,
    MONTH,
    MONTHS,
    NEXT,
    OVERNEXT,
    THIRD,
    THIRDS,
    WEEKDAY,
    WEEKDAYS,
)
from askproai_runtime.spoken_times.rules import DAY, Rule, monday, past
from askproai_runtime.spoken_times.weekday_dates import (
    calendar_week,
    ordinal_weekday,
    third_of_calendar_week,
    third_of_week,
    week,
    week_of_date,
    weekends,
    working_week,
)

_WHICH = {
    "diese": Which.THIS, "kommende": Which.COMING, "naechste": Which.NEXT, "uebernaechste": Which.AFTER_NEXT,
    "darauffolgende": Which.FOLLOWING, "folgende": Which.FOLLOWING,
}  # fmt: skip


def _which(adjective: str | None) -> Which | None:
    return next((which for stem, which in _WHICH.items() if adjective and adjective.startswith(stem)), None)


def _ordinal_weekday(match: re.Match[str], today: date) -> Day:
    number = None if match["number"] is None else int(match["number"])
    return ordinal_weekday(WEEKDAYS[match["weekday"]], MONTHS[match["month"]], number, today)


WEEKDAY_RULES: tuple[Rule, ...] = (
    (rf"(?:(?P<which>diese[nrm]?|{NEXT}|{OVERNEXT}|(?:darauf)?folgende[nrm]?) )?{WEEKDAY}",
     lambda m, _: Weekday(WEEKDAYS[m["weekday"]], _which(m["which"]))),
    (rf"(?:immer )?{WEEKDAY}s", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede[nr]? {WEEKDAY}", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"jede woche(?: am| immer)? {WEEKDAY}s?(?! ?(?:,|und|oder))", lambda m, _: Weekday(WEEKDAYS[m["weekday"]], habit=True)),
    (rf"{LAST} {WEEKDAY}", past),
    (rf"(?:(?P<number>\d)\.|letzte[nr]?) {WEEKDAY} (?:im|in|des) {MONTH}", _ordinal_weekday),
)  # fmt: skip


def _third_of_calendar_week(match: re.Match[str], today: date) -> Period:
    return third_of_calendar_week(match, THIRDS[match["third"]], today)


def _week_of_date(match: re.Match[str], today: date) -> Period:
    """Return the week of the date in `die Woche vom 7. Dezember`, `vom 7.12.` or `vom 7.`."""
    named = match.groupdict()
    month = MONTHS[named["month"]] if named.get("month") else int(named.get("number") or 0)
    return week_of_date(int(match["day"]), month, today)


def _third_of_week(weeks: int | None) -> Callable[[re.Match[str], date], Period]:
    return lambda match, today: third_of_week(THIRDS[match["third"]], weeks, today)


WEEK_RULES: tuple[Rule, ...] = (
    (r"diese[rn]? woche(?: noch)?|noch diese woche|die woche noch|noch die woche", lambda _m, today: week(today, 0)),
    (rf"{NEXT} woche", lambda _m, today: week(today, 1)),
    (rf"{OVERNEXT} woche", lambda _m, today: week(today, 2)),
    (rf"{NEXT} (?:oder|und) {OVERNEXT} woche", lambda _m, today: Period((Days(monday(today, 1), monday(today, 3) - DAY),))),
    (rf"{LAST} woche(?: {'(?:' + '|'.join(WEEKDAYS) + ')'})?", past),
    (r"kw (?P<week>\d{1,2})\.?", calendar_week),
    (r"(?P<week>\d{1,2})\. kw", calendar_week),
    (rf"{THIRD}(?: der)? kw (?P<week>\d{{1,2}})\.?", _third_of_calendar_week),
    (rf"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{{1,2}})\.? {MONTH}", _week_of_date),
    (r"woche (?:vom|ab dem|um den|mit dem) (?P<day>\d{1,2})\.(?: ?(?P<number>\d{1,2})\.?)?", _week_of_date),
    (rf"{THIRD}(?: der| dieser)? woche", _third_of_week(None)),
    (rf"{THIRD}(?: der)? {NEXT} woche", _third_of_week(1)),
    (rf"{THIRD}(?: der)? {OVERNEXT} woche", _third_of_week(2)),
    (r"diese[rnms]? wochenende", weekends(0)),
    (r"(?:der |die |des )?wochenende", weekends(0, on_sunday=(0, 1))),
    (r"kommende[sn]? wochenende", weekends(0, on_saturday=(1,))),
    (r"naechste[sn]? wochenende", weekends(0, 1, on_saturday=(1,))),
    (rf"{OVERNEXT} wochenende", weekends(1, 2, on_saturday=(2,))),
    (r"unter der woche|wochentage?[ns]?|werktag", working_week),
)  # fmt: skip
