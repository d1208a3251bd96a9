"""Compares the bodies that we declare with those at Retell.

Only fields that we set count: Retell's answers carry defaults of its own for all others (docs/vendors/retell.md).
"""

from collections.abc import Iterator
from math import isclose
from typing import Any

from askproai_operator.providers import Json

_CLOSED_OBJECTS = {"properties"}  # here a key that we do not set is a change, not a server's default
_SETS = {"webhook_events", "required"}  # lists whose order means nothing
_ABSENT: tuple[Any, ...] = (None, [], {})  # in an answer, a cleared field looks like one that was never set


def differing_fields(desired: Json, live: Json) -> tuple[str, ...]:
    """Return the names of the top-level fields that differ, in the order of `desired`."""
    return tuple(name for name, value in desired.items() if any(_differences(name, value, live.get(name))))


def differing_paths(desired: Json, live: Json) -> tuple[str, ...]:
    """Return each place that differs, for people to read: `general_tools.book_appointment.url`."""
    return tuple(path for name, value in desired.items() for path in _differences(name, value, live.get(name)))


def _differences(path: str, desired: Any, live: Any) -> Iterator[str]:
    if desired in _ABSENT and live in _ABSENT:
        return
    if desired == "" and isinstance(live, str):  # declares only that there is a value; a person chooses it
        return
    field = path.rpartition(".")[2]
    if isinstance(desired, dict) and isinstance(live, dict):
        for name in {**desired, **live} if field in _CLOSED_OBJECTS else desired:
            yield from _differences(f"{path}.{name}", desired.get(name), live.get(name))
    elif isinstance(desired, list) and isinstance(live, list) and field not in _SETS:
        yield from _list_differences(path, desired, live)
    elif not _equal(desired, live):
        yield path


def _list_differences(path: str, desired: list[Any], live: list[Any]) -> Iterator[str]:
    """Compare named items (tools: their names are unique) in any order, other items one by one."""
    desired_by_name, live_by_name = _by_name(desired), _by_name(live)
    if desired and len(desired_by_name) == len(desired) and len(live_by_name) == len(live):
        for name in {**desired_by_name, **live_by_name}:
            yield from _differences(f"{path}.{name}", desired_by_name.get(name), live_by_name.get(name))
    elif len(desired) != len(live) or any(any(_differences(path, *pair)) for pair in zip(desired, live, strict=True)):
        yield path


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}


def _equal(desired: Any, live: Any) -> bool:
    if isinstance(desired, list) and isinstance(live, list):
        return set(desired) == set(live)
    if type(desired) in {int, float} and type(live) in {int, float}:
        return isclose(desired, live, abs_tol=1e-6)
    return type(desired) is type(live) and bool(desired == live)
