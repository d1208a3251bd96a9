"""An appointment is cancelled only if the caller has agreed to it. The caller may name it by its day and time."""

import asyncio
from dataclasses import replace

import pytest

from askproai_runtime.conversation import find
from askproai_runtime.conversation.types import AskedChoice, Choice, FunctionOutcome
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, booking_args, call
from tests.worlds.cancellations import (
    NEXT_CALL,
    TUESDAY,
    TUESDAY_LATER,
    WEDNESDAY,
    after_answer,
    book,
    let_two_seconds_pass,
    salon,
)

__all__ = ["salon"]  # the fixture


async def test_appointment_is_cancelled_only_after_a_yes(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {"confirmed": True})
    assert asked.message == (
        "Absagen kostet bis vierundzwanzig Stunden vorher nichts. Sagen Sie es, wenn Sie lieber verschieben. "
        "Soll ich Ihren Termin am Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna, absagen?"
    )
    assert (asked.success, asked.fields["appointment_id"]) == (False, booked)
    assert len(await salon.live()) == 1
    await let_two_seconds_pass(salon)
    for _ in range(2):  # repeated it is a success, too
        answer = await salon.booking.ask_to_cancel(NEXT_CALL, {"confirmed": True})
        assert (answer.success, answer.fields["status"]) == (True, "cancelled")
    assert await salon.live() == []


async def test_cancellation_rule_is_said_once_before_the_question(new_salon) -> None:
    """An appointment of this very day can be cancelled; the tenant's words are a free text, so nothing knows what is late."""
    salon = await new_salon(cancellation_rule="Unter 24 Stunden berechnen wir die Hälfte.")
    (booked,) = await book(salon, "2026-11-20T15:00:00+01:00")
    question = "Soll ich Ihren Termin am Freitag, den 20. November, um 15 Uhr, Haarschnitt bei Anna, absagen?"
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {})
    assert (
        asked.message
        == f"Unter 24 Stunden berechnen wir die Hälfte. Sagen Sie es, wenn Sie lieber verschieben. {question}"
    )
    again = await salon.booking.ask_to_cancel(after_answer(booked, Reply.NO), {"confirmed": True})
    assert again.message == f"Ein Ja oder Nein genügt. {question}"
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})).success


async def test_cancel_question_without_a_rule_offers_only_moving(new_salon) -> None:
    salon = await new_salon(cancellation_rule="")
    await book(salon, HALF_PAST_TWO)
    assert (await salon.booking.ask_to_cancel(NEXT_CALL, {})).message.startswith(
        "Sagen Sie es, wenn Sie lieber verschieben. Soll ich Ihren Termin am "
    )


async def test_unclear_reply_needs_the_models_confirmation(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    assert not (await salon.booking.ask_to_cancel(NEXT_CALL, {})).success
    await let_two_seconds_pass(salon)
    for unclear in (NEXT_CALL, after_answer(booked, Reply.UNCLEAR)):
        assert (await salon.booking.ask_to_cancel(unclear, {})).fields["needs_confirmation"]
    assert len(await salon.live()) == 1
    assert (await salon.booking.ask_to_cancel(after_answer(booked, Reply.UNCLEAR), {"confirmed": True})).success


async def test_clear_yes_needs_no_confirmation_by_the_model(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    assert not (await salon.booking.ask_to_cancel(NEXT_CALL, {})).success
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {})).success


@pytest.mark.parametrize("args", [{}, {"confirmed": True}])
async def test_spoken_no_overrides_the_models_confirmed_argument(salon, args) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    assert not (await salon.booking.ask_to_cancel(NEXT_CALL, {})).success
    answer = await salon.booking.ask_to_cancel(after_answer(booked, Reply.NO), args)
    assert answer.fields["needs_confirmation"]
    assert len(await salon.live()) == 1


