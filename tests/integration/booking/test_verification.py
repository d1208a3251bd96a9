"""A tenant with a second factor: nobody hears of, moves or cancels an appointment without name and birth date."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import asyncpg
import msgspec
import pytest

from askproai_core.tenant_config import CallerVerification
from askproai_runtime.book.appointments import Status
from askproai_runtime.conversation.types import Answer
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call
from tests.worlds.databases import Database

BORN, PETRA = "1985-03-12", "Petra Müller"
RIGHT = {"customer_name": PETRA, "birth_date": BORN}
OWN, OTHER = "+4915112345678", "+4915199999999"


@pytest.fixture
async def practice(new_salon) -> Salon:
    """A tenant that asks for birth dates, with one appointment of Petra Müller that was booked from `OWN`."""
    salon: Salon = await new_salon(caller_verification=CallerVerification.NAME_AND_BIRTH_DATE)
    answer = await salon.book(birth_date="12.3.1985", by=call("before", OWN))
    assert answer.success, answer
    return salon


async def each_function(salon: Salon, call_id: str, caller: str | None, **args: Any) -> list[Answer]:
    """Return the answer of each function that finds appointments, each in a call of its own."""
    at = {"start": "2026-11-27T16:00:00+01:00"}
    return [
        await salon.booking.find_appointments(call(f"{call_id}_find", caller), args),
        await salon.booking.reschedule_appointment(call(f"{call_id}_move", caller), args | at),
        await salon.booking.ask_to_cancel(call(f"{call_id}_cancel", caller), args | {"confirmed": True}),
    ]


async def test_booking_requires_and_stores_the_birth_date(practice: Salon) -> None:
    (row,) = await practice.live()
    assert row["birth_date"] == date(1985, 3, 12)
    for wrong in ({}, {"birth_date": "31.2.1985"}, {"birth_date": "2036-01-01"}):
        answer = await practice.book(MORNING, by=call("other"), **wrong)
        assert (answer.success, answer.message) == (False, "Wie ist das Geburtsdatum? Bitte mit Tag, Monat und Jahr.")
    assert len(await practice.live()) == 1


async def test_caller_answers_which_year_of_birth(practice: Salon) -> None:
    args = booking_args(MORNING, name="Tim Weber", birth_date="01.05.19")
    asked = await practice.booking.book_appointment(call("child"), args)
    assert asked.message == "Welches Geburtsjahr ist richtig, 2019 oder 1919?"
    answering = replace(call("child"), utterances=("Mittwoch um neun.", "Zweitausendneunzehn.", "Ja."))
    answer = await practice.booking.book_appointment(answering, args)
    assert answer.success, answer
    assert [row["birth_date"] for row in await practice.live()] == [date(1985, 3, 12), date(2019, 5, 1)]


@pytest.mark.parametrize("written", ["03/04/1959", "1959-04-03"])
async def test_stored_birth_date_is_one_the_caller_said(practice: Salon, written: str) -> None:
    """Models write the month first, or exchange day and month."""
    said = ("Vierter März neunzehnhundertneunundfünfzig.", "Ja.")
    args, talk = booking_args(MORNING, name="Tim Weber", birth_date=written), replace(call("elder"), utterances=said)
    answer = await practice.booking.book_appointment(talk, args)
    if not answer.success:
        assert answer.message == "Welcher Geburtsmonat ist richtig, April oder März?"
        talk = replace(talk, asked_unclear=frozenset({"birth_date"}), utterances=(*said, "März."), said_since="März.")
        assert (await practice.booking.book_appointment(talk, args)).success
    assert [row["birth_date"] for row in await practice.live()] == [date(1985, 3, 12), date(1959, 3, 4)]


async def test_unclear_year_of_birth_is_asked_by_age(practice: Salon) -> None:
    args = booking_args(MORNING, name="Tim Weber", birth_date="01.05.19")
    asked = replace(call("child"), asked_unclear=frozenset({"birth_date"}))
    for said in ("Neunzehn.", "Er geht in die zweite Klasse."):
        answer = await practice.booking.book_appointment(replace(asked, said_since=said), args)
        assert (answer.success, answer.message) == (False, "Wie alt ist die Person: 7 oder 107 Jahre?")
    answer = await practice.booking.book_appointment(replace(asked, said_since="Er ist sieben."), args)
    assert answer.success, answer
    assert [row["birth_date"] for row in await practice.live()] == [date(1985, 3, 12), date(2019, 5, 1)]


@pytest.mark.parametrize("caller", [OWN, OTHER, None])
async def test_unverified_callers_hear_one_answer_for_all_appointments(practice: Salon, caller: str | None) -> None:
    """The answer is the same for the appointment's own number, and whether or not the appointment exists."""
    (row,) = await practice.live()
    asked = "Damit ich nachsehen darf: Auf welchen Namen läuft der Termin, und wie ist das Geburtsdatum?"
    assert {each.message for each in await each_function(practice, "none", caller)} == {asked}
    by_id = await each_function(practice, "id", caller, appointment_id=str(row["id"]))
    assert {each.message for each in by_id} == {asked}
    unknown = {"customer_name": "Niemand Hier", "birth_date": BORN}
    wrong_date = {"customer_name": PETRA, "birth_date": "1985-03-13"}
    answers = [await each_function(practice, f"w{n}", caller, **args) for n, args in enumerate((unknown, wrong_date))]
    assert len({each.message for pair in answers for each in pair}) == 1
    assert all((each.success, each.fields) == (False, {"appointments": []}) for pair in answers for each in pair)
    assert (await practice.live()) == [row]


