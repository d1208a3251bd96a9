"""Callers who request one time at the same moment share a search for alternatives."""

import asyncio
from typing import Any

import pytest

from askproai_runtime.book import context
from askproai_runtime.book.context import SharedReads
from askproai_runtime.conversation import alternatives
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call

pytestmark = pytest.mark.nightly

LOSERS = 20


def starts(answer: Any) -> list[str]:
    return sorted(slot["start"][11:16] for slot in answer.fields["alternatives"])


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The searches that have begun. The first one waits until all other callers who lost the time wait for it."""
    begun, asked, all_have_asked = list[str](), list[str](), asyncio.Event()
    find_near, share = alternatives.find_near, SharedReads.share

    async def find_when_all_have_asked(*args: Any, **options: Any) -> Any:
        begun.append("search")
        await all_have_asked.wait()
        return await find_near(*args, **options)

    async def ask(reads: SharedReads, key: Any, read: Any) -> Any:
        asked.append("asked")
        if len(asked) == LOSERS:
            all_have_asked.set()
        return await share(reads, key, read)

    monkeypatch.setattr(context, "_APART_SECONDS", 60)
    monkeypatch.setattr(alternatives, "find_near", find_when_all_have_asked)
    monkeypatch.setattr(SharedReads, "share", ask)
    return begun


async def test_callers_losing_a_time_share_one_search(salon: Salon, searches: list[str]) -> None:
    args = booking_args(staff="Anna")
    assert (await salon.booking.book_appointment(call("wins", None), args | {"phone": "015112345678"})).success
    calls = (call(f"loses-{n}", f"+49151000000{n:02}") for n in range(LOSERS))
    answers = await asyncio.gather(*(salon.booking.book_appointment(each, args) for each in calls))
    assert len(searches) == 2
    assert {answer.success for answer in answers} == {False}
    assert len({tuple(starts(answer)) for answer in answers}) == 1
    assert len(starts(answers[0])) == 3


async def test_only_the_holding_call_is_offered_its_time(salon: Salon) -> None:
    anna = {"staff": "Anna"}
    held = await salon.booking.check_availability(call("holds"), {"date": HALF_PAST_TWO[:10], "time": "15:30", **anna})
    assert held.fields["slots"][0]["start"][11:16] == "15:30"
    assert (await salon.book(by=call("wins", "+4915100000001"), **anna)).success
    losers = (call("holds"), call("holds-nothing", "+4915100000002"))
    own, other = await asyncio.gather(*(salon.book(by=each, **anna) for each in losers))
    assert "15:30" in starts(own)
    assert "15:30" not in starts(other)


@pytest.mark.parametrize(
    ("own", "other"),
    [({"staff": "Anna"}, {"staff": "Mehmet"}), ({"staff": "Anna"}, {"staff": "Anna", "start": MORNING})],
    ids=["staff", "start"],
)
@pytest.mark.usefixtures("searches")
async def test_simultaneous_callers_get_their_own_search_results(salon: Salon, own, other) -> None:
    for number, (staff, start) in enumerate((("Anna", HALF_PAST_TWO), ("Mehmet", HALF_PAST_TWO), ("Anna", MORNING))):
        args = booking_args(start, staff=staff)
        assert (await salon.booking.book_appointment(call(f"wins-{number}", f"+4915100000{number:03}"), args)).success

    async def lose(number: int) -> list[dict[str, Any]]:
        args = booking_args(**(own, other)[number % 2])
        answer = await salon.booking.book_appointment(call(f"loses-{number}", f"+4915100001{number:03}"), args)
        return answer.fields["alternatives"]

    together = await asyncio.gather(*map(lose, range(LOSERS)))
    alone = [await lose(LOSERS + number) for number in range(2)]
    assert alone[0] != alone[1], "a common search would show"
    assert together == alone * (LOSERS // 2)
