"""Values that a language model passes in parts: a first and a last name, a day and its month, an hour and its minute."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from askproai_runtime.booking import names_nothing
from askproai_runtime.calls.argument_table import ArgumentRule, fold_key
from askproai_runtime.calls.argument_values import to_text

_FIRST_NAMES = ("firstname", "vorname", "givenname")
_LAST_NAMES = ("lastname", "surname", "familyname", "nachname")
_FROM = ("from", "start", "begin", "von", "after", "earliest")
_TO = ("to", "end", "until", "bis", "before", "latest")


def join_parts(
    members: Mapping[Any, Any], rules: Mapping[str, ArgumentRule], of: ArgumentRule | None = None
) -> dict[str, Any]:
    """Return the members of an object with one value in place of its parts. `of` is the argument whose value the object is.

    Parts that make no value are a list, which no time is: an hour without its minute would be another time.
    """
    found = {to_text(key): value for key, value in members.items()}
    name = "full_name" if of is None or of.name == "customer_name" else "name"
    date = of.name if of and of.name.endswith("date") else "date"
    time = of.name if of and of.name.endswith("time") else "time"
    if of is not None or fold_key(name) in rules:
        _join(found, name, (_FIRST_NAMES, _LAST_NAMES), _read_name, needed=0)
    if fold_key(date) in rules:
        _join(found, date, (("day", "tag"), ("month", "monat"), ("year", "jahr")), _read_date)
    if fold_key(time) in rules:
        _join(found, time, (("hour", "hours", "stunde"), ("minute", "minutes", "minuten")), _read_clock)
    if of is not None and of.name in {"date", "time"}:
        _join(found, of.name, (_FROM, _TO), _read_range)
    return found


def _join(
    found: dict[str, Any],
    name: str,
    parts: Sequence[Sequence[str]],
    read: Callable[[list[Any]], str | None],
    needed: int = 2,
) -> None:
    """Put one value under `name` in place of its parts, unless it is there. `needed`: so many of the first must be there."""
    folded = {fold_key(key): key for key in reversed(found)}
    keys = [next((folded[each] for each in names if each in folded), None) for names in parts]
    values = [None if key is None else found[key] for key in keys]
    if None in values[:needed] or (fold_key(name) in folded and folded[fold_key(name)] not in keys):
        return
    said = read(values)
    if said is None and not needed:  # placeholders
        return
    for key in filter(None, keys):
        del found[key]
    found[name] = values if said is None else said


def _read_name(values: list[Any]) -> str | None:
    return " ".join(each for each in values if isinstance(each, str) and not names_nothing(each)) or None


def _read_date(values: list[Any]) -> str | None:
    day, month = _read_integer(values[0], 1, 31), _read_integer(values[1], 1, 12)
    year = _read_integer(values[2], 1, 9999) if values[2] else ""
    return None if None in {day, month, year} else f"{day}.{month}.{year}"


def _read_clock(values: list[Any]) -> str | None:
    hour, minute = _read_integer(values[0], 0, 24), _read_integer(values[1], 0, 59)
    return None if hour is None or minute is None else f"{hour:02}:{minute:02}"


def _read_range(values: list[Any]) -> str | None:
    return " - ".join(values) if all(isinstance(each, str) for each in values) else None


def _read_integer(value: Any, first: int, last: int) -> int | None:
    """Return an integer within both bounds, also from its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(last)):
        value = int(value)
    return value if type(value) is int and first <= value <= last else None
