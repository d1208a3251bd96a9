"""A time or weekday without a date is on a day that the last answer of the call has named."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import COLOR, CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK, MOVE, CANCEL = "check_availability", "book_appointment", "reschedule_appointment", "cancel_appointment"
OTTO = {"service": CUT, "customer_name": "Otto Kurz"}


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    call.say("Ich brauche einen Haarschnitt.")
    return call


def friday(call: SpokenCall) -> date:
    return next_friday(call.pod, 10, 2).date()


async def booked(call: SpokenCall) -> dict[str, Any]:
    """Book the second Friday, at 10, and return what names it."""
    answer = await call.ask(BOOK, friday_at(call.pod, "10:00", date=friday(call).isoformat(), staff="Anna"))
    assert answer["success"], answer
    call.say("Noch etwas.")
    return {"appointment_id": answer["appointment_id"]}


async def offered(call: SpokenCall, day: date, name: str = CHECK, **args: Any) -> list[datetime]:
    """Have times of a day offered, and return them."""
    answer = await call.ask(name, {"date": day.isoformat(), **args})
    call.say("Gut.")
    starts = [datetime.fromisoformat(each["start"]) for each in answer.get("slots") or answer["alternatives"]]
    assert len(starts) > 1, answer
    return starts


@pytest.mark.parametrize("by", [MOVE, CHECK])
@pytest.mark.parametrize("said", ["time", "weekday", "place"])
async def test_move_without_a_date_uses_the_offered_day(call: SpokenCall, by: str, said: str) -> None:
    one = await booked(call)
    second = (await offered(call, friday(call) - timedelta(days=1), by, **(one if by == MOVE else {"service": CUT})))[1]
    clock = f"{second:%H} Uhr"
    words = {
        "time": {"time": clock},
        "weekday": {"date": "Donnerstag", "time": clock},
        "place": {"start": "das zweite"},
    }
    moved = await call.ask(MOVE, one | words[said])
    assert (moved["success"], moved.get("start")) == (True, second.isoformat()), moved
    again = await call.ask(MOVE, one | {"time": "14 Uhr"})
    assert again["start"] == second.replace(hour=14, minute=0).isoformat(), "it is on its own day after the move"


async def test_digit_after_offers_may_be_an_ordinal(call: SpokenCall) -> None:
    one = await booked(call)
    offers = await offered(call, friday(call) - timedelta(days=1), MOVE, **one)
    for digit in ({"start": "2"}, {"time": "2."}):
        asked = await call.ask(MOVE, one | digit)
        assert offers[1].isoformat() in [each["start"] for each in asked["candidates"]], asked


async def test_move_after_a_list_keeps_the_appointments_day(call: SpokenCall) -> None:
    one = await booked(call)
    await offered(call, friday(call) - timedelta(days=1), service=CUT)
    await call.ask("find_appointments", {})
    assert (await call.ask(MOVE, one | {"time": "15 Uhr"}))["start"][:10] == friday(call).isoformat()


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("words", [{"time": "11 Uhr"}, {"time": "10 Uhr", "service": COLOR}, {"date": "am selben Tag"}])
async def test_time_without_a_day_means_the_booked_day(
    call: SpokenCall, words: dict[str, str], cancelled: bool
) -> None:
    one = await booked(call)
    if cancelled:
        await call.ask(CANCEL, one)
        call.say("Ja, bitte.")
        assert (await call.ask(CANCEL, one | {"confirmed": True}))["success"]
    found = await call.ask(CHECK, {"service": CUT} | words)
    assert found["slots"][0]["start"][:10] == friday(call).isoformat(), found


async def test_another_name_at_the_booked_time_prompts_choice(call: SpokenCall) -> None:
    await booked(call)
    asked = await call.ask(BOOK, OTTO | {"time": "10 Uhr"})
    assert asked["choices"] == ["rename", "further"], asked
    assert (await call.ask(BOOK, OTTO | {"time": "11 Uhr"}))["start"][:13] == f"{friday(call)}T11"


async def test_search_with_an_hour_keeps_the_offered_day(call: SpokenCall) -> None:
    await booked(call)
    day = (await offered(call, friday(call) - timedelta(days=1), service=COLOR))[0].date()
    for words in ({"part_of_day": "nachmittags"}, {"time": "11 Uhr"}, {"date": "Donnerstag"}):
        found = await call.ask(CHECK, {"service": COLOR} | words)
        assert found["slots"][0]["start"][:10] == day.isoformat(), found


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ({"date": "der zweite", "time": "11 Uhr"}, 1), ({"date": "the second one"}, 1), ({"date": "der frühere"}, 0),
        ({"date": "der spätere"}, -1), ({"date": "the later one"}, -1),
    ],
)  # fmt: skip
async def test_ordinal_selects_a_day_of_the_last_question(call: SpokenCall, words: dict[str, str], place: int) -> None:
    await booked(call)
    asked = await call.ask(BOOK, OTTO | {"date": "Freitag", "time": "11 Uhr"})
    assert len(asked["candidates"]) > 1, asked
    call.say("Der zweite.")
    answer = await call.ask(BOOK, OTTO | words)
    assert answer["start"] == asked["candidates"][place]["start"], answer


async def test_same_day_means_the_booked_day(call: SpokenCall) -> None:
    await booked(call)
    asked = await call.ask(BOOK, OTTO | {"date": "Freitag", "time": "11 Uhr"})
    assert len(asked["candidates"]) > 1, asked
    together = await call.ask(BOOK, OTTO | {"date": "am selben Tag", "time": "11 Uhr"})
    assert together["start"][:10] == friday(call).isoformat(), together


@pytest.mark.parametrize("said", ["", "Nein.", "Moment, bitte."])
async def test_only_a_yes_accepts_the_suggested_day(call: SpokenCall, said: str) -> None:
    args = OTTO | {"time": "11 Uhr"}
    asked = await call.ask(BOOK, args)
    assert len(asked["candidates"]) == 1, asked
    call.say(said)
    assert (await call.ask(BOOK, args))["candidates"] == asked["candidates"]
    call.say("Ja, genau.")
    assert (await call.ask(BOOK, args))["start"] == asked["candidates"][0]["start"]


async def test_repeated_next_weekday_asks_about_further_appointment(call: SpokenCall) -> None:
    first = await call.ask(BOOK, OTTO | {"date": "nächsten Freitag", "time": "11 Uhr"})
    call.say("Otto Kurz.")
    repeated = await call.ask(BOOK, OTTO | {"date": "nächsten Freitag", "time": "11 Uhr"})
    assert repeated["start"] == first["start"]
    call.say("Und nächsten Freitag um elf noch mal.")
    again = OTTO | {"date": "nächsten Freitag", "time": "11 Uhr"}
    assert len((await call.ask(BOOK, again))["candidates"]) == 1
    call.say("Ja.")
    assert (await call.ask(BOOK, again))["choices"] == ["further", "move"]
    call.say("Ein weiterer.")
    later = await call.ask(BOOK, again | {"choice": "further"})
    assert later["start"] == (datetime.fromisoformat(first["start"]) + timedelta(days=7)).isoformat(), later


@pytest.mark.parametrize("clock", ["gleiche Zeit", "direkt danach"])
async def test_weekday_after_a_booking_is_asked_about(call: SpokenCall, clock: str) -> None:
    await booked(call)
    asked = await call.ask(BOOK, OTTO | {"date": "Freitag", "time": clock})
    assert friday(call).isoformat() in [each["start"][:10] for each in asked["candidates"][1:]], asked


@pytest.mark.parametrize("by", [MOVE, CHECK])
@pytest.mark.parametrize("words", ["gleiche Zeit", "same time"])
async def test_same_time_means_the_offered_day(call: SpokenCall, by: str, words: str) -> None:
    one = await booked(call)
    day = friday(call) - timedelta(days=1)
    await offered(call, day, by, **(one if by == MOVE else {"service": CUT}))
    moved = await call.ask(MOVE, one | {"time": words})
    assert (moved["success"], moved["start"][:13]) == (True, f"{day}T10"), moved


async def test_hour_later_after_an_offer_asks_which_day(call: SpokenCall) -> None:
    one = await booked(call)
    day = friday(call) - timedelta(days=1)
    await offered(call, day, MOVE, **one)
    asked = await call.ask(MOVE, one | {"time": "eine Stunde später"})
    assert [each["start"][:13] for each in asked["alternatives"]] == [f"{day}T11", f"{friday(call)}T11"], asked


@pytest.mark.parametrize("words", ["11 Uhr", "eine Stunde später"])
async def test_time_after_another_services_offer_asks_the_day(call: SpokenCall, words: str) -> None:
    one = await booked(call)
    day = friday(call) - timedelta(days=1)
    await offered(call, day, service=COLOR)
    asked = await call.ask(MOVE, one | {"time": words})
    assert [each["start"][:13] for each in asked["alternatives"]] == [f"{day}T11", f"{friday(call)}T11"], asked


async def test_question_about_days_states_no_invented_times(call: SpokenCall) -> None:
    one = await booked(call)
    asked = await call.ask(MOVE, one | {"date": "Donnerstag"})
    assert len(asked["candidates"]) > 1, asked
    assert not re.search(r"um \d", (await call.ask(MOVE, one | {"start": "2"}))["message"])
    found = await call.ask(MOVE, one | {"time": "9 Uhr"})
    assert {each["start"][11:13] for each in found["alternatives"]} == {"09"}, found
