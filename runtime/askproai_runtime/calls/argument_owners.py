"""Whose name and number an object holds, by its key: `customer` is the caller, `insurance` is not. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from askproai_runtime.calls.argument_table import ArgumentRule, fold_key

# An object with one of these asks for an appointment, whatever its key: it is the caller's.
_REQUESTING: Final = frozenset({"date", "service", "start", "time"})
_PERSONAL: Final = frozenset({"phone", "email", "birth_date"})
_NAMES: Final = frozenset({"fullname", "name"})  # of the object itself, unlike `customer_name`
_LONGEST_KEY = 40  # the words overlap: a longer one would cost a search of its own
_NO_PERSON = (
    r"anfrage|angaben|answers?|anrede|appointment|arg(?:ument)?s?|body|booking|buchung|call|contact|custom|data|daten|details?|event"
    r"|fields?|form|formular|function|general|info(?:rmation)?s?|input|items?|json|kontakt|main|mein|message|my|nachricht|new|notes?"
    r"|param(?:eter)?s?|payload|personal|primary|profile?|record|request|reservation|reservierung|result|slots?|termin"
    r"|the|tool|values?|wunsch"
)
_NEUTRAL = re.compile(rf"(?:{_NO_PERSON})+")
_CALLER = re.compile(
    rf"(?:{_NO_PERSON})*(?:anrufer|attendee|booker|caller|client|customer|invitee|kunde?|lead|patient|person|user)"
    rf"(?:in|innen|n|s|{_NO_PERSON})*"
)


def belongs_to_caller(key: str, *, inherited: bool = True) -> bool:
    """Return whether an object under this key is the caller's. Under a key that names nobody, it is whose the outer one is."""
    name = fold_key(key)[:_LONGEST_KEY]
    return inherited if _NEUTRAL.fullmatch(name) else _CALLER.fullmatch(name) is not None


def is_own_object(key: str, value: Any, rules: Mapping[str, ArgumentRule], *, inherited: bool) -> bool:
    """Return what `belongs_to_caller` does, and yes for an object that asks for an appointment."""
    keys = {fold_key(str(name)) for name in value} if isinstance(value, dict) else set()
    held = {rules[key].name for key in keys if key in rules}
    return not _REQUESTING.isdisjoint(held) or belongs_to_caller(key, inherited=inherited)


def is_of_caller(rule: ArgumentRule, key: str, within: str | None, *, is_own: bool) -> bool:
    """Return whether an argument is the caller's own: the number in `staff`, or the name in `mother`, is somebody else's."""
    if within == "customer_name":
        return rule.name != "appointment_id"
    if rule.name == "customer_name" and fold_key(key) in _NAMES:
        return is_own or within is not None
    if rule.name not in _PERSONAL or within == rule.name:
        return True
    return within not in {"staff", "service", "branch"} and (is_own or within is not None)