@pytest.mark.parametrize("caller", [OWN, OTHER, None])
async def test_name_and_birth_date_permit_all_changes(practice: Salon, caller) -> None:
    """They permit changes from any number. Within the call they are not asked for again."""
    talk = call("talk", caller)
    said = {"customer_name": "Frau Mueller", "birth_date": "12. März 1985"}
    found = await practice.booking.find_appointments(talk, said)
    assert found.success
    (appointment,) = found.fields["appointments"]
    moved = await practice.booking.reschedule_appointment(talk, {"start": "2026-11-27T16:00:00+01:00"})
    assert (moved.success, moved.fields["appointment_id"]) == (True, appointment["appointment_id"])
    cancelled = await practice.booking.cancel_appointment(talk, {"appointment_id": appointment["appointment_id"]})
    assert cancelled.success, cancelled


async def test_call_may_cancel_its_own_booking_unverified(practice: Salon) -> None:
    talk = call("before", OWN)
    assert (await practice.booking.find_appointments(talk)).success
    assert (await practice.booking.cancel_appointment(talk, {})).success


async def test_verification_ends_after_six_wrong_attempts(practice: Salon) -> None:
    talk = call("guess", OTHER)
    for day in range(1, 7):
        wrong = {"customer_name": PETRA, "birth_date": f"1985-04-{day:02}"}
        answer = await practice.booking.find_appointments(talk, wrong)
        assert answer.message == "Mit diesen Angaben kann ich keinen Termin nennen.", "nobody is invited to guess on"
    for args in (RIGHT, {"customer_name": "Niemand Hier", "birth_date": BORN}):
        refused = await practice.booking.find_appointments(talk, args)
        assert (refused.success, refused.fields) == (False, {"appointments": []})
        assert refused.message.startswith("Das kann ich am Telefon jetzt nicht weiter prüfen.")
    assert (await practice.booking.find_appointments(call("again", OTHER), RIGHT)).success


async def test_simultaneous_wrong_attempts_are_all_counted(practice: Salon) -> None:
    wrong = [{"customer_name": PETRA, "birth_date": f"1985-05-{day:02}"} for day in range(1, 13)]
    answers = await asyncio.gather(*(practice.booking.find_appointments(call("many", OTHER), each) for each in wrong))
    looked_at = [each for each in answers if "Mit diesen Angaben" in each.message]
    assert len(looked_at) <= 6