async def test_simultaneous_requests_without_transcript_cancel_nothing(salon) -> None:
    """A voice model calls a function twice in one turn; nobody has heard the question between them."""
    await book(salon, HALF_PAST_TWO)
    both = await asyncio.gather(*(salon.booking.ask_to_cancel(NEXT_CALL, args) for args in ({}, {"reason": "krank"})))
    assert all(answer.fields["needs_confirmation"] for answer in both), both
    assert len(await salon.live()) == 1


async def test_confirmed_false_or_another_call_confirms_no_cancellation(salon) -> None:
    await book(salon, HALF_PAST_TWO)
    for args in ({}, {"confirmed": False}, {"confirmed": False}):
        assert (await salon.booking.ask_to_cancel(NEXT_CALL, args)).fields["needs_confirmation"]
        await let_two_seconds_pass(salon)
    assert (await salon.booking.ask_to_cancel(call("call_3"), {"confirmed": True})).fields["needs_confirmation"]
    assert len(await salon.live()) == 1


async def test_unanswered_cancel_question_is_repeated(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    unanswered = replace(NEXT_CALL, replies={})
    for _ in range(2):
        assert (await salon.booking.ask_to_cancel(unanswered, {"confirmed": True})).fields["needs_confirmation"]
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})).success


@pytest.mark.parametrize(
    ("named", "nth"),
    [
        ({"appointment_date": "am Mittwoch"}, 2),
        ({"appointment_date": "Dienstag", "appointment_time": "um drei"}, 1),
        ({"appointment_date": "am Dienstag um 10 Uhr"}, 0),
        ({"appointment_date": "2026-11-25"}, 2),
        ({"appointment_time": "10 Uhr"}, 0),
        ({"appointment_date": "in fünf Tagen"}, 2),
        ({"appointment_date": "Mi 25.11."}, 2),
        ({"appointment_date": "nicht Dienstag, sondern Mittwoch"}, 2),
    ],
)
async def test_named_appointment_among_several_is_cancelled(salon, named, nth: int) -> None:
    ids = await book(salon, TUESDAY, TUESDAY_LATER, WEDNESDAY)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, named)
    assert asked.fields["appointment_id"] == ids[nth], asked
    for args in (named, named):  # a model that repeats itself cancels no other one
        answer = await salon.booking.ask_to_cancel(after_answer(ids[nth]), args)
        assert (answer.success, answer.fields["appointment_id"]) == (True, ids[nth]), answer
    assert len(await salon.live()) == 2


NOT_READ = [
    ("der andere", "Den Tag oder die Uhrzeit habe ich nicht verstanden."),
    ("Dienstag oder so ähnlich", "Den Tag oder die Uhrzeit habe ich nicht verstanden."),
    ("Dienstach", "Den Tag oder die Uhrzeit habe ich nicht verstanden."),
    ("gestern", "Dieser Zeitpunkt ist schon vorbei."),
    ("19.11.2026", "Dieser Zeitpunkt ist schon vorbei."),
    ("31. Februar", "Diesen Tag oder diese Uhrzeit gibt es nicht."),
]


@pytest.mark.parametrize(("words", "preface"), NOT_READ)
async def test_yes_with_an_unclear_day_cancels_nothing(salon, words: str, preface: str) -> None:
    _, asked_about = await book(salon, TUESDAY, WEDNESDAY)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": "am Mittwoch"})
    assert asked.fields["appointment_id"] == asked_about
    args = {"appointment_date": words, "confirmed": True}
    answer = await salon.booking.ask_to_cancel(after_answer(asked_about), args)
    assert answer.message.startswith(f"{preface} Welchen Termin soll ich absagen: Dienstag, den 24. November"), answer
    assert len(answer.fields["appointments"]) == 2
    assert len(await salon.live()) == 2


