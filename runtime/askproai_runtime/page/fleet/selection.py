"""Which tenants a page shows: search, filter and paging. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from askproai_core.fleet import FleetRow, Severity, count, matches

ROWS: Final = 100  # of a page


class State(StrEnum):
    """A filter of the page: how much a tenant needs somebody, or that an agent at Retell differs."""

    ALL = "all"
    FAILING = "failing"
    OVER_BUDGET = "over_budget"
    INTENDED = "intended"
    GOOD = "good"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a page, of `found` that match. `counts` is by filter, of all that the search finds."""

    search: str
    state: State
    rows: Sequence[FleetRow]
    found: int
    first: int
    is_whole: bool
    counts: Mapping[State, int]

    def link(self, **changes: object) -> str:
        """Return the address of the same view with other parameters."""
        query = {"q": self.search, "state": "" if self.state is State.ALL else self.state, **changes}
        kept = {name: value for name, value in query.items() if value}
        return f"/?{urlencode(kept)}" if kept else "/"


def select(rows: Sequence[FleetRow], query: Mapping[str, str]) -> Selection:
    """Return what a request chooses by `q`, `state`, `from` (a row) and `rows=all`. Unknown values choose nothing."""
    search = query.get("q", "").strip()[:100]
    state = State(query["state"]) if query.get("state") in set(State) else State.ALL
    found = [row for row in rows if matches(row, search)] if search else list(rows)
    counts = {State(name): number for name, number in count(found).items()}
    counts |= {State.ALL: len(found), State.DRIFT: sum(row.drift is not None for row in found)}
    chosen = [row for row in found if _is_in(row, state)]
    is_whole = query.get("rows") == "all"
    text = query.get("from", "")
    first = 0 if is_whole or not (text.isascii() and text.isdigit() and len(text) < len("100000")) else int(text)
    page = chosen if is_whole else chosen[first : first + ROWS]
    return Selection(search, state, page, len(chosen), first, is_whole, counts)


def _is_in(row: FleetRow, state: State) -> bool:
    if state is State.ALL:
        return True
    return row.drift is not None if state is State.DRIFT else row.severity is Severity[state.name]
