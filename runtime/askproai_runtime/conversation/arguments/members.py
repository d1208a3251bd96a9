"""List the values in a model's arguments, each with its path in the JSON and the rule of the argument that it means."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.counts import counts_people, means_companions
from askproai_runtime.conversation.arguments.owners import (
    asks_for_appointment,
    belongs_to_caller,
    is_of_caller,
    is_of_the_past,
)
from askproai_runtime.conversation.arguments.parts import join_parts
from askproai_runtime.conversation.arguments.persons import name_persons
from askproai_runtime.conversation.arguments.table import (
    DECIDING,
    DESCRIBING_KEYS,
    ENDS,
    OFFERS,
    PREFERENCES,
    TIMES,
    VALUE_KEYS,
    WRAPPERS,
    ArgumentRule,
    fold_key,
)
from askproai_runtime.conversation.arguments.values import (
    CUT_OFF,
    MAX_CHARACTERS,
    decode_text,
    describe_object,
    is_empty,
    is_encoded,
    join_texts,
    list_leaves,
    merge_values,
    to_text,
)
from askproai_runtime.conversation.arguments.wrappings import TIME_ARGUMENTS
from askproai_runtime.lenient_json import REPEATED
from askproai_runtime.spoken_times import Argument, understand_parts
from askproai_runtime.spoken_times.agreement import may_agree
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day
from askproai_runtime.understood import UNDERSTOOD

_HAS_CLOCK = re.compile(r"\d:\d\d|T\d\d")
_KEYS: Final = UNDERSTOOD.time_names
_MAX_KEY = 40
_VALUE_RANKS = {fold_key(key): rank for rank, key in enumerate(VALUE_KEYS)}
_ZONE = ZoneInfo("UTC")
_AT = datetime(2026, 1, 1, tzinfo=_ZONE)  # whether words name a time does not depend on the day
_KEY = re.compile(r'"(\w+)"\s*:')
_NOT_WITHIN: str | None = None
_PLURALS = ("days", "dates", "times", "tage", "daten", "zeiten")  # endings of names for several days or times
_MOST_TIMES = 10
_COUNTED = re.compile(rf"(?:\d|{_KEYS.counted})$")
_TIME_KEY = re.compile(_KEYS.of_time)
_NO_TIME_KEY = re.compile(_KEYS.of_other_time)
# Such a name is of the appointment's time, and of no other: `preferred_day`, unlike `inspection_date`.
_OF_APPOINTMENT = re.compile(rf"(?:{_KEYS.of_appointment})+")
_OF_ANY_EVENT = re.compile(_KEYS.of_any_event)
WHOLE = "args"  # the name of a value without one


@dataclass(frozen=True, slots=True)
class Member:
    """One value in a model's arguments, with its path: `appointment.date`. `rule` is None if the function does not read the
    value.

    `within` is the argument whose object contains the value. `is_own`: no object around the value is about another person or
    thing than the caller's appointment.
    """

    path: str
    rule: ArgumentRule | None
    value: Any
    depth: int = 0
    is_alias: bool = False
    within: str | None = None
    is_own: bool = True


def list_members(args: Any, rules: Mapping[str, ArgumentRule], several: list[str]) -> Iterator[Member]:
    """Yield each value of the arguments, from objects and lists at any depth, with the rule of the argument that it means.

    Add to `several` the path of each list whose entries are separate requests.
    """
    pending = deque([("", 0, _decode(args), _NOT_WITHIN, True)])  # not by recursion: the depth is the sender's
    while pending:
        path, depth, value, within, is_own = pending.popleft()
        value = _list_repeated(value)
        if isinstance(value, list):
            decoded = [*map(_decode, value)]
            entries = [*map(_read_pair, decoded)]
            if _is_about_others(path, entries, rules):
                yield Member(path, None, value, depth, within=within)
                continue
            if entries == decoded and _are_requests(entries, rules):
                several.append(path or WHOLE)
            pending.extend((path, depth, each, within, is_own) for each in entries)
        elif not isinstance(value, dict):
            yield Member(path or WHOLE, None, value, depth, within=within)
        else:
            several += _list_bookings(path, value, rules)
            is_move = any(rule.name == "appointment_date" for rule in rules.values())
            is_past = not is_move and is_of_the_past(path)
            is_callers = is_own or asks_for_appointment(value, rules)
            for key, each in join_parts(name_persons(value, rules), rules).items():
                place, inner = join_path(path, key), _decode(each)
                listed = _list_times(inner) if fold_key(key).endswith(_PLURALS) else inner
                rule = None if is_past else _find_rule(key, listed, rules, within, is_own=is_callers)
                inner = inner if rule is None else listed
                if rule is None and isinstance(inner, dict | list) and fold_key(key) not in ENDS:
                    is_wrapper = fold_key(key) in WRAPPERS
                    is_inner = is_own if is_wrapper else belongs_to_caller(key, inherited=is_own)
                    place = path if is_wrapper and isinstance(inner, dict) else place
                    pending.append((place, depth + (not is_wrapper), inner, within, is_inner))
                elif rule is None:
                    yield Member(place, None, each, depth, within=within)
                else:
                    own, others = _split(rule, inner, rules)
                    for name, one in own:
                        is_alias = rule.name != key
                        yield Member(join_path(place, name), rule, one, depth, is_alias=is_alias, is_own=is_own)
                    pending.extend((place, depth + 1, other, rule.name, is_own) for other in others)


def set_apart(members: list[Member]) -> list[Member]:
    """Return the members. If the appointment has a time, a time inside another object (`reminder`) is without its rule, and so is
    another day or hour than the appointment's under a name such as `event_date`.
    """
    times = [each for each in members if each.rule is not None and each.rule.name in TIMES and not is_empty(each.value)]
    if not any(each.is_own for each in times):
        return members
    of_any = [each for each in times if _OF_ANY_EVENT.search(fold_key(each.path.rpartition(".")[2]))]
    plain = [each for each in times if each.is_own and each not in of_any]
    others = {each.path for each in of_any if not all(_agree(one, each) for one in plain)}
    others |= {each.path for each in times if not each.is_own}
    return [replace(each, rule=None) if each in times and each.path in others else each for each in members]


def _agree(plain: Member, other: Member) -> bool:
    """Return whether two values are no different days or hours."""
    name, kind = (each.rule.name if each.rule else "" for each in (plain, other))
    one, said = to_text(plain.value), to_text(other.value)
    if (name == "date" and not holds_day(one)) or (name == "start" and _HAS_CLOCK.search(one) is None):
        return True  # it says less than its name
    if plain.rule is not None and name == kind and name in TIME_ARGUMENTS:
        return merge_values(plain.rule, one, said) is not None and may_agree(one, said, TIME_ARGUMENTS[name])
    is_beside = "start" in {name, kind} or (name, kind) == ("time", "part_of_day")
    return not is_beside or one in said or said in one


def find_lost(members: list[Member], values: Mapping[str, Any], rules: Mapping[str, ArgumentRule]) -> set[str]:
    """Return the deciding arguments that arguments without a readable end may have lost: the last one, and the day or hour.
    Service and person are asked for where they are needed.
    """
    unread = (each for each in members if each.rule is None and isinstance(each.value, str))
    texts = {fold_key(each.path.rpartition(".")[2]): each.value for each in unread}
    rest, names = texts.get(fold_key(CUT_OFF), ""), {rule.name for rule in rules.values()}
    is_bare_search = not values and "customer_name" not in names  # others ask anyway
    if not rest and not (is_bare_search and any(key in WRAPPERS and not is_empty(said) for key, said in texts.items())):
        return set()
    is_timed = "start" in values or {"date", "time"} <= values.keys()
    lost = {rules[key].name for key in map(fold_key, _KEY.findall(rest)) if key in rules}
    lost |= set() if is_timed else {"time" if "date" in values else "date"}
    return lost & (DECIDING - {"customer_name", "phone", "service"}) & names


def _list_held(value: dict[str, Any], rules: Mapping[str, ArgumentRule]) -> dict[str, ArgumentRule]:
    """Return, by name, the rules of the arguments for which an object has a value at any depth."""
    keys = [fold_key(name) for name, leaf in list_leaves(value) if not is_empty(leaf)]
    return {rules[key].name: rules[key] for key in keys if key in rules}


def _list_differing(entries: list[Any], rules: Mapping[str, ArgumentRule]) -> list[dict[str, ArgumentRule]]:
    """Return, for each object in a list, its arguments (name to rule); [] if all objects of the list are equal."""
    objects = [each for each in entries if isinstance(each, dict) and _list_held(each, rules)]
    return [_list_held(each, rules) for each in objects] if any(each != objects[0] for each in objects) else []


def _are_requests(entries: list[Any], rules: Mapping[str, ArgumentRule]) -> bool:
    """Return True if a list contains separate requests, not the fields of one, as `[{name}, {phone}]` does."""
    return any(
        len(held) > 1 or any(rule.is_text or rule.name in {"service", "appointment_id"} for rule in held.values())
        for held in _list_differing(entries, rules)
    )


def _list_bookings(path: str, value: dict[Any, Any], rules: Mapping[str, ArgumentRule]) -> list[str]:
    """Return the path of an object with several bookings under names that count them: `{appointment_1: {…}, appointment_2: {…}}`,
    `{first: {…}, second: {…}}`, `{date: …, date2: …}`; else [].
    """
    by_stem = defaultdict[str, list[Any]](list)
    for key, each in value.items() if "another" in rules else ():
        by_stem[_COUNTED.sub("", fold_key(to_text(key)))].append(_decode(each))
    times = [found for stem, found in by_stem.items() if stem in rules and rules[stem].name in TIMES]
    is_twice = any(len({to_text(each) for each in found if names_time("date", each)}) > 1 for found in times)
    objects = [found for found in by_stem.values() if all(isinstance(each, dict) for each in found)]
    return [path or WHOLE] if is_twice or any(_are_requests(found, rules) for found in objects) else []


def _is_about_others(path: str, entries: list[Any], rules: Mapping[str, ArgumentRule]) -> bool:
    """Return True if a list has offered times, or `name`s under a key that is no person of the caller: `medications`."""
    key, differing = fold_key(path.rpartition(".")[2]), _list_differing(entries, rules)
    if not key or not differing:
        return False
    is_named_only = all(held.keys() == {"customer_name"} for held in differing)
    return key in OFFERS or (is_named_only and not belongs_to_caller(key))


def _read_pair(entry: Any) -> Any:
    """Return `{service: Haarschnitt}` for an entry `{name: service, value: Haarschnitt}`; any other entry as it is."""
    if not isinstance(entry, dict):
        return entry
    key = next(
        (entry[name] for name in ("name", "key", "field", "label", "entity") if entry.keys() == {name, "value"}), None
    )
    return {key: entry["value"]} if isinstance(key, str) else entry


def _find_rule(
    key: str, value: Any, rules: Mapping[str, ArgumentRule], within: str | None, *, is_own: bool
) -> ArgumentRule | None:
    """Return the rule of the argument that a key and its value mean here; None if the function does not read the value."""
    rule = rules.get(fold_key(key)) or _rule_of_preference(key, value, rules) or _rule_of_time(key, value, rules)
    if rule is None and (numbered := rules.get(fold_key(key).rstrip("0123456789"))) is not None:  # guest_1, guest_2
        rule = numbered if numbered.name == "companions" else None
    if rule is None and means_companions(key, value):
        rule = rules.get("companions")
    if rule is not None and rule.name == "companions" and counts_people(key, value):
        return None  # it names nobody: `count_people`
    return rule if rule is None or is_of_caller(rule, key, within, is_own=is_own) else None


def _rule_of_time(key: str, value: Any, rules: Mapping[str, ArgumentRule]) -> ArgumentRule | None:
    """Return the rule of the appointment's day or time for another key of it, such as `weekday` or `preferred_slot`; else None."""
    name = fold_key(key)
    argument = names_time(name, value) if _OF_APPOINTMENT.fullmatch(name) else None
    return rules.get(fold_key(argument)) if argument is not None else None


