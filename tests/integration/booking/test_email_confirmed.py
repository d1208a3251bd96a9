"""A caller's email address is used only after it was read back letter by letter and the caller has answered."""

from dataclasses import replace
from typing import Any

import pytest

from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import Salon, booking_args, call

ADDRESS = "petra.m@example.de"
SPELLED = "P, E, T, R, A, Punkt, M, at E, X, A, M, P, L, E Punkt de"


async def addresses(salon: Salon) -> list[tuple[str | None, str | None]]:
    """Return the address of each appointment and of its customer."""
    rows = await salon.rows(
        "SELECT a.attendee_email, c.email FROM appointments a JOIN customers c ON c.id = a.customer_id ORDER BY a.created_at"
    )
    return [(row["attendee_email"], row["email"]) for row in rows]


@pytest.mark.parametrize("confirmed", [{}, {"email_confirmed": True}], ids=["silent", "claimed"])
@pytest.mark.parametrize("replies", [None, {}, {"other@example.de": Reply.YES}, {ADDRESS: Reply.ASIDE}])
async def test_unconfirmed_email_address_prevents_the_booking(salon: Salon, replies, confirmed: dict[str, Any]) -> None:
    """A claim of the model proves nothing, and a yes to another address does not confirm this address."""
    asking = replace(call(), replies=replies)
    for _ in range(2):  # in one turn of the model
        answer = await salon.book(email=ADDRESS, by=asking, **confirmed)
        assert (answer.success, answer.fields["needs_confirmation"], answer.fields["email"]) == (False, True, ADDRESS)
        assert SPELLED in answer.message
        assert "Ist das richtig?" in answer.message
    assert await salon.live() == []


@pytest.mark.parametrize("confirmed", [{}, {"email_confirmed": True}], ids=["older agent", "confirmed"])
async def test_confirmed_address_is_stored_for_appointment_and_customer(salon: Salon, confirmed) -> None:
    assert not (await salon.book(email=ADDRESS)).success
    answered = replace(call(), replies={ADDRESS: Reply.YES})
    assert (await salon.book(email=ADDRESS.upper(), by=answered, **confirmed)).success
    assert await addresses(salon) == [(ADDRESS.upper(), ADDRESS.upper())]


@pytest.mark.parametrize("said", ["", "null", "keine", "nicht angegeben", None, {"x": 1}, True])
async def test_absent_email_address_is_not_asked_for(salon: Salon, said: Any) -> None:
    args = read_arguments("book_appointment", booking_args(email=said)).values
    assert (await salon.booking.book_appointment(call(), args)).success


async def test_address_without_transcript_is_confirmed_after_two_seconds(salon: Salon) -> None:
    args = booking_args(email=ADDRESS, email_confirmed=True)
    assert not (await salon.booking.book_appointment(call(), args)).success
    assert not (await salon.booking.book_appointment(call(), args)).success
    await salon.pool.execute("UPDATE call_actions SET lease_until = lease_until - interval '2 s'")
    assert (await salon.booking.book_appointment(call(), args)).success
    (row,) = await salon.rows("SELECT key FROM call_actions WHERE key LIKE 'ask_email%'")
    assert "petra" not in row["key"], "these rows outlive what was said"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.YES, {"email": "kündin@salon.de"}),
        (Reply.YES, {"email": "anna at"}),
        (Reply.YES, {"email": ADDRESS, "email_confirmed": False}),
        (Reply.NO, {"email": ADDRESS}),
        (Reply.NO, {"email": ADDRESS, "email_confirmed": True}),
    ],
)
async def test_wrong_address_is_asked_again_or_left_out(salon: Salon, reply, said) -> None:
    answer = await salon.book(by=replace(call(), replies={ADDRESS: reply}), **said)
    assert not answer.success
    assert answer.message.endswith("oder soll ich den Termin ohne Adresse eintragen?")
    assert (await salon.book()).success


@pytest.mark.parametrize("made_up", ["petra@example.com", "test@test.de"])
async def test_invented_address_counts_as_absent(salon: Salon, made_up: str) -> None:
    """It is neither read back nor stored: nobody has a mailbox there."""
    answer = await salon.book(email=made_up, by=replace(call(), replies={}))
    assert answer.success
    [(attendee, customer)] = await addresses(salon)
    assert made_up not in {attendee, customer}
