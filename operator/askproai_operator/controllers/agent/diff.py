"""What of a live body differs from what we declare. Only fields that we set count: the server adds defaults of its own."""

from collections.abc import Iterator
from math import isclose
from typing import Any

from askproai_operator.providers import Json

_EXACT_KEYS = {"properties"}  # a parameter that somebody added is a change, not a server's default
_SETS = {"webhook_events", "required"}
_ABSENT: tuple[Any, ...] = (None, [], {})  # cleared and absent are the same in an answer


def differing(wanted: Json, live: Json) -> tuple[str, ...]:
    """Give the top-level fields that differ, in our order."""
    return tuple(name for name, value in wanted.items() if any(_walk(name, value, live.get(name))))


def paths(wanted: Json, live: Json) -> tuple[str, ...]:
    """Give the exact places that differ, for people: `general_tools.book_appointment.url`."""
    return tuple(path for name, value in wanted.items() for path in _walk(name, value, live.get(name)))


def _walk(path: str, wanted: Any, live: Any) -> Iterator[str]:
    if wanted in _ABSENT and live in _ABSENT:
        return
    if wanted == "" and isinstance(live, str):  # declares only that there is a value, whatever it is
        return
    field = path.rpartition(".")[2]
    if isinstance(wanted, dict) and isinstance(live, dict):
        for name in {**wanted, **live} if field in _EXACT_KEYS else wanted:
            yield from _walk(f"{path}.{name}", wanted.get(name), live.get(name))
    elif isinstance(wanted, list) and isinstance(live, list) and field not in _SETS:
        yield from _walk_lists(path, wanted, live)
    elif not _equal(wanted, live):
        yield path


def _walk_lists(path: str, wanted: list[Any], live: list[Any]) -> Iterator[str]:
    ours, theirs = _by_name(wanted), _by_name(live)
    if wanted and len(ours) == len(wanted) and len(theirs) == len(live):  # tools: unique by name, in any order
        for name in {**ours, **theirs}:
            yield from _walk(f"{path}.{name}", ours.get(name), theirs.get(name))
    elif len(wanted) != len(live) or any(any(_walk(path, *pair)) for pair in zip(wanted, live, strict=True)):
        yield path


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}


def _equal(wanted: Any, live: Any) -> bool:
    if isinstance(wanted, list) and isinstance(live, list):
        return set(wanted) == set(live)
    if type(wanted) in {int, float} and type(live) in {int, float}:
        return isclose(wanted, live, abs_tol=1e-6)
    return type(wanted) is type(live) and bool(wanted == live)
