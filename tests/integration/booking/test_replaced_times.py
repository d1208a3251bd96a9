"""A move that names the old and the new time goes to the new one, also when it is repeated."""

from typing import Any

import pytest

from tests.worlds.booking_environment import HALF_PAST_TWO, Salon, call

pytestmark = pytest.mark.nightly


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    salon = await new_salon()
    assert (await salon.book(HALF_PAST_TWO, staff="anna")).success
    return salon


@pytest.mark.parametrize(
    ("args", "start"),
    [
        ({"time": "von halb drei auf vier"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "von 14:30 auf 16 Uhr"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "halb drei auf vier"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "statt halb drei um vier"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "statt 14:30 Uhr lieber um 16 Uhr"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "vier statt halb drei"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "from 2:30 pm to 4 pm"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "4 pm instead of 2:30 pm"}, "2026-11-27T16:00:00+01:00"),
        ({"date": "2026-11-27", "time": "von halb drei auf vier"}, "2026-11-27T16:00:00+01:00"),
        ({"date": "von Freitag auf Donnerstag", "time": "16 Uhr"}, "2026-11-26T16:00:00+01:00"),
        ({"date": "Donnerstag statt Freitag", "time": "16 Uhr"}, "2026-11-26T16:00:00+01:00"),
        ({"date": "von Freitag halb drei auf Donnerstag um vier"}, "2026-11-26T16:00:00+01:00"),
        ({"date": "von halb drei auf vier"}, "2026-11-27T16:00:00+01:00"),
        ({"date": "von Freitag auf Donnerstag", "time": "von halb drei auf vier"}, "2026-11-26T16:00:00+01:00"),
        ({"date": "Donnerstag statt Freitag", "time": "vier statt halb drei"}, "2026-11-26T16:00:00+01:00"),
        ({"date": "from Friday to Thursday", "time": "from 2:30 pm to 4 pm"}, "2026-11-26T16:00:00+01:00"),
        ({"time": "statt halb drei lieber vier"}, "2026-11-27T16:00:00+01:00"),
        ({"time": "instead of half past two rather four"}, "2026-11-27T16:00:00+01:00"),
    ],
)
async def test_later_of_two_named_times_becomes_new_start(salon: Salon, args: dict[str, str], start: str) -> None:
    for _ in range(2):
        moved = await salon.booking.reschedule_appointment(call(), args)
        assert (moved.success, moved.fields.get("start")) == (True, start), moved.message


@pytest.mark.parametrize(
    "words", ["zwischen drei und vier", "von drei bis vier", "from 3 to 4 pm", "von drei auf vier"]
)
async def test_move_naming_two_unrelated_times_gets_offers(salon: Salon, words: str) -> None:
    moved = await salon.booking.reschedule_appointment(call(), {"time": words})
    assert (moved.success, bool(moved.fields["alternatives"])) == (False, True)
