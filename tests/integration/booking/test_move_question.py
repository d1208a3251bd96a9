"""A move that names a wrong time of the appointment: the caller is asked once, and no question repeats forever."""

from dataclasses import replace
from datetime import datetime

import pytest

from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import meant_key
from tests.worlds.booking_environment import HALF_PAST_TWO
from tests.worlds.cancellations import NEXT_CALL, TUESDAY, TUESDAY_LATER, WEDNESDAY, book, let_two_seconds_pass, salon

pytestmark = pytest.mark.nightly

__all__ = ["salon"]  # the fixture
WRONG_TIME = {"appointment_date": "Dienstag", "appointment_time": "Viertel nach elf"}
WEDNESDAY_AFTER = "2026-12-02T15:00:00+01:00"  # not the coming one
NEW_TIME = {"date": "Freitag, 27. November", "time": "halb drei"}


async def test_wrong_time_asks_about_that_days_appointment(salon) -> None:
    on_tuesday, _ = await book(salon, TUESDAY, WEDNESDAY)
    asked = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME | NEW_TIME)
    assert asked.message == (
        "Dienstag, den 24. November, um 11 Uhr 15: Da finde ich keinen Termin von Ihnen. "
        "Meinen Sie den am Dienstag, den 24. November, um 10 Uhr, Haarschnitt bei Anna?"
    )
    assert asked.fields["appointment_id"] == on_tuesday
    assert [each["appointment_id"] for each in asked.fields["appointments"]] == [on_tuesday]
    answer = await salon.booking.reschedule_appointment(NEXT_CALL, {"appointment_id": on_tuesday} | NEW_TIME)
    assert (answer.success, answer.fields["start"]) == (True, HALF_PAST_TWO), answer


async def test_repeated_move_asks_which_appointment_only_once(salon) -> None:
    on_tuesday, _ = await book(salon, TUESDAY, WEDNESDAY)
    for _ in range(2):  # twice in one turn: nobody has heard the question yet
        asked = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME)
        assert "Meinen Sie den am Dienstag" in asked.message
    await let_two_seconds_pass(salon)
    asked = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME)
    assert asked.message == "Auf welchen Tag und welche Uhrzeit soll ich den Termin verschieben?"
    answer = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME | NEW_TIME)
    assert (answer.success, answer.fields["appointment_id"]) == (True, on_tuesday), answer


async def test_move_needs_a_yes_in_the_transcript(salon) -> None:
    on_tuesday, _ = await book(salon, TUESDAY, WEDNESDAY)
    await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME | NEW_TIME)
    await let_two_seconds_pass(salon)
    # nobody has answered; "Nein, den anderen"; "Ich glaube nicht"
    for replies in ({}, {meant_key(on_tuesday): Reply.NO}, {meant_key(on_tuesday): Reply.UNCLEAR}):
        asked = await salon.booking.reschedule_appointment(replace(NEXT_CALL, replies=replies), WRONG_TIME | NEW_TIME)
        assert (asked.success, asked.fields["needs_answer"]) == (False, True)
    agreed = replace(NEXT_CALL, replies={meant_key(on_tuesday): Reply.YES})
    assert (await salon.booking.reschedule_appointment(agreed, WRONG_TIME | NEW_TIME)).success


@pytest.mark.parametrize("others", [[], [TUESDAY_LATER]], ids=["the only one", "another on that day"])
async def test_repeated_move_moves_no_other_appointment(salon, others) -> None:
    """An answer that comes too late makes the model repeat the request, and the appointment is no longer at the named time."""
    moved, *_ = await book(salon, TUESDAY, *others)
    request = {"appointment_date": "Dienstag", "appointment_time": "um 10 Uhr"} | NEW_TIME
    for _ in range(3):
        answer = await salon.booking.reschedule_appointment(NEXT_CALL, request)
        assert (answer.success, answer.fields.get("appointment_id")) == (True, moved), answer
        await let_two_seconds_pass(salon)
    starts = {str(row["id"]): row["starts_at"] for row in await salon.live()}
    assert starts.pop(moved) == datetime.fromisoformat(HALF_PAST_TWO)
    assert list(starts.values()) == [datetime.fromisoformat(each) for each in others]


async def test_move_asks_about_the_appointment_not_yet_moved(salon) -> None:
    moved, other = await book(salon, WEDNESDAY, TUESDAY)
    by_id = {"appointment_id": moved}
    assert (await salon.booking.reschedule_appointment(NEXT_CALL, by_id | NEW_TIME)).success
    asked = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME | NEW_TIME)
    assert (asked.success, asked.fields["appointment_id"]) == (False, other), asked


