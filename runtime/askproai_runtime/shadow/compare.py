"""The comparison of the live book with the shadow's: the bookings that differ, by the calls that made or changed them. Pure.

Branch, service, staff member, start and state are compared. Ids always differ. The end of an appointment, and whether it is
confirmed yet, may differ, since the remote calendar decides them alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from askproai_core.shadow_findings import ShadowDifference
from askproai_runtime.calls.store import CopiedRequest

# How requests end that change the book.
SUCCESSES: Final = frozenset({"booked", "already_booked", "moved", "already_moved", "cancelled"})
CHANGES: Final = frozenset({"book_appointment", "reschedule_appointment", "cancel_appointment"})
_BOOKED: Final = {"confirmed": "booked", "pending_sync": "booked", "no_show": "booked", "cancelled": "cancelled"}
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class BookRow:
    """The fields of an appointment that are needed for the comparison.

    `changed_staff`: the appointment is in Cal.com and had another staff member before. Perhaps Cal.com chose another host.
    """

    id: UUID
    call_id: str | None
    branch: str
    service: str
    staff: str
    starts_at: datetime
    status: str
    changed_at: datetime
    changed_staff: bool = False

    @property
    def text(self) -> str | None:
        """Return the compared fields as one text; None for a hold or a failed appointment, which are no bookings."""
        state = _BOOKED.get(self.status)
        if state is None:
            return None
        return f"{self.branch}: {self.service}, {self.staff}, {self.starts_at:%Y-%m-%dT%H:%MZ}, {state}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replayed request that the live version and the shadow have answered, and the ids in the shadow's answer."""

    request: CopiedRequest
    shadow_ids: tuple[UUID, ...]

    @property
    def is_change(self) -> bool:
        return self.request.function in CHANGES


@dataclass(frozen=True, slots=True)
class Compared:
    """The differing bookings, by call. `changed_by_others`: some bookings differ that no replayed call has changed.

    `overtaken` are calls whose differences prove nothing: somebody else changed their bookings, or Cal.com chose another host.
    """

    differences: Mapping[str, ShadowDifference]
    changed_by_others: bool
    overtaken: frozenset[str]


def compare(
    replayed: Sequence[Replayed],
    live: Iterable[BookRow],
    shadow: Iterable[BookRow],
    answers_shadow: Mapping[str, Sequence[str]],
    *,
    since: datetime,
    clocks: timedelta,
) -> Compared:
    """Compare the appointments of both books that changed since `since`, when the books were equal. `answers_shadow` are the
    shadow's outcomes by call.

    `clocks` is the largest difference between the clocks of the pods and the database.
    """
    call_of = _calls_by_row(replayed)
    live_rows, shadow_rows = {row.id: row for row in live}, {row.id: row for row in shadow}
    only_live, only_shadow = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    for book, rows in ((only_live, live_rows), (only_shadow, shadow_rows)):
        for row in rows.values():
            if row.text:
                book[call_of(row)][row.text] += 1
    differences = {}
    for call in only_live.keys() | only_shadow.keys():
        missing, added = only_live[call] - only_shadow[call], only_shadow[call] - only_live[call]
        if missing or added:
            answers = tuple(
                each.request.outcome for each in replayed if each.request.call_id == call and each.is_change
            )
            differences[call] = ShadowDifference(
                call_id=call,
                only_live=tuple(sorted(missing.elements())),
                only_shadow=tuple(sorted(added.elements())),
                answers_live=answers,
                answers_shadow=tuple(answers_shadow.get(call, ())),
            )
    changed_by_others, overtaken = differences.pop(_NOBODY, None) is not None, set[str]()
    for row in live_rows.values():
        found = differences.get(call_of(row))
        if found is None or row.changed_at <= since or not (row.status == "failed" or row.text in found.only_live):
            continue
        is_others = not _is_within_a_change(row, call_of(row), replayed, clocks)
        changed_by_others |= is_others
        if is_others or row.changed_staff:
            overtaken.add(found.call_id)
    kept = {call: difference for call, difference in differences.items() if call not in overtaken}
    return Compared(kept, changed_by_others, frozenset(overtaken))


def _calls_by_row(replayed: Sequence[Replayed]) -> Callable[[BookRow], str]:
    """Return a function that finds the call of an appointment.

    This is the last call that named the appointment in a change, else the last call that named it at all, else its maker.
    """
    calls = {each.request.call_id for each in replayed}
    named: dict[UUID, str] = {}
    for each in sorted(replayed, key=lambda each: each.is_change):
        named |= dict.fromkeys((*each.request.named_ids, *each.shadow_ids), each.request.call_id)
    return lambda row: named.get(row.id) or (row.call_id if row.call_id in calls else None) or _NOBODY


def _is_within_a_change(row: BookRow, call: str, replayed: Sequence[Replayed], clocks: timedelta) -> bool:
    """Return True if a live appointment changed during a replayed change that `call` made or that named the appointment."""
    return any(
        each.request.at - clocks <= row.changed_at <= each.request.answered_at + clocks
        for each in replayed
        if each.is_change and (each.request.call_id == call or row.id in each.request.named_ids)
    )


def are_equal(live: Iterable[BookRow], shadow: Iterable[BookRow]) -> bool:
    """Return True if both lists contain the same bookings; ids do not matter."""
    return Counter(filter(None, (row.text for row in live))) == Counter(filter(None, (row.text for row in shadow)))


def merge(first: ShadowDifference, second: ShadowDifference) -> ShadowDifference:
    """Return two differences of the same call as one: the bookings of both, and the latest answers."""
    return ShadowDifference(
        call_id=first.call_id,
        only_live=first.only_live + second.only_live,
        only_shadow=first.only_shadow + second.only_shadow,
        answers_live=second.answers_live or first.answers_live,
        answers_shadow=second.answers_shadow or first.answers_shadow,
    )


def order(requests: Sequence[CopiedRequest]) -> list[CopiedRequest]:
    """Return requests in the order of replay: by time, but among overlapping requests successful ones come first.

    If two callers want one time at once, the later request may be the successful one.
    """
    waiting = sorted(requests, key=lambda each: each.at)
    ordered = []
    while waiting:
        overlapping = [each for each in waiting if each.at <= waiting[0].answered_at]
        first = min(overlapping, key=lambda each: (each.outcome not in SUCCESSES, each.at))
        ordered.append(first)
        waiting.remove(first)
    return ordered


def find_doubtful(replayed: Sequence[Replayed], unclear: Collection[str]) -> set[str]:
    """Return the ids of calls whose differences prove nothing. A request of such a call was not replayed (`unclear`), or it
    failed while another call's change succeeded: the shadow may answer the two requests in the other order.
    """
    doubtful = set(unclear)
    changes = [each.request for each in replayed if each.is_change]
    for request in changes:
        others = [each for each in changes if each is not request and each.call_id != request.call_id]
        if request.outcome not in SUCCESSES and any(
            each.outcome in SUCCESSES and each.at <= request.answered_at and request.at <= each.answered_at
            for each in others
        ):
            doubtful.add(request.call_id)
    return doubtful
