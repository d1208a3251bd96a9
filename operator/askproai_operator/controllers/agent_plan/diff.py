"""Compares the declared bodies with the bodies at Retell.

Only fields that we set count: Retell's answers have its own defaults for all other fields (docs/vendors/retell.md).
"""

import json
import re
from collections.abc import Iterator
from math import isclose
from typing import Any

from askproai_core.providers import Json

Difference = tuple[str, Any, Any]  # the path, the declared value, the value at Retell

_SHOWN = 60  # characters of a text
_MAY_BE_SECRET = re.compile(r"(?i)key|secret|token|auth|password|header|query_params")
_CLOSED_OBJECTS = {"properties"}  # in these, a key that we do not set is a change, not a default
_SETS = {"webhook_events", "required"}  # lists whose order means nothing
_ABSENT: tuple[Any, ...] = (None, [], {})  # in an answer, a cleared field is like an absent one


def differing_fields(desired: Json, live: Json) -> tuple[str, ...]:
    """Return the names of the top-level fields of `desired` whose value at Retell (`live`) differs, in the order of `desired`."""
    return tuple(name for name, value in desired.items() if any(_differences(name, value, live.get(name))))


def differing_paths(desired: Json, live: Json) -> tuple[str, ...]:
    """Return the path of each value of `desired` that differs in `live`, such as `general_tools.book_appointment.url`."""
    return tuple(path for path, *_ in _all_differences(desired, live))


def describe_differences(desired: Json, live: Json) -> tuple[str, ...]:
    """Return each differing path with its values, declared → live. Values are bounded, and possible secrets are hidden."""
    return tuple(
        f"{path}: {_shown(path, declared)} → {_shown(path, found)}"
        for path, declared, found in _all_differences(desired, live)
    )


def _shown(path: str, value: Any) -> str:
    """Return a value as text for people. Long texts are cut, URLs lose their query; a list or object is shown by its size."""
    if _MAY_BE_SECRET.search(path):
        return "…"
    match value:
        case None:
            return "absent"
        case str():
            text = value.partition("?")[0] if "://" in value else value
            return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…", ensure_ascii=False)
        case list() | dict():
            return f"({len(value)} items)"
    return json.dumps(value)


def _all_differences(desired: Json, live: Json) -> Iterator[Difference]:
    for name, value in desired.items():
        yield from _differences(name, value, live.get(name))


def _differences(path: str, desired: Any, live: Any) -> Iterator[Difference]:
    if desired in _ABSENT and live in _ABSENT:
        return
    if desired == "" and isinstance(live, str):  # declares only the variable: a person chooses its value at Retell
        return
    field = path.rpartition(".")[2]
    if isinstance(desired, dict) and isinstance(live, dict):
        for name in {**desired, **live} if field in _CLOSED_OBJECTS else desired:
            yield from _differences(f"{path}.{name}", desired.get(name), live.get(name))
    elif isinstance(desired, list) and isinstance(live, list) and field not in _SETS:
        yield from _list_differences(path, desired, live)
    elif not _equal(desired, live):
        yield path, desired, live


def _list_differences(path: str, desired: list[Any], live: list[Any]) -> Iterator[Difference]:
    """Yield the differences of two lists item by item, matched by name, if all items have unique names; else the whole lists."""
    desired_by_name, live_by_name = _by_name(desired), _by_name(live)
    if desired and len(desired_by_name) == len(desired) and len(live_by_name) == len(live):
        for name in {**desired_by_name, **live_by_name}:
            yield from _differences(f"{path}.{name}", desired_by_name.get(name), live_by_name.get(name))
    elif len(desired) != len(live) or any(any(_differences(path, *pair)) for pair in zip(desired, live, strict=True)):
        yield path, desired, live


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}


def _equal(desired: Any, live: Any) -> bool:
    if isinstance(desired, list) and isinstance(live, list):
        return set(desired) == set(live)
    if type(desired) in {int, float} and type(live) in {int, float}:
        return isclose(desired, live, abs_tol=1e-6)
    return type(desired) is type(live) and bool(desired == live)
