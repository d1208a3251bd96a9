"""The hour of a refused move, said again: it is of the refused day, or of an offer, and the caller is asked."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, empty_book, friday_at
from tests.worlds.tenant_pod import TenantPod

BOOK, MOVE = "book_appointment", "reschedule_appointment"


@pytest.fixture
async def refused(spoken_salon: TenantPod) -> tuple[SpokenCall, dict[str, Any]]:
    """Return a call whose move to ten was refused, with offers of other hours and of ten on Saturday; and the refusal."""
    await empty_book(spoken_salon)
    call = SpokenCall(spoken_salon)
    await call.ask(BOOK, friday_at(spoken_salon, staff="Anna"))
    await SpokenCall(spoken_salon).ask(BOOK, friday_at(spoken_salon, "10:00", staff="Anna", customer_name="Kim Kurz"))
    call.say("Meinen Termin bitte auf zehn.")
    answer = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (answer["success"], [each["start"][11:13] for each in answer["alternatives"]].count("10")) == (False, 1), (
        answer
    )
    return call, answer


@pytest.mark.parametrize("words", ["Wirklich nicht um zehn?", "Moment bitte.", "Ich hätte gern zehn.", "I wanted ten."])
async def test_a_repeated_hour_is_asked(refused: tuple[SpokenCall, dict[str, Any]], words: str) -> None:
    call, _ = refused
    call.say(words)
    asked = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (asked["success"], [each[1] for each in await call.live()]) == (False, ["14:00"]), asked
    assert len(asked["candidates"]) == 1
    call.say("Ja.")
    moved = await call.ask(MOVE, {"time": "zehn Uhr"})
    assert (moved["success"], moved["start"]) == (True, asked["candidates"][0]["start"])


async def test_an_offer_with_its_day_is_taken(refused: tuple[SpokenCall, dict[str, Any]]) -> None:
    call, answer = refused
    (ten,) = [each["start"] for each in answer["alternatives"] if each["start"][11:13] == "10"]
    call.say("Dann Samstag um zehn.")
    assert (await call.ask(MOVE, {"time": "zehn Uhr"}))["start"] == ten


async def test_the_same_time_after_a_refusal_is_asked(refused: tuple[SpokenCall, dict[str, Any]]) -> None:
    call, _ = refused
    call.say("Nein, dann bleibt es bei der alten Zeit.")
    await call.ask(MOVE, {"time": "gleiche Zeit"})
    assert [each[1] for each in await call.live()] == ["14:00"]


@pytest.mark.parametrize("name", ["Petra Lang", "Petra Kurz", "Petra Langer"])
async def test_another_spelling_at_the_same_time_is_asked(spoken_salon: TenantPod, name: str) -> None:
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    await first.ask(BOOK, friday_at(spoken_salon))
    later = SpokenCall(spoken_salon, number=first.number)
    later.say("Steht das, Freitag um zwei?")
    asked = await later.ask(BOOK, friday_at(spoken_salon, customer_name=name))
    assert (asked["success"], "further" in asked["choices"]) == (False, True), asked
    plain = friday_at(spoken_salon, customer_name="Otto Kurz")
    assert (await later.ask(BOOK, plain))["success"]
