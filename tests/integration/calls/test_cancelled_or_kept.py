"""Answers to "Shall I cancel …?": a no keeps the appointment, and one yes may answer several of these questions."""

from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import SENTENCES
from tests.worlds.spoken_calls import BEARD, SpokenCall, friday_at

BOOK, CANCEL = "book_appointment", "cancel_appointment"
YES_OR_NO, STAYS = SENTENCES[Language.DE].yes_or_no, "bleibt bestehen."


async def book_two(call: SpokenCall) -> tuple[str, str]:
    """Book for two people, and return the ids."""
    first = await call.ask(BOOK, friday_at(call.pod))
    otto = friday_at(call.pod, "16:00", service=BEARD, customer_name="Otto Kurz", another=True)
    second = await call.ask(BOOK, otto)
    assert (first["success"], second["success"]) == (True, True), second
    return first["appointment_id"], second["appointment_id"]


def confirmed(appointment: str) -> tuple[str, dict[str, Any]]:
    return CANCEL, {"appointment_id": appointment, "confirmed": True}


@pytest.mark.parametrize("more", [{"confirmed": False}, {}, {"confirmed": True}])
@pytest.mark.parametrize(
    "no",
    [
        "No.", "No, keep it.", "Nein, doch nicht.", "Nein danke, der bleibt.", "Nein.", "Ach nein, lassen Sie ihn stehen.",
        "Nee, lieber nicht.", "Nein, ich komme.", "No thank you.", "Nein, bitte nicht.", "Nope.", "Actually, no.",
    ],
)  # fmt: skip
async def test_a_no_keeps_the_appointment(call: SpokenCall, no: str, more: dict[str, Any]) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod))
    named = {"appointment_id": booked["appointment_id"]}
    await call.ask(CANCEL, named)
    call.say(no)
    answer = await call.ask(CANCEL, named | more)
    assert (answer["success"], answer["message"].endswith(STAYS)) == (False, True), answer
    assert "needs_confirmation" not in answer
    assert len(await call.live()) == 1


@pytest.mark.parametrize(
    "words", ["Was kostet das?", "Wenn es nichts kostet, ja.", "Ja, falls das gebührenfrei ist.", "If it's free, yes."]
)
async def test_yes_on_condition_of_cost_repeats_cancellation_rule(call: SpokenCall, words: str) -> None:
    await call.ask(BOOK, friday_at(call.pod))
    rule = (await call.ask(CANCEL, {}))["message"].partition(". ")[0]
    call.say(words)
    answer = await call.ask(CANCEL, {"confirmed": True})
    assert (answer["needs_confirmation"], answer["message"].startswith(f"{rule}. Soll ich")) == (True, True), answer
    call.say("Dann ja, bitte.")
    assert (await call.ask(CANCEL, {}))["success"]
    assert await call.live() == []


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("yeah bin it", {}),
        ("ja genau den mit den Haaren also blut bleibt", {}),
        ("Wann war der denn?", {}),
        ("Nein, kein Problem, sagen Sie ab.", {}),
        ("Geht leider nicht anders.", {}),
        ("Nein, ich kann nicht kommen.", {}),
        ("Nein, ja doch.", {"confirmed": False}),
    ],
)
async def test_unclear_answer_repeats_the_cancellation_question(
    call: SpokenCall, words: str, more: dict[str, Any]
) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod))
    named = {"appointment_id": booked["appointment_id"]}
    await call.ask(CANCEL, named)
    call.say(words)
    answer = await call.ask(CANCEL, named | more)
    assert (answer["needs_confirmation"], answer["message"].startswith(YES_OR_NO)) == (True, True), answer
    assert len(await call.live()) == 1


async def test_cancellation_after_a_withdrawal_is_asked_again(call: SpokenCall) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod))
    named = {"appointment_id": booked["appointment_id"]}
    await call.ask(CANCEL, named)
    call.say("Nein, doch nicht.")
    await call.ask(CANCEL, named | {"confirmed": False})
    repeated = await call.ask(CANCEL, named | {"confirmed": False})
    assert repeated["message"].endswith(STAYS), repeated
    call.say("Ach, sagen Sie ihn doch ab.")
    asked = await call.ask(CANCEL, named | {"confirmed": True})
    assert (asked["needs_confirmation"], YES_OR_NO in asked["message"]) == (True, False), asked
    call.say("Ja.")
    assert (await call.ask(CANCEL, named | {"confirmed": True}))["success"]


@pytest.mark.parametrize(
    "yes",
    [
        "Ja, beide.",
        "Ja, alle beide.",
        "Ja, alle.",
        "Ja.",
        "Yes, both.",
        "Beide.",
        "Ja bitte, beide absagen.",
        "Both of them.",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_one_yes_answers_both_cancellation_questions(call: SpokenCall, yes: str, at_once: bool) -> None:
    both = await book_two(call)
    call.say("Beide absagen, bitte.")
    questions = [(CANCEL, {"appointment_id": each}) for each in both]
    asked = await call.ask_at_once(*questions) if at_once else [await call.ask(*each) for each in questions]
    assert all(each["needs_confirmation"] for each in asked), asked
    call.say(yes)
    answers = [confirmed(each) for each in both]
    done = await call.ask_at_once(*answers) if at_once else [await call.ask(*each) for each in answers]
    assert [each["success"] for each in done] == [True, True], done
    assert await call.live() == []


async def test_separate_yes_answers_each_cancellation_question(call: SpokenCall) -> None:
    """Only the first one is asked about before the caller agrees to both."""
    first, second = await book_two(call)
    call.say("Beide absagen, bitte.")
    await call.ask(CANCEL, {"appointment_id": first})
    call.say("Ja, beide.")
    assert (await call.ask(*confirmed(first)))["success"]
    assert (await call.ask(*confirmed(second)))["needs_confirmation"]
    call.say("Ja.")
    assert (await call.ask(*confirmed(second)))["success"]
    assert await call.live() == []


@pytest.mark.parametrize("words", ["Nein.", "Nein, keinen von beiden.", "Beide nicht.", "Moment."])
async def test_both_appointments_stay_without_a_yes(call: SpokenCall, words: str) -> None:
    both = await book_two(call)
    await call.ask_at_once(*((CANCEL, {"appointment_id": each}) for each in both))
    call.say(words)
    answers = await call.ask_at_once(*map(confirmed, both))
    assert not any(each["success"] for each in answers), answers
    assert len(await call.live()) == len(both)


async def test_yes_cancels_only_the_appointment_asked_last(call: SpokenCall) -> None:
    first, second = await book_two(call)
    await call.ask(CANCEL, {"appointment_id": first})
    call.say("Nein, den von Otto.")
    await call.ask(CANCEL, {"appointment_id": second})
    call.say("Ja.")
    answers = await call.ask_at_once(confirmed(first), confirmed(second))
    assert [each["success"] for each in answers] == [False, True], answers
    assert [name for *_, name in await call.live()] == ["Petra Lange"]
