"""A check that each offered time was free when the caller agreed to it. Pure.

A faster caller makes no offer untrue: a time that another caller asked for, was offered first (it is held then), or took
between the offer and the yes does not count. Every other taken time is gone, also one that a person took at Cal.com in these
seconds. Gone times that could not have been known at the offer are counted apart: their entry came after the offer, or so
shortly before it that its event had had no effect and the known free times of Cal.com were not too old. Unconfirmed offers are
counted apart, too.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.soak.books import Books
from tests.soak.history import FOREVER, Answer, History, clock, seconds
from tests.soak.sentences import Said, read

_AROUND = 3600.0  # seconds: an entry that begins closer to a time may be in its way; an appointment and its buffer take 55 minutes
BAR = 1 / 200  # the greatest share of the times offered as certain that may be gone, and could have been known
_BUFFER, _LENGTH = 600.0, 3300.0  # seconds after an appointment; of an appointment with its buffer
_COMMITTING = 10.0  # seconds from the time at which an event is processed to the commit: the process may be frozen
_POLL = 120.0  # seconds until the poll has found a person's change, after a failure and a check of the due tasks
_BOOKED = "booked"  # of a key in `_processed_events`
_BOOKING = {"book_appointment", "reschedule_appointment"}


class Fate(StrEnum):
    """The fate of an offered time at the yes."""

    KEPT = "kept"
    FASTER = "another caller was faster"
    GONE = "gone"
    OPEN = "nobody knows"


class Cause(StrEnum):
    """Why a time is gone."""

    SINCE = "entered after the offer"
    UNKNOWABLE = "entered before the offer, within the latency"
    KNOWN = "to be known at the offer"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An offer, the yes to one of its times, and what became of it. `why` is for people who read the report."""

    offer: Answer
    yes: Answer
    fate: Fate
    why: str = ""
    cause: Cause | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the offer said nothing of being confirmed later."""
        return "basis" not in self.offer.body


def accepted_offers(history: History, books: Books) -> list[Accepted]:
    """Return each first yes of a call to a time that it was offered last, of tenants who have a calendar at Cal.com."""
    remote = {b.tenant for b in books.bookings}
    others, entries = _Others(history), _Entries(history, books)
    calls: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for a in history.answers:
        if a.tenant in remote:
            calls[a.tenant, a.call_id].append(a)
    return [accepted for answers in calls.values() for accepted in _of_call(answers, entries, others)]


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of accepted times with a decided fate, and how many of them were gone, by cause."""

    decided: int
    gone: Mapping[Cause, int]

    @property
    def share(self) -> float:
        """The share that was gone and could have been known."""
        return self.gone.get(Cause.KNOWN, 0) / max(1, self.decided)

    @property
    def raw_share(self) -> float:
        """The share that was gone, for any cause."""
        return sum(self.gone.values()) / max(1, self.decided)

    def __str__(self) -> str:
        causes = ", ".join(f"{self.gone.get(cause, 0)} {cause}" for cause in Cause)
        return f"{sum(self.gone.values())} of {self.decided} gone ({causes})"


def tally(accepted: Iterable[Accepted], *, certain: bool | None = None) -> Tally:
    """Count the times that were offered as certain, or as not confirmed, or by default all of them."""
    decided = [a for a in accepted if certain in (None, a.is_certain) and a.fate in (Fate.KEPT, Fate.GONE)]
    return Tally(len(decided), Counter(a.cause for a in decided if a.cause is not None))


def _of_call(answers: list[Answer], entries: "_Entries", others: "_Others") -> Iterator[Accepted]:
    offer: Answer | None = None
    for a in sorted(answers, key=lambda a: a.asked_at):
        if a.function == "book_appointment" and offer is not None and a.asked_at >= offer.answered_at:
            start = a.args["start"]
            if start in {slot["start"] for slot in _slots(offer)} and "staff" not in a.args:
                yield _judge(offer, a, entries, others)
            offer = None
        if _slots(a):
            offer = a


def _slots(a: Answer) -> list[dict[str, str]]:
    return [*(a.body.get("slots") or ()), *(a.body.get("alternatives") or ())] if a.status == 200 else []


def _judge(offer: Answer, yes: Answer, entries: "_Entries", others: "_Others") -> Accepted:
    said = read(yes).said
    if said in (Said.THERE, Said.GONE):
        return Accepted(offer, yes, Fate.KEPT)
    if said is not Said.NOT_DONE or "obstacle" not in yes.body:  # a limit, or a refusal of another kind
        return Accepted(offer, yes, Fate.OPEN)
    at = seconds(yes.args["start"]) or 0.0
    if others.wanted(yes, at, offer.asked_at, yes.answered_at):
        return Accepted(offer, yes, Fate.FASTER)
    cause, entry = entries.find_cause(offer, yes, at)
    basis = "" if "basis" not in offer.body else ", as not yet confirmed"
    text = (
        f"{yes.call_id} was offered {clock(at)} at {clock(offer.answered_at)}{basis}, said yes at {clock(yes.asked_at)}"
        f" ({yes.body['obstacle']})"
    )
    return Accepted(offer, yes, Fate.GONE, f"{text}; {cause}: {entry or 'nobody entered anything'}", cause)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A staff member's busy time at Cal.com, from `entered_at` to `removed_at`. `known_at`: when it must be known here."""

    staff: str
    begins: float
    ends: float
    entered_at: float
    known_at: float
    removed_at: float
    what: str
    call_id: str = ""  # of an appointment that a caller booked

    def __str__(self) -> str:
        removed = "" if self.removed_at == FOREVER else f", removed {clock(self.removed_at)}"
        return f"{self.what} of {self.staff}, entered {clock(self.entered_at)}{removed}, to be known {clock(self.known_at)}"


