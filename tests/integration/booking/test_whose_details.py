"""A detail changes an appointment only if its customer is certain. Otherwise the caller is asked."""

from dataclasses import replace
from typing import Any

import pytest

from askproai_runtime.conversation.types import Answer, CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import details_key
from askproai_runtime.sentences import say
from tests.worlds.booking_environment import Salon, booking_args, call, choosing

DICTATED, OTHER_DICTATED = "+4917139201746", "+4916284017352"
PETRA = booking_args(name="Petra Lange")


def replied(booked: Answer, reply: Reply = Reply.YES) -> CallContext:
    """Return the call after a reply to the question whether a detail is of an appointment."""
    return replace(call(), replies={details_key(booked.fields["appointment_id"]): reply})


async def stored(salon: Salon) -> list[tuple[Any, ...]]:
    rows = await salon.rows(
        "SELECT a.customer_name, a.notes, c.phone FROM appointments a LEFT JOIN customers c ON c.id = a.customer_id"
    )
    return [(row["customer_name"], row["notes"], row["phone"]) for row in rows]


@pytest.mark.parametrize("reply", [None, Reply.NO, Reply.UNCLEAR])
@pytest.mark.parametrize(
    ("details", "after"),
    [
        ({"phone": DICTATED}, ("Petra Lange", None, DICTATED)),
        ({"notes": "mit Hund"}, ("Petra Lange", "mit Hund", call().caller)),
        ({"notes": "für meinen Sohn Otto"}, ("Petra Lange", "für meinen Sohn Otto", call().caller)),
    ],
)
async def test_details_without_a_name_are_asked_about(salon: Salon, details: dict[str, str], after, reply) -> None:
    first = await salon.booking.book_appointment(call(), PETRA)
    before = await stored(salon)
    args = {"service": "Haarschnitt"} | details
    said = replace(call(), replies={}) if reply is None else replied(first, reply)
    for _ in range(2):
        asked = await salon.booking.book_appointment(said, args)
        assert "für Petra Lange, ändern?" in asked.message
        assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert (asked.fields["needs_answer"], await stored(salon)) == (True, before)
    answer = await salon.booking.book_appointment(replied(first), args)
    assert (answer.success, await stored(salon)) == (True, [after]), answer.message


async def test_confirmation_of_one_phone_number_covers_no_other(salon: Salon) -> None:
    first = await salon.booking.book_appointment(call(), PETRA)
    for phone in (DICTATED, OTHER_DICTATED):
        args = {"service": "Haarschnitt", "phone": phone}
        assert not (await salon.booking.book_appointment(replied(first), args)).success
        assert phone not in str(await stored(salon))
        assert (await salon.booking.book_appointment(replied(first), args)).success


