"""The result of a simulated week counts the offers that were gone, and the differences of the books."""

from dataclasses import replace

import pytest

from tests.soak.checker import check
from tests.soak.history import History
from tests.soak.week_result import judge_week
from tests.worlds.soak_histories import START, booked
from tests.worlds.soak_offers import BOOKS, offered, refused

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize(
    ("gone", "share", "verdict"), [(0, "0.00%", "held"), (1, "0.40%", "held"), (2, "0.80%", "missed")]
)
def test_share_of_lost_offers_includes_uncertain_offers(gone: int, share: str, verdict: str) -> None:
    history = History()
    for number in range(250):
        call_id, is_gone = f"call_{number}", number < gone
        basis = {"basis": "own_book"} if number % 2 else {}
        answers = [
            offered(1 + 4000 * number, START, call_id=call_id, **basis),
            (refused if is_gone else booked)(2 + 4000 * number),
        ]
        history.answers.extend(replace(each, call_id=call_id) for each in answers)
    result = judge_week(history, BOOKS, [], {})
    assert (result.offers.decided, sum(result.offers.gone.values())) == (250, gone)
    assert f"  {share} of them was gone; bar 0.50%: {verdict}" in result.lines()


def test_differing_books_are_reported() -> None:
    books = replace(BOOKS, appointments=[])
    result = judge_week(History(), books, check(History(), books), {})
    assert (result.differences, result.doubles, result.holds) == (1, 1, False)
    assert "both books: 1 differences; 1 double promises" in result.lines()
