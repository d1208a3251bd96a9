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
async def test_unconfirmed_email_address_prevents_the_booking(new_salon, replies, confirmed: dict[str, Any]) -> None:
    """What the model claims proves nothing, and a yes to another address is none to this one."""
    salon = await new_salon()
    asking = replace(call(), replies=replies)
    for _ in range(2):  # in one turn of the model
        answer = await salon.booking.book_appointment(asking, booking_args(email=ADDRESS, **confirmed))
        assert (answer.success, answer.fields["needs_confirmation"], answer.fields["email"]) == (False, True, ADDRESS)
        assert SPELLED in answer.message
        assert "Ist das richtig?" in answer.message
    assert await salon.live() == []


@pytest.mark.parametrize("confirmed", [{}, {"email_confirmed": True}], ids=["older agent", "confirmed"])
async def test_confirmed_address_is_stored_for_appointment_and_customer(new_salon, confirmed) -> None:
    salon = await new_salon()
    assert not (await salon.booking.book_appointment(call(), booking_args(email=ADDRESS))).success
    answered = replace(call(), replies={ADDRESS: Reply.YES})
    assert (await salon.booking.book_appointment(answered, booking_args(email=ADDRESS.upper(), **confirmed))).success
    assert await addresses(salon) == [(ADDRESS.upper(), ADDRESS.upper())]


@pytest.mark.parametrize("said", ["", "null", "keine", "nicht angegeben", None, {"x": 1}, True])
async def test_absent_email_address_is_not_asked_for(new_salon, said: Any) -> None:
    salon = await new_salon()
    assert (
        await salon.booking.book_appointment(
            call(), read_arguments("book_appointment", booking_args(email=said)).values
        )
    ).success


async def test_without_transcript_address_counts_confirmed_after_two_seconds(new_salon) -> None:
    salon = await new_salon()
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
async def test_wrong_address_is_asked_again_or_left_out(new_salon, reply, said) -> None:
    salon = await new_salon()
    answer = await salon.booking.book_appointment(replace(call(), replies={ADDRESS: reply}), booking_args(**said))
    assert not answer.success
    assert answer.message.endswith("oder soll ich den Termin ohne Adresse eintragen?")
    assert (await salon.booking.book_appointment(call(), booking_args())).success


@pytest.mark.parametrize("made_up", ["petra@example.com", "test@test.de"])
async def test_invented_address_counts_as_absent(new_salon, made_up: str) -> None:
    """It is neither read back nor stored: nobody has a mailbox there."""
    salon = await new_salon()
    answer = await salon.booking.book_appointment(replace(call(), replies={}), booking_args(email=made_up))
    assert answer.success
    [(attendee, customer)] = await addresses(salon)
    assert made_up not in {attendee, customer}
