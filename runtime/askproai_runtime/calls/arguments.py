"""From what a language model passes to the arguments of a call function, by the table of `argument_table.py`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from askproai_core.http_server import read_json
from askproai_runtime.booking import fold, leaves_open, names_nothing
from askproai_runtime.calls.argument_table import (
    NOT_NEEDED,
    VALUE_KEYS,
    WRAPPERS,
    ArgumentRule,
    fold_key,
    rules_of,
)

_BOOLEANS = {"true": True, "ja": True, "yes": True, "false": False, "nein": False, "no": False}
_MAX_ARGUMENT_CHARACTERS = 500
_MAX_COMPANIONS = 10  # that are read; fewer are booked
_COMPANION_ARGUMENTS = {"customer_name": ("customer_name", "name"), "service": ("service",), "staff": ("staff",)}
# How many come along, and names alone, in a text: "zwei weitere Personen", "Mia und Ben".
_COUNTS = {"ein": 1, "eine": 1, "one": 1, "zwei": 2, "two": 2, "drei": 3, "three": 3, "vier": 4, "four": 4}
_COUNT = re.compile(
    rf"({'|'.join(_COUNTS)}|\d{{1,2}})(?: (?:weitere[nr]?|andere|more|other))?(?: (?:personen?|leute|people|persons?))?"
)
_NOBODY = frozenset({"keine", "keiner", "niemand", "nein", "no", "no one", "nobody", "none"})
_SEPARATOR = re.compile(r"\s*(?:,|;|&|\+|\b(?:und|and)\b)\s*")
_MAX_ENCODINGS = 3  # of JSON in JSON
_MAX_UNREAD, _MAX_KEY = 8, 40
_WITH_DAY = frozenset({"date", "start"})
_TIMES = _WITH_DAY | {"time", "part_of_day"}


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments that have a value, by the names of the table; and those that were not read, by the model's names."""

    values: dict[str, Any]
    unread: dict[str, str]


def read_arguments(function: str, args: Any) -> Arguments:
    """Return the arguments of a function: trimmed and bounded texts, booleans, and `companions`. Placeholders count as absent.

    A language model may send numbers for texts, nulls, blanks, JSON in texts, other names, or no object at all. Nothing with a
    value is left out in silence: what the function does not read is `unread`. Of two values for one time neither counts, and
    without its day no time does.
    """
    values, unread = dict[str, Any](), dict[str, Any]()
    rules = rules_of(function)
    for key, value in _list_members(args, rules):
        rule = rules.get(fold_key(key))
        if rule is None:
            unread |= {} if fold_key(key) in NOT_NEEDED or _is_empty(value) else {key: value}
            continue
        read = _read_companions(value) if rule.name == "companions" else _read_value(rule, value)
        if read is None:
            unread |= {} if _is_empty(value) else {key: value}
        elif rule.name not in values:
            values[rule.name] = read
        elif fold(str(read)) != fold(str(values[rule.name])):
            unread[key] = value
    unclear = _TIMES & {rule.name for key in unread if (rule := rules.get(fold_key(key)))}
    for name in _TIMES if unclear & _WITH_DAY else unclear:  # a time of no day would be one of the next
        values.pop(name, None)
    return Arguments(values, {key[:_MAX_KEY]: _to_text(unread[key]) for key in list(unread)[:_MAX_UNREAD]})


def _to_text(value: Any) -> str:
    return ", ".join(_list_texts([value]))[:_MAX_ARGUMENT_CHARACTERS]


