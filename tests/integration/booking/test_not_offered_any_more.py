"""Appointments of a removed service or staff member: callers hear no id, and a move offers a way to continue."""

from dataclasses import replace

import msgspec
import pytest

from tests.worlds.booking_environment import HALF_PAST_TWO, Salon, tenant_config_of
from tests.worlds.cancellations import NEXT_CALL, after_answer, book, let_two_seconds_pass

pytestmark = pytest.mark.nightly

NEW_TIME = {"date": "Freitag, 27. November", "time": "zehn"}
WHEN = "Freitag, den 27. November, um 14 Uhr 30"
QUESTION = (
    f"Ihr Termin am {WHEN}, bei Anna, lässt sich leider nicht verschieben: Das bieten wir so nicht mehr an. "
    "Soll ich ihn absagen und einen neuen suchen?"
)


def remove_service(salon: Salon) -> None:
    """Apply the config of a tenant who has deleted the ServiceOffering."""
    salon.apply_config(msgspec.structs.replace(tenant_config_of(salon.store), services=()))


async def test_callers_hear_no_id_of_removed_objects(salon) -> None:
    await book(salon, HALF_PAST_TWO)
    remove_service(salon)
    assert (await salon.booking.find_appointments(NEXT_CALL)).message == f"Sie haben einen Termin: {WHEN}, bei Anna."
    config = tenant_config_of(salon.store)
    branches = tuple(msgspec.structs.replace(branch, staff=()) for branch in config.branches)
    salon.apply_config(msgspec.structs.replace(config, branches=branches))
    assert (await salon.booking.find_appointments(NEXT_CALL)).message == f"Sie haben einen Termin: {WHEN}, Haarschnitt."
    salon.apply_config(msgspec.structs.replace(salon.configs[-1], services=()))
    assert (await salon.booking.find_appointments(NEXT_CALL)).message == f"Sie haben einen Termin: {WHEN}."
    asked = await salon.booking.ask_to_cancel(NEXT_CALL, {})
    assert asked.message.endswith(f"nichts. Soll ich Ihren Termin am {WHEN}, absagen?"), "it cannot be moved"


async def test_unmovable_appointment_is_cancelled_after_a_yes(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    remove_service(salon)
    asked = await salon.booking.reschedule_appointment(NEXT_CALL, NEW_TIME)
    assert (asked.message, asked.success) == (QUESTION, False)
    assert (asked.fields["appointment_id"], asked.fields["needs_confirmation"]) == (booked, True)
    assert len(await salon.live()) == 1
    answer = await salon.booking.ask_to_cancel(after_answer(booked), {"appointment_id": booked, "confirmed": True})
    assert answer.success, answer
    assert answer.message.startswith(f"Der Termin ist abgesagt: {WHEN}, bei Anna.")
    assert answer.message.endswith(" Für einen neuen sagen Sie mir bitte, wofür und wann.")
    assert await salon.live() == []
    again = await salon.booking.reschedule_appointment(NEXT_CALL, {"appointment_id": booked} | NEW_TIME)
    assert again.message.startswith(f"Der Termin {WHEN}, bei Anna wurde abgesagt"), "it is not asked about any more"


async def test_repeated_move_after_yes_explains_the_next_step(salon) -> None:
    """It cancels nothing: a repeated move is no yes to a cancellation."""
    (booked,) = await book(salon, HALF_PAST_TWO)
    remove_service(salon)
    for _ in range(2):  # twice in one turn: nobody has heard the question yet
        assert (await salon.booking.reschedule_appointment(NEXT_CALL, NEW_TIME)).message == QUESTION
    for answered in (after_answer(booked), replace(NEXT_CALL, replies=None)):
        await let_two_seconds_pass(salon)
        asked = await salon.booking.reschedule_appointment(answered, NEW_TIME)
        assert asked.message.startswith("Verschieben lässt er sich leider nicht.")
        assert asked.message.endswith(" Wenn ich ihn absagen soll, sagen Sie bitte: Termin absagen.")
        assert asked.fields["needs_confirmation"] is True
    assert len(await salon.live()) == 1
    answer = await salon.booking.ask_to_cancel(after_answer(booked), {})
    assert answer.success, answer
    assert await salon.live() == []


async def test_unconfirmed_cancellation_leaves_the_unmovable_appointment(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    remove_service(salon)
    await salon.booking.reschedule_appointment(NEXT_CALL, NEW_TIME)
    refused = await salon.booking.ask_to_cancel(after_answer(booked), {"confirmed": False})
    assert (refused.success, refused.fields["needs_confirmation"]) == (False, True)
    assert len(await salon.live()) == 1


async def test_cancelling_an_offered_service_suggests_nothing(salon) -> None:
    (booked,) = await book(salon, HALF_PAST_TWO)
    await salon.booking.ask_to_cancel(NEXT_CALL, {})
    answer = await salon.booking.ask_to_cancel(after_answer(booked), {})
    assert answer.message == f"Der Termin ist abgesagt: {WHEN}, Haarschnitt bei Anna."
