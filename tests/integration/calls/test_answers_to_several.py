"""Answers such as "all", "anybody" or "the other one" are understood, and questions do not repeat endlessly."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import COLOR, CUT, SpokenCall, friday_at

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
async def test_all_but_one_appointment_needs_a_named_choice(call: SpokenCall, said: str) -> None:
    for clock, name in (("14:00", "Otto Lange"), ("16:00", "Petra Lange")):
        assert (await call.ask(BOOK, friday_at(call.pod, clock, customer_name=name, another=True)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    assert "needs_confirmation" not in await later.ask(CANCEL, {})


@pytest.mark.parametrize("said", ["Egal wer, Hauptsache vier.", "Egal bei wem, um vier.", "Bei irgendwem um vier."])
@pytest.mark.parametrize("is_refused_before", [True, False])
async def test_move_without_preference_takes_a_free_staff_member(
    call: SpokenCall, said: str, is_refused_before: bool
) -> None:
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "16:00", customer_name="Otto Kurz", staff="Anna")))["success"]
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    if is_refused_before:
        call.say("Auf vier.")
        assert not (await call.ask(MOVE, {"time": "16:00"}))["success"]
    call.say(said)
    assert (await call.ask(MOVE, {"time": "16:00"}))["success"]
    assert await call.live() == [("haarschnitt", "16:00", "mehmet", "Petra Lange")]


async def test_move_without_preference_keeps_a_free_staff_member(call: SpokenCall) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    call.say("Auf vier, egal bei wem.")
    assert (await call.ask(MOVE, {"time": "16:00"}))["success"]
    assert await call.live() == [("haarschnitt", "16:00", "anna", "Petra Lange")]


@pytest.mark.parametrize(
    ("said", "at"),
    [("Vier Uhr.", "16:00"), ("Um vier, bitte.", "16:00"), ("Das zweite, vier Uhr.", "16:00"), ("Um zwei.", "14:00")],
)
async def test_chosen_time_of_request_or_note_is_booked(call: SpokenCall, said: str, at: str) -> None:
    request = friday_at(call.pod, notes="doch lieber um vier")
    call.say("Freitag um zwei, doch lieber um vier.")
    assert not (await call.ask(BOOK, request))["success"]
    call.say(said)
    assert (await call.ask(BOOK, request))["success"]
    assert [each[1] for each in await call.live()] == [at]


@pytest.mark.parametrize("said", ["Ja, aber lieber um drei.", "Ja genau, aber bitte um drei.", "Ja, um drei."])
async def test_misheard_service_is_asked_about_once(call: SpokenCall, said: str) -> None:
    heard: dict[str, Any] = {"service": "Haarschnidd"}
    assert (await call.ask(BOOK, friday_at(call.pod) | heard))["heard"]
    call.say(said)
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00") | heard))["success"]
    assert [each[:2] for each in await call.live()] == [(CUT.casefold(), "15:00")]


async def call_with_two(call: SpokenCall) -> SpokenCall:
    """Return a later call of a number with a haircut of Petra's on a Wednesday, and a coloring of Otto's on a Friday."""
    first = friday_at(call.pod, "10:00", date="2026-11-25", staff="Anna")
    second = friday_at(call.pod, "13:00", date="2026-12-04", staff="Mehmet", service=COLOR, customer_name="Otto Lange")
    for args in (first, second):
        assert (await call.ask(BOOK, args | {"another": True}))["success"]
    return SpokenCall(call.pod, call.number)


FIRST, SECOND = "Mittwoch, den 25. November", "Freitag, den 4. Dezember"
CHOICES = [
    ("den ersten", FIRST), ("den zweiten bitte", SECOND), ("Den früheren", FIRST), ("der spätere", SECOND), ("den letzten", SECOND),
    ("the second one", SECOND), ("Nein, den zweiten.", SECOND), ("am ersten", FIRST), ("am vierten", SECOND), ("um zehn", FIRST),
    ("den bei Anna", FIRST), ("das Färben", SECOND), ("den Haarschnitt", FIRST), ("der von Otto", SECOND), ("am Freitag", SECOND),
    ("den im Dezember", SECOND),
]  # fmt: skip


@pytest.mark.parametrize(("said", "meant"), CHOICES)
@pytest.mark.parametrize("name", ["", "appointment_date"])
async def test_caller_chooses_which_of_two_appointments_to_cancel(
    call: SpokenCall, said: str, meant: str, name: str
) -> None:
    later = await call_with_two(call)
    later.say("Ich möchte absagen.")
    assert "Welchen Termin" in (await later.ask(CANCEL, {}))["message"]
    later.say(said)
    args = {name: said} if name else {}
    asked = await later.ask(CANCEL, args)
    assert (asked.get("needs_confirmation"), meant in asked["message"]) == (True, True), asked
    later.say("Ja.")
    done = await later.ask(CANCEL, args | {"confirmed": True})
    assert (done["success"], meant in done["message"]) == (True, True), done


@pytest.mark.parametrize(("said", "meant"), CHOICES)
@pytest.mark.parametrize("name", ["", "appointment_date"])
async def test_caller_chooses_which_of_two_appointments_to_move(
    call: SpokenCall, said: str, meant: str, name: str
) -> None:
    later, new = await call_with_two(call), {"time": "eine Stunde später"}
    later.say("Eine Stunde später, bitte.")
    assert "Welchen Termin" in (await later.ask(MOVE, new))["message"]
    later.say(said)
    done = await later.ask(MOVE, new | ({name: said} if name else {}))
    assert (done["success"], meant in done["message"]) == (True, True), done


@pytest.mark.parametrize(
    ("args", "meant"),
    [({"date": "den zweiten"}, SECOND), ({"staff": "Mehmet"}, SECOND), ({"appointment_id": "the first one"}, FIRST),
     ({"appointment_time": "der spätere"}, SECOND), ({"service": COLOR}, SECOND), ({"customer_name": "Petra Lange"}, FIRST)],
)  # fmt: skip
async def test_any_argument_identifies_the_appointment_to_move(
    call: SpokenCall, args: dict[str, str], meant: str
) -> None:
    later, new = await call_with_two(call), {"time": "14 Uhr"}
    assert "Welchen Termin" in (await later.ask(MOVE, new))["message"]
    later.say("Den da.")
    done = await later.ask(MOVE, new | args)
    assert (done["success"], meant in done["message"]) == (True, True), done


@pytest.mark.parametrize("named", ["den zweiten", "der spätere", "den letzten"])
async def test_ordinals_choose_an_appointment_without_a_transcript(call: SpokenCall, named: str) -> None:
    later = await call_with_two(call)
    assert not (await _ask_plainly(later, {}, CANCEL))["success"]
    asked = await _ask_plainly(later, {"appointment_date": named}, CANCEL)
    assert (asked["needs_confirmation"], SECOND in asked["message"]) == (True, True), asked
    assert (await _ask_plainly(later, {"appointment_date": named, "confirmed": True}, CANCEL))["success"]
    assert [each[3] for each in await call.live()] == ["Petra Lange"]


@pytest.mark.parametrize("said", ["Nein, den anderen.", "Nein, nicht den, den anderen.", "The other one, please."])
@pytest.mark.parametrize("args", [{}, {"appointment_date": "den anderen"}])
async def test_the_other_one_means_the_unasked_appointment(call: SpokenCall, said: str, args: dict[str, str]) -> None:
    later = await call_with_two(call)
    await later.ask(CANCEL, {})
    later.say("Den ersten.")
    assert FIRST in (await later.ask(CANCEL, {}))["message"]
    later.say(said)
    assert SECOND in (asked := await later.ask(CANCEL, args))["message"], asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, args | {"confirmed": True}))["success"]
    assert [each[3] for each in await call.live()] == ["Petra Lange"]


@pytest.mark.parametrize("args", [{}, {"appointment_date": "beide"}, {"appointment_date": "alle beide"}])
async def test_both_appointments_are_cancelled_one_by_one(call: SpokenCall, args: dict[str, str]) -> None:
    later = await call_with_two(call)
    await later.ask(CANCEL, {})
    later.say("Beide.")
    asked = await later.ask(CANCEL, args)
    assert (asked["needs_confirmation"], "einen nach dem anderen" in asked["message"]) == (True, True), asked
    for _ in range(2):
        later.say("Ja.")
        done = await later.ask(CANCEL, args | {"confirmed": True})
        if not done["success"]:
            later.say("Ja.")
            done = await later.ask(CANCEL, args | {"confirmed": True})
        assert done["success"], done
    assert await call.live() == []


async def test_two_named_days_cancel_appointments_one_by_one(call: SpokenCall) -> None:
    for day, clock in (("2026-11-25", "10:00"), ("2026-12-04", "13:00"), ("2026-12-09", "10:00")):
        wanted = {"service": CUT, "date": day, "time": clock, "customer_name": "Sven Kurz", "another": True}
        assert (await call.ask(BOOK, wanted))["success"]
    later, args = SpokenCall(call.pod, call.number), {"appointment_date": "25. November und 4. Dezember"}
    later.say("Sagen Sie bitte die beiden ab, am fünfundzwanzigsten und am vierten.")
    asked = await later.ask(CANCEL, args)
    assert (asked["needs_confirmation"], "10 Uhr" in asked["message"]) == (True, True), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, args | {"confirmed": True}))["success"]
    later.say("Und den am vierten.")
    asked = await later.ask(CANCEL, args)
    assert (asked["needs_confirmation"], "13 Uhr" in asked["message"]) == (True, True), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, args | {"confirmed": True}))["success"]
    assert len(await call.live()) == 1


@pytest.mark.parametrize(
    "said", ["Nicht den ersten.", "Den ersten oder den zweiten?", "Wann war der bei Anna?", "Egal."]
)
async def test_unclear_choice_moves_no_appointment(call: SpokenCall, said: str) -> None:
    later, new = await call_with_two(call), {"time": "eine Stunde später"}
    await later.ask(MOVE, new)
    later.say(said)
    assert "Welchen Termin" in (await later.ask(MOVE, new))["message"]


async def test_date_just_asked_about_is_no_ordinal(call: SpokenCall) -> None:
    later, args = await call_with_two(call), {"appointment_date": "am zweiten", "time": "eine Stunde später"}
    later.say("Meinen Termin am zweiten eine Stunde später.")
    assert "2. Dezember: Da finde ich keinen" in (await later.ask(MOVE, args))["message"]
    later.say("Ach, den am Mittwoch.")
    done = await later.ask(MOVE, args)
    assert (done["success"], FIRST in done["message"]) == (True, True), done


async def test_new_day_does_not_choose_the_appointment(call: SpokenCall) -> None:
    later = await call_with_two(call)
    await later.ask("find_appointments", {})
    later.say("Am Freitag um elf, ginge das? Lieber Freitag.")
    assert "Welchen Termin" in (await later.ask(MOVE, {"date": "Freitag", "time": "elf Uhr"}))["message"]


async def test_repeated_unconfirmed_booking_gets_a_different_question(call: SpokenCall) -> None:
    request = friday_at(call.pod, confirmed=False)
    first, second = [await _ask_plainly(call, request) for _ in range(2)]
    assert (first["success"], second["success"], await call.live()) == (False, False, [])
    assert first["message"] != second["message"]
    assert (await _ask_plainly(call, request | {"confirmed": True}))["success"]


async def test_no_to_the_booking_question_books_nothing(call: SpokenCall) -> None:
    request = friday_at(call.pod, confirmed=False)
    assert not (await call.ask(BOOK, request))["success"]
    call.say("Nein.")
    assert not (await call.ask(BOOK, request))["success"]
    assert await call.live() == []


async def _ask_plainly(call: SpokenCall, request: dict[str, Any], name: str = BOOK) -> dict[str, Any]:
    """Ask without a transcript, after the caller has had time for an answer."""
    await call.pod.let_two_seconds_pass(call.call_id)
    return (await call.pod.function(name, call.call_id, request, from_number=call.number)).body