@pytest.mark.parametrize(("caller", "bound"), [(OWN, 12), (OTHER, 20), (None, 20)])
async def test_wrong_attempts_per_number_and_altogether_are_bounded(
    practice: Salon, module_database: Database, caller: str | None, bound: int
) -> None:
    """Attempts count for a known number in a day, and for forged and withheld numbers together in an hour.

    Beyond the bound a right answer is answered like a wrong one, so that nobody learns which number is known.
    """

    async def say(number: int, args: dict[str, str]) -> Answer:
        by = caller if caller != OTHER else f"+49151999{number:05}"
        return await practice.booking.find_appointments(call(f"g{number}", by), args)

    assert (await say(999, RIGHT)).success
    guesses = [{"customer_name": PETRA, "birth_date": f"{1950 + number}-01-01"} for number in range(bound)]
    wrong = [await say(number, guess) for number, guess in enumerate(guesses)]
    assert len({each.message for each in wrong}) == 1
    assert await say(bound, RIGHT) == wrong[0]
    assert (await say(999, RIGHT)).success, "that call had proven it before"
    connection = await asyncpg.connect(module_database.superuser_dsn)
    await connection.execute(
        "UPDATE verifications SET at = at - interval '25 hours' WHERE tenant = $1", practice.store.tenant
    )
    await connection.close()
    assert (await say(bound + 1, RIGHT)).success


@pytest.mark.parametrize("said", [{}, RIGHT, {"appointment_id": "its"}], ids=["nothing", "both", "the id"])
async def test_repeated_verified_cancellation_succeeds_again(practice: Salon, said) -> None:
    """The answer was late, so the model asks again, with or without the proof."""
    (row,) = await practice.live()
    talk = replace(call("talk", OTHER), replies={str(row["id"]): Reply.YES})
    args = {"appointment_id": str(row["id"])} if "appointment_id" in said else said
    assert (await practice.booking.find_appointments(talk, RIGHT)).success
    assert (await practice.booking.cancel_appointment(talk, {})).success
    for _ in range(4):  # more often than wrong attempts are let through
        again = await practice.booking.ask_to_cancel(talk, args)
        assert (again.success, again.fields.get("status")) == (True, "cancelled"), again
    assert await practice.rows("SELECT 1 FROM verifications WHERE appointments = '{}'") == []
    left = await practice.booking.find_appointments(talk, {})
    assert (left.success, left.fields) == (True, {"appointments": []})
    assert left.message == "Ich finde keinen kommenden Termin mehr. Möchten Sie einen neuen?"


async def test_verification_covers_only_the_verified_customer(practice: Salon) -> None:
    """After a proof, another name is an attempt like any other. A stranger's id is answered like an unknown id."""
    other = await practice.book(MORNING, "Tim Müller", birth_date="2015-05-05", by=call("tim", OWN))
    assert other.success
    talk = call("talk", OTHER)
    assert (await practice.booking.find_appointments(talk, RIGHT)).success
    by_id = await practice.booking.ask_to_cancel(talk, {"appointment_id": other.fields["appointment_id"]})
    assert not by_id.success
    guessed = await practice.booking.find_appointments(talk, {"customer_name": "Tim Müller", "birth_date": BORN})
    assert (guessed.success, guessed.fields) == (False, {"appointments": []})
    assert len(await practice.live()) == 2


@pytest.mark.parametrize("name", [" ".join("abcdefghijklmnopqrstuvwxyz"), "P. M.", "Petra", "Schmidt Müller Koch"])
async def test_initials_or_name_lists_do_not_verify_callers(practice: Salon, name: str) -> None:
    args = {"customer_name": name, "birth_date": BORN}
    assert not (await practice.booking.find_appointments(call("guess", OWN), args)).success


async def test_appointment_without_birth_date_needs_number_and_name(practice: Salon) -> None:
    """It was booked before the tenant asked for birth dates, or by the desk."""
    practice.apply_config(msgspec.structs.replace(practice.configs[-1], caller_verification=CallerVerification.NUMBER))
    old = await practice.book(MORNING, "Karl Hoffmann", by=call("old", OTHER))
    assert old.success
    practice.apply_config(practice.configs[0])
    args = {"customer_name": "Karl Hoffmann", "birth_date": "1970-01-01"}
    assert (await practice.booking.find_appointments(call("a", OTHER), args)).success
    assert not (await practice.booking.find_appointments(call("b", OWN), args)).success
    assert not (await practice.booking.find_appointments(call("c", OTHER), {**args, "customer_name": "Ida"})).success


async def test_birth_date_is_ignored_without_second_factor(salon: Salon) -> None:
    assert (await salon.book(HALF_PAST_TWO, birth_date=BORN)).success
    assert (await salon.booking.find_appointments(call("next"))).success
    (row,) = await salon.live()
    assert (row["birth_date"], row["status"]) == (None, Status.CONFIRMED)
    assert await salon.rows("SELECT 1 FROM verifications") == []
