"""Whether the times that callers were offered were there at their yes. Pure.

Who was faster is no lie: a time that another caller asked for, was offered first (it is held then), or took between the offer and
the yes does not count. All else does, also what a person entered at Cal.com in these seconds.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.soak.books import Books
from tests.soak.history import Answer, History, clock, seconds
from tests.soak.sentences import Said, read

_AROUND = (
    3600.0  # seconds: what begins closer to a time may be in its way; an appointment and its buffer take 55 minutes
)
BAR = 1 / 200  # of the times that are accepted; fewer may be gone
_BOOKED = {"book_appointment", "reschedule_appointment"}


class Fate(StrEnum):
    """What became of an offered time at the yes."""

    KEPT = "kept"
    FASTER = "another caller was faster"
    GONE = "gone"
    OPEN = "nobody knows"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An offer, the yes to one of its times, and what became of it. `why` is for people who read the report."""

    offer: Answer
    yes: Answer
    fate: Fate
    why: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the offer said nothing of being confirmed later."""
        return "basis" not in self.offer.body


def accepted_offers(history: History, books: Books) -> list[Accepted]:
    """Return each first yes of a call to a time that it was offered last, of tenants who have a calendar at Cal.com."""
    remote = {b.tenant for b in books.bookings}
    others = _Others(history)
    calls: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for a in history.answers:
        if a.tenant in remote:
            calls[a.tenant, a.call_id].append(a)
    return [accepted for answers in calls.values() for accepted in _of_call(answers, history, others)]


def gone_offers(accepted: list[Accepted]) -> tuple[list[Accepted], float]:
    """Return the times that were gone at the yes, and their share of those whose fate is decided."""
    gone = [a for a in accepted if a.fate is Fate.GONE]
    decided = len(gone) + sum(a.fate is Fate.KEPT for a in accepted)
    return gone, len(gone) / max(1, decided)


def _of_call(answers: list[Answer], history: History, others: "_Others") -> Iterator[Accepted]:
    offer: Answer | None = None
    for a in sorted(answers, key=lambda a: a.asked_at):
        if a.function == "book_appointment" and offer is not None and a.asked_at >= offer.answered_at:
            start = a.args["start"]
            if start in {slot["start"] for slot in _slots(offer)} and "staff" not in a.args:
                yield _judge(offer, a, history, others)
            offer = None
        if _slots(a):
            offer = a


def _slots(a: Answer) -> list[dict[str, str]]:
    return [*(a.body.get("slots") or ()), *(a.body.get("alternatives") or ())] if a.status == 200 else []


def _judge(offer: Answer, yes: Answer, history: History, others: "_Others") -> Accepted:
    said = read(yes).said
    if said in (Said.THERE, Said.GONE):
        return Accepted(offer, yes, Fate.KEPT)
    if said is not Said.NOT_DONE or "obstacle" not in yes.body:  # a limit, or a refusal of another kind
        return Accepted(offer, yes, Fate.OPEN)
    at = seconds(yes.args["start"]) or 0.0
    if others.wanted(yes, at, offer.asked_at, yes.answered_at):
        return Accepted(offer, yes, Fate.FASTER)
    basis = "" if "basis" not in offer.body else ", as not yet confirmed"
    text = (
        f"{yes.call_id} was offered {clock(at)} at {clock(offer.answered_at)}{basis}, said yes at {clock(yes.asked_at)}"
        f" ({yes.body['obstacle']})"
    )
    return Accepted(offer, yes, Fate.GONE, f"{text}; {_last_entry(history, yes, at)}")


def _last_entry(history: History, yes: Answer, at: float) -> str:
    """Return what a person entered last around that time before the yes."""
    entries = [
        (c.began_at, f"a person's {c.action} at Cal.com of {clock(c.began_at)}")
        for c in history.changes
        if c.tenant == yes.tenant and c.start is not None and abs(c.start - at) < _AROUND
    ]
    entries += [
        (b.entered_at, f"{b.what} of {b.staff}, entered {clock(b.entered_at)}")
        for b in history.busy_times
        if b.tenant == yes.tenant and b.begins < at + _AROUND and at < b.ends
    ]
    return max((entry for entry in entries if entry[0] <= yes.answered_at), default=(0.0, "nobody entered anything"))[1]


class _Others:
    """When callers of a tenant were offered a time first, or wanted it booked."""

    def __init__(self, history: History) -> None:
        self._wishes: dict[str, list[tuple[float, Answer]]] = defaultdict(list)
        for a in history.answers:
            starts = [a.args.get("start")] if a.function in _BOOKED else [slot["start"] for slot in _slots(a)[:1]]
            self._wishes[a.tenant] += [(at, a) for start in starts if (at := seconds(start)) is not None]

    def wanted(self, yes: Answer, at: float, since: float, until: float) -> bool:
        """Return whether another call wanted a time around `at` between the offer and the answer."""
        return any(
            abs(start - at) < _AROUND and a.call_id != yes.call_id and a.asked_at <= until and a.answered_at >= since
            for start, a in self._wishes[yes.tenant]
        )
