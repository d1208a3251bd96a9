"""Small checks of JSON values, put together to the field tables of Retell's API.

A check gives None for a good value, or what is wrong with it.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

Check = Callable[[Any], str | None]


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be string"


def flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be boolean"


def anything(_value: Any) -> None:
    return None


def url(value: Any) -> str | None:
    return None if isinstance(value, str) and re.match(r"(https?|wss?)://|\{\{", value) else "must be a URL"


def number(low: float, high: float = float("inf")) -> Check:
    def check(value: Any) -> str | None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"must be a number from {low} to {high}"

    return check


def integer(low: int, high: float = float("inf")) -> Check:
    in_range = number(low, high)

    def check(value: Any) -> str | None:
        return in_range(value) if isinstance(value, int) else "must be integer"

    return check


def one_of(*values: str) -> Check:
    return lambda value: None if value in values else f"must be one of {', '.join(values)}"


def either(*checks: Check) -> Check:
    def check(value: Any) -> str | None:
        wrong = [check(value) for check in checks]
        return None if None in wrong else wrong[-1]

    return check


def clearable(check: Check) -> Check:
    """Let `null` clear the field (∅ in the reference)."""
    return lambda value: None if value is None else check(value)


def list_of(check: Check) -> Check:
    def check_all(value: Any) -> str | None:
        if not isinstance(value, list):
            return "must be array"
        return next((f"/{i} {wrong}" for i, item in enumerate(value) if (wrong := check(item))), None)

    return check_all


def map_of(check: Check) -> Check:
    def check_all(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be object"
        return next((f"/{name} {wrong}" for name, item in value.items() if (wrong := check(item))), None)

    return check_all


strings = map_of(text)


def record(fields: Mapping[str, Check], required: AbstractSet[str] = frozenset()) -> Check:
    """Take an object with these fields and no others."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be object"
        for name in sorted(required - value.keys()):
            return f"must have required property '{name}'"
        for name, item in value.items():
            if name not in fields:
                return f"must NOT have additional properties: '{name}'"
            if wrong := fields[name](item):
                return f"/{name} {wrong}"
        return None

    return check


def tagged(tag: str, kinds: Mapping[str, Check]) -> Check:
    """Take one of several objects, told apart by the value of `tag`."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict) or value.get(tag) not in kinds:
            return f"/{tag} must be one of {', '.join(kinds)}"
        return kinds[value[tag]](value)

    return check
