"""The stored events of a call are a range of an index, in whatever language the database sorts."""

import re
from collections.abc import Callable
from typing import Final

import pytest

from askproai_runtime.intake import EVENTS_OF_CALL

CALL: Final = "call_0a"
TYPES: Final = ("call_started", "call_ended", "call_analyzed", "transcript_updated:" + "f" * 32, "Other")
_ESTONIAN: Final = "abcdefghijklmnopqrszt" + "uvwxy"  # z is behind s


def by_bytes(text: str) -> object:
    return text


def by_letters(text: str) -> object:
    """Return a key as glibc's and ICU's rules for most languages have it: letters and digits first, and ';' before ':'."""
    return re.sub(r"\W|_", "", text).lower(), ["_;:".index(each) for each in text if each in "_;:"]


def by_estonian_letters(text: str) -> object:
    return [_ESTONIAN.find(each) for each in re.sub(r"\W|_", "", text).lower()]


@pytest.mark.parametrize("order", [by_bytes, by_letters, by_estonian_letters])
def test_only_the_calls_own_events_are_found(order: Callable[[str], object]) -> None:
    patterns = (
        r"event_id >= \$2 \|\| '([^']*)'",
        r"event_id < greatest\(\$2 \|\| '([^']*)', \$2 \|\| '([^']*)'\)",
        r"starts_with\(event_id, \$2 \|\| '([^']*)'\)",
    )
    (first,), ends, (prefix,) = (re.search(pattern, EVENTS_OF_CALL).groups() for pattern in patterns)  # type: ignore[union-attr]
    last = max((CALL + end for end in ends), key=order)  # type: ignore[arg-type]
    own = [f"{CALL}:{each}" for each in TYPES]
    others = [f"{CALL}b:call_ended", "call_0:call_ended", f"{CALL}", f"{CALL};call_ended"]
    found = [
        each
        for each in (*own, *others)
        if order(CALL + first) <= order(each) < order(last) and each.startswith(CALL + prefix)  # type: ignore[operator]
    ]
    assert found == own
