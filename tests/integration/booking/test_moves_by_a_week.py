"""A move to "next Friday" from a Friday means the following week, or the caller is asked."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.conversation.types import NamedTimes, Naming
from tests.worlds.booking_environment import HALF_PAST_TWO, Salon, call

pytestmark = pytest.mark.nightly

LATER = "2026-12-04T14:30:00+01:00"


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    """Yield a salon with an appointment on the coming Friday, of an earlier call."""
    salon = await new_salon()
    assert (await salon.book(HALF_PAST_TWO, staff="anna", by=call("call_0"))).success
    return salon


@pytest.mark.parametrize(
    "args",
    [
        {"date": "nächsten Freitag", "time": "14:30"},
        {"date": "next Friday", "time": "2:30 pm"},
        {"start": "nächsten Freitag um halb drei"},
        {"date": "am Freitag darauf", "time": "gleiche Zeit"},
        {"date": "the Friday after", "time": "same time"},
        {"date": "the following Friday", "time": "2:30 pm"},
    ],
)
async def test_next_weekday_means_the_following_week(salon: Salon, args: dict[str, str]) -> None:
    for _ in range(2):  # the model repeats itself
        moved = await salon.booking.reschedule_appointment(call(), args)
        assert (moved.success, moved.fields.get("start")) == (True, LATER), moved.message


async def test_next_weekday_without_time_offers_the_following_week(salon: Salon) -> None:
    offered = await salon.booking.reschedule_appointment(call(), {"date": "nächsten Freitag"})
    assert {each["start"][:10] for each in offered.fields["alternatives"]} == {LATER[:10]}


@pytest.mark.parametrize(
    ("args", "clock"),
    [
        ({"date": "nächsten Freitag", "time": "16 Uhr"}, "16:00"),
        ({"date": "kommenden Freitag", "time": "14:30"}, "14:30"),
        ({"date": "in einer Woche", "time": "14:30"}, "14:30"),
        ({"date": "nächste Woche", "time": "gleiche Zeit"}, "14:30"),
        ({"date": "this coming Friday", "time": "2:30 pm"}, "14:30"),
    ],
)
async def test_ambiguous_week_of_a_move_is_asked_about(salon: Salon, args: dict[str, str], clock: str) -> None:
    asked = await salon.booking.reschedule_appointment(call(), args)
    starts = [each["start"][:16] for each in asked.fields["candidates"]]
    assert starts == [f"2026-11-27T{clock}", f"2026-12-04T{clock}"], asked.message


@pytest.mark.parametrize("date", ["übernächste Woche", "Freitag übernächste Woche", "in der übernächsten Woche"])
async def test_ambiguous_date_with_same_time_asks_which_week(salon: Salon, date: str) -> None:
    asked = await salon.booking.reschedule_appointment(call(), {"date": date, "time": "gleiche Zeit", "start": ""})
    starts = [each["start"][:16] for each in asked.fields["candidates"]]
    assert starts == ["2026-12-04T14:30", "2026-12-11T14:30"], asked.message


@pytest.mark.parametrize(
    ("since", "day"),
    [("Lieber eine Woche später", "2026-12-10"), ("Um elf, bitte", "2026-12-03"), ("Gut", "2026-12-04")],
)
async def test_week_later_starts_from_the_offered_day(salon: Salon, since: str, day: str) -> None:
    offered = await salon.booking.reschedule_appointment(call(), {"date": "2026-12-03"})
    starts = tuple(_instant(each["start"]) for each in offered.fields["alternatives"])
    slots = tuple((NamedSlot("mitte", "haarschnitt", "anna", start),) for start in starts)
    named = NamedTimes(Naming.OFFERED, starts, said_since=(since,))
    args = {"date": "eine Woche später", "time": "11 Uhr"}
    answer = await salon.booking.reschedule_appointment(replace(call(), offered=slots, named_last=named), args)
    named_day = answer.fields.get("start") or answer.fields["candidates"][0]["start"]  # moved there, or asked about
    assert named_day[:13] == f"{day}T11", answer.message


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
