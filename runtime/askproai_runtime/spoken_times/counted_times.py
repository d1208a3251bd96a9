"""Times that are counted from another one, such as an appointment's: "eine Stunde später", "am Tag danach, gleiche Zeit".

Pure. All words are folded (`fold`), German and English: none of them means something else in the other language.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from askproai_runtime.spoken_times.arguments import find_part_argument
from askproai_runtime.spoken_times.german.vocabulary import NUMBERS, WEEKDAYS
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.types import Argument

_LATER = r"spaeter|danach|darauf|drauf|nachher|nach hinten|later|after(?: that)?"
_EARLIER = r"frueher|davor|vorher|zuvor|eher|nach vorne?|vor(?:zu)?ziehen|vor(?:zu)?verlegen|earlier|before(?: that)?"
_DIRECTION = rf"(?:(?P<later>{_LATER})|(?P<earlier>{_EARLIER}))\b"
# "Montag später Nachmittag" and "Freitag eher nachmittags" are no other Monday and no other Friday, nor is "Friday after lunch".
_BEHIND = r"(?= ?(?:$|,|(?:at|in the|please)\b))"
_NEXT = rf"(?:(?P<later>danach|darauf|drauf|after(?: that|{_BEHIND}))|(?P<earlier>davor|vorher|zuvor|before(?: that|{_BEHIND})))\b"
_FOLLOWING = r"(?P<later>(?:darauf)?folgende[nrm]?|following)"
_NAMES = WEEKDAYS | dict(  # the English grammar is not loaded for German calls
    zip(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), range(7), strict=True)
)
_COUNTS = {
    **dict.fromkeys(
        ("ein", "eine", "ne", "einen", "a", "an", "one", "another", "eine weitere", "weitere", "one more"), 1.0
    ),
    **{word: float(number) for word, number in NUMBERS.items() if number in range(2, 61)},
    **dict(zip(("two", "three", "four", "five", "six"), (2.0, 3.0, 4.0, 5.0, 6.0), strict=True)),
    **dict.fromkeys(("eine halbe", "ne halbe", "halbe", "half an", "half"), 0.5),
    **dict.fromkeys(("anderthalb", "eineinhalb", "one and a half"), 1.5),
    **dict.fromkeys(("zweieinhalb", "two and a half"), 2.5),
    **dict.fromkeys(("dreieinhalb", "three and a half"), 3.5),
    **dict.fromkeys(("uebernaechster", "uebernaechsten"), 2.0),
}
_MINUTES = {
    **dict.fromkeys(("minute", "minuten", "minutes", "min", "mins"), 1),
    **dict.fromkeys(("viertelstunde", "quarter of an hour"), 15),
    **dict.fromkeys(("dreiviertelstunde", "dreiviertel stunde"), 45),
    **dict.fromkeys(("stunde", "stunden", "hour", "hours", "h", "std"), 60),
}
_DAYS = {
    **dict.fromkeys(("tag", "tags", "tage", "tagen", "day", "days"), 1),
    **dict.fromkeys(("woche", "wochen", "week", "weeks"), 7),
}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_SAME_WEEK = r"(?:(?:der|die|the) ?)?(?:selben?|gleichen?|same) (?:woche|week)"
_COUNT = rf"{_any_of(_COUNTS)}|(?<![\d.,])\d{{1,2}}(?:[.,]\d{{1,2}})?"
_UNIT = _any_of({**_MINUTES, **_DAYS})
_SHIFT = re.compile(rf"\b(?:um )?(?P<count>{_COUNT}|\d{{1,3}}(?= ?min)) ?(?P<unit>{_UNIT})\.? {_DIRECTION}")
_SIGNED = re.compile(rf"^(?:\+|(?P<earlier>[-−])) ?(?P<count>\d{{1,3}}(?:[.,]\d{{1,2}})?) ?(?P<unit>{_UNIT})\b\.?")
_NEXT_UNIT = re.compile(
    rf"\b(?:am |auf den |auf die |den |die |der |in der |in the |the )?(?P<unit>tags?|woche|day|week) {_DIRECTION}"
)
# The next day is the one after the appointment; without an appointment it is unknown from which day to count.
_FOLLOWING_DAY = re.compile(
    r"\b(?:am |auf den |den |the )?(?:(?P<later>naechste[nr]?|next)|(?P<count>uebernaechste[nr])) (?P<unit>tag|day)\b"
)
_FOLLOWING_UNIT = re.compile(
    rf"\b(?:(?:am|auf den|auf die|den|die|in der|in the|the|on the) )?"
    rf"(?:{_FOLLOWING} |folge(?=tag|woche))(?P<unit>tag|woche|day|week)\b"
)
_FOLLOWING_WEEKDAY = re.compile(
    rf"\b(?:(?:am|den|auf den|on|the|on the) )?{_FOLLOWING} (?P<weekday>{_any_of(_NAMES)})\b"
)
_NEXT_WEEKDAY = re.compile(
    rf"\b(?:(?:am|den|auf den|on|the|on the) )?(?:(?:naechste[nr]?|next) )?(?P<weekday>{_any_of(_NAMES)}) {_NEXT}"
)
_OF_SAME_WEEK = re.compile(
    rf"\b(?:(?:am|den|auf den|on) )?(?:(?P<in_week>{_any_of(_NAMES)}),?(?: (?:in|of))?(?: (?:der|the))? ?{_SAME_WEEK}"
    rf"|{_SAME_WEEK},?(?: (?:am|den|on))? (?P<week_in>{_any_of(_NAMES)}))\b"
)
_SHIFTS = (
    _SIGNED,
    _SHIFT,
    _OF_SAME_WEEK,
    _NEXT_WEEKDAY,
    _NEXT_UNIT,
    _FOLLOWING_DAY,
    _FOLLOWING_UNIT,
    _FOLLOWING_WEEKDAY,
)
_SAME_TIME = re.compile(
    r"\b(?:um |zu |zur |at )?(?:(?:die|der|the) ?)?(?:selben?|gleichen?|same) (?:uhrzeit|zeit|time)\b"
    r"(?: (?:(?:so )?wie (?:bisher|gehabt|vorher|zuvor|jetzt)|as (?:now|before)))?"
    r"|^(?:(?:die )?(?:uhrzeit|zeit) )?(?:bleibt|kann bleiben|wie (?:bisher|gehabt)|unveraendert|unchanged)(?: (?:gleich|so))?$"
)
_SAME_DAY = re.compile(r"\b(?:am |on )?(?:(?:der|dem|the) ?)?(?:selben?|gleicher?n?|same) (?:tag|day)\b")
_WEEK = re.compile(r"\b(?:woche|week)\b")
_WEEK_DAYS = 7
_ANY_WEEKDAY = re.compile(rf"\b(?:{_any_of(_NAMES)})\b")
_WEEKDAY_ALONE = re.compile(rf"(?:(?:am|den|auf den|on) )?(?P<weekday>{_any_of(_NAMES)})")
_WEEKDAY_OF_WEEK = re.compile(rf"{_WEEKDAY_ALONE.pattern}\b(?:(?: (?:der|in|of))*$|,? (?=at|um|\d))")
_NOISE = re.compile(
    r"\b(?:(?:ver)?(?:schieben|legen)|bitte|lieber|doch|(?:noch)?mal|noch|(?:eine )?weitere|gerne?|genau|etwa|so|auf|und|dann|auch"
    r"|please|rather|just|yet|another|again|and|then|also|too)\b"
)


def count_from(date: str | None, clock: str | None, old: datetime) -> tuple[str | None, str | None] | None:
    """Return `date` and `time` as values that do not depend on the appointment; None if they are not counted from it.

    `old` is the local start of the appointment. A shift by minutes or hours is an exact time. A shift by days is a day; the
    time stays open unless it is said, as "gleiche Zeit" or in numbers.
    """
    words = [fold(part) if part else "" for part in (date, clock)]
    same_time, words, _ = _take(_SAME_TIME, words)
    same_day, words, _ = _take(_SAME_DAY, words)
    for pattern in _SHIFTS:
        shift, words, at = _take(pattern, words)
        if shift is not None:
            break
    if not (same_time or same_day or shift):
        return None
    day, minutes = old.date(), 0
    if shift is not None:
        named = shift.groupdict()
        rest = _read_rest(words, at, named)
        if rest is None:
            return None
        words, named = rest
        apart, minutes = _shift(old, named)
        day += apart
    rest_date, rest_clock = words
    if rest_date and _WEEK.search(rest_date) and not _ANY_WEEKDAY.search(rest_date):  # "nächste Woche, gleiche Zeit"
        rest_date = f"{rest_date} {next(name for name, number in WEEKDAYS.items() if number == old.weekday())}"
    if minutes:
        start = old + timedelta(minutes=minutes)
        return rest_date or start.date().isoformat(), rest_clock or f"{start:%H:%M}"
    return rest_date or day.isoformat(), rest_clock or (f"{old:%H:%M}" if same_time else None)


def counts_time(text: str) -> bool:
    """Return whether a text has words that count a time from another one."""
    return any(pattern.search(fold(text)) for pattern in _SHIFTS)


def _read_rest(
    words: list[str], at: int, named: dict[str, str | None]
) -> tuple[list[str], dict[str, str | None]] | None:
    """Return the words beside a shift, which was in `words[at]`, and the shift, with a weekday that is said beside its weeks.

    None if other words are said there.
    """
    rest = " ".join(_NOISE.sub(" ", words[at]).split()).strip(" ,.")
    words = [rest if n == at else each for n, each in enumerate(words)]
    if named.get("unit") in _MINUTES:
        return (words, named) if not rest or _WEEKDAY_ALONE.fullmatch(rest) else None
    if not (_count(named) * _DAYS.get(str(named.get("unit")), 1)).is_integer():
        return None  # "anderthalb Wochen später" is no day
    if _DAYS.get(str(named.get("unit"))) == _WEEK_DAYS and (found := _WEEKDAY_OF_WEEK.match(rest)):
        rest, named = rest[found.end() :].strip(), {**named, "of_week": found["weekday"]}
    if rest and not words[1 - at] and find_part_argument(rest) is Argument.TIME:
        return ["", rest], named  # "einen Tag später um 10"
    if rest or (words[0] and at):
        return None  # "the day after tomorrow": another day is named
    return ["", words[1]], named


def _shift(old: datetime, named: dict[str, str | None]) -> tuple[timedelta, int]:
    """Return the change of the day, and the change of the time in minutes."""
    sign, unit = -1 if named.get("earlier") else 1, named.get("unit")
    if weekday := named.get("weekday"):
        apart = (_NAMES[weekday] - old.weekday()) * sign % 7 or 7
        return timedelta(days=apart * sign), 0
    if in_week := named.get("in_week") or named.get("week_in"):
        return timedelta(days=_NAMES[in_week] - old.weekday()), 0
    if unit in _MINUTES:
        return timedelta(), round(_count(named) * _MINUTES[unit]) * sign
    shift = timedelta(days=round(_count(named) * _DAYS[str(unit)]) * sign)
    if of_week := named.get("of_week"):
        shift += timedelta(days=_NAMES[of_week] - old.weekday())
    return shift, 0


def _count(named: dict[str, str | None]) -> float:
    said = named.get("count")
    return 1.0 if said is None else _COUNTS[said] if said in _COUNTS else float(said.replace(",", "."))


def _take(pattern: re.Pattern[str], words: list[str]) -> tuple[re.Match[str] | None, list[str], int]:
    """Return the first match in `words`, the words without it, and the index at which it was found."""
    for at, text in enumerate(words):
        if found := pattern.search(text):
            rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,.")
            return found, [rest if n == at else each for n, each in enumerate(words)], at
    return None, words, 0
