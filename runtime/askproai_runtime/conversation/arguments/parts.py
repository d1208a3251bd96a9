"""Values that a language model passes in parts: a first and a last name, a day and its month, an hour and its minute."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import phonenumbers

from askproai_core.languages import Language
from askproai_runtime.conversation.arguments.moves import name_old_and_new
from askproai_runtime.conversation.arguments.table import ENDS, OF_DAY_OR_TIME, ArgumentRule, fold_key
from askproai_runtime.conversation.arguments.values import is_empty, join_name, to_text
from askproai_runtime.language.name_words import COMPANIONS, FAMILY
from askproai_runtime.language.placeholders import names_nothing
from askproai_runtime.language.replies import read_claim
from askproai_runtime.person_names import fold, may_be_same
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.spoken_times import Argument, Grain
from askproai_runtime.spoken_times.agreement import may_agree
from askproai_runtime.spoken_times.arguments import find_open_span, find_part_argument
from askproai_runtime.understood import UNDERSTOOD

_KEYS: Final = UNDERSTOOD.time_names
_FIRST_NAMES = tuple(sorted(UNDERSTOOD.argument_names.first_names))
_LAST_NAMES = tuple(sorted(UNDERSTOOD.argument_names.last_names))
_AFTER, _BEFORE = tuple(sorted(_KEYS.after)), tuple(sorted(_KEYS.before))
_FROM, _TO = (*_AFTER, *sorted(_KEYS.range_begins)), (*_BEFORE, *sorted(_KEYS.range_ends))
_LAST_DAYS: Final = {*_KEYS.last_day, *ENDS, *_BEFORE}
_DIGIT: Final = re.compile(r"\d")
FULL_DATE: Final = re.compile(r"\d[./-]\d+[./-]\d")
_HOURS, _MONTHS, _YEARS = tuple(sorted(_KEYS.hour)), tuple(sorted(_KEYS.month)), tuple(sorted(_KEYS.year))
_WORDS = SENTENCES[Language.DE]
_DAY_AND_MONTH = re.compile(r"\d{1,2}(?P<sign>[./])\s*\d{1,2}")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTH_IN_WORDS = re.compile(r"[^\W\d_]+\.?(?: \d{4})?")
_MINUTES = tuple(sorted(_KEYS.minute))
_WITH_MINUTE = re.compile(r".*\d\D+\d")
_O_CLOCK = re.compile(rf"\s*(?:{UNDERSTOOD.arguments.o_clock})\.?$", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d)?(?P<offset>[+-]\d\d:?\d\d)?"
)
_HOUR = 60  # minutes
# Messages about an appointment that there is, names of an appointment's day or hour, and of the one that a caller would like.
_OF_APPOINTMENT = re.compile(_KEYS.of_any_appointment)
_CODES = (
    "countrycode", "countrycallingcode", "callingcode", "dialcode", "dialingcode", "countryprefix", "country", "cc",
)  # fmt: skip
_NUMBERS = ("number", "phonenumber", "nationalnumber", "subscribernumber", "localnumber", "phone", "value")
_HALVES = ("ampm", "meridiem", "period")


def join_parts(
    members: Mapping[Any, Any], rules: Mapping[str, ArgumentRule], of: ArgumentRule | None = None
) -> dict[str, Any]:
    """Return an object's members, with one value in place of its parts (hour and minute). `of` is the argument that the object
    is for.

    Parts that do not make a value become a list, which is read as no time: an hour without its minute would be another time.
    """
    found = {to_text(key): value for key, value in members.items()}
    is_move = of is None and {"date", "appointmentdate"} <= rules.keys() and rules["appointmentdate"].name != "date"
    found = name_old_and_new(found) if is_move else found
    if of is None:
        _join_other_part(found, rules)
        _name_parts_of_start(found, rules)
    name = _name_of_names(found, rules) if of is None else "full_name" if of.name == "customer_name" else "name"
    date = of.name if of and of.name.endswith("date") else "date"
    time = of.name if of and of.name.endswith("time") else "time"
    if of is not None or fold_key(name) in rules:
        is_name = (
            of is not None and of.name == "customer_name" and {"first", "last"} <= {fold_key(each) for each in found}
        )
        alone = (("first",), ("last",)) if is_name else ((), ())
        _join(found, name, (_FIRST_NAMES + alone[0], _LAST_NAMES + alone[1]), join_name, needed=0)
    if of is not None and of.name == "phone":
        _join(found, of.name, (_CODES, ("areacode",), _NUMBERS), _read_number, needed=0)
    if fold_key(date) in rules:
        _name_parts_of_date(found)
        _join(found, date, ((*sorted(_KEYS.day), "dayofmonth"), _MONTHS, _YEARS), _read_date)
        _join_year(found, {*_names_of("date", rules), fold_key(date)})
        _join(found, date, (sorted(_KEYS.first_day), sorted(_KEYS.last_day)), _read_range)
        _join_last_day(found, rules)
        _name_numbers(found)
    if fold_key(time) in rules:
        _join(found, time, (_HOURS, _MINUTES), _read_clock)
        # Beside a time, which it may contradict.
        _join(found, "hour", (_HOURS, _MINUTES), _read_clock)
        _join_minutes(found, {"value"} if of else _names_of("time", rules))
    if "callback" in rules and of is None:
        _name_time_of_call_back(found, rules["callback"], rules)
    if of is not None and of.name in {"call_back", "date", "time"}:
        _join(found, of.name, (_FROM, _TO), _read_range, needed=0)
    elif "partofday" in rules:
        _join_end(found, rules)
        _join(found, _name_of_bounds(found, rules, is_move=is_move), (_AFTER, _BEFORE), _read_range, needed=0)
    if "partofday" in rules:
        _join_beside(found, _names_of("date", rules), _KEYS.week, _read_week)
        _join_beside(found, _names_of("time", rules), _HALVES, _read_half)
    return found


def _name_time_of_call_back(found: dict[str, Any], rule: ArgumentRule, rules: Mapping[str, ArgumentRule]) -> None:
    """Rename a day beside the hours of a call-back, or an hour beside its day. Beside both, or by its own name, it may be an
    appointment's.
    """
    after, before = ([f"callback{each}" for each in bounds] for bounds in (_AFTER, _BEFORE))
    _join(found, "callback_window", (after, before), _read_range, needed=0)
    said = [to_text(each) for key, each in found.items() if rules.get(fold_key(key)) is rule and _is_said(each)]
    arguments = {find_part_argument(each) for each in said if read_claim(each) is not True}
    missing = (
        "date" if arguments <= {Argument.TIME, Argument.PART_OF_DAY} else "time" if arguments == {Argument.DATE} else ""
    )
    for key in [key for key in found if arguments and OF_DAY_OR_TIME.get(fold_key(key)) == missing]:
        if not _OF_APPOINTMENT.match(fold_key(key)):
            found[f"callback_{key}"] = found.pop(key)


def _join_other_part(found: dict[str, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Join the only name with the part that it lacks: `last_name` beside the `name` "Petra". A name of two words has both parts."""
    parts = [key for key in found if fold_key(key) in {*_FIRST_NAMES, *_LAST_NAMES}]
    names = [key for key in found if (rule := rules.get(fold_key(key))) and rule.name == "customer_name"]
    names = [key for key in names if key not in parts and found[key] is not None]
    if len(parts) != 1 or len(names) != 1:
        return
    (part,), (name,) = parts, names
    if not all(isinstance(found[key], str) and len(fold(found[key]).split()) == 1 for key in (part, name)):
        return
    if not (may_be_same(found[part], found[name]) or fold(found[name]) in COMPANIONS or FAMILY.search(found[name])):
        both = [found.pop(part), found[name]]
        found[name] = join_name(both if fold_key(part) in _FIRST_NAMES else both[::-1])


