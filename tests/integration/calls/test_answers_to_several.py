"""Answers that choose all, anybody, or the other one of two are understood, and a question is not asked in a circle."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at

BOOK, MOVE, CANCEL = "book_appointment", "reschedule_appointment", "cancel_appointment"


@pytest.mark.parametrize("said", ["Alle drei absagen.", "Alle bitte.", "All of them, please."])
async def test_all_appointments_are_cancelled_one_by_one(call: SpokenCall, said: str) -> None:
    for clock, name in (("14:00", "Otto Lange"), ("15:00", "Petra Lange"), ("16:00", "Mia Lange")):
        assert (await call.ask(BOOK, friday_at(call.pod, clock, customer_name=name, another=True)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say("Absagen bitte.")
    assert not (await later.ask(CANCEL, {}))["success"]
    later.say(said)
    asked = await later.ask(CANCEL, {})
    assert asked["needs_confirmation"]
    assert "Otto" in asked["message"]
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert [each[3] for each in await call.live()] == ["Petra Lange", "Mia Lange"]
    later.say("Jetzt die anderen beiden.")
    assert (await later.ask(CANCEL, {}))["needs_confirmation"]


@pytest.mark.parametrize("said", ["Nicht alle.", "Alle außer dem um vier."])
async def test_all_but_one_is_asked_again(call: SpokenCall, said: str) -> None:
    for clock, name in (("14:00", "Otto Lange"), ("16:00", "Petra Lange")):
        assert (await call.ask(BOOK, friday_at(call.pod, clock, customer_name=name, another=True)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    assert "needs_confirmation" not in await later.ask(CANCEL, {})


@pytest.mark.parametrize("said", ["Egal wer, Hauptsache vier.", "Egal bei wem, um vier.", "Bei irgendwem um vier."])
@pytest.mark.parametrize("is_refused_before", [True, False])
async def test_anybody_moves_to_whom_is_free(call: SpokenCall, said: str, is_refused_before: bool) -> None:
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Otto Kurz", staff="Anna")))["success"]
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    if is_refused_before:
        call.say("Auf vier.")
        assert not (await call.ask(MOVE, {"time": "16:00"}))["success"]
    call.say(said)
    assert (await call.ask(MOVE, {"time": "16:00"}))["success"]
    assert await call.live() == [("haarschnitt", "16:00", "mehmet", "Petra Lange")]


async def test_anybody_keeps_a_person_who_is_free(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    call.say("Auf vier, egal bei wem.")
    assert (await call.ask(MOVE, {"time": "16:00"}))["success"]
    assert await call.live() == [("haarschnitt", "16:00", "anna", "Petra Lange")]


@pytest.mark.parametrize(
    ("said", "at"),
    [("Vier Uhr.", "16:00"), ("Um vier, bitte.", "16:00"), ("Das zweite, vier Uhr.", "16:00"), ("Um zwei.", "14:00")],
)
async def test_the_chosen_one_of_request_and_note_counts(call: SpokenCall, said: str, at: str) -> None:
    request = friday_at(call.pod, notes="doch lieber um vier")
    call.say("Freitag um zwei, doch lieber um vier.")
    assert not (await call.ask(BOOK, request))["success"]
    call.say(said)
    assert (await call.ask(BOOK, request))["success"]
    assert [each[1] for each in await call.live()] == [at]


@pytest.mark.parametrize("said", ["Ja, aber lieber um drei.", "Ja genau, aber bitte um drei.", "Ja, um drei."])
async def test_a_heard_service_is_asked_about_once(call: SpokenCall, said: str) -> None:
    heard: dict[str, Any] = {"service": "Haarschnidd"}
    assert (await call.ask(BOOK, friday_at(call.pod) | heard))["heard"]
    call.say(said)
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00") | heard))["success"]
    assert [each[:2] for each in await call.live()] == [(CUT.casefold(), "15:00")]


async def test_an_unconfirmed_request_is_no_circle(call: SpokenCall) -> None:
    request = friday_at(call.pod, confirmed=False)
    first, second = [await _ask_plainly(call, request) for _ in range(2)]
    assert (first["success"], second["success"], await call.live()) == (False, False, [])
    assert first["message"] != second["message"]
    assert (await _ask_plainly(call, request | {"confirmed": True}))["success"]


async def test_a_no_books_nothing(call: SpokenCall) -> None:
    request = friday_at(call.pod, confirmed=False)
    assert not (await call.ask(BOOK, request))["success"]
    call.say("Nein.")
    assert not (await call.ask(BOOK, request))["success"]
    assert await call.live() == []


async def _ask_plainly(call: SpokenCall, request: dict[str, Any]) -> dict[str, Any]:
    """Ask without a transcript, after the caller has had time for an answer."""
    await call.pod.let_two_seconds_pass(call.call_id)
    return (await call.pod.function(BOOK, call.call_id, request, from_number=call.number)).body