async def test_a_repeated_detail_needs_no_transcript(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    for is_written in (False, True):
        answer = await salon.booking.book_appointment(call(), {"phone": DICTATED})
        assert answer.success is is_written
        await salon.pool.execute("UPDATE call_actions SET lease_until = lease_until - interval '2 s'")


async def test_same_start_with_a_detail_identifies_the_appointment(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    args = {key: value for key, value in PETRA.items() if key != "customer_name"} | {"phone": DICTATED}
    answer = await salon.booking.book_appointment(call(), args)
    assert (answer.success, await stored(salon)) == (True, [("Petra Lange", None, DICTATED)]), answer.message


@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize(
    ("notes", "is_asked"),
    [
        ("für meinen Sohn Otto", True),
        ("for my son Otto", True),
        ("Termin ist für Otto Kurz", True),
        ("für Otto", True),
        ("für mich und meinen kleinen Bruder", True),
        ("auf Wunsch meiner Mutter", True),
        ("für Herrn Kurz", True),
        ("für Petra Lange", False),
        ("für mich", False),
        ("mit Hund", False),
        ("bitte Zeit für Beratung", False),
    ],
)
async def test_notes_about_somebody_else_are_asked_about(
    salon: Salon, notes: str, is_asked: bool, with_id: bool
) -> None:
    first = await salon.booking.book_appointment(call(), PETRA)
    named = {"appointment_id": first.fields["appointment_id"]} if with_id else PETRA
    asked = await salon.booking.book_appointment(replace(call(), replies={}), named | {"notes": notes})
    assert (asked.success, "needs_answer" in asked.fields) == (not is_asked, is_asked), asked.message
    assert [row[1] for row in await stored(salon)] == [None if is_asked else notes]
    answer = await salon.booking.book_appointment(replied(first), named | {"notes": notes})
    assert (answer.success, [row[1] for row in await stored(salon)]) == (True, [notes]), answer.message


async def test_notes_of_a_new_booking_are_stored(salon: Salon) -> None:
    args = PETRA | {"notes": "für meinen Sohn Otto"}
    for _ in range(2):
        assert (await salon.booking.book_appointment(call(), args)).success
    assert [row[1] for row in await stored(salon)] == ["für meinen Sohn Otto"]


MOVE = {"date": "2026-11-27", "time": "16:00"}


@pytest.mark.parametrize("with_id", [True, False])
async def test_move_with_another_name_is_asked_about(salon: Salon, with_id: bool) -> None:
    first = await salon.booking.book_appointment(call(), PETRA)
    start = (await salon.live())[0]["starts_at"]
    args = (
        MOVE | {"customer_name": "Otto Kurz"} | ({"appointment_id": first.fields["appointment_id"]} if with_id else {})
    )
    for reply in (Reply.YES, Reply.UNCLEAR):  # the first one is to another question
        asked = await salon.booking.reschedule_appointment(replied(first, reply), args)
        assert asked.message.endswith("für Petra Lange, nicht für Otto Kurz. Meinen Sie diesen?"), asked.message
    refused = await salon.booking.reschedule_appointment(replied(first, Reply.NO), args)
    assert refused.message == say().none_other
    assert (asked.fields["needs_answer"], (await salon.live())[0]["starts_at"]) == (True, start)
    moved = await salon.booking.reschedule_appointment(replied(first), args)
    assert (moved.success, (await salon.live())[0]["starts_at"] != start) == (True, True), moved.message
    assert (await salon.booking.reschedule_appointment(replied(first), args)).success  # repeated


async def test_move_for_a_relative_is_asked_about(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    args = MOVE | {"customer_name": "mein Mann"}
    asked = await salon.booking.reschedule_appointment(replace(call(), replies={}), args)
    assert (asked.success, asked.message.endswith("für Petra Lange?")) == (False, True), asked.message


@pytest.mark.parametrize("name", ["Petra Lange", "Frau Lange", "Petra", "Kundin"])
async def test_move_with_the_same_name_is_made(salon: Salon, name: str) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    moved = await salon.booking.reschedule_appointment(replace(call(), replies={}), MOVE | {"customer_name": name})
    assert moved.success, moved.message


async def test_cancellation_with_another_name_asks_about_the_customer(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    asked = await salon.booking.ask_to_cancel(replace(call(), replies={}), {"customer_name": "Otto Kurz"})
    assert "für Petra Lange, absagen?" in asked.message


@pytest.mark.parametrize("service", [{}, {"service": "Haarschnitt"}])
async def test_name_decides_whose_details_are_changed(salon: Salon, service: dict[str, str]) -> None:
    later = booking_args("2026-11-27T15:30:00+01:00", name="Otto Kurz", another=True)
    for args in (PETRA, later):
        assert (await salon.booking.book_appointment(call(), args)).success
    for more in (
        {"customer_name": "Petra Lange", "phone": DICTATED},
        {"customer_name": "Otto Kurz", "notes": "Allergie"},
    ):
        answer = await salon.booking.book_appointment(call(), service | more)
        assert answer.success, answer.message
    expected = [("Otto Kurz", "Allergie", call().caller), ("Petra Lange", None, DICTATED)]
    assert sorted(await stored(salon)) == expected


async def test_respelled_name_without_a_time_is_asked_about(salon: Salon) -> None:
    await salon.booking.book_appointment(call(), PETRA)
    asked = await salon.booking.book_appointment(call(), {"customer_name": "Petra Lenge"})
    assert (asked.success, asked.fields.get("choices")) == (False, ["rename", "further"]), asked.message
    answer = await salon.booking.book_appointment(choosing(asked), {"customer_name": "Petra Lenge", "choice": "rename"})
    assert (answer.success, [name for name, *_ in await stored(salon)]) == (True, ["Petra Lenge"])
    new = await salon.booking.book_appointment(call(), {"customer_name": "Otto Kurz"})  # who may want one, too
    assert (new.success, new.fields.get("choices")) == (False, None), new.message