def _name_parts_of_start(found: dict[str, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Rename two starts if one is only a day and the other is only an hour: `{start: 2026-12-11, start_time: 11:00}`."""
    starts = [key for key in found if (rule := rules.get(fold_key(key))) is not None and rule.name == "start"]
    parts = {str(find_part_argument(found[key])): key for key in starts if isinstance(found[key], str)}
    if len(starts) == len(parts) and parts.keys() == {Argument.DATE, Argument.TIME} and parts.keys().isdisjoint(found):
        for name, key in parts.items():
            found[name] = found.pop(key)


def _name_of_names(found: Mapping[str, Any], rules: Mapping[str, ArgumentRule]) -> str:
    """Return the argument for a first and a last name: the sent key beside another name, which may be another person's."""
    parts = [key for key in found if fold_key(key) in {*_FIRST_NAMES, *_LAST_NAMES}]
    rule = rules.get("fullname")
    names = [key for key in found if rule is not None and rules.get(fold_key(key)) is rule]
    return parts[0] if parts and {*names} - {*parts} else "full_name"


def _join_last_day(found: dict[str, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Join a date and the last date to a range: `{date, end_date}`, `{start, end}`, `{date, until}`. Words such as "morgen" or
    "nächste Woche" are not joined, and an end within a week stays.
    """
    of_day = {key for key, rule in rules.items() if rule.name in {"date", "start"}}
    days, ends = (
        [key for key in found if fold_key(key) in names and find_part_argument(to_text(found[key])) is Argument.DATE]
        for names in (of_day, _LAST_DAYS)
    )
    is_one_value = {*found} == {*days, *ends}  # `date: {start, end}`, which is read as such
    if len(days) == len(ends) == 1 and not is_one_value:
        first, last = to_text(found[days[0]]), to_text(found[ends[0]])
        is_written = FULL_DATE.search(first) and FULL_DATE.search(last)
        if first == last or (is_written and not may_agree(first, last, Argument.DATE)):
            del found[ends[0]]
            found[days[0]] = f"{first} - {last}"


def _join_end(found: dict[str, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Join a start and its end to a range where nothing is booked yet: a caller has time "between four and six". An end within
    the hour is the appointment's, and one on another day is never.
    """
    of_start = {key for key, rule in rules.items() if rule.name in {"start", "time"}}
    starts, ends = ([key for key in found if fold_key(key) in names] for names in (of_start, ENDS))
    clocks = [clock for key in (*starts, *ends) if (clock := _CLOCK.fullmatch(str(found[key])))]
    if len(ends) != 1 or len(starts) > 1 or len(clocks) != len(starts) + 1:
        return
    days, minutes = (
        [clock["day"] for clock in clocks],
        [int(clock["hour"]) * 60 + int(clock["minute"]) for clock in clocks],
    )
    is_of_days = all(days) and len({*days}) > 1
    if not is_of_days and ("appointmentid" in rules or (starts and minutes[1] - minutes[0] <= _HOUR)):
        return
    end = found.pop(ends[0])
    if starts and all(days):
        found[starts[0]] = f"{found[starts[0]]}/{end}"
        return
    found[starts[0] if starts else "until"] = " - ".join(f"{clock['hour']}:{clock['minute']}" for clock in clocks)
    if days[0]:
        found.setdefault("date", days[0])


def _name_of_bounds(found: Mapping[str, Any], rules: Mapping[str, ArgumentRule], *, is_move: bool) -> str:
    """Return the argument for a first and a last time: `date` for days in a move with no other new day, else `part_of_day`; a
    name of `time` beside another part of the day.
    """
    bounds = [key for key in found if fold_key(key) in {*_AFTER, *_BEFORE}]
    are_days = bool(bounds) and all(find_part_argument(to_text(found[key])) is Argument.DATE for key in bounds)
    if is_move and are_days and "date" not in found and "start" not in found:
        return "date"
    parts = (key for key in found if key not in bounds and rules.get(fold_key(key)) is rules["partofday"])
    return "time_range" if any(not is_empty(found[key]) for key in parts) else "part_of_day"


def _name_numbers(found: dict[str, Any]) -> None:
    """Put words for numbers of months and weekdays. Monday is 1, whether a week begins with it or with Sunday (0)."""
    words = dict.fromkeys(_MONTHS, _WORDS.months) | dict.fromkeys(("weekday", "dayofweek"), _WORDS.weekdays)
    for key, value in found.items():
        named = words.get(fold_key(key), ())
        if (number := _read_integer(value, 1, len(named))) is not None:
            found[key] = named[number - 1]


def _name_parts_of_date(found: dict[str, Any]) -> None:
    """Rename the keys of `{day: Thursday, date: 10, month: 12}` to `weekday` and `day`."""
    keys = {fold_key(key): key for key in found}
    day, date = (
        next((keys[name] for name in sorted(names) if name in keys), None) for names in (_KEYS.day, _KEYS.date)
    )
    if date is None or keys.keys().isdisjoint(_MONTHS) or _read_integer(found[date], 1, 31) is None:
        return
    if day is None:
        found["day"] = found.pop(date)
    elif find_open_span(str(found[day])) is Grain.WEEK:
        found["weekday"], found[day] = found[day], found.pop(date)


def _names_of(name: str, rules: Mapping[str, ArgumentRule]) -> set[str]:
    return {key for key, rule in rules.items() if rule.name == name}.difference(_KEYS.week) | {"value"}


def _join_beside(
    found: dict[str, Any], names: set[str], beside: Collection[str], read: Callable[[Any], str | None]
) -> None:
    """Append the only member in `beside` to the value of a member in `names`: the week to a weekday, "am" or "pm" to an hour."""
    own = [key for key in found if fold_key(key) in names and isinstance(found[key], str | int)]
    keys = [key for key in found if fold_key(key) in beside]
    said = read(found[keys[0]]) if len(keys) == 1 else None
    if said is None:
        return
    if _DIGIT.search(said):  # the number of a week, which a date may contradict
        own = [key for key in own if not FULL_DATE.search(to_text(found[key]))]
    if len(own) == 1:
        value = to_text(found[own[0]])
        found[own[0]] = value if fold_key(value).endswith(fold_key(said)) else f"{value} {said}"
        del found[keys[0]]
    else:
        found[keys[0]] = said


def _join_minutes(found: dict[str, Any], names: set[str]) -> None:
    """Join an hour and its minute to one time. Minutes beside a time that already has its minute are a duration, and stay."""
    minutes = [key for key in found if fold_key(key) in _MINUTES and _is_said(found[key])]
    hours = [key for key in found if fold_key(key) in names and _is_said(found[key])]
    if len(minutes) != 1 or len(hours) != 1:
        return
    values = [found[hours[0]], found[minutes[0]]]
    is_other = fold_key(minutes[0]) == "minute" and to_text(values[1]) not in to_text(values[0])
    if is_other or not _WITH_MINUTE.match(to_text(values[0])):
        del found[minutes[0]]
        found[hours[0]] = _read_clock(values) or values


def _join_year(found: dict[str, Any], names: set[str]) -> None:
    """Join a day of a month and its year. If the date has another year, the two become a list, which is read as no day."""
    years = [key for key in found if fold_key(key) in _YEARS and _read_integer(found[key], 1, 9999) is not None]
    days = [key for key in found if fold_key(key) in names and isinstance(found[key], str)]
    if len(years) != 1 or len(days) != 1:
        return
    day, year = found[days[0]].strip(), str(found[years[0]]).strip()
    said, numbers = _YEAR.search(day), _DAY_AND_MONTH.fullmatch(day)
    joined = f"{day}{(numbers['sign'] if numbers else None) or ' '}{year}" if not day.endswith(".") else f"{day}{year}"
    if said is not None and said[0] != year:
        found[days[0]] = [day, year]
    elif said is None and find_part_argument(joined) is Argument.DATE:
        found[days[0]] = joined
    elif said is None:  # no day of a month: "Freitag"
        return
    del found[years[0]]


def _is_said(value: Any) -> bool:
    return isinstance(value, str | int) and not names_nothing(to_text(value))


def _join(
    found: dict[str, Any],
    name: str,
    parts: Sequence[Sequence[str]],
    read: Callable[[list[Any]], str | None],
    needed: int = 2,
) -> None:
    """Put one value under `name` in place of its parts, unless `name` has a value. The first `needed` parts must exist."""
    folded = {fold_key(key): key for key in reversed(found)}
    keys = [next((folded[each] for each in names if each in folded), None) for names in parts]
    values = [None if key is None else found[key] for key in keys]
    own = folded.get(fold_key(name))
    if None in values[:needed] or (own is not None and own not in keys and not is_empty(found[own])):
        return
    said = read(values)
    if said is None and not needed:  # placeholders
        return
    for key in filter(None, keys):
        del found[key]
    found[name] = values if said is None else said


def _read_date(values: list[Any]) -> str | None:
    day, month = _read_integer(values[0], 1, 31), _read_integer(values[1], 1, 12)
    year = _read_integer(values[2], 1, 9999) if values[2] else ""
    if month is None and isinstance(values[1], str) and _MONTH_IN_WORDS.fullmatch(values[1].strip()):
        month_and_year = f" {values[1].strip()} {year}".rstrip()
    else:
        month_and_year = f"{month}.{year}"
    return None if None in {day, year} or month_and_year.startswith("None") else f"{day}.{month_and_year}"


def _read_clock(values: list[Any]) -> str | None:
    said = _O_CLOCK.sub("", values[0]) if isinstance(values[0], str) else values[0]
    hour, minute = _read_integer(said, 0, 24), 0 if is_empty(values[1]) else _read_integer(values[1], 0, 59)
    return None if hour is None or minute is None else f"{hour:02}:{minute:02}"


def _read_range(values: list[Any]) -> str | None:
    first, last = (None if each is None or names_nothing(to_text(each)) else to_text(each) for each in values)
    if first and last:
        return f"{first} - {last}"
    return f"ab {first}" if first else f"bis {last}" if last else None


def _read_number(values: list[Any]) -> str | None:
    """Return a telephone number from its country (`+49`, `DE`), area code and rest; None if the country is unknown. A rest with
    a plus or zero has the area code.
    """
    code, area, number = (
        "" if each is None or names_nothing(to_text(each)) else to_text(each).strip() for each in values
    )
    if not number or number.startswith(("+", "00")):
        return number
    known = re.sub(r"\D", "", code).lstrip("0") or str(phonenumbers.country_code_for_region(code.upper()) or "")
    if code and not known:
        return None
    parts = (f"+{known}" if known else "", "" if number.startswith("0") else area, number)
    return " ".join(filter(None, parts))


def _read_week(value: Any) -> str | None:
    week = _read_integer(value, 1, 53)
    if isinstance(value, str) and (named := UNDERSTOOD.arguments.this_or_next.get(value.strip().lower())) is not None:
        return str(named)
    return f"KW {week}" if week else value if isinstance(value, str) and not names_nothing(value) else None


def _read_half(value: Any) -> str | None:
    return value if isinstance(value, str) and fold_key(value) in {"am", "pm"} else None


def _read_integer(value: Any, first: int, last: int) -> int | None:
    """Return the integer if it is within both bounds, also from a text of digits; else None."""
    value = value.strip().removesuffix(".") if isinstance(value, str) else value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(last)):
        value = int(value)
    return value if type(value) is int and first <= value <= last else None