async def test_naming_another_time_is_no_yes_to_move(salon) -> None:
    """ "Nein, den am Mittwoch" moves no appointment of Tuesday; asked again, the caller can still say yes."""
    (on_tuesday,) = await book(salon, TUESDAY)
    assert "Meinen Sie den am Dienstag" in (await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME)).message
    await let_two_seconds_pass(salon)
    no = {"appointment_date": "Mittwoch"} | NEW_TIME
    asked = await salon.booking.reschedule_appointment(NEXT_CALL, no)
    assert asked.message.startswith(
        "Mittwoch, den 25. November: Da finde ich keinen Termin von Ihnen. Meinen Sie den am"
    )
    assert [row["starts_at"] for row in await salon.live()] == [datetime.fromisoformat(TUESDAY)]
    await let_two_seconds_pass(salon)
    moved = await salon.booking.reschedule_appointment(NEXT_CALL, no)
    assert (moved.success, moved.fields["appointment_id"]) == (True, on_tuesday)


async def test_ambiguous_appointment_of_a_day_is_not_guessed(salon) -> None:
    await book(salon, TUESDAY, TUESDAY_LATER)
    for _ in range(2):
        asked = await salon.booking.reschedule_appointment(NEXT_CALL, WRONG_TIME | NEW_TIME)
        assert "Welchen Termin soll ich verschieben: Dienstag, den 24. November, um 10 Uhr" in asked.message
        await let_two_seconds_pass(salon)


async def test_cancellation_asks_about_the_named_days_appointment(salon) -> None:
    on_tuesday, _ = await book(salon, TUESDAY, WEDNESDAY)
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, WRONG_TIME)
    assert "Soll ich Ihren Termin am Dienstag, den 24. November, um 10 Uhr" in asked.message
    assert (asked.fields["appointment_id"], asked.fields["needs_confirmation"]) == (on_tuesday, True)
    assert len(await salon.live()) == 2


@pytest.mark.parametrize("day", ["Mittwoch", "am Mittwoch", "Mi", "Wednesday", "Mittwoch um 15 Uhr", "Mi., 15:00"])
@pytest.mark.parametrize("clock_time", [{}, {"appointment_time": "15 Uhr"}])
async def test_weekday_matches_an_appointment_of_any_week(salon, day, clock_time) -> None:
    (booked,) = await book(salon, WEDNESDAY_AFTER)
    args = {"appointment_id": booked, "appointment_date": day} | clock_time
    assert (await salon.booking.ask_to_cancel(NEXT_CALL, args)).fields["needs_confirmation"]
    assert (await salon.booking.reschedule_appointment(NEXT_CALL, args | NEW_TIME)).success


@pytest.mark.parametrize("day", ["Mittwoch", "Mittwoch um 15 Uhr"])
async def test_weekday_identifies_the_only_matching_appointment(salon, day) -> None:
    _, booked = await book(salon, TUESDAY, WEDNESDAY_AFTER)
    moved = await salon.booking.reschedule_appointment(NEXT_CALL, {"appointment_date": day} | NEW_TIME)
    assert (moved.success, moved.fields["appointment_id"]) == (True, booked)


@pytest.mark.parametrize(
    "named",
    [
        {"appointment_date": "Donnerstag"},
        {"appointment_date": "morgen"},
        {"appointment_date": "gestern"},
        {"appointment_date": "nächste Woche"},
        {"appointment_time": "10:45"},
        {"appointment_date": "Freitag, 27. November", "appointment_time": "halb drei"},
    ],
)
async def test_yes_confirms_the_id_despite_a_wrong_day(salon, named) -> None:
    (booked,) = await book(salon, WEDNESDAY_AFTER)
    args = {"appointment_id": booked} | named
    agreed = replace(NEXT_CALL, replies={meant_key(booked): Reply.YES})
    for function, new_time in ((salon.booking.ask_to_cancel, {}), (salon.booking.reschedule_appointment, NEW_TIME)):
        asked = await function(replace(NEXT_CALL, replies={}), args | new_time)
        assert (asked.success, asked.fields["needs_answer"], asked.fields["appointment_id"]) == (False, True, booked)
        assert "Meinen Sie den am Mittwoch, den 2. Dezember" in asked.message
    assert (await salon.booking.ask_to_cancel(agreed, args)).fields["needs_confirmation"]
    assert (await salon.booking.reschedule_appointment(agreed, args | NEW_TIME)).success
