"""A caller who says only a surname is booked, and asked once for the full name."""

from dataclasses import replace
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import name_key
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

QUESTION = " Wie ist bitte der volle Name, mit Vor- und Nachname?"


def asked(appointment_id: str) -> CallContext:
    """Return a call in which the question was answered."""
    return replace(call(), replies={name_key(appointment_id): Reply.UNCLEAR})


async def names(salon: Salon) -> list[str]:
    return [row["customer_name"] for row in await salon.live()]


@pytest.mark.parametrize(
    ("name", "is_asked"),
    [
        ("Hollmann", True), ("Frau Hollmann", True), ("Frau Dr. Hollmann", True), ("Achenbach-Roux", True), ("P. Hollmann", True),
        ("von Hohenzollern", True), ("Petra Hollmann", False), ("Petra von Hollmann", False), ("Hollmann, Petra", False),
    ],
)  # fmt: skip
async def test_booked_surname_is_completed_on_request(salon: Salon, name: str, is_asked: bool) -> None:
    booked = await salon.book(name=name)
    assert (booked.success, await names(salon)) == (True, [name])
    assert (booked.message.endswith(QUESTION), booked.fields.get("needs_name", False)) == (is_asked, is_asked)
    again = await salon.book(name=name)
    assert (again.success, QUESTION in again.message) == (True, False)


@pytest.mark.parametrize(
    ("booked", "said", "kept"),
    [
        ("Hollmann", "Petra", "Petra Hollmann"),
        ("Frau Hollmann", "Petra", "Frau Petra Hollmann"),
        ("von Hohenzollern", "Petra", "Petra von Hohenzollern"),
        ("Hollmann", "Petra Hollmann", "Petra Hollmann"),
        ("Hollmann", "Petra Hofmann", "Petra Hofmann"),
        ("Meier", "Maier", "Maier"),
        ("Petra", "Hollmann", "Petra Hollmann"),
        ("Petra H.", "Hollmann", "Petra Hollmann"),
        ("P. Hollmann", "Petra", "Petra Hollmann"),
    ],
)
@pytest.mark.parametrize(
    "more", [booking_args(), {"appointment_id": True}, {}, booking_args() | {"appointment_id": True}]
)
async def test_full_name_said_later_completes_booked_surname(
    salon: Salon, more: dict[str, Any], booked: str, said: str, kept: str
) -> None:
    first = await salon.book(name=booked)
    appointment_id = first.fields["appointment_id"]
    args = {**more, "customer_name": said} | ({"appointment_id": appointment_id} if "appointment_id" in more else {})
    answer = await salon.booking.book_appointment(asked(appointment_id), args)
    if kept == "Petra Hofmann":  # somebody else, perhaps
        assert (answer.success, await names(salon)) == (False, [booked])
        return
    assert (answer.success, await names(salon)) == (True, [kept]), answer.message


async def test_full_name_is_asked_for_once(salon: Salon) -> None:
    await salon.book(MORNING, name="Hollmann")
    second = await salon.book(HALF_PAST_TWO, name="Hollmann", another=True)
    assert (second.success, QUESTION in second.message) == (True, False)


async def test_known_full_name_is_not_asked_for(salon: Salon) -> None:
    await salon.book(MORNING, name="Petra Hollmann")
    later = await salon.book(HALF_PAST_TWO, name="Frau Hollmann", by=call("call_2"))
    assert (later.success, QUESTION in later.message) == (True, False)


async def test_another_persons_name_completes_no_surname(salon: Salon) -> None:
    first = await salon.book(name="Hollmann")
    caller = asked(first.fields["appointment_id"])
    await salon.book(name="Mia", another=True, by=caller)
    assert await names(salon) == ["Hollmann", "Mia"]


async def test_full_name_is_asked_for_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        booked = await salon.book(name="Miller")
    assert booked.message.endswith(" It is under the name Miller. What is the full name, please, first and last?")


@pytest.mark.parametrize(
    ("name", "said", "booked"),
    [
        ("Hollmann", "Petra", "Petra Hollmann"),
        ("Hollmann", "Hollmann", "Hollmann"),
        ("Hollmann", "Petra Kurz", "Petra Kurz"),
        ("Petra", "Hollmann", "Petra Hollmann"),
        ("P. Hollmann", "Petra", "Petra Hollmann"),
    ],
)
async def test_calendar_without_renaming_asks_for_full_name_first(
    env: CalcomEnvironment, name: str, said: str, booked: str
) -> None:
    spoken = replace(call(), said=f"{name}, um drei.", said_since=f"{name}, um drei.", replies={})
    first = await env.salon.book(name=name, by=spoken)
    assert (first.success, first.message, await names(env.salon)) == (False, QUESTION.strip(), [])
    answered = replace(spoken, said_since=f"{said}.", asked_unclear=frozenset({first.fields["unclear"]}))
    second = await env.salon.book(name=said, by=answered)
    assert (second.success, QUESTION in second.message, await names(env.salon)) == (True, False, [booked])


async def test_companions_full_names_are_asked_for(salon: Salon) -> None:
    args = booking_args(name="Jana Pfeiffer", companions=[{"customer_name": "Pia"}])
    booked = await salon.booking.book_appointment(call(), args)
    assert (booked.success, booked.fields["needs_name"]) == (True, True)
    assert booked.message.endswith(" Wie ist bitte der volle Name von Pia, mit Vor- und Nachname?")
    named = booking_args(name="Jana Pfeiffer", companions=[{"customer_name": "Pia Vogel"}])
    assert (await salon.booking.book_appointment(call(), named)).success
    assert sorted(await names(salon)) == ["Jana Pfeiffer", "Pia Vogel"]
