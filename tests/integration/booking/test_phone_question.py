"""A caller without a number is asked for one once before a booking, and is booked with any answer."""

from dataclasses import replace

import pytest

from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import PhoneQuestion
from tests.worlds.booking_environment import Salon, booking_args, call, leave_message

pytestmark = pytest.mark.nightly

MISSING, UNCLEAR, HALF, CALL_BACK = (each.key for each in PhoneQuestion)


def calling(caller: str | None, *asked: str) -> CallContext:
    """Return a call with a transcript, in which some questions were asked and answered."""
    return replace(call(caller=caller), replies=dict.fromkeys(asked, Reply.NO))


@pytest.mark.parametrize(
    ("phone", "stored"),
    [
        ("", None),
        ("nein", None),
        ("null eins fünf eins 12345678", "+4915112345678"),
        ("0151 12345678", "+4915112345678"),
    ],
)
async def test_anonymous_caller_is_asked_for_a_number_once(salon: Salon, phone: str, stored: str | None) -> None:
    asked = await salon.book(phone="", by=calling(None))
    assert (asked.success, asked.fields["needs_phone"]) == (False, "missing")
    assert "Unter welcher Nummer" in asked.message
    assert await salon.live() == []
    booked = await salon.book(phone=phone, by=calling(None, MISSING))
    if not booked.success:  # words that are no number are asked for once more
        assert booked.fields["needs_phone"] == "unclear"
        booked = await salon.book(phone=phone, by=calling(None, MISSING, UNCLEAR))
    assert booked.success, booked
    assert await salon.rows("SELECT phone FROM customers") == ([{"phone": stored}] if stored else [])


async def test_unclear_phone_number_is_stored_as_a_note(salon: Salon) -> None:
    args = booking_args(phone="0151 vier und vierzig", notes="bitte mit Waschen")
    asked = await salon.booking.book_appointment(calling("+4915112345678"), args)
    assert (asked.success, asked.fields["needs_phone"]) == (False, "unclear")
    assert (await salon.booking.book_appointment(calling("+4915112345678", UNCLEAR), args)).success
    (row,) = await salon.rows("SELECT notes FROM appointments WHERE status = 'confirmed'")
    assert row["notes"] == "bitte mit Waschen – Telefon, wie verstanden: 0151 vier und vierzig"
    assert await salon.rows("SELECT phone FROM customers") == [{"phone": "+4915112345678"}]


@pytest.mark.parametrize("caller", [None, "+4915112345678"])
@pytest.mark.parametrize("said", ["0151 23", "null eins fünf eins zwei drei", "030 1234"])
async def test_incomplete_phone_number_is_asked_and_not_stored(salon: Salon, caller: str | None, said: str) -> None:
    asked = await salon.book(phone=said, by=calling(caller, MISSING))
    assert (asked.success, asked.fields["needs_phone"]) == (False, "half")
    assert await salon.live() == []
    booked = await salon.book(phone=said, by=calling(caller, MISSING, HALF))
    assert booked.success
    ending = "nicht vollständig." if caller is None else f"nicht vollständig. Notiert ist dazu {OF_CALL}"
    assert booked.message.endswith(ending), booked.message
    assert await salon.rows("SELECT phone FROM customers") == ([{"phone": caller}] if caller else [])
    assert [row["notes"] for row in await salon.rows("SELECT notes FROM appointments")] == [None]


async def test_messages_do_not_store_an_incomplete_phone_number(salon: Salon) -> None:
    args = {"message": "Bitte melden", "customer_name": "Petra Müller", "phone": "0151 23"}
    asked = await leave_message(salon.booking, calling(None), args)
    assert asked.fields["needs_phone"] == "half"
    noted = await leave_message(salon.booking, calling(None, HALF), args)
    assert (noted.success, noted.fields["number"]) == (True, "none")
    again = await leave_message(salon.booking, calling(None, HALF), args | {"call_back": "morgen"})
    assert (again.success, again.fields["needs_phone"]) == (False, "call_back")


