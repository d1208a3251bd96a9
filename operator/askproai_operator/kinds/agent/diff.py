"""What of a live body differs from what we declare. Only fields that we set count: the server adds defaults of its own."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any

_EXACT_KEYS = frozenset({"properties"})  # a parameter that somebody added is a change, not a server's default
_SETS = frozenset({"webhook_events", "required"})


def differing(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the top-level fields that differ, in our order."""
    return tuple(name for name, value in wanted.items() if any(_walk(name, value, live.get(name))))


def paths(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the exact places that differ, for people: `general_tools.book_appointment.url`."""
    return tuple(path for name, value in wanted.items() for path in _walk(name, value, live.get(name)))


def _walk(path: str, wanted: Any, live: Any) -> Iterator[str]:
    if wanted in (None, [], {}) and live in (None, [], {}):  # cleared and absent are the same in an answer
        return
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        names = {**wanted, **live} if path.rpartition(".")[2] in _EXACT_KEYS else wanted
        for name in names:
            yield from _walk(f"{path}.{name}", wanted.get(name), live.get(name))
    elif _is_list(wanted) and _is_list(live):
        yield from _walk_lists(path, wanted, live)
    elif not _equal(wanted, live):
        yield path


def _walk_lists(path: str, wanted: Sequence[Any], live: Sequence[Any]) -> Iterator[str]:
    if path.rpartition(".")[2] in _SETS:
        if set(wanted) != set(live):
            yield path
        return
    by_name = [
        {item["name"]: item for item in items if isinstance(item, Mapping) and "name" in item}
        for items in (wanted, live)
    ]
    if (
        wanted and len(by_name[0]) == len(wanted) and len(by_name[1]) == len(live)
    ):  # tools: unique by name, in any order
        for name in {**by_name[0], **by_name[1]}:
            yield from _walk(f"{path}.{name}", by_name[0].get(name), by_name[1].get(name))
    elif len(wanted) != len(live) or any(
        any(_walk(path, ours, theirs)) for ours, theirs in zip(wanted, live, strict=True)
    ):
        yield path


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _equal(wanted: Any, live: Any) -> bool:
    numbers = (int, float)
    if (
        isinstance(wanted, numbers)
        and isinstance(live, numbers)
        and not isinstance(wanted, bool)
        and not isinstance(live, bool)
    ):
        return isclose(wanted, live, abs_tol=1e-6)
    return type(wanted) is type(live) and bool(wanted == live)
