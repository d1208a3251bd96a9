"""A yes that repeats the question before a change answers it: the question is not asked again."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import COLOR, SpokenCall, friday_at

BOOK, MOVE, CANCEL = "book_appointment", "reschedule_appointment", "cancel_appointment"


async def call_later(call: SpokenCall, **booked: Any) -> SpokenCall:
    assert (await call.ask(BOOK, friday_at(call.pod, **booked)))["success"]
    return SpokenCall(call.pod, call.number)


@pytest.mark.parametrize(
    "said", ["Ja, den von meinem Mann.", "Ja, bitte auf fünf.", "Ja, den meine ich.", "Ja, Ottos."]
)
async def test_yes_with_details_moves_the_husbands_appointment(call: SpokenCall, said: str) -> None:
    later = await call_later(call, customer_name="Otto Lange")
    later.say("Hier ist Petra Lange, bitte den Termin auf fünf.")
    assert (await later.ask(MOVE, {"time": "17:00"}))["needs_answer"]
    later.say(said)
    assert (await later.ask(MOVE, {"time": "17:00"}))["success"]
    assert [each[1] for each in await call.live()] == ["17:00"]


@pytest.mark.parametrize("said", ["Ja, aber lieber um sechs.", "Ja, den anderen.", "Ja, und den von Mia auch."])
async def test_yes_with_another_request_moves_nothing(call: SpokenCall, said: str) -> None:
    later = await call_later(call, customer_name="Otto Lange")
    later.say("Hier ist Petra Lange, bitte den Termin auf fünf.")
    assert (await later.ask(MOVE, {"time": "17:00"}))["needs_answer"]
    later.say(said)
    assert not (await later.ask(MOVE, {"time": "17:00"}))["success"]
    assert [each[1] for each in await call.live()] == ["14:00"]


@pytest.mark.parametrize(
    ("wish", "said", "service"),
    [
        ({"staff": "Mehmet"}, "Ja, bei Mehmet bitte.", "haarschnitt"),
        ({"staff": "Mehmet"}, "Ja, zur selben Zeit.", "haarschnitt"),
        ({"service": COLOR, "time": "16:00"}, "Genau, Färben statt Schneiden.", "faerben"),
        ({"service": COLOR, "time": "16:00"}, "Ja, bitte so eintragen.", "faerben"),
    ],
)
async def test_appointment_change_is_confirmed_once(
    call: SpokenCall, wish: dict[str, Any], said: str, service: str
) -> None:
    later = await call_later(call, staff="Anna")
    later.say("Ich möchte das ändern.")
    assert (await later.ask(MOVE, wish))["needs_answer"]
    later.say(said)
    assert (await later.ask(MOVE, wish))["success"]
    assert [each[0] for each in await call.live(of_number=True)] == [service]


@pytest.mark.parametrize(
    ("said", "is_cancelled"),
    [("Ja, den von Otto.", True), ("Ja, den um zwei.", True), ("Ja, er kann nicht kommen.", True), ("Ja, den um drei.", False)],
)  # fmt: skip
async def test_cancellation_is_confirmed_once(call: SpokenCall, said: str, is_cancelled: bool) -> None:
    later = await call_later(call, customer_name="Otto Lange")
    later.say("Den Termin von Otto absagen, bitte.")
    assert (await later.ask(CANCEL, {"customer_name": "Otto Lange"}))["needs_confirmation"]
    later.say(said)
    done = await later.ask(CANCEL, {"customer_name": "Otto Lange", "confirmed": True})
    assert (done["success"], not await call.live()) == (is_cancelled, is_cancelled), done
