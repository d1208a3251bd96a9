"""From what a language model passes to the arguments of a call function, by the table of `argument_table.py`."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.booking import fold
from askproai_runtime.calls.argument_parts import join_parts
from askproai_runtime.calls.argument_table import (
    NOT_NEEDED,
    PREFERENCES,
    VALUE_KEYS,
    WRAPPERS,
    ArgumentRule,
    fold_key,
    rules_of,
)
from askproai_runtime.calls.argument_values import (
    MAX_CHARACTERS,
    decode_text,
    describe_object,
    is_empty,
    is_encoded,
    join_texts,
    read_companions,
    read_value,
)
from askproai_runtime.german_dates import understand_parts

_MAX_UNREAD, _MAX_KEY = 20, 40
_WITH_DAY = frozenset({"date", "start"})
_TIMES = _WITH_DAY | {"time", "part_of_day"}
_VALUE_RANKS = {fold_key(key): rank for rank, key in enumerate(VALUE_KEYS)}
_ZONE = ZoneInfo("UTC")
_AT = datetime(2026, 1, 1, tzinfo=_ZONE)  # whether words name a time does not depend on the day
_WHOLE = "args"  # the name of a value without one


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments that have a value, by the names of the table; and those that were not read, by the model's names."""

    values: dict[str, Any]
    unread: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Member:
    """A value that a model has passed, under the name of its place: `appointment.date`. No rule: the function does not read it."""

    path: str
    rule: ArgumentRule | None
    value: Any
    depth: int = 0
    is_alias: bool = False


def read_arguments(function: str, args: Any) -> Arguments:
    """Return the arguments of a function: trimmed and bounded texts, booleans, and `companions`. Placeholders count as absent.

    A language model may send numbers for texts, nulls, blanks, JSON in texts, other names, objects in objects, or no object at all.
    Nothing with a value is left out in silence: what the function does not read is `unread`. Of two values for one time neither
    counts, and without its day no time does.
    """
    values, unread = dict[str, Any](), dict[str, list[Any]]()
    members = sorted(_list_members(args, rules_of(function)), key=lambda member: (member.depth, member.is_alias))
    for member in members:
        read, rest = _read_member(member)
        for path, value in rest:
            unread.setdefault(path, []).append(value)
        if member.rule is None or read is None:
            continue
        name = member.rule.name
        if name not in values:
            values[name] = read
        elif fold(str(read)) != fold(str(values[name])):
            unread.setdefault(member.path, []).append(member.value)
    unclear = _TIMES & {member.rule.name for member in members if member.rule and member.path in unread}
    unclear = _TIMES if unclear & _WITH_DAY else unclear  # a time of no day would be one of the next
    for member in members:
        if member.rule and member.rule.name in unclear and not is_empty(member.value):
            values.pop(member.rule.name, None)
            unread.setdefault(member.path, [member.value])
    return Arguments(values, _name_unread(unread))


def _name_unread(unread: Mapping[str, list[Any]]) -> dict[str, str]:
    named = {
        path: (join_texts(values) or "true")[:MAX_CHARACTERS] for path, values in list(unread.items())[:_MAX_UNREAD]
    }
    return named | ({"…": str(len(unread) - _MAX_UNREAD)} if len(unread) > _MAX_UNREAD else {})


def _read_member(member: _Member) -> tuple[Any, list[tuple[str, Any]]]:
    """Return the value of an argument, None without any, and what of it was not read, by its places."""
    if member.rule is None:
        is_needed = fold_key(member.path.rpartition(".")[2]) not in NOT_NEEDED
        return None, [(member.path, member.value)] if is_needed and not is_empty(member.value) else []
    if member.rule.name == "companions":
        read, rest = read_companions(member.value)
        return read, [(_join_path(member.path, key), each) for key, each in rest if not is_empty(each)]
    value = read_value(member.rule, member.value)
    if isinstance(value, str) and len(value) > MAX_CHARACTERS:
        return value[:MAX_CHARACTERS].rstrip(), [(member.path, value[MAX_CHARACTERS:])]
    return value, [(member.path, member.value)] if value is None and not is_empty(member.value) else []


