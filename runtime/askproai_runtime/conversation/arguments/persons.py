"""Find the person whom an appointment is for, if a model names more than one. The appointment gets this person's name; a caller
who books for somebody else is noted beside it. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from askproai_runtime.conversation.arguments.table import PARTIES, ArgumentRule, fold_key
from askproai_runtime.conversation.arguments.values import decode_text, is_empty, is_encoded, join_name
from askproai_runtime.language.customer_names import drop_relations, read_customer_name
from askproai_runtime.person_names import same_name
from askproai_runtime.spoken_times.arguments import find_part_argument
from askproai_runtime.understood import UNDERSTOOD

_KEYS: Final = UNDERSTOOD.argument_names
# Keys of the person that an appointment is for: `booked_for`, `on_behalf_of`, `child_name`.
_FOR = rf"(?:{_KEYS.booked})?(?:{_KEYS.made_for})"
_FOR_WHOM = re.compile(
    rf"(?:{_KEYS.name_of})?(?:{_FOR}(?:{_KEYS.persons}|{_KEYS.whom})?|{_KEYS.persons})(?:{_KEYS.name})?"
)
_STAFF: Final = frozenset({"person"})  # another name of `staff`
# Some of these are of a service or an occasion, too: `for: Hochzeit`. One word alone is then asked about.
_OF_ANYTHING = re.compile(rf"(?:{_FOR}|{_KEYS.of_anything})")
# Keys of the one who rings.
_CALLERS: Final = _KEYS.callers
_OF_ALL: Final = PARTIES | _KEYS.all_names
_NAMES: Final = frozenset({"customername", "fullname", "name", "person"})
_AND = re.compile(rf"\s*(?:&|\+|\b(?:{UNDERSTOOD.arguments.and_words})\b)\s*")
_MOST_WORDS = 5  # of a name


def name_persons(members: Mapping[Any, Any], rules: Mapping[str, ArgumentRule]) -> dict[Any, Any]:
    """Return an object's members with the person whom the appointment is for as the only `customer_name`, and the others who
    come as `companions`.

    If the names leave this open, they stay two customers or uncertain companions, and the caller is asked.
    """
    found = dict(members)
    if "customername" not in rules or "message" in rules:
        return found
    _name_customer(found, rules)
    _name_caller(found, rules)
    if "companions" in rules:
        _name_companions(found, rules)
    return found


def _name_customer(found: dict[Any, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Make the person whom the appointment is for the customer. The previous customer is then noted as the caller."""
    keys = [key for key in found if _FOR_WHOM.fullmatch(fold_key(str(key))) and fold_key(str(key)) not in _STAFF]
    for key in keys:
        people = _list_people(found[key])
        if len(people) > 1 and all(_take_name(each)[0] for each in people) and "companions" in rules:
            found["companions"] = True  # who of them comes with whom is asked
        found[key] = people[0] if len(people) == 1 else found[key]
    named = {key: name for key in keys if (name := _take_name(found[key])[0])}
    own = {
        key: name for key in _customer_keys(found, rules) if key not in named and (name := _take_name(found[key])[0])
    }
    if not named:
        return
    key, name = max(named.items(), key=lambda item: len(item[1]))
    is_open = _OF_ANYTHING.fullmatch(fold_key(str(key))) is not None and len(name.split()) == 1
    others = [each for each in named.values() if not same_name(each, name)]
    callers = [each for each in own.values() if not same_name(each, name)]
    for each in named | ({} if is_open else own):
        _put(found, each, _take_name(found[each])[1])
    same = [each for each in own.values() if same_name(each, name)]
    found["full_name" if is_open and callers else "customer_name"] = max((name, *same), key=len)
    if others:
        found["name"] = others[0]
    if callers and not is_open and "service" in rules:
        found["booked_by"] = callers[0]


def _name_caller(found: dict[Any, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Move the caller's name to `booked_by` if the customer has another name."""
    own = [_take_name(found[key])[0] for key in _customer_keys(found, rules) if fold_key(str(key)) not in _CALLERS]
    for key in [each for each in found if fold_key(str(each)) in _CALLERS]:
        name, rest = _take_name(found[key])
        if name and any(own) and not any(same_name(name, each) for each in own if each):
            _put(found, key, rest)
            found["booked_by"] = name


def _name_companions(found: dict[Any, Any], rules: Mapping[str, ArgumentRule]) -> None:
    """Turn a list of all who come into `companions`, without the customer. If the customer is not in it, the caller is asked."""
    for key in [each for each in found if fold_key(str(each)) in _OF_ALL]:
        entries = _list_people(found[key])
        names = [_take_name(each)[0] for each in entries]
        if len(entries) < 2 or not all(names):  # noqa: PLR2004 (several people)
            continue
        own = next(
            filter(None, (_take_name(found[each])[0] for each in _customer_keys(found, rules) if each != key)), None
        )
        at = 0 if own is None else next((at for at, name in enumerate(names) if same_name(name or "", own)), None)
        if at is None and fold_key(str(key)) in PARTIES:
            continue  # the others alone: `people: [Otto]`
        del found[key]
        if own is None:
            found["customer_name"] = names[0]
        others = True if at is None else [each for number, each in enumerate(entries) if number != at]
        found["guests" if "companions" in found else "companions"] = others


def _customer_keys(found: Mapping[Any, Any], rules: Mapping[str, ArgumentRule]) -> list[Any]:
    return [
        key for key in found if (rule := rules.get(fold_key(str(key)))) is not None and rule.name == "customer_name"
    ]


def _put(found: dict[Any, Any], key: Any, rest: Any) -> None:
    if is_empty(rest):
        del found[key]
    else:
        found[key] = rest


def _list_people(value: Any) -> list[Any]:
    value = decode_text(value) if is_encoded(value) else value
    if isinstance(value, str):
        return _AND.split(value)
    return value if isinstance(value, list) else []


def _take_name(value: Any) -> tuple[str | None, Any]:
    """Return (name, rest) of a text or object for a person; the name is None if it has none."""
    value = decode_text(value) if is_encoded(value) else value
    if isinstance(value, str):
        name = drop_relations(value)
        return (name, None) if _is_name(name) else (None, value)
    if not isinstance(value, dict):
        return None, value
    keys = [key for key in value if fold_key(str(key)) in _NAMES and isinstance(value[key], str)]
    parts = [
        [key for key in value if fold_key(str(key)) in names and isinstance(value[key], str)]
        for names in (_KEYS.first_names, _KEYS.last_names)
    ]
    taken = keys[:1] or [each[0] for each in parts if each]
    name = drop_relations(join_name([value[key] for key in taken]) or "")
    return (name, {key: each for key, each in value.items() if key not in taken}) if _is_name(name) else (None, value)


def _is_name(text: str) -> bool:
    """Return whether a text is a name, not a time, relation or sentence. A single lowercase word is not a name."""
    words = text.split()
    if not 0 < len(words) <= _MOST_WORDS or any(map(str.isdecimal, text)) or find_part_argument(text) is not None:
        return False
    is_written = words[-1][:1].isupper() or (len(words) == 2 and text.islower())  # noqa: PLR2004 (a first name and a surname)
    return bool(read_customer_name(text)) and is_written
