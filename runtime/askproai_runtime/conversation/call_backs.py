"""When a caller asks to be called back: as it was said, and what it means."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch
from askproai_runtime.availability.obstacles import is_branch_open
from askproai_runtime.conversation.amended_messages import names_no_time
from askproai_runtime.german_dates import Candidate, understand_parts
from askproai_runtime.language.phrases import format_reading, sayable

_ANY_TIME = timedelta(days=180)  # "egal wann" names none


@dataclass(frozen=True, slots=True)
class CallBack:
    """The words for a call-back. `meant` are their readings, and `understood` is the only one, if it names a time."""

    said: str
    meant: tuple[Candidate, ...]
    understood: Candidate | None

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """Return from when until when it is: of several readings only of days that follow each other ("Montag oder Dienstag")."""
        if self.understood is not None:
            return self.understood.start, self.understood.end
        follow = all(first.end == second.start for first, second in pairwise(self.meant))
        return (self.meant[0].start, self.meant[-1].end) if len(self.meant) > 1 and follow else (None, None)

    @property
    def is_any_time(self) -> bool:
        """Whether it names no time: a mere "ja", or "any"."""
        return self.understood is None and names_no_time(self.said)

    def describe(self, zone: ZoneInfo, now: datetime) -> str | None:
        """Return it to be said to the caller: its time, or the words as they are; None if these cannot be said."""
        found = self.understood
        return sayable(self.said) if found is None else format_reading(found, zone, now)


def understand_call_back(said: str, at: datetime, zone: ZoneInfo) -> CallBack:
    """Understand when to call back. Words with no meaning, or with several, are kept as they were said: a person will read them."""
    meant = understand_parts(said, None, None, at=at, zone=zone).candidates
    known = len(meant) == 1 and (meant[0].end or meant[0].start) - at < _ANY_TIME
    return CallBack(said, meant, meant[0] if known else None)


def is_closed_then(requested: Iterable[CallBack], branch: Branch | None, zone: ZoneInfo) -> bool:
    """Return whether a branch is closed at each time that is meant. It is not where no time is, or no opening hours are known."""
    meant = [candidate for call_back in requested for candidate in call_back.meant]
    if branch is None or not branch.opening_hours or not meant:
        return False
    return not any(is_branch_open(zone, branch, candidate) for candidate in meant)