def names_time(key: str, value: Any) -> str | None:
    """Return the argument that a value means, if its folded key names a time and it reads as a day or time; else None."""
    texts = [text[:MAX_CHARACTERS] for _, text in list_leaves(value) if isinstance(text, str)]
    if not texts or _TIME_KEY.search(key) is None or _NO_TIME_KEY.search(key):
        return None
    found = {find_part_argument(text) for text in texts}
    if key in ENDS and found != {Argument.DATE}:
        return None
    if found == {None}:
        return "start" if all(map(_is_day_and_time, texts)) else None
    return str(found.pop()) if len(found) == 1 else None


def _list_times(value: Any) -> Any:
    """Return the list of the days or times that a text names, separated by commas; any other value as it is."""
    parts = [each.strip() for each in value.split(",")] if isinstance(value, str) else []
    kinds = {find_part_argument(each[:MAX_CHARACTERS]) for each in parts[:_MOST_TIMES]}
    return parts if 1 < len(parts) <= _MOST_TIMES and len(kinds) == 1 and None not in kinds else value


def _is_day_and_time(text: str) -> bool:
    understood = understand_parts(text, None, None, at=_AT, zone=_ZONE)
    return bool(understood.candidates) and understood.unclear is None


def _rule_of_preference(key: str, value: Any, rules: Mapping[str, ArgumentRule]) -> ArgumentRule | None:
    """Return the rule of `part_of_day` for a preference that reads as a time; else None."""
    rule = rules.get(fold_key("part_of_day"))
    if rule is None or fold_key(key) not in PREFERENCES or not isinstance(value, str):
        return None
    beside_a_day = understand_parts(f"{_AT:%Y-%m-%d}", None, value[:MAX_CHARACTERS], at=_AT, zone=_ZONE)
    return rule if beside_a_day.unclear is None else None


