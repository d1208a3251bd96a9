"""Whom of the team a note names, among whatever words: a model has put the preference for a person there. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askproai_core.tenant_config import Staff
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.staff_preferences import read_staff_preference
from askproai_runtime.person_names import fold

_MOST_WORDS = 3  # of a name
_NOT = re.compile(
    r"\b(?:nicht|nie|niemals|kein\w*|ohne|außer|ausser|(?:an)?statt|ungern"
    r"|not|never|no|without|except|avoid|instead of|rather than)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NotedStaff:
    """Those whom a note wants, and whom it does not. `is_certain`: it says nothing else."""

    wanted: tuple[Staff, ...] = ()
    excluded: tuple[Staff, ...] = ()
    is_certain: bool = False

    def excludes(self, staff: str | None) -> bool:
        """Return whether a staff member is not as the note wants it; without one whether it names anybody."""
        if staff is None:
            return bool(self.wanted or self.excluded)
        is_other = bool(self.wanted) and all(each.id != staff for each in self.wanted)
        return is_other or any(each.id == staff for each in self.excluded)


def read_noted_staff(text: str, team: Sequence[Staff], customer: str = "") -> NotedStaff:
    """Return whom a note of a customer names. Among other words the customer's own name and surname are nobody of the team."""
    if (preference := read_staff_preference(text, team)) is not None:
        excluded = tuple(each for each in team if each.id in preference.excluded)
        return NotedStaff(preference.named, excluded, is_certain=True)
    own = {fold(customer), fold(customer).rpartition(" ")[2]}
    found = _list_named(re.findall(r"[^\W\d_][\w'’-]*", text), team, own)
    return NotedStaff(excluded=found) if _NOT.search(text) else NotedStaff(found)


def _list_named(words: Sequence[str], team: Sequence[Staff], own: set[str]) -> tuple[Staff, ...]:
    """Return whom words with capitals name, the longest name first: "Anna Kurz" is not any Anna."""
    found, at = dict[str, Staff](), 0
    while at < len(words):
        sizes = range(_MOST_WORDS, 0, -1) if words[at][0].isupper() else ()
        names = {size: " ".join(words[at : at + size]) for size in sizes}
        is_own = next((size for size, name in names.items() if fold(name) in own), 0)
        named = next(((size, who) for size, name in names.items() if (who := list_named_staff(name, team))), None)
        if named is not None and not is_own:
            found |= {each.id: each for each in named[1]}
        at += is_own or (named[0] if named else 1)
    return tuple(found.values())
