"""An appointment is cancelled only if the caller has agreed to it. The caller may name it by its day and time."""

import asyncio
from dataclasses import replace

from askproai_core.languages import Language
from askproai_runtime.conversation import find
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.cancellations import NEXT_CALL, TUESDAY, after_answer, book, let_two_seconds_pass, salon

__all__ = ["salon"]  # the fixture


async def test_cancellation_rule_is_said_once_before_the_question(new_salon) -> None:
    """The tenant's rule is free text, so no code decides what is late: an appointment of today can be cancelled."""
    salon = await new_salon(cancellation_rule="Unter 24 Stunden berechnen wir die Hälfte.")
    (booked,) = await book(salon, "2026-11-20T15:00:00+01:00")
    question = "Soll ich Ihren Termin am Freitag, den 20. November, um 15 Uhr, Haarschnitt bei Anna, absagen?"
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {})
    rule = "Unter 24 Stunden berechnen wir die Hälfte."
    assert asked.message == f"{rule} Sagen Sie es, wenn Sie lieber verschieben. {question}"
    again = await salon.booking.ask_to_cancel(after_answer(booked, Reply.NO), {"confirmed": True})
    assert again.message == f"Ein Ja oder Nein genügt. {question}"
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})).success


async def test_fee_question_is_answered_in_any_language(new_salon) -> None:
    for rule, told in (("Absagen kostet nichts.", "Absagen kostet nichts."), ("", "I have no information about")):
        salon = await new_salon(cancellation_rule=rule)
        (booked,) = await book(salon, HALF_PAST_TWO)
        with speaking(Language.EN):
            await salon.booking.ask_to_cancel(NEXT_CALL, {})
            asks = replace(after_answer(booked, Reply.NO), said_since="hang on is there a fee")
            asked = await salon.booking.ask_to_cancel(asks, {"confirmed": True})
        assert asked.message.startswith(told), asked
        assert "Shall I cancel" in asked.message


async def test_cancel_question_without_a_rule_offers_only_moving(new_salon) -> None:
    salon = await new_salon(cancellation_rule="")
    await book(salon, HALF_PAST_TWO)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {})
    assert asked.message.startswith("Sagen Sie es, wenn Sie lieber verschieben. Soll ich Ihren Termin am ")


async def test_unclear_reply_needs_the_models_confirmation(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    assert not (await salon.booking.ask_to_cancel(NEXT_CALL, {})).success
    await let_two_seconds_pass(salon)
    for unclear in (NEXT_CALL, after_answer(booked, Reply.UNCLEAR)):
        assert (await salon.booking.ask_to_cancel(unclear, {})).fields["needs_confirmation"]
    assert len(await salon.live()) == 1
    assert (await salon.booking.ask_to_cancel(after_answer(booked, Reply.UNCLEAR), {"confirmed": True})).success


async def test_simultaneous_requests_without_transcript_cancel_nothing(salon) -> None:
    """A voice model calls a function twice in one turn; nobody has heard the question between them."""
    await book(salon, HALF_PAST_TWO)
    both = await asyncio.gather(*(salon.booking.ask_to_cancel(NEXT_CALL, args) for args in ({}, {"reason": "krank"})))
    assert all(answer.fields["needs_confirmation"] for answer in both), both
    assert len(await salon.live()) == 1


async def test_appointment_moved_after_the_yes_is_asked_again(salon, monkeypatch) -> None:
    (booked,) = await book(salon, TUESDAY)
    await salon.booking.ask_to_cancel(NEXT_CALL, {})
    agreed, moves = find._require_agreement, iter([HALF_PAST_TWO])

    async def move_meanwhile(*args, **options) -> None:
        await agreed(*args, **options)
        for start in moves:
            move = {"appointment_id": booked, "start": start}
            assert (await salon.booking.reschedule_appointment(call("call_3"), move)).success

    monkeypatch.setattr(find, "_require_agreement", move_meanwhile)
    asked = await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})
    assert "Soll ich Ihren Termin am Freitag, den 27. November, um 14 Uhr 30" in asked.message
    assert len(await salon.live()) == 1
