"""A simulated week is an ordinary one: its proportions, its times, and what its result counts."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.soak.checker import check
from tests.soak.history import History
from tests.soak.week import IN_A_WEEK, OF_TEAMS, Deed, deeds_of, free_times_age, plan_week, some_start
from tests.soak.week_result import judge_week
from tests.worlds.soak_histories import START, booked
from tests.worlds.soak_offers import BOOKS, offered, refused

pytestmark = pytest.mark.nightly

SECONDS = 240.0
BERLIN = ZoneInfo("Europe/Berlin")


def test_a_week_has_300_appointments_half_of_them_made_by_people() -> None:
    planned = plan_week(random.Random(1), SECONDS, deeds_of(local=False, team=False))
    counts = Counter(each.deed for each in planned)
    assert counts[Deed.CALLER_BOOKS] == counts[Deed.PERSON_BOOKS] == 150
    assert counts == {deed: count for deed, count in IN_A_WEEK.items() if deed not in OF_TEAMS}


def test_it_is_spread_over_the_time_that_there_is() -> None:
    times = [each.at for each in plan_week(random.Random(1), SECONDS, IN_A_WEEK)]
    assert times == sorted(times)
    quarters = Counter(int(at / SECONDS * 4) for at in times)
    assert set(quarters) == {0, 1, 2, 3}
    assert min(quarters.values()) > len(times) / 6


def test_where_there_is_no_calcom_only_callers_do_anything() -> None:
    assert sum(deeds_of(local=True, team=False).values()) == 295


def test_times_are_of_the_coming_weeks_and_near_ones_are_wanted_more() -> None:
    choose, today = random.Random(1), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    starts = [some_start(choose, today, BERLIN) for _ in range(2000)]
    days = Counter((start.date() - today.astimezone(BERLIN).date()).days for start in starts)
    assert (min(days), max(days)) == (2, 58)
    assert sum(count for day, count in days.items() if day <= 21) > len(starts) / 2
    assert {start.hour for start in starts} == set(range(9, 17))


@pytest.mark.parametrize(("seconds", "age"), [(240, 10), (1200, 10), (7 * 86400, 300)])
def test_calcom_knowledge_ages_with_the_week(seconds: float, age: int) -> None:
    assert free_times_age(seconds) == timedelta(seconds=age)


@pytest.mark.parametrize(
    ("gone", "share", "verdict"), [(0, "0.00%", "held"), (1, "0.40%", "held"), (2, "0.80%", "missed")]
)
def test_all_that_was_gone_counts_certain_or_not(gone: int, share: str, verdict: str) -> None:
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


def test_books_that_differ_are_said() -> None:
    books = replace(BOOKS, appointments=[])
    result = judge_week(History(), books, check(History(), books), {})
    assert (result.differences, result.doubles, result.holds) == (1, 1, False)
    assert "both books: 1 differences; 1 double promises" in result.lines()