def _list_members(args: Any, rules: Mapping[str, ArgumentRule]) -> Iterator[_Member]:
    """Yield each value at whatever depth: of objects that are no argument, and of those that hold more than one."""
    pending = deque([("", 0, _decode(args))])  # not by recursion: the depth is the sender's
    while pending:
        path, depth, value = pending.popleft()
        if isinstance(value, list):
            pending.extend((path, depth, _decode(each)) for each in value)
        elif not isinstance(value, dict):
            yield _Member(path or _WHOLE, None, value, depth)
        else:
            for key, each in join_parts(value, rules).items():
                place, inner = _join_path(path, key), _decode(each)
                rule = rules.get(fold_key(key)) or _rule_of_preference(key, inner, rules)
                if rule is None and isinstance(inner, dict | list):
                    is_wrapper = fold_key(key) in WRAPPERS
                    pending.append((path if is_wrapper else place, depth + (not is_wrapper), inner))
                elif rule is None:
                    yield _Member(place, None, each, depth)
                else:
                    own, others, rest = _split(rule, inner, rules)
                    yield _Member(place, rule, own, depth, is_alias=rule.name != key)
                    yield from (_Member(_join_path(place, name), None, of, depth) for name, of in rest.items())
                    pending.extend((place, depth + 1, other) for other in others)


def _rule_of_preference(key: str, value: Any, rules: Mapping[str, ArgumentRule]) -> ArgumentRule | None:
    """Return the rule of a preference that is about the time."""
    rule = rules.get(fold_key("part_of_day"))
    if rule is None or fold_key(key) not in PREFERENCES or not isinstance(value, str):
        return None
    beside_a_day = understand_parts(f"{_AT:%Y-%m-%d}", None, value[:MAX_CHARACTERS], at=_AT, zone=_ZONE)
    return rule if beside_a_day.unclear is None else None


def _split(
    rule: ArgumentRule, value: Any, rules: Mapping[str, ArgumentRule]
) -> tuple[Any, list[dict[str, Any]], dict[str, Any]]:
    """Return the value of an argument from the object or the list that holds it, the objects of other arguments in it, and the rest
    of what names the same thing: `id` beside `name`.
    """
    if rule.name == "companions":
        return value, [], {}
    while isinstance(value, list) and len(value) == 1:
        value = _decode(value[0])
    if isinstance(value, list) and (rule.is_text or rule.name == "service"):
        return _split_list(rule, value, rules)
    if not isinstance(value, dict):
        return value, [], {}
    value = join_parts(value, rules, rule)
    own_names = {fold_key(name) for name in (rule.name, *rule.aliases)} | _VALUE_RANKS.keys()
    if rule.is_text:
        own_names |= {fold_key(key) for key in value} - rules.keys()
    own = {key: each for key, each in value.items() if fold_key(key) in own_names}
    others = {key: each for key, each in value.items() if key not in own}
    if rule.is_text:
        return describe_object(own, {"text", "value", rule.name, *rule.aliases}), [others], {}
    if rule.name == "service" and not own:
        return join_texts(value), [], {}
    keys = sorted(own, key=lambda key: _VALUE_RANKS.get(fold_key(key), -1))
    read = next((own[key] for key in keys if not is_empty(own[key])), None)
    rest = {key: each for key, each in own.items() if fold(join_texts(each)) != fold(join_texts(read))}
    return read, [others], rest


def _split_list(
    rule: ArgumentRule, value: list[Any], rules: Mapping[str, ArgumentRule]
) -> tuple[Any, list[dict[str, Any]], dict[str, Any]]:
    own, others, rest, pending = list[Any](), list[dict[str, Any]](), dict[str, Any](), deque(value)
    while pending:
        each = _decode(pending.popleft())
        if isinstance(each, list):
            pending.extendleft(reversed(each))
            continue
        read, more, left = _split(rule, each, rules)
        own.append(read)
        others += more
        rest |= left
    return own, others, rest


def _join_path(path: str, key: str) -> str:
    return ".".join(part for part in (path, key) if part)[:_MAX_KEY]


def _decode(value: Any) -> Any:
    """Return what a text that is JSON says; any other value as it is."""
    return decode_text(value) if is_encoded(value) else value
