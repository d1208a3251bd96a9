"""The customer of a call's booking need not be its caller: "Und meinen am Freitag um zwei auf zwölf"."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, MOVE = "book_appointment", "reschedule_appointment"


async def book_for_otto(call: SpokenCall, said: str) -> SpokenCall:
    """Book for Petra Lange in one call, and for Otto Kurz in the next one."""
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    assert (await later.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Otto Kurz")))["success"]
    return later


@pytest.mark.parametrize(
    "said", ["Einen Termin für Otto Kurz.", "Hier ist Petra Lange, einen für Otto Kurz.", "Guten Tag."]
)
@pytest.mark.parametrize("picked", [{"appointment_time": "14:00"}, {"appointment_time": "zwei Uhr"}])
async def test_appointment_named_by_time_moves_without_question(
    call: SpokenCall, said: str, picked: dict[str, str]
) -> None:
    later = await book_for_otto(call, said)
    later.say("Und meinen um zwei auf zwölf.")
    moved = await later.ask(MOVE, picked | {"time": "12:00"})
    assert (moved["success"], "für Petra Lange" in moved["message"]) == (True, True), moved


async def test_move_without_time_means_last_named_customer(call: SpokenCall) -> None:
    later = await book_for_otto(call, "Einen Termin für Otto Kurz.")
    later.say("Den doch lieber um fünf.")
    moved = await later.ask(MOVE, {"time": "17:00"})
    assert "für Otto Kurz" in moved["message"], moved
    assert {(at, name) for _, at, _, name in await call.live(of_number=True)} >= {("14:00", "Petra Lange")}


@pytest.mark.parametrize("said", ["Hier ist Otto Kurz.", "Mein Name ist Otto Kurz.", "Otto Kurz am Apparat."])
async def test_move_of_another_persons_appointment_is_confirmed(call: SpokenCall, said: str) -> None:
    later = await book_for_otto(call, said)
    later.say("Und den um zwei auf zwölf.")
    asked = await later.ask(MOVE, {"appointment_time": "14:00", "time": "12:00"})
    assert (asked["success"], "nicht für Otto Kurz" in asked["message"]) == (False, True), asked


async def test_appointment_id_and_start_need_no_service(call: SpokenCall) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod, customer_name="Lange"))
    call.say("Petra Lange.")
    named = {"appointment_id": booked["appointment_id"], "start": booked["start"], "customer_name": "Petra Lange"}
    assert (await call.ask(BOOK, named))["success"]
    assert [row[3] for row in await call.live()] == ["Petra Lange"]
