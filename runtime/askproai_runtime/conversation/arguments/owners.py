"""Decide by its key whose data an object in the arguments has: `customer` is the caller's, `insurance` is not. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from askproai_runtime.conversation.arguments.table import ArgumentRule, fold_key
from askproai_runtime.understood import UNDERSTOOD

_KEYS: Final = UNDERSTOOD.argument_names
# An object with one of these asks for an appointment, whatever its key: it is the caller's.
_REQUESTING: Final = frozenset({"service", "start"})
_PERSONAL: Final = frozenset({"phone", "email", "birth_date"})
_NAMES: Final = frozenset({"fullname", "name"})  # of the object itself, unlike `customer_name`
_LONGEST_KEY = 40  # the words overlap: a longer one would cost a search of its own
_NEUTRAL = re.compile(rf"(?:{_KEYS.nobody})+")
_CALLER = re.compile(rf"(?:{_KEYS.nobody})*(?:{_KEYS.caller})(?:{_KEYS.caller_endings}|{_KEYS.nobody})*")


# An appointment or a person of before, or of a recommendation: `last_visit`, `recommended_by`.
_PAST = re.compile(_KEYS.past)


def is_of_the_past(path: str) -> bool:
    """Return True if a key in the path marks a value as past (`last_visit`), or as another person's (`recommended_by`)."""
    return any(_PAST.search(fold_key(key)) for key in path.split("."))


def belongs_to_caller(key: str, *, inherited: bool = True) -> bool:
    """Return True if an object with this key is the caller's. A neutral key inherits the outer object's result (`inherited`)."""
    name = fold_key(key)[:_LONGEST_KEY]
    return inherited if _NEUTRAL.fullmatch(name) else _CALLER.fullmatch(name) is not None


def asks_for_appointment(value: Any, rules: Mapping[str, ArgumentRule]) -> bool:
    """Return whether an object has a service or a start: it then asks for the caller's appointment, whatever its key."""
    keys = {fold_key(str(name)) for name in value} if isinstance(value, dict) else set()
    return not _REQUESTING.isdisjoint(rules[key].name for key in keys if key in rules)


def is_of_caller(rule: ArgumentRule, key: str, within: str | None, *, is_own: bool) -> bool:
    """Return whether an argument is the caller's own. A number inside `staff`, or a name inside `mother`, is somebody else's."""
    if within == "customer_name":
        return rule.name != "appointment_id"
    if rule.name == "customer_name" and fold_key(key) in _NAMES:
        return is_own or within is not None
    if rule.name not in _PERSONAL or within == rule.name:
        return True
    return within not in {"staff", "service", "branch"} and (is_own or within is not None)
