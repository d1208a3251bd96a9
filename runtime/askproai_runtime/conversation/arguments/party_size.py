"""The people whom a request counts and does not name: `party_size: 2`, `notes: "für zwei Personen"`. Pure."""

from dataclasses import replace
from typing import Final

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.counts import count_in_words, counts_people, read_count
from askproai_runtime.conversation.arguments.owners import belongs_to_caller
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import fold_key, rules_of

_COUNTS_IN: Final = frozenset({Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST})
_MOST: Final = 10  # that are read; fewer are booked


def count_people(read: Arguments, function: Function) -> Arguments:
    """Return the arguments with a companion without a name for each person who is only counted.

    A booking gets `party_size` in their place, as long as it names too few: it asks who comes, or whether the caller comes alone.
    """
    paths = [path for path, text in read.unread.items() if _is_own(path) and counts_people(_last(path), text)]
    counts = [read_count(read.unread[path]) or 0 for path in paths]
    if function is Function.BOOK_APPOINTMENT:
        counts.append(count_in_words(str(read.values.get("notes", ""))))
    size, companions = min(max(counts, default=1), _MOST), list(read.values.get("companions") or ())
    if function not in _COUNTS_IN or size == 1 or "companions" in read.unclear:
        return read
    missing = size - 1 - len(companions)
    if missing > 0 and function is Function.BOOK_APPOINTMENT:
        return replace(read, values=read.values | {"party_size": size})
    unread = {path: text for path, text in read.unread.items() if path not in paths}
    return replace(read, values=read.values | {"companions": [*companions, *[{}] * missing]}, unread=unread)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _is_own(path: str) -> bool:
    """Return whether an object that holds a count is the caller's, or a service: how many of another thing are no people."""
    rules = rules_of("book_appointment")
    outer = path.split(".")[:-1]
    return all(
        belongs_to_caller(key) or ((rule := rules.get(fold_key(key))) is not None and rule.name == "service")
        for key in outer
    )