@pytest.mark.parametrize(("words", "preface"), NOT_READ)
async def test_unclear_appointment_is_asked_about_before_any_change(salon, words: str, preface: str) -> None:
    (only,) = await book(salon, TUESDAY)
    moved = await salon.booking.reschedule_appointment(NEXT_CALL, {"appointment_date": words, "start": HALF_PAST_TWO})
    assert moved.message.startswith(f"{preface} Meinen Sie den am Dienstag, den 24. November"), moved
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_time": "wie immer"})
    assert [appointment["appointment_id"] for appointment in asked.fields["appointments"]] == [only]
    (row,) = await salon.live()
    assert row["version"] == 1


async def test_second_yes_cancels_no_other_appointment(salon) -> None:
    """After the first cancellation the caller wants the other one cancelled, and the model names none."""
    first, other = await book(salon, TUESDAY, WEDNESDAY)
    await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": "Dienstag"})
    assert (await salon.booking.ask_to_cancel(after_answer(first), {"confirmed": True})).success
    answer = await salon.booking.ask_to_cancel(after_answer(first), {"confirmed": True})
    assert not answer.success
    assert answer.message.startswith("Ein Termin ist schon abgesagt. Absagen kostet")
    assert "Soll ich Ihren Termin am Mittwoch" in answer.message
    assert (answer.fields["appointment_id"], len(await salon.live())) == (other, 1)
    assert (await salon.booking.ask_to_cancel(after_answer(other), {"confirmed": True})).success
    assert await salon.live() == []


@pytest.mark.parametrize(
    "args", [{"appointment_id": "7f1c2a34-0000-4000-8000-000000000000"}, {"appointment_date": "der andere"}]
)
async def test_wrongly_described_single_appointment_needs_a_yes(salon, args: dict[str, str]) -> None:
    (only,) = await book(salon, TUESDAY)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, args)
    assert (asked.fields["appointment_id"], asked.fields["needs_answer"]) == (only, True), asked
    meant = replace(NEXT_CALL, replies={f"meant {only}": Reply.YES})
    answer = await salon.booking.ask_to_cancel(meant, args | {"confirmed": True})
    assert (answer.fields["appointment_id"], answer.fields["needs_confirmation"]) == (only, True), answer
    both = replace(NEXT_CALL, replies={f"meant {only}": Reply.YES, only: Reply.YES})
    assert (await salon.booking.ask_to_cancel(both, args | {"confirmed": True})).success


async def test_weekday_identifies_an_appointment_of_another_week(salon) -> None:
    ids = await book(salon, "2026-12-03T10:00:00+01:00", "2026-12-04T10:00:00+01:00")
    for day, booked in zip(("Donnerstag", "am Freitag"), ids, strict=True):
        asked = await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": day})
        assert (asked.fields["appointment_id"], asked.fields["needs_confirmation"]) == (booked, True), asked


async def test_yes_after_another_calls_move_is_asked_again(salon) -> None:
    """Another call of this number has moved the appointment since."""
    (booked,) = await book(salon, TUESDAY)
    await salon.booking.ask_to_cancel(NEXT_CALL, {})
    args = {"appointment_id": booked, "start": HALF_PAST_TWO}
    assert (await salon.booking.reschedule_appointment(call("call_3"), args)).success
    asked = await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})
    assert "Soll ich Ihren Termin am Freitag, den 27. November, um 14 Uhr 30" in asked.message
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})).success


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


