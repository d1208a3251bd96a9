"""A repeated cancellation or move is reported as done: it affects no other appointment, and asks nothing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

BOOK, MOVE, CANCEL = "book_appointment", "reschedule_appointment", "cancel_appointment"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    return call


async def cancel_first(call: SpokenCall, named: dict[str, Any]) -> None:
    later = next_friday(call.pod, 10, 2).date().isoformat()
    assert (await call.ask(BOOK, friday_at(call.pod, "16:00", date=later, another=True)))["success"]
    call.say("Den ersten absagen.")
    assert (await call.ask(CANCEL, named))["needs_confirmation"]
    call.say("Ja, absagen.")
    assert (await call.ask(CANCEL, named | {"confirmed": True}))["success"]


@pytest.mark.parametrize(
    ("words", "name"),
    [(None, "nothing"), *((words, name) for words in (None, "Danke, das war's.") for name in ("date", "time"))],
)
async def test_repeated_cancellation_cancels_no_other_appointment(
    call: SpokenCall, words: str | None, name: str
) -> None:
    day = next_friday(call.pod, 10).date().isoformat()
    named = {"appointment_date": day} if name == "date" else {"appointment_time": "14 Uhr"}
    await cancel_first(call, named)
    if words:
        call.say(words)
    again = await call.ask(CANCEL, {"confirmed": True} | ({} if name == "nothing" else named))
    assert again["success"], again
    assert again["message"].startswith("Der Termin ist abgesagt: ")
    assert again["message"].endswith("um 16 Uhr, bleibt bestehen.")
    assert [each[1] for each in await call.live()] == ["16:00"]


@pytest.mark.parametrize(
    "words",
    [
        "Den anderen bitte auch.",
        "And cancel the other one.",
        "Und den von Otto.",
        "The later one too.",
        "Alles bitte absagen.",
    ],
)
async def test_second_cancellation_is_asked_about(call: SpokenCall, words: str) -> None:
    await cancel_first(call, {"appointment_time": "14 Uhr"})
    call.say(words)
    asked = await call.ask(CANCEL, {"confirmed": True})
    assert asked["needs_confirmation"], asked
    assert "um 16 Uhr" in asked["message"]


async def test_cancelling_another_customers_appointment_is_asked_about(call: SpokenCall) -> None:
    later = next_friday(call.pod, 10, 2).date().isoformat()
    otto = friday_at(call.pod, "16:00", date=later, another=True, customer_name="Otto Kurz")
    assert (await call.ask(BOOK, otto))["success"]
    call.say("Den ersten absagen.")
    named = {"appointment_time": "14 Uhr"}
    await call.ask(CANCEL, named)
    call.say("Ja, absagen.")
    assert (await call.ask(CANCEL, named | {"confirmed": True}))["success"]
    asked = await call.ask(CANCEL, {"customer_name": "Otto Kurz", "confirmed": True})
    assert asked["needs_confirmation"], asked
    assert "um 16 Uhr" in asked["message"]


@pytest.mark.parametrize(("words", "asks"), [("Ja, danke.", False), (None, False), ("Noch eine Stunde später.", True)])
async def test_repeated_move_leaves_the_appointment_unchanged(call: SpokenCall, words: str | None, asks: bool) -> None:
    args = {"time": "eine Stunde später"}
    assert (await call.ask(MOVE, args))["success"]
    if words:
        call.say(words)
    again = await call.ask(MOVE, args)
    assert again["message"].startswith("Der Termin steht schon: ")
    assert ("noch weiter verschieben" in again["message"]) is asks
    assert [each[1] for each in await call.live()] == ["15:00"]


async def test_former_day_names_the_moved_appointment(call: SpokenCall) -> None:
    """The call's only appointment that was on that day is meant, and no question is needed."""
    former, tuesday = friday_at(call.pod)["date"], next_friday(call.pod, 10) + timedelta(days=4)
    assert (await call.ask(MOVE, {"appointment_date": former, "time": "15:00"}))["success"]
    for days in (0, 1):
        day = (tuesday + timedelta(days=days)).date().isoformat()
        call.say("Doch lieber am Tag danach.")
        moved = await call.ask(MOVE, {"appointment_date": former, "date": day, "time": "15:00"})
        assert moved["success"], moved
    assert [each[1] for each in await call.live()] == ["15:00"]
