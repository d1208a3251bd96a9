"""Booking fields that an event type requires are answered from known details, or else from the manifest."""

from typing import Any

import pytest

from askproai_core.tenant_config.services import BookingField
from askproai_core.tenant_config.vocabulary import FieldSource
from tests.worlds.booking_environment import call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

LENGTH = {"type": "select", "slug": "haarlaenge", "required": True, "options": ["kurz", "lang"]}
NUMBER = {"type": "number", "slug": "alter", "required": True}
PHONE = {"type": "phone", "slug": "telefon", "required": True}
NOTES = {"type": "textarea", "slug": "notes", "required": True}
TITLE = {"type": "text", "slug": "title", "required": True, "hidden": False}


async def require(env: CalcomEnvironment, *fields: dict[str, Any], answered: tuple[BookingField, ...]) -> None:
    """Make the event types of both require fields, some of which the config answers."""
    for number, host in ((1001, "anna"), (1002, "mehmet")):
        await env.event_type(number, host, bookingFields=list(fields))
    env.change_event_types(booking_fields=answered)


async def book(env: CalcomEnvironment, caller: str | None = "+4915112345678", **args: Any) -> dict[str, Any]:
    answer = await env.salon.book(by=call(caller=caller), **args)
    assert (answer.success, answer.fields["status"]) == (True, "confirmed"), answer
    (remote,) = env.bookings
    return remote["bookingFieldsResponses"]


async def test_required_fields_are_answered_from_known_details(env: CalcomEnvironment) -> None:
    known = (
        BookingField(slug="telefon", source=FieldSource.PHONE),
        BookingField(slug="notes", source=FieldSource.NOTES, value="keine Angabe"),
        BookingField(slug="title", source=FieldSource.SERVICE),
    )
    await require(env, PHONE, NOTES, TITLE, answered=known)
    responses = await book(env, notes="bitte mit Waschen")
    assert (responses["telefon"], responses["title"]) == ("+4915112345678", "Haarschnitt")
    assert responses["notes"] == "bitte mit Waschen"


@pytest.mark.parametrize("note", ["bitte mit Waschen", None])
async def test_optional_notes_field_contains_only_the_callers_note(env: CalcomEnvironment, note: str | None) -> None:
    await require(env, answered=(BookingField(slug="notes", source=FieldSource.NOTES),))
    responses = await book(env, **({"notes": note} if note else {}))
    assert responses.get("notes") == note


async def test_fixed_values_of_required_fields_have_their_type(env: CalcomEnvironment) -> None:
    fixed = (
        BookingField(slug="haarlaenge", value="kurz"),
        BookingField(slug="alter", value=18.0),
        BookingField(slug="notes", source=FieldSource.NOTES, value="keine Angabe"),
    )
    await require(env, LENGTH, NUMBER, NOTES, answered=fixed)
    responses = await book(env)
    assert (responses["haarlaenge"], responses["alter"], responses["notes"]) == ("kurz", 18, "keine Angabe")


async def test_sync_job_answers_required_fields_like_the_call(env: CalcomEnvironment) -> None:
    await require(env, NOTES, answered=(BookingField(slug="notes", source=FieldSource.NOTES),))
    env.disconnect()
    answer = await env.salon.book(notes="bitte mit Waschen")
    assert answer.fields["status"] == "pending_sync"
    env.reconnect()
    await env.run_sync_job()
    assert env.bookings[0]["bookingFieldsResponses"]["notes"] == "bitte mit Waschen"


@pytest.mark.parametrize(
    ("slug", "value"), [("telefon", None), ("attendeePhoneNumber", None), ("attendeePhoneNumber", "+4930123456")]
)
async def test_number_required_by_calcom_is_asked_for(env: CalcomEnvironment, slug: str, value: str | None) -> None:
    """A declared value does not help in a field that Cal.com does not read."""
    answered = (BookingField(slug=slug, source=FieldSource.PHONE, value=value),)
    await require(env, PHONE | {"slug": slug}, answered=answered)
    answer = await env.salon.book(by=call(caller=None))
    assert not answer.success
    assert "Unter welcher Nummer sind Sie zu erreichen?" in answer.message
    assert env.count_requests("create-booking") == 0
    await book(env, caller=None, phone="030 901820")
    assert env.bookings[0]["attendees"][0]["phoneNumber"] == "+4930901820"


async def test_unanswerable_required_field_books_nothing(env: CalcomEnvironment) -> None:
    await require(env, LENGTH, answered=())
    answer = await env.salon.book()
    assert (answer.success, "nicht gebucht" in answer.message) == (False, True)
    assert await env.salon.live() == []
    rows = await env.salon.rows("SELECT error FROM appointments")
    assert rows
    assert all("haarlaenge" in row["error"] for row in rows)


async def test_move_keeps_the_required_answers(env: CalcomEnvironment) -> None:
    await require(env, LENGTH, answered=(BookingField(slug="haarlaenge", value="lang"),))
    await book(env)
    moved = await env.salon.booking.reschedule_appointment(call(), {"start": "2026-11-27T16:00:00+01:00"})
    assert moved.success, moved
    assert env.bookings[0]["bookingFieldsResponses"]["haarlaenge"] == "lang"