@pytest.mark.parametrize(
    "function", ["move_there_and_back", "book_another"], ids=["moved there and back", "booked another"]
)
async def test_booking_or_moving_ends_the_cancel_question(salon, function: str) -> None:
    (booked,) = await book(salon, TUESDAY)
    await salon.booking.ask_to_cancel(NEXT_CALL, {})
    if function == "book_another":
        another = booking_args(WEDNESDAY, staff="anna", another=True)
        assert (await salon.booking.book_appointment(NEXT_CALL, another)).success
    else:
        for start in (HALF_PAST_TWO, TUESDAY):
            args = {"appointment_id": booked, "start": start}
            assert (await salon.booking.reschedule_appointment(NEXT_CALL, args)).success
    asked = await salon.booking.ask_to_cancel(after_answer(booked), {"appointment_id": booked, "confirmed": True})
    assert asked.fields["needs_confirmation"], asked
    assert (await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": True})).success


async def test_unspecific_yes_answers_the_last_cancel_question(salon) -> None:
    ids = await book(salon, TUESDAY, WEDNESDAY)
    for day in ("Dienstag", "Mittwoch", "Dienstag"):
        assert not (await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": day})).success
    answer = await salon.booking.ask_to_cancel(
        replace(NEXT_CALL, replies=dict.fromkeys(ids, Reply.YES)), {"confirmed": True}
    )
    assert (answer.success, answer.fields["appointment_id"]) == (True, ids[0])


async def test_at_most_three_nearest_appointments_are_listed(salon) -> None:
    await book(salon, TUESDAY, TUESDAY_LATER, WEDNESDAY, MORNING, HALF_PAST_TWO)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {})
    assert asked.message == (
        "Sie haben 5 Termine. Welchen Termin soll ich absagen? Die nächsten sind"
        " Dienstag, den 24. November, um 10 Uhr, Haarschnitt bei Anna,"
        " Dienstag, den 24. November, um 15 Uhr, Haarschnitt bei Anna"
        " und Mittwoch, den 25. November, um 15 Uhr, Haarschnitt bei Anna."
    )
    assert len(asked.fields["appointments"]) == 5  # the caller may name any of them
    on_tuesday = await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": "Dienstag"})
    assert on_tuesday.message.startswith("Welchen Termin soll ich absagen: Dienstag, den 24. November, um 10 Uhr")
    assert len(on_tuesday.fields["appointments"]) == 2


async def test_closest_appointment_is_said_for_a_wrong_day(salon) -> None:
    await book(salon, TUESDAY, MORNING)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {"appointment_date": "Samstag, 28. November"})
    assert asked.message.startswith("Samstag, den 28. November: Da finde ich keinen Termin von Ihnen. Welchen Termin")
    assert asked.message.index("Freitag") < asked.message.index("Dienstag")
    assert len(await salon.live()) == 2


async def test_strangers_appointment_is_not_found_by_its_time(salon) -> None:
    await book(salon, TUESDAY)
    stranger = call("call_9", "+4915199999999")
    for args in ({"appointment_date": "Dienstag"}, {"confirmed": True}):
        answer = await salon.booking.ask_to_cancel(stranger, args)
        assert answer.message.startswith("Unter Ihrer Nummer finde ich keinen kommenden Termin.")


async def test_named_appointment_among_several_is_moved(salon) -> None:
    ids = await book(salon, TUESDAY, WEDNESDAY)
    args = {"appointment_date": "am Mittwoch", "date": "Freitag, 27. November", "time": "halb drei"}
    answer = await salon.booking.reschedule_appointment(NEXT_CALL, args)
    assert (answer.fields["appointment_id"], answer.fields["start"]) == (ids[1], HALF_PAST_TWO), answer


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("Nein, dann lassen.", FunctionOutcome.KEPT), ("Nein, auf keinen Fall absagen.", FunctionOutcome.KEPT),
        ("Nein, den Haarschnitt nicht absagen.", FunctionOutcome.KEPT), ("Absagen.", FunctionOutcome.ASKED_BACK),
        ("Nein, absagen.", FunctionOutcome.ASKED_BACK),
    ],
)  # fmt: skip
async def test_no_to_the_choice_of_appointments_cancels_nothing(salon, said, outcome) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    choice = AskedChoice(booked, frozenset({Choice.FURTHER, Choice.CANCEL}))
    answered = replace(call("call_1"), replies={}, asked_choices=(choice,), said_since=said)
    kept = await salon.booking.ask_to_cancel(answered, {"appointment_id": booked, "confirmed": False})
    assert (kept.success, kept.outcome) == (False, outcome), kept.message
    claimed = await salon.booking.ask_to_cancel(answered, {"appointment_id": booked, "confirmed": True})
    assert not claimed.success, claimed.message
    assert len(await salon.live()) == 1
