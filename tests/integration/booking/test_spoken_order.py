"""Times are listed in the order in which they are said, so that "die erste" means the first spoken time."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askproai_runtime.conversation.types import Answer
from tests.worlds.booking_environment import HALF_PAST_TWO, Salon, call

pytestmark = pytest.mark.nightly

THURSDAY = date(2026, 11, 26)
TIMES = ("gegen zwei", "gegen 15 Uhr 30", "vormittags", "ab 16 Uhr", "halb drei", "9 Uhr 10", "19 Uhr", None)


def assert_said_in_order(answer: Answer) -> None:
    """Assert that the sentence has all listed times, in the order of the list."""
    listed = [each["spoken"] for name in ("slots", "alternatives") for each in answer.fields.get(name, ())]
    place, last_day = 0, ""
    for spoken in listed:
        day, _, clock = spoken.replace(", den ", ", der ").partition(", um ")  # there it is the subject
        if day != last_day:  # it is said once
            place = answer.message.index(day, place)
        place, last_day = answer.message.index(f"um {clock.partition(' bei ')[0]}", place + 1), day


async def test_slots_are_spoken_in_order_and_closest_held(salon: Salon) -> None:
    asked = {"date": THURSDAY.isoformat(), "time": "gegen zehn nach zwei"}
    answer = await salon.booking.check_availability(call(), asked)
    assert_said_in_order(answer)
    starts = [slot["start"] for slot in answer.fields["slots"]]
    assert starts == sorted(starts)
    assert len(starts) > 1
    (held,) = await salon.rows("SELECT starts_at FROM appointments WHERE status = 'held'")
    assert f"{held['starts_at']:%H:%M}" == "13:15"  # UTC: the closest one, although another one is said first


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.integers(0, 6), clock_time=st.sampled_from(TIMES), staff=st.sampled_from((None, "anna", "mehmet")),
    taken=st.lists(st.tuples(st.integers(0, 3), st.sampled_from((9, 12, 14, 16))), max_size=6),
)  # fmt: skip
async def test_every_answer_lists_times_in_spoken_order(salon: Salon, days, clock_time, staff, taken) -> None:
    for n, (day, hour) in enumerate(taken):
        start = f"{THURSDAY + timedelta(days=day)}T{hour:02}:00:00+01:00"
        await salon.book(start, by=call(f"taken{n}", None))
    day = (THURSDAY + timedelta(days=days)).isoformat()
    args: dict[str, Any] = {"date": day, "service": "Haarschnitt", "time": clock_time, "staff": staff}
    assert_said_in_order(await salon.booking.check_availability(call(), args))
    args["customer_name"] = "Petra Müller"
    assert_said_in_order(await salon.booking.book_appointment(call("booking"), args))


@pytest.mark.parametrize("staff", [None, "mehmet"])
async def test_alternatives_are_listed_in_spoken_order(salon: Salon, staff) -> None:
    for n in range(2):
        assert (await salon.book(by=call(f"c{n}", None))).success
    lost = await salon.book(staff=staff, by=call("late"))
    assert not lost.success
    assert len(lost.fields["alternatives"]) > 1
    assert_said_in_order(lost)
    own = await salon.book("2026-11-26T15:00:00+01:00")
    assert own.success
    refused = await salon.booking.reschedule_appointment(call(), {"start": HALF_PAST_TWO})
    assert len(refused.fields["alternatives"]) > 1
    assert_said_in_order(refused)
