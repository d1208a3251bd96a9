"""Days and clock times in digits, as models write them in one argument: `2:30 PM`, `14h30`, `9:30-11`, `2026/12/10`."""

import re
from datetime import date, datetime

from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times.atoms import Clock, Contradiction, Day, Part, PastDay, TimeRange
from askproai_runtime.spoken_times.grammars import present_grammar
from askproai_runtime.spoken_times.times import make_clock
from askproai_runtime.spoken_times.written_forms import SHORT_YEAR
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_WORDS = UNDERSTOOD.values
_NOON, _LAST_MONTH = 12, 12
_LAST_OF_AFTERNOON = 6
_TIME = (
    r"T?(?P<hour{0}>[01]?\d|2[0-3])"
    r"(?:(?:[:,]|\s?h\s?)(?P<minute{0}>[0-5]\d)(?::\d\d(?:[.,]\d+)?)?|\.(?P<dotted{0}>[0-5][05]|1[3-9]|[2-5]\d))?"
    rf"(?P<unit{{0}}>\s?(?:{_WORDS.clock}|h))?(?:\s(?P<after{{0}}>[0-5]?\d)(?:\s?(?:{_WORDS.minutes}))?)?"
    r"(?:\s?(?P<half{0}>[ap])\.?\s?m\.?)?"
)
_CLOCK = re.compile(_TIME.format(""), re.IGNORECASE)
_RANGE = re.compile(
    rf"(?:(?:{UNDERSTOOD.links.from_time}) )?{_TIME.format(1)}\s?(?:-|–|—|{UNDERSTOOD.links.until})\s?{_TIME.format(2)}",
    re.IGNORECASE,
)
# Without signs: `1430`, `0930`, `930`, `143000`. Four digits are hours and minutes, never a count of anything else.
_COMPACT_TIME = re.compile(
    r"(?<![\w:.,])T?([01]\d|2[0-3]|[1-9](?=\d\d(?!\d)))([0-5]\d)(?:(?<=\d{4})00)?(?![\d:.,])", re.IGNORECASE
)
_COMPACT_DAY = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_COMPACT_DAY_LAST_YEAR = re.compile(r"(\d\d)(\d\d)(20\d\d)")
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})(?P<sign>[/-])(\d{{1,2}})(?P=sign)(\d{{4}}|{SHORT_YEAR})")
_DAY_AND_TIME = re.compile(
    rf"(?P<day>\d{{8}}|\d{{4}}([/.-])\d{{1,2}}\2\d{{1,2}}|\d{{1,2}}([/-])\d{{1,2}}\3(?:\d{{4}}|{SHORT_YEAR}))"
    r"(?:T|[\s,]+)(?P<time>(?!.*\d{4}-\d\d)\S.*)",
    re.IGNORECASE,
)
_SHORT_DAY = re.compile(r"(\D*?)\b(\d{1,2})\.\s?(\d{1,2})(?:,?\s(?P<rest>.+))?")
_BEFORE_HOUR = re.compile(rf"\b(?:{UNDERSTOOD.declines.before_hour})\s*$", re.IGNORECASE)
# The second number is no hour: `10-24` is a range.
_HYPHENATED_CLOCK = re.compile(
    rf"([01]?\d|2[0-3])-(2[5-9]|[3-5]\d)(?=\s?(?:{_WORDS.clock}|h|[ap]\.?\s?m\.?)?$)", re.IGNORECASE
)
# "10,5", unlike the two hours "4,5".
_DECIMAL_HOUR = re.compile(rf"(?P<hour>[01]?\d|2[0-3]),(?P<part>\d)(?:\s?(?:{_WORDS.clock}|h))?", re.IGNORECASE)
_WITH_OFFSET = re.compile(
    rf"(?P<clock>\d{{1,2}}:\d\d(?::\d\d)?(?: (?:{_WORDS.clock}))?)\s*\(?(?P<zone>[+-]\d\d:?\d\d)\)?", re.IGNORECASE
)
_WITH_ZONE = re.compile(
    r"(?P<clock>\S.*?)[\s,]+\(?(?P<zone>CES?T|(?:UTC|GMT)\s?[+-]\s?\d\d?(?::?\d\d)?|[A-Z]{3,}/\w+"
    rf"|{_WORDS.zone})\)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s?([+-])\s?(\d\d?):?(\d\d)?")
_SAYS_CLOCK = re.compile(rf"\d|\b(?:{_WORDS.says_clock}|[ap]\.?m)\b", re.IGNORECASE)
_LOCAL = re.compile(_WORDS.local_zone)
_HALVES = frozenset({"am", "a.m.", "pm", "p.m."})


def read_clock(text: str) -> Clock | TimeRange | None:
    """Return the clock time, or the range of two, of a text; None for any other text, and for an hour alone."""
    said = text.strip().rstrip(".!?") if not text.strip().lower().endswith("m.") else text.strip()
    said = _COMPACT_TIME.sub(r"\1:\2", said)
    if found := _CLOCK.fullmatch(said):
        return None if said.lstrip("Tt").isdecimal() else _read_time(found, "")
    if (found := _RANGE.fullmatch(said)) is None:
        return None
    in_order = int(found["hour1"]) % _NOON <= int(found["hour2"]) % _NOON
    half = found["half2"] if in_order else None  # "2-3 PM", unlike "11-1 PM"
    opens, closes = _read_time(found, "1", half), _read_time(found, "2")
    return None if opens is None or closes is None else TimeRange(opens, closes)


def read_part(text: str) -> Part | None:
    """Return the part of the day that a word names in any language; None for any other text."""
    said = " ".join(text.lower().split())
    if (name := _WORDS.parts.get(said)) is None:
        return None
    own = UNDERSTOOD_IN[present_language()].values.own_parts.get(name, name)
    return Part(own, is_half=said in _HALVES)