def _list_members(args: Any, rules: Mapping[str, ArgumentRule]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, first those under an argument's own name, and those of objects that only hold others."""
    members = [(str(key), value) for key, value in _unwrap(args).items()]
    members += list(_join_names(dict(members)))
    for key, value in sorted(members, key=lambda member: _rank(member[0], rules)):
        inner = _decode(value) if isinstance(value, str) and value.lstrip().startswith("{") else value
        rule = rules.get(fold_key(key))
        if isinstance(inner, dict) and (rule is None or rule.name in _TIMES):
            names = rules if rule is None else {fold_key(name) for name in _TIMES}
            known = [(str(each), of) for each, of in inner.items() if fold_key(str(each)) in names]
            if known:
                yield from known
                continue
        yield key, value


def _rank(key: str, rules: Mapping[str, ArgumentRule]) -> int:
    rule = rules.get(fold_key(key))
    return 2 if rule is None else int(rule.name != key)


def _unwrap(args: Any) -> dict[str, Any]:
    """Return the object of the arguments: it may come as JSON, in a list, or in an object that has nothing else."""
    for _ in range(_MAX_ENCODINGS):
        match args:
            case str():
                args = _decode(args)
            case [only]:
                args = only
            case dict() if len(args) == 1 and fold_key(str(next(iter(args)))) in WRAPPERS:
                args = next(iter(args.values()))
    return args if isinstance(args, dict) else {}


def _join_names(args: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the name of which a model has passed the parts."""
    parts = {fold_key(key): value for key, value in args.items() if isinstance(value, str) and not names_nothing(value)}
    names = [parts[key] for key in ("firstname", "vorname") if key in parts][:1]
    names += [parts[key] for key in ("lastname", "surname", "familyname", "nachname") if key in parts][:1]
    if names:
        yield "full_name", " ".join(names)


def _is_empty(value: Any) -> bool:
    """Return whether a value says nothing that could be missed."""
    if isinstance(value, list | dict):
        return not _list_texts(value)
    return not isinstance(value, str) or names_nothing(value) or leaves_open(value)


def _read_value(rule: ArgumentRule, value: Any) -> str | bool | None:
    value = _unwrap_value(rule, value)
    if rule.is_boolean:
        return _read_boolean(value)
    if rule.name == "call_back" and str(value).strip().casefold() == "true":
        return "true"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).replace("\0", "").strip()[:_MAX_ARGUMENT_CHARACTERS]
    return None if names_nothing(text) or (rule.is_choice and leaves_open(text)) else text


def _unwrap_value(rule: ArgumentRule, value: Any) -> Any:
    """Return the value that a list of one, an object or JSON holds; of several services all."""
    for _ in range(_MAX_ENCODINGS):
        match value:
            case str() if value.lstrip()[:1] in {"{", "[", '"'}:
                value = _decode(value)
            case list() | dict() if rule.name == "service":
                value = ", ".join(_list_texts(value))
            case [only]:
                value = only
            case dict():
                value = _read_member(rule, value)
    return value


def _read_boolean(value: Any) -> bool | None:
    """Return what a boolean says, also in words. Other words are no yes."""
    if not isinstance(value, str):
        return value if isinstance(value, bool) else None
    said = value.strip().casefold()
    return _BOOLEANS[said] if said in _BOOLEANS else None if names_nothing(value) else False


def _read_member(rule: ArgumentRule, value: Mapping[str, Any]) -> Any:
    """Return the value of an object that holds one: under the argument's name, or one of `VALUE_KEYS`."""
    if rule.name == "time" and "hour" in value:
        hour, minute = _read_integer(value["hour"], 0, 24), _read_integer(value.get("minute") or 0, 0, 59)
        return None if hour is None or minute is None else f"{hour:02}:{minute:02}"
    if rule.name == "customer_name" and (joined := next(iter(_join_names(value)), None)):
        return joined[1]
    if rule.name == "date" and "day" in value and "month" in value:
        day, month = _read_integer(value["day"], 1, 31), _read_integer(value["month"], 1, 12)
        year = _read_integer(value["year"], 1, 9999) if value.get("year") else ""
        return None if None in {day, month, year} else f"{day}.{month}.{year}"
    own = {fold_key(name) for name in (rule.name, *rule.aliases)}
    named = [key for key in value if fold_key(str(key)) in own] + [key for key in VALUE_KEYS if key in value]
    return next((value[key] for key in named if value[key]), None)


def _read_integer(value: Any, first: int, last: int) -> int | None:
    """Return an integer within both bounds, also from its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(last)):
        value = int(value)
    return value if type(value) is int and first <= value <= last else None


def _read_companions(value: Any) -> list[dict[str, str]] | None:
    """Return an object for each who comes along: a list of them, as JSON too, names alone, or how many there are. None if nothing
    was said of them, which an empty list says.

    Nobody of a list is left out, whatever the entry is: one who was would come for nothing.
    """
    if isinstance(value, str):
        value = _decode(value)
    if isinstance(value, str) and (count := _COUNT.fullmatch(value.casefold())):
        value = _COUNTS.get(count[1], 0) or int(count[1])
    match value:
        case bool() | None:
            return None
        case str() if fold(value) in _NOBODY:
            return []
        case int() | float():
            return [{}] * int(min(max(value, 0), _MAX_COMPANIONS))
        case str():
            value = _SEPARATOR.split(value)
        case dict() if value and not value.keys() & _COMPANION_ARGUMENTS.keys():  # the list in an object
            value = [each for entry in value.values() for each in (entry if isinstance(entry, list) else [entry])]
        case dict():
            value = [value] if value else []
        case list():
            pass
        case _:
            return None
    return [_read_companion(each) for each in value[:_MAX_COMPANIONS]]


def _read_companion(value: Any) -> dict[str, str]:
    members = value if isinstance(value, dict) else {"customer_name": value}
    texts = (
        (name, _read_text(name, next((members[key] for key in keys if key in members), None)))
        for name, keys in _COMPANION_ARGUMENTS.items()
    )
    return {name: text for name, text in texts if isinstance(text, str)}


def _decode(text: str) -> Any:
    try:
        return read_json(text.encode(), object)
    except (msgspec.DecodeError, RecursionError):
        return text.strip() or None


def _read_text(name: str, value: Any) -> str | None:
    """Return a companion's argument. Whose name is a placeholder comes all the same."""
    match value:
        case bool():
            return None
        case int() | float():
            return str(value)
        case list() | dict() if name == "service":
            value = ", ".join(_list_texts(value))
    if not isinstance(value, str) or (name != "customer_name" and (names_nothing(value) or leaves_open(value))):
        return None
    return value.strip()[:_MAX_ARGUMENT_CHARACTERS] or None


def _list_texts(value: list[Any] | dict[str, Any]) -> list[str]:
    """Return the texts and numbers in a JSON value, in order. Not by recursion: the depth is the sender's."""
    texts, rest = list[str](), list[Any]([value])
    while rest:
        match rest.pop():
            case str() as text if text.strip():
                texts.append(text.strip())
            case bool():
                pass
            case int() | float() as number:
                texts.append(str(number))
            case list() as items:
                rest += reversed(items)
            case dict() as members:
                rest += reversed(members.values())
    return texts