@pytest.mark.parametrize("phone", [None, "keine", "will ich nicht sagen", "die haben Sie doch"])
async def test_message_is_stored_without_a_declined_phone_number(salon: Salon, phone: str | None) -> None:
    args = {"message": "Bitte um Rezept", "customer_name": "Petra Müller", "call_back": "morgen"}
    asked = await leave_message(salon.booking, calling(None), args)
    assert (asked.success, asked.fields["needs_phone"]) == (False, "call_back")
    noted = await leave_message(salon.booking, calling(None, CALL_BACK), args | {"phone": phone})
    assert (noted.success, noted.fields["number"]) == (True, "none"), noted
    assert noted.message.endswith("Eine Telefonnummer ist dazu nicht notiert."), noted.message


@pytest.mark.parametrize(("caller", "read_back"), [(None, True), ("+4917139201746", True), ("+4915112345678", False)])
async def test_dictated_phone_number_is_repeated_to_the_caller(
    salon: Salon, caller: str | None, read_back: bool
) -> None:
    booked = await salon.book(phone="0151 12345678", by=calling(caller))
    assert booked.success
    sentence = " Als Telefonnummer habe ich notiert: 0 1 5, 1 1, 2 3 4, 5 6 7, 8."
    assert booked.message.endswith(sentence) is read_back, booked.message


async def test_dictated_stand_in_number_is_not_stored(salon: Salon) -> None:
    booked = await salon.book(phone="+86282452253", by=calling(None, MISSING))
    assert booked.success
    assert await salon.rows("SELECT phone FROM customers") == []


CALLER, OTHER = "+4915112345678", "030 23125447"
OF_CALL, NOTED = "die Nummer, von der Sie anrufen.", "Als Telefonnummer habe ich notiert: 0 3 0, 2 3 1, 2 5 4, 4 7."


@pytest.mark.parametrize("names_id", [True, False])
@pytest.mark.parametrize(
    ("booked", "said", "ending", "stored"),
    [
        (None, CALLER, OF_CALL, CALLER),
        (None, "the number of the call", OF_CALL, CALLER),
        (None, "any", OF_CALL, CALLER),
        (OTHER, OTHER, NOTED, "+493023125447"),
        (OTHER, "same number", NOTED, "+493023125447"),
        (OTHER, "egal", NOTED, "+493023125447"),
        (OTHER, "die, von der ich anrufe", "geändert: 0 1 5, 1 1, 2 3 4, 5 6 7, 8.", CALLER),
        (OTHER, CALLER, "geändert: 0 1 5, 1 1, 2 3 4, 5 6 7, 8.", CALLER),
        (OTHER, "diese Nummer", "geändert: 0 1 5, 1 1, 2 3 4, 5 6 7, 8.", CALLER),
    ],
)
async def test_number_added_to_a_booking_is_confirmed(
    salon: Salon, names_id: bool, booked: str | None, said: str, ending: str, stored: str
) -> None:
    first = await salon.book(phone=booked, by=calling(CALLER))
    named = {"appointment_id": first.fields["appointment_id"]} if names_id else {}
    again = await salon.book(phone=said, by=calling(CALLER), **named)
    assert (again.success, again.message.endswith(ending)) == (True, True), again.message
    (row,) = await salon.rows("SELECT c.phone, a.notes FROM appointments a JOIN customers c ON c.id = a.customer_id")
    assert (row["phone"], row["notes"]) == (stored, None)


@pytest.mark.parametrize(("booked", "noted"), [(None, f" Notiert ist dazu {OF_CALL}"), (OTHER, f" {NOTED}")])
async def test_incomplete_phone_number_does_not_replace_the_stored(
    salon: Salon, booked: str | None, noted: str
) -> None:
    first = await salon.book(phone=booked, by=calling(CALLER))
    half = {"appointment_id": first.fields["appointment_id"], "phone": "0151 22"}
    again = await salon.booking.book_appointment(calling(CALLER, HALF), half)
    assert again.message.endswith(f" Die genannte Telefonnummer war nicht vollständig.{noted}"), again.message


async def test_words_for_the_calling_number_restore_that_number(salon: Salon) -> None:
    args = {"message": "Bitte melden", "customer_name": "Petra Müller"}
    for said in (OTHER, "die Nummer des Anrufs"):
        assert (await leave_message(salon.booking, calling(CALLER), args | {"phone": said})).success
    assert [row["phone"] for row in await salon.rows("SELECT phone FROM messages")] == [CALLER]


async def test_calling_number_of_anonymous_caller_is_asked_for(salon: Salon) -> None:
    asked = await salon.book(phone="die Nummer des Anrufs", by=calling(None))
    assert (asked.success, asked.fields["needs_phone"]) == (False, "missing")