def read_day(text: str, today: date) -> Day | None:
    """Return a date in digits with its year; None for any other text.

    In `10/12/2026` and `10-12-26` either number can be the month: both dates are readings, without those that are over.
    Raises `PastDay` if all are over, and `ValueError` for a date that no calendar has.
    """
    said = _add_signs(text.strip())
    if found := _YEAR_FIRST.fullmatch(said):
        readings = [date(int(found[1]), int(found[3]), int(found[4]))]
    elif found := _YEAR_LAST.fullmatch(said):
        first, second, year = int(found[1]), int(found[3]), int(f"20{found[4]}"[-4:])
        numbers = dict.fromkeys(((first, second), (second, first)))
        readings = [date(year, month, day) for day, month in numbers if month <= _LAST_MONTH]
        if not readings:
            raise ValueError("no month has this number")
    else:
        return None
    coming = tuple(reading for reading in readings if reading >= today)
    if not coming:
        raise PastDay(readings[0].isoformat(), readings[0])
    return Day(coming, dated=True)


def split_short_day(text: str) -> tuple[str, str] | None:
    """Return a date in digits with the full stop after its month (`11.12.` for `11.12`, `Freitag, 18.12.` for `Freitag, 18.12`),
    and the text after it; None for any other text.
    """
    found = _SHORT_DAY.fullmatch(text.strip())
    if found is None or int(found[3]) > _LAST_MONTH or _BEFORE_HOUR.search(found[1]):
        return None
    return f"{found[1]}{found[2]}.{found[3]}.", found["rest"] or ""


def add_colon(text: str) -> str:
    """Return a clock time in digits with its colon: `14:30 Uhr` for `14-30 Uhr`, `10:30` for `10,5`; any other text unchanged.
    `10,3` is no time, and not two: it has a dot then.
    """
    if (found := _DECIMAL_HOUR.fullmatch(text.strip())) and int(found["hour"]) >= int(found["part"]):
        return found["hour"] + {"0": ":00", "5": ":30"}.get(found["part"], f".{found['part']}")
    return _HYPHENATED_CLOCK.sub(r"\1:\2", text) if _HYPHENATED_CLOCK.match(text) else text


def split_zone(text: str) -> tuple[str, str] | None:
    """Return a time, and the zone after it (`14:30+01:00`, `2 pm CET`, `14 Uhr Berliner Zeit`); None for any other text."""
    found = _WITH_OFFSET.fullmatch(text.strip()) or _WITH_ZONE.fullmatch(text.strip())
    is_time = found is not None and _SAYS_CLOCK.search(found["clock"])  # "at lunch time" has no zone
    return (found["clock"], found["zone"].upper()) if found is not None and is_time else None


def has_offset(start: datetime, zone: str) -> bool:
    """Return whether a local start has the offset or zone name `zone`, which `split_zone` has read."""
    if offset := _OFFSET.fullmatch(zone):
        return f"{start:%z}" == f"{offset[1]}{offset[2]:0>2}{offset[3] or '00'}"
    city = str(start.tzinfo).upper().rpartition("/")[2]
    names = {str(start.tzinfo).upper(), *_WORDS.zone_of_city.format(city=city).split("|"), start.tzname()}
    return _WORDS.zone_names.get(zone, zone) in names or bool(_LOCAL.fullmatch(zone))


def _add_signs(said: str) -> str:
    """Return a date of eight digits with separators: `2026-12-16` for `20261216`, `16-12-2026` for `16122026`."""
    if len(said) == len("20261216") and said.isdecimal():
        return _COMPACT_DAY_LAST_YEAR.sub(r"\1-\2-\3", _COMPACT_DAY.sub(r"\1-\2-\3", said))
    return said


def split_day(text: str) -> tuple[str, str] | None:
    """Return a day in digits, and the text after it; None for any other text."""
    found = _DAY_AND_TIME.fullmatch(text.strip())
    return (found["day"], found["time"]) if found else None


def read_day_and_clock(text: str, today: date) -> tuple[Day, Clock | TimeRange] | None:
    """Return a day in digits, and the time or range after it; None for any other text. Raises the errors of `read_day`."""
    split = split_day(text)
    clock = read_clock(split[1]) if split else None
    day = read_day(split[0], today) if split and clock else None
    return None if day is None or clock is None else (day, clock)


def _read_time(found: re.Match[str], number: str, half: str | None = None) -> Clock | None:
    """Return the clock time of a match's first or second time (`number`). Raises `Contradiction` for `14:30 AM`."""
    said = found[f"hour{number}"]
    hour, written = int(said), found[f"minute{number}"] or found[f"dotted{number}"]
    if found[f"after{number}"] and (written or not found[f"unit{number}"]):
        return None
    minute = int(written or found[f"after{number}"] or 0)
    half = found[f"half{number}"] or half
    if half is None:
        clock = make_clock(hour, minute)
        is_exact = said.startswith("0") or (bool(written) and present_grammar().counts_to_24)
        # "2:30" may be said for "halb drei", unlike "02:30": where both can be, the hours of the business decide.
        is_open = is_exact and len(said) == 1 and 1 <= hour <= _LAST_OF_AFTERNOON
        other = Clock(hour + _NOON, minute, is_bare=False) if is_open else None
        return Clock(
            clock.hour, clock.minute, is_bare=clock.is_bare and not is_exact, next_day=clock.next_day, other=other
        )
    if hour > _NOON or hour == 0:
        if half.lower() == "a" and hour:
            raise Contradiction("the hour does not lie in that half of the day")
        return Clock(hour, minute, is_bare=False)
    return Clock(hour % _NOON + (_NOON if half.lower() == "p" else 0), minute, is_bare=False)
