"""Text behind a comma of a name describes the customer. If it may be a name, the caller is asked once for a companion."""

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK = "book_appointment"


async def notes_of(call: SpokenCall) -> list[str]:
    rows = await call.pod.db.fetch("SELECT notes FROM appointments WHERE call_id = $1", call.call_id)
    return [row["notes"] for row in rows]


@pytest.mark.parametrize("said", ["Tochter von Petra", "Firma Kurz", "VW Golf", "Neukundin"])
async def test_description_after_a_comma_becomes_a_note(call: SpokenCall, said: str) -> None:
    answer = await call.ask(BOOK, friday_at(call.pod, customer_name=f"Emma Lange, {said}"))
    assert answer["success"], answer
    assert "für Emma Lange" in answer["message"]
    assert ([name for *_, name in await call.live()], await notes_of(call)) == (["Emma Lange"], [said])


async def test_second_name_after_a_comma_asks_about_companion(call: SpokenCall) -> None:
    args = friday_at(call.pod, customer_name="Petra Lange, Otto Lange")
    asked = await call.ask(BOOK, args)
    assert (asked["success"], asked["message"], await call.live()) == (False, say().who_comes_along, [])
    call.say("Nein, nur ich.")
    answer = await call.ask(BOOK, args)
    assert answer["success"], answer
    assert "für Petra Lange" in answer["message"]
    assert ([name for *_, name in await call.live()], await notes_of(call)) == (["Petra Lange"], ["Otto Lange"])


async def test_changed_name_text_is_asked_about_again(call: SpokenCall) -> None:
    for name in ("Familie Lange", "Petra Lange, Otto Lange", "Petra Lange, Mia Kurz"):
        assert not (await call.ask(BOOK, friday_at(call.pod, customer_name=name)))["success"]
    assert await call.live() == []


async def test_named_companion_is_booked_after_the_question(call: SpokenCall) -> None:
    args = friday_at(call.pod, customer_name="Petra Lange, Otto Lange")
    await call.ask(BOOK, args)
    call.say("Ja, Otto kommt mit.")
    args |= {"customer_name": "Petra Lange", "companions": [{"customer_name": "Otto Lange, Sohn von Petra Lange"}]}
    for _ in range(2):  # the time for two may be offered first
        answer = await call.ask(BOOK, args)
    assert answer["success"], answer
    assert sorted(name for *_, name in await call.live()) == ["Otto Lange", "Petra Lange"]


async def test_each_companion_gets_the_service_after_their_name(call: SpokenCall) -> None:
    args = friday_at(call.pod, companions="Otto Bartschnitt, Mia Haarschnitt")
    for _ in range(2):  # the time for three may be offered first
        await call.ask(BOOK, args)
    assert {(service, name) for service, _, _, name in await call.live()} == {
        ("haarschnitt", "Petra Lange"), ("bart", "Otto"), ("haarschnitt", "Mia"),
    }  # fmt: skip
