"""`make soak` finds offers that were gone at the booking, and does not count times that a faster caller took."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.books import Books, Event
from tests.soak.checker import check
from tests.soak.history import FOREVER, FREE_TIMES, Answer, BusyTime, History
from tests.soak.offers import Accepted, Cause, Fate, accepted_offers, tally
from tests.worlds.soak_histories import LATER, NOW, START, A, at, booked, remote
from tests.worlds.soak_offers import BOOKS, offered, refused

pytestmark = pytest.mark.nightly


def fates(*answers: Answer, history: History | None = None) -> list[Fate]:
    found = history or History()
    found.answers.extend(answers)
    return [each.fate for each in accepted_offers(found, BOOKS)]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([offered(1, START), booked(2)], [Fate.KEPT]),
        ([offered(1, START), refused(2)], [Fate.GONE]),
        ([offered(1, START), replace(booked(2), status=None, body={})], [Fate.OPEN]),
        ([offered(1, LATER), refused(2, START), refused(3)], [Fate.GONE]),  # an alternative is an offer
        ([offered(1, LATER), refused(2)], []),  # nobody offered that time
        ([refused(2)], []),
    ],
)
def test_offered_time_is_booked_or_lost_or_undecided(answers: list[Answer], found: list[Fate]) -> None:
    assert fates(*answers) == found


@pytest.mark.parametrize(
    "other",
    [
        replace(booked(1.8), call_id="call_2"),
        replace(refused(1.8), call_id="call_2"),
        offered(1.8, START, call_id="call_2"),
    ],
    ids=["booked it", "was trying to", "was offered it first, so it is held"],
)
def test_slot_lost_to_another_caller_is_no_violation(other: Answer) -> None:
    assert fates(offered(1, START), other, refused(2)) == [Fate.FASTER]
    early = replace(other, asked_at=NOW, answered_at=NOW + 0.1)
    assert fates(offered(1, START), early, refused(2)) == [Fate.GONE], "that was before the offer"
    assert fates(offered(1, START), offered(1.8, LATER, START, call_id="call_2"), refused(2)) == [Fate.GONE], "not held"


def busy(entered: float, removed: float = FOREVER, staff: str = "anna", event: tuple[str, str] = ("", "")) -> BusyTime:
    """Return an hour from START that was entered, and removed, in these seconds of the storm."""
    span, removed_at = (at(START), at(START) + 3600), NOW + removed
    return BusyTime(A, staff, *span, NOW + entered, "an absence", event, removed_at)


def cause(*entries: BusyTime, events: list[Event] | None = None, any_host: bool = False, **body: Any) -> Cause | None:
    """Return why a time with Anna that was offered in second 100 and refused in second 102 is gone."""
    slots = [{"start": START, "staff": "anna"}]
    history = History([replace(offered(100), body={"slots": slots, **body}), refused(102)], busy_times=list(entries))
    elsewhere = [remote(LATER)]  # no booking is in the way
    chosen = frozenset({A}) if any_host else frozenset[str]()
    (found,) = accepted_offers(history, Books(bookings=elsewhere, events=events or [], chosen_hosts=chosen))
    assert found.fate is Fate.GONE
    return found.cause


def heard_of(second: float) -> Event:
    entry = {"uuid": "o1", "start": START, "end": START, "updatedAt": "", "user": {"id": 1}}
    body = json.dumps({"triggerEvent": "OOO_CREATED", "payload": {"oooEntry": entry}}).encode()
    return Event(A, 1, "calcom", body, "processed", NOW + second)


EARLY, ABSENCE = 99.5 - FREE_TIMES, ("o1", START[:10])
MEHMETS = busy(10, staff="mehmet")


@pytest.mark.parametrize(
    ("entries", "options", "found"),
    [
        ([], {}, Cause.KNOWN),
        ([busy(101)], {}, Cause.SINCE),
        ([busy(101)], {"any_host": True, "basis": "own_book"}, Cause.SINCE),
        ([busy(101, staff="mehmet")], {}, Cause.KNOWN),
        ([busy(EARLY + 1)], {}, Cause.UNKNOWABLE),
        ([busy(EARLY - 1)], {}, Cause.KNOWN),
        ([busy(EARLY - 20), busy(101)], {}, Cause.KNOWN),  # another entry since is no excuse
        ([busy(EARLY - 20, 90), busy(101)], {}, Cause.SINCE),  # it was free again at the offer
        ([busy(80, event=ABSENCE)], {"events": [heard_of(81)]}, Cause.KNOWN),
        ([busy(80, event=ABSENCE)], {"events": [heard_of(95)]}, Cause.UNKNOWABLE),  # whoever commits may be frozen
        ([busy(80, event=ABSENCE)], {}, Cause.UNKNOWABLE),  # the event was lost
        ([MEHMETS, busy(101)], {"any_host": True}, Cause.SINCE),
        ([MEHMETS], {"any_host": True}, Cause.KNOWN),  # Anna was free
        ([MEHMETS, busy(11)], {"any_host": True}, Cause.KNOWN),
    ],
)
def test_busy_entry_excuses_an_unknowable_lost_offer(entries: list[BusyTime], options: Any, found: Cause) -> None:
    assert cause(*entries, **options) is found


def test_certain_offer_of_known_busy_time_is_untrue() -> None:
    slots = [{"start": START, "staff": "anna"}]
    offer = replace(offered(100), body={"slots": slots})
    books = Books(bookings=[remote(LATER, live=False)])
    history = History([offer, refused(102)], busy_times=[busy(1)])
    assert [v.kind for v in check(history, books)] == ["untrue"]
    history.answers[0] = replace(offer, body={"slots": slots, "basis": "own_book"})
    assert check(history, books) == [], "the offer said that it is not confirmed"
    history = History([offer, refused(102)], busy_times=[busy(101)])
    assert check(history, books) == []


def judged(fate: Fate, cause: Cause | None = None, **body: str) -> Accepted:
    return Accepted(offered(1, START, **body), booked(2), fate, "", cause)


def test_lost_offer_share_counts_only_decided_knowable_offers() -> None:
    accepted = [judged(fate) for fate in (*[Fate.KEPT] * 4, Fate.FASTER, Fate.OPEN)]
    accepted += [judged(Fate.GONE, cause) for cause in Cause]
    found = tally(accepted, certain=True)
    assert (found.decided, found.gone, found.share) == (7, dict.fromkeys(Cause, 1), 1 / 7)
    assert str(found).startswith("3 of 7 gone (1 entered after the offer, ")


def test_unconfirmed_answer_is_counted_separately() -> None:
    accepted = [judged(Fate.KEPT), *(judged(fate, basis="own_book") for fate in (Fate.KEPT, Fate.OPEN))]
    accepted += [judged(Fate.GONE, Cause.KNOWN, basis="own_book")] * 2
    assert tally(accepted, certain=True).share == 0
    found = tally(accepted, certain=False)
    assert (found.decided, found.gone, found.share) == (3, {Cause.KNOWN: 2}, 2 / 3)
