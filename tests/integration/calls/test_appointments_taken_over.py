"""Another person at the time of a listed appointment: in place of its customer, or in addition."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

pytestmark = pytest.mark.nightly

BOOK, CANCEL, FIND = "book_appointment", "cancel_appointment", "find_appointments"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    earlier = SpokenCall(call.pod, number=call.number)
    assert (await earlier.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    return call


async def names(call: SpokenCall) -> list[str]:
    return [each[3] for each in await call.live(of_number=True)]


@pytest.mark.parametrize("name", ["Otto Lange", "Kathi Lange", "Ina Kurz", "Petra Kurz", "Petra Lang"])
@pytest.mark.parametrize(("choice", "booked"), [("rename", 1), ("further", 2)])
async def test_another_name_at_listed_time_offers_a_rename(
    call: SpokenCall, name: str, choice: str, booked: int
) -> None:
    call.say("Wann ist mein Termin?")
    assert (await call.ask(FIND, {}))["success"]
    call.say("Den nimmt jemand anderes.")
    wanted = friday_at(call.pod, customer_name=name)
    asked = await call.ask(BOOK, wanted)
    assert (asked["choices"], await names(call)) == (["rename", "further"], ["Petra Lange"]), asked
    call.say("Wie gesagt.")
    done = await call.ask(BOOK, wanted | {"choice": choice})
    assert done["success"], done
    found = await names(call)
    assert (len(found), name in found) == (booked, True)


@pytest.mark.parametrize(("more", "at"), [({}, "14:00"), ({"time": "14:00"}, "14:00"), ({"time": "16:00"}, "16:00")])
async def test_move_with_another_name_books_further_appointment(
    call: SpokenCall, more: dict[str, str], at: str
) -> None:
    """Its own answer lists the choice."""
    call.say("Statt mir kommt Mia.")
    asked = await call.ask("reschedule_appointment", {"customer_name": "Mia Kurz"})
    assert asked["choices"] == ["rename", "further"], asked
    call.say("Nein, einen zweiten für Mia.")
    named = {"date": friday_at(call.pod)["date"], **more} if more else {}
    done = await call.ask("reschedule_appointment", {"customer_name": "Mia Kurz", "choice": "further", **named})
    assert done["success"], done
    assert {each[1::2] for each in await call.live(of_number=True)} == {("14:00", "Petra Lange"), (at, "Mia Kurz")}


async def test_booking_after_cancel_request_offers_rename_or_further(call: SpokenCall) -> None:
    call.say("Ich kann nicht kommen.")
    await call.ask(CANCEL, {})
    call.say("Nein, mein Mann Otto kommt statt mir.")
    asked = await call.ask(BOOK, friday_at(call.pod, customer_name="Otto Lange"))
    assert asked["choices"] == ["rename", "further"], asked


@pytest.mark.parametrize("time", ["14:00", "16:00"])
async def test_relative_is_booked_without_a_question(call: SpokenCall, time: str) -> None:
    """Nothing was listed, or the time is another one."""
    call.say("Einen Termin für Otto Lange.")
    if time != "14:00":
        assert (await call.ask(FIND, {}))["success"]
    booked = await call.ask(BOOK, friday_at(call.pod, time, customer_name="Otto Lange"))
    assert (booked["success"], len(await names(call))) == (True, 2), booked
    stays = "für Petra Lange, bleibt bestehen" in booked["message"]
    assert stays is (time == "14:00"), "two at the very same time may be one who comes for the other"
