"""Times that are counted from another one, such as an appointment's: "eine Stunde später", "am Tag danach, gleiche Zeit".

Pure. The words of all languages count together, folded (`fold`): no word means something else in another language.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta

from askproai_runtime.spoken_times.arguments import find_part_argument
from askproai_runtime.spoken_times.de import NUMBERS
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.types import Argument
from askproai_runtime.understood import UNDERSTOOD

_WORDS = UNDERSTOOD.counted
_NAMES, _MINUTES, _DAYS = _WORDS.weekdays, _WORDS.minutes, _WORDS.unit_days
# Numbers in German, whose grammar is loaded in each call, and the other counts of all languages.
_COUNTS = {word: float(number) for word, number in NUMBERS.items() if number in range(2, 61)} | _WORDS.counts


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_DIRECTION = rf"(?:(?P<later>{_WORDS.later})|(?P<earlier>{_WORDS.earlier}))\b"
# "Montag später Nachmittag" and "Freitag eher nachmittags" are no other Monday and no other Friday.
_DIRECTION_OF_WEEKDAY = rf"(?:(?P<later>{_WORDS.later_weekday})|(?P<earlier>{_WORDS.earlier_weekday}))\b"
_FOLLOWING = rf"(?P<later>{_WORDS.following})"
_WEEKDAY = _any_of(_NAMES)
_BEFORE_WEEKDAY = rf"(?:(?:{_WORDS.before_weekday}) )?"
_SAME_WEEK = rf"(?:(?:{_WORDS.before_same}) ?)?(?:{_WORDS.same}) (?:{_WORDS.week})"
_COUNT = rf"{_any_of(_COUNTS)}|(?<![\d.,])\d{{1,2}}(?:[.,]\d{{1,2}})?"
_UNIT = _any_of({**_MINUTES, **_DAYS})
_SHIFT = re.compile(
    rf"\b(?:(?:{_WORDS.before_number}) )?(?P<count>{_COUNT}|\d{{1,3}}(?= ?min)) ?(?P<unit>{_UNIT})\.? {_DIRECTION}"
)
_SIGNED = re.compile(rf"^(?:\+|(?P<earlier>[-−])) ?(?P<count>\d{{1,3}}(?:[.,]\d{{1,2}})?) ?(?P<unit>{_UNIT})\b\.?")
_NEXT_UNIT = re.compile(rf"\b(?:(?:{_WORDS.before_unit}) )?(?P<unit>{_WORDS.unit_beside}) {_DIRECTION}")
# The next day is the one after the appointment; without an appointment it is unknown from which day to count.
_FOLLOWING_DAY = re.compile(
    rf"\b(?:(?:{_WORDS.before_next_day}) )?(?:(?P<later>{_WORDS.next})|(?P<count>{_WORDS.after_next})) (?P<unit>{_WORDS.day})\b"
)
_FOLLOWING_UNIT = re.compile(
    rf"\b(?:(?:{_WORDS.before_following}) )?(?:{_FOLLOWING} |{_WORDS.joined_following})(?P<unit>{_WORDS.unit})\b"
)
_FOLLOWING_WEEKDAY = re.compile(rf"\b{_BEFORE_WEEKDAY}{_FOLLOWING} (?P<weekday>{_WEEKDAY})\b")
_NEXT_WEEKDAY = re.compile(
    rf"\b{_BEFORE_WEEKDAY}(?:(?:{_WORDS.next}) )?(?P<weekday>{_WEEKDAY}) {_DIRECTION_OF_WEEKDAY}"
)
_OF_SAME_WEEK = re.compile(
    rf"\b(?:(?:{_WORDS.before_lone_weekday}) )?"
    rf"(?:(?P<in_week>{_WEEKDAY}),?(?: (?:{_WORDS.in_same_week}))?(?: (?:{_WORDS.of_same_week}))? ?{_SAME_WEEK}"
    rf"|{_SAME_WEEK},?(?: (?:{_WORDS.before_weekday_of_week}))? (?P<week_in>{_WEEKDAY}))\b"
)
_SHIFTS = (
    _SIGNED, _SHIFT, _OF_SAME_WEEK, _NEXT_WEEKDAY, _NEXT_UNIT, _FOLLOWING_DAY, _FOLLOWING_UNIT, _FOLLOWING_WEEKDAY,
)  # fmt: skip
_SAME_TIME = re.compile(
    rf"\b(?:(?:{_WORDS.at_same_time}) )?(?:(?:{_WORDS.before_same}) ?)?(?:{_WORDS.same}) (?:{_WORDS.time})\b"
    rf"(?: (?:{_WORDS.as_before}))?"
    rf"|^(?:(?:{_WORDS.before_stays}) )?(?:{_WORDS.stays})(?: (?:{_WORDS.after_stays}))?$"
)
_SAME_DAY = re.compile(
    rf"\b(?:(?:{_WORDS.on_same_day}) )?(?:(?:{_WORDS.before_same_day}) ?)?(?:{_WORDS.same_as_day}) (?:{_WORDS.day})\b"
)
_WEEK = re.compile(rf"\b(?:{_WORDS.week})\b")
_WEEK_DAYS = 7
_ANY_WEEKDAY = re.compile(rf"\b(?:{_WEEKDAY})\b")
_WEEKDAY_ALONE = re.compile(rf"(?:(?:{_WORDS.before_lone_weekday}) )?(?P<weekday>{_WEEKDAY})")
_WEEKDAY_OF_WEEK = re.compile(rf"{_WEEKDAY_ALONE.pattern}\b(?:(?: (?:{_WORDS.of_week}))*$|,? (?={_WORDS.at}|\d))")
_WEEKDAY_OF_COUNTED = re.compile(rf"{_WEEKDAY_ALONE.pattern}\b")
_NOISE = re.compile(rf"\b(?:{_WORDS.noise})\b")


def count_from(date: str | None, clock: str | None, old: datetime) -> tuple[str | None, str | None] | None:
    """Return `date` and `time`, counted from the appointment's local start `old`, as values that can be read without that
    start; None if the words do not count from another time. A shift by minutes or hours gives an exact time. A shift by days
    gives a day; its time is None unless it is said, as "gleiche Zeit" or in numbers.
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
        rest = _read_rest(words, at, named, old)
        if rest is None:
            return None
        words, named = rest
        apart, minutes = _shift(old, named)
        day += apart
    rest_date, rest_clock = words
    if rest_date and _WEEK.search(rest_date) and not _ANY_WEEKDAY.search(rest_date):  # "nächste Woche, gleiche Zeit"
        rest_date = f"{rest_date} {next(name for name, number in _NAMES.items() if number == old.weekday())}"
    if minutes:
        start = old + timedelta(minutes=minutes)
        return rest_date or start.date().isoformat(), rest_clock or f"{start:%H:%M}"
    return rest_date or day.isoformat(), rest_clock or (f"{old:%H:%M}" if same_time else None)


