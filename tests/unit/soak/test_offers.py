"""`make soak` finds offers that were gone at the yes, and does not count those that another caller was faster to take."""

from dataclasses import replace

import pytest

from tests.soak.books import Books
from tests.soak.history import Answer, BusyTime, History
from tests.soak.offers import Accepted, Fate, accepted_offers, gone_offers
from tests.unit.soak.test_checker import LATER, NOW, SPOKEN, START, A, answer, at, booked, remote

BOOKS = Books(bookings=[remote()])


def offered(second: float, *starts: str, call_id: str = "call_1", **body: str) -> Answer:
    slots = [{"start": start} for start in starts]
    found = answer(second, "check_availability", "Frei ist …", slots=slots, **body)
    return replace(found, call_id=call_id)


def refused(second: float, *alternatives: str, obstacle: str = "taken") -> Answer:
    message = f"{SPOKEN[START]} ist leider nichts mehr frei."
    slots = [{"start": start} for start in alternatives]
    return answer(second, "book_appointment", message, obstacle=obstacle, alternatives=slots)


def fates(*answers: Answer, history: History | None = None) -> list[Fate]:
    found = history or History()
    found.answers.extend(answers)
    return [each.fate for each in accepted_offers(found, BOOKS)]


def test_an_offered_time_is_kept_or_gone_at_the_yes() -> None:
    assert fates(offered(1, START), booked(2)) == [Fate.KEPT]
    assert fates(offered(1, START), refused(2)) == [Fate.GONE]
    assert fates(offered(1, START), replace(booked(2), status=None, body={})) == [Fate.OPEN]


def test_a_time_that_nobody_offered_is_not_counted() -> None:
    assert fates(offered(1, LATER), refused(2)) == []
    assert fates(refused(2)) == []


def test_alternatives_are_an_offer() -> None:
    assert fates(offered(1, LATER), refused(2, START), refused(3)) == [Fate.GONE]


@pytest.mark.parametrize(
    "other",
    [
        replace(booked(1.8), call_id="call_2"),
        replace(refused(1.8), call_id="call_2"),
        offered(1.8, START, call_id="call_2"),
    ],
    ids=["booked it", "was trying to", "was offered it first, so it is held"],
)
def test_who_was_faster_is_no_lie(other: Answer) -> None:
    assert fates(offered(1, START), other, refused(2)) == [Fate.FASTER]
    early = replace(other, asked_at=NOW, answered_at=NOW + 0.1)
    assert fates(offered(1, START), early, refused(2)) == [Fate.GONE], "that was before the offer"
    assert fates(offered(1, START), offered(1.8, LATER, START, call_id="call_2"), refused(2)) == [Fate.GONE], "not held"


def test_the_report_says_what_was_entered_last() -> None:
    busy = BusyTime(A, "anna", at(START), at(START) + 3600, NOW + 0.2, "an absence")
    (found,) = accepted_offers(History([offered(1, START), refused(2)], busy_times=[busy]), BOOKS)
    assert "an absence of anna" in found.why
    assert found.is_certain
    (found,) = accepted_offers(History([offered(1, START, basis="own_book"), refused(2)]), BOOKS)
    assert not found.is_certain


def test_the_share_is_of_the_times_whose_fate_is_decided() -> None:
    accepted = [Accepted(offered(1, START), booked(2), fate) for fate in (*[Fate.KEPT] * 3, *Fate)]
    gone, share = gone_offers(accepted)
    assert (len(gone), share) == (1, 1 / 5)
