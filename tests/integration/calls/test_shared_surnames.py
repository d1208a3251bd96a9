"""A surname alone from a number with a known full name: a question names the full name before it is completed."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import COLOR, SpokenCall, friday_at

BOOK = "book_appointment"
UWE, SURNAME = "Uwe Lange", "Lange"


@pytest.fixture(params=["one call", "two calls"])
async def call(call: SpokenCall, request: pytest.FixtureRequest) -> SpokenCall:
    """Uwe Lange has a haircut at 14:00, booked in this call or in another one of its number."""
    first = call if request.param == "one call" else SpokenCall(call.pod, call.number)
    assert (await first.ask(BOOK, friday_at(call.pod, customer_name=UWE, staff="Anna")))["success"]
    return call


@pytest.mark.parametrize("said", [SURNAME, "Frau Lange"])
async def test_question_names_the_appointments_customer(call: SpokenCall, said: str) -> None:
    named: dict[str, Any] = friday_at(call.pod, customer_name=said, service=COLOR)
    asked = await call.ask(BOOK, named)
    assert (asked["success"], UWE in asked["message"]) == (False, True), asked
    call.say("Ja, stattdessen.")
    done = await call.ask(BOOK, named | {"choice": "cancel"})
    assert (done["success"], UWE in done["message"]) == (True, True), done
    assert (await call.live())[-1][0::3] == ("faerben", UWE)


@pytest.mark.parametrize("said", [SURNAME, "Frau Lange"])
async def test_further_appointment_keeps_the_spoken_surname(call: SpokenCall, said: str) -> None:
    named: dict[str, Any] = friday_at(call.pod, customer_name=said, service=COLOR)
    await call.ask(BOOK, named)
    call.say("Nein, das ist für mich.")
    done = await call.ask(BOOK, named | {"choice": "further"})
    assert (done["success"], f"für {said}." in done["message"]) == (True, True), done
    assert ("faerben", said) in [each[0::3] for each in await call.live()]


async def test_booking_at_free_time_keeps_spoken_surname(call: SpokenCall) -> None:
    done = await call.ask(BOOK, friday_at(call.pod, "16:00", customer_name=SURNAME, service=COLOR))
    assert (done["success"], (await call.live())[-1][3]) == (True, SURNAME), done
    assert f"für {SURNAME}." in done["message"]