def count_day(text: str, old: datetime) -> date | None:
    """Return the day that words count from the local start `old`, whatever else they say: "können wir den einen Tag später machen".
    None if they count none.
    """
    found = next((match for pattern in _SHIFTS if (match := pattern.search(fold(text)))), None)
    counted = None if found is None else count_from(found[0], None, old)
    with suppress(ValueError):  # words for a day in place of a date
        return None if counted is None or counted[0] is None else date.fromisoformat(counted[0])
    return None


def counts_time(text: str) -> bool:
    """Return whether a text has words that count a time from another one."""
    return any(pattern.search(fold(text)) for pattern in _SHIFTS)


def _read_rest(
    words: list[str], at: int, named: dict[str, str | None], old: datetime
) -> tuple[list[str], dict[str, str | None]] | None:
    """Return the date and time in the words beside a shift, which was found in `words[at]`; and the regex groups of the shift,
    with the weekday that is named beside a count of weeks. None if the other words name another day; the weekday of the counted
    day is none: "am Tag danach, also Freitag".
    """
    rest = " ".join(_NOISE.sub(" ", words[at]).split()).strip(" ,.")
    words = [rest if n == at else each for n, each in enumerate(words)]
    if named.get("unit") in _MINUTES:
        return (words, named) if not rest or _WEEKDAY_ALONE.fullmatch(rest) else None
    if not (_count(named) * _DAYS.get(str(named.get("unit")), 1)).is_integer():
        return None  # "anderthalb Wochen später" is no day
    if _DAYS.get(str(named.get("unit"))) == _WEEK_DAYS and (found := _WEEKDAY_OF_WEEK.match(rest)):
        rest, named = rest[found.end() :].strip(), {**named, "of_week": found["weekday"]}
    elif (found := _WEEKDAY_OF_COUNTED.match(rest)) and named.get("unit"):
        is_same = _NAMES[found["weekday"]] == (old.date() + _shift(old, named)[0]).weekday()
        rest = rest[found.end() :].strip(" ,.") if is_same else rest
    if rest and not words[1 - at] and find_part_argument(rest) is Argument.TIME:
        return ["", rest], named  # "einen Tag später um 10"
    if rest or (words[0] and at):
        return None  # "the day after tomorrow": another day is named
    return ["", words[1]], named


def _shift(old: datetime, named: dict[str, str | None]) -> tuple[timedelta, int]:
    """Return the shift that the groups `named` of a match mean: a change of the day, and a change of the time in minutes."""
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
    """Return the first match of a pattern in `words`, the words without this match, and the index at which it was found."""
    for at, text in enumerate(words):
        if found := pattern.search(text):
            rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,.")
            return found, [rest if n == at else each for n, each in enumerate(words)], at
    return None, words, 0