def _split(
    rule: ArgumentRule, value: Any, rules: Mapping[str, ArgumentRule]
) -> tuple[list[tuple[str, Any]], list[dict[str, Any]]]:
    """Return the values of one argument in `value`, each with its key ("" for the main value), and the objects in `value` whose
    contents belong to other arguments.
    """
    if rule.name == "companions":  # an empty object in a list is somebody without a name
        return [("", _join_names(value, rules, rule))], []
    value = value if rule.name == "service" else _list_repeated(value)
    while isinstance(value, list) and len(value) == 1:
        value = _decode(value[0])
    if isinstance(value, list) and (rule.is_text or rule.name == "service"):
        return _split_list(rule, value, rules)
    if not isinstance(value, dict):
        return [("", value)], []
    value = join_parts(value, rules, rule)
    own_names = {fold_key(name) for name in (rule.name, *rule.aliases)} | _VALUE_RANKS.keys()
    if rule.is_text:
        own_names |= {fold_key(key) for key in value} - rules.keys()
    own = {key: each for key, each in value.items() if fold_key(key) in own_names}
    if any(fold_key(key) not in DESCRIBING_KEYS and not is_empty(each) for key, each in own.items()):
        own = {key: each for key, each in own.items() if rule.is_text or fold_key(key) not in DESCRIBING_KEYS}
    if rule.name == "customer_name" and len(own) > 1:
        own = {key: each for key, each in own.items() if fold_key(key) != "id"}
    others = {key: each for key, each in value.items() if key not in own}
    if rule.is_text:
        plain = {key for key in own if rules.get(fold_key(f"{rule.name}{key}")) is rule}
        own = {key: each for key, each in own.items() if each is not True or key not in plain} or own
        return [("", describe_object(own, {"text", "value", rule.name, *rule.aliases, *plain}))], [others]
    said = {key: _decode(each) for key, each in own.items() if not is_empty(each)}
    keys = sorted(said, key=lambda key: _VALUE_RANKS.get(fold_key(key), -1)) or list(own)[:1]
    return [("" if key == keys[0] else key, said.get(key, own[key])) for key in keys], [others]