class _Entries:
    """The busy times at Cal.com, by tenant: bookings, events of linked calendars, absences."""

    def __init__(self, history: History, books: Books) -> None:
        self._chosen_hosts, self._free_times = books.chosen_hosts, history.free_times
        self._of_tenant: dict[str, list[_Entry]] = defaultdict(list)
        processed = _processed_events(books)
        for b in history.busy_times:
            known_at = min(b.entered_at + self._free_times, processed.get((b.tenant, *b.event), FOREVER))
            entry = _Entry(b.staff, b.begins, b.ends, b.entered_at, known_at, b.removed_at, b.what)
            self._of_tenant[b.tenant].append(entry)
        by_people = {(c.tenant, c.new_uid) for c in history.changes if c.action in ("create", "move")}
        reassigned = {(c.tenant, c.uid): c for c in history.changes if c.action == "reassign"}
        calls = {(a.tenant, a.id): a.call_id for a in books.appointments}
        for each in books.bookings:
            call_id = calls.get((each.tenant, each.request_id or ""), "")
            key, removed_at = (each.tenant, each.uid), FOREVER if each.live else each.updated
            known_at, what = each.created, "an appointment of ours"
            if key in by_people:
                known_at = min(each.created + self._free_times, processed.get((*key, _BOOKED), FOREVER))
                what = "a person's booking at Cal.com"
            span, entered_at = (each.start, each.end + _BUFFER), each.created
            if change := reassigned.get(key):
                was = _Entry(change.was_staff, *span, entered_at, known_at, change.ended_at, what)
                self._of_tenant[each.tenant].append(was)
                entered_at, known_at = change.began_at, change.began_at + self._free_times
            self._of_tenant[each.tenant].append(
                _Entry(each.staff, *span, entered_at, known_at, removed_at, what, call_id)
            )

    def find_cause(self, offer: Answer, yes: Answer, at: float) -> tuple["Cause", _Entry | None]:
        """Return why the time at `at` was gone at the yes, and the last entry that was in its way.

        The offered staff must have become busy. If Cal.com chooses the host, everybody in the team must have, or Cal.com has chosen
        somebody whom a person has made free there; our book does not know that yet.
        """
        is_chosen = yes.tenant in self._chosen_hosts
        believed = _POLL if is_chosen else self._free_times  # so long a removed entry may be believed to be there
        near = [
            e for e in self._of_tenant[yes.tenant]
            if e.begins < at + _LENGTH and at < e.ends and e.entered_at <= yes.answered_at
            and e.removed_at > yes.asked_at - believed and e.call_id != yes.call_id
        ]  # fmt: skip
        offered = {str(slot["staff"]) for slot in _slots(offer) if "staff" in slot and seconds(slot["start"]) == at}
        if is_chosen or not offered:
            offered = {e.staff for e in self._of_tenant[yes.tenant]}
        known = [e for e in near if e.known_at <= offer.asked_at and e.removed_at > offer.asked_at]
        last = max(near, key=lambda e: e.entered_at, default=None)
        freed = [e for e in near if e.removed_at <= yes.asked_at] if is_chosen else []
        if offered and offered <= {e.staff for e in known}:
            return Cause.KNOWN, max(known, key=lambda e: e.known_at)
        if last is None or not (freed or offered <= {e.staff for e in near}):
            return Cause.KNOWN, None
        if freed and not offered <= {e.staff for e in near if e.removed_at > yes.asked_at}:
            last = max(freed, key=lambda e: e.removed_at)
            return Cause.SINCE if last.removed_at > offer.asked_at else Cause.UNKNOWABLE, last
        return Cause.SINCE if last.entered_at > offer.asked_at else Cause.UNKNOWABLE, last


def _processed_events(books: Books) -> dict[tuple[str, str, str], float]:
    """Return when an event has had its effect at the latest: by tenant, uid of the booking and `_BOOKED`, or uuid and first day of
    the absence.
    """
    found: dict[tuple[str, str, str], float] = {}
    for e in books.events:
        if e.source != "calcom" or e.processed_at is None:
            continue
        body = json.loads(e.payload)
        payload, done_at = body.get("payload") or {}, e.processed_at + _COMMITTING
        if body["triggerEvent"] == "OOO_CREATED":
            entry = payload["oooEntry"]
            found[e.tenant, entry["uuid"], entry["start"][:10]] = done_at
        elif body["triggerEvent"] in ("BOOKING_CREATED", "BOOKING_RESCHEDULED"):
            found[e.tenant, str(payload.get("uid")), _BOOKED] = done_at
    return found


class _Others:
    """The times at which callers of a tenant were offered a time first, or requested it."""

    def __init__(self, history: History) -> None:
        self._wishes: dict[str, list[tuple[float, Answer]]] = defaultdict(list)
        for a in history.answers:
            starts = [a.args.get("start")] if a.function in _BOOKING else [slot["start"] for slot in _slots(a)[:1]]
            self._wishes[a.tenant] += [(at, a) for start in starts if (at := seconds(start)) is not None]

    def wanted(self, yes: Answer, at: float, since: float, until: float) -> bool:
        """Return whether another call requested a time around `at` between the offer and the answer."""
        return any(
            abs(start - at) < _AROUND and a.call_id != yes.call_id and a.asked_at <= until and a.answered_at >= since
            for start, a in self._wishes[yes.tenant]
        )
