"""Read how many people come, from counts in unread fields and notes. Pure."""

from dataclasses import replace
from typing import Final

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.companions import COUNTED
from askproai_runtime.conversation.arguments.counts import count_in_words, counts_people, read_count
from askproai_runtime.conversation.arguments.owners import belongs_to_caller
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import fold_key, rules_of
from askproai_runtime.conversation.unread_fields import means_several
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_MOST_PEOPLE: Final = 10  # that are read; fewer are booked


def count_people(read: Arguments, function: Function, *, was_asked: bool = False) -> Arguments:
    """Return the arguments with one nameless companion more for each person who is counted but not named, also in the
    notes of a booking.

    The companions are unclear if their number is not that of the total, unless this `was_asked`: then the larger one counts.
    """
    paths = [
        path
        for path, text in read.unread.items()
        if _is_of_caller(path) and counts_people(path.rpartition(".")[2], text)
    ]
    if any(
        means_several(path, text) for path, text in read.unread.items() if path not in paths
    ):  # {recurring: weekly, count: 3}
        paths = [path for path in paths if fold_key(path) not in UNDERSTOOD.fields.counts]
    counts = [read_count(read.unread[path]) or 0 for path in paths]
    if function is Function.BOOK_APPOINTMENT:
        counts.append(count_in_words(str(read.values.get("notes", ""))))
    size, companions = min(max(counts, default=1), _MOST_PEOPLE), list(read.values.get("companions") or ())
    names = [fold(each.get("customer_name", "")) for each in (read.values, *companions)]
    if paths and size == 1 and names[1:] == names[:1]:  # {party_size: 1, companions: [the caller]}
        return replace(read, values=read.values | {"companions": []})
    if size == 1 or "companions" in read.unclear:
        return read
    missing = size - 1 - len(companions)
    if not was_asked and (missing < 0 or (missing and COUNTED in companions)):
        return replace(read, values={**read.values, "companions": []}, unclear=(*read.unclear, "companions"))
    unread = {path: text for path, text in read.unread.items() if path not in paths}
    counted = [*(COUNTED | each for each in companions), *[COUNTED] * missing]
    return replace(read, values=read.values | {"companions": counted}, unread=unread)


def _is_of_caller(path: str) -> bool:
    """Return True if each object around a count is the caller's or a service: counts elsewhere are not numbers of people."""
    rules = rules_of("book_appointment")
    outer = path.split(".")[:-1]
    return all(
        belongs_to_caller(key) or ((rule := rules.get(fold_key(key))) is not None and rule.name == "service")
        for key in outer
    )