def _split_list(
    rule: ArgumentRule, value: list[Any], rules: Mapping[str, ArgumentRule]
) -> tuple[list[tuple[str, Any]], list[dict[str, Any]]]:
    """Return all texts of a list as one value with the key "", and the remaining objects. Entries that contradict stay objects."""
    texts, others, pending = list[Any](), list[dict[str, Any]](), deque(value)
    while pending:
        each = _decode(pending.popleft())
        if isinstance(each, list):
            pending.extendleft(reversed(each))
            continue
        if isinstance(each, dict) and each.get("selected") is False:
            continue  # an option that is not chosen
        own, more = _split(rule, each, rules)
        said = [join_texts(one) for _, one in own]
        if all(merge_values(rule, said[0], one) is not None for one in said[1:]):
            texts += [one for _, one in own[:1]]
        else:
            others.append({"values": said})
        others += more
    return [("", texts)], others


def _join_names(value: Any, rules: Mapping[str, ArgumentRule], rule: ArgumentRule) -> Any:
    """Return the `companions` value, with the parts of each companion's name (first name, surname) joined to one name."""
    value = _decode(value)
    if isinstance(value, dict):
        return join_parts(value, rules, rule)
    if not isinstance(value, list):
        return value
    return [join_parts(each, rules, rule) if isinstance(each, dict) else each for each in map(_decode, value)]


def join_path(path: str, key: str) -> str:
    return ".".join(part for part in (path, key) if part)[:_MAX_KEY]


def _list_repeated(value: Any) -> Any:
    """Return the list of the values that an object has for one repeated key; any other value as it is."""
    return value[REPEATED] if isinstance(value, dict) and value.keys() == {REPEATED} else value


def _decode(value: Any) -> Any:
    """Return the decoded value of a JSON text; any other value as it is."""
    return decode_text(value) if is_encoded(value) else value
