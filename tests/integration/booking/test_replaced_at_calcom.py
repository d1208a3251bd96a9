"""A replaced appointment at Cal.com is cancelled once its replacement is confirmed."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from askproai_runtime.book import cancelling
from askproai_runtime.book.errors import OutcomeUnknown
from askproai_runtime.conversation import corrections
from askproai_runtime.conversation.types import Answer
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import booking_args, call, choosing
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

INSTEAD = booking_args("2026-11-27T16:00", staff="mehmet")
MEHMET = 1002  # his event type


async def book_instead(env: CalcomEnvironment) -> Answer:
    """Answer the question about the appointment with Anna: it is to be replaced."""
    asked = await env.salon.booking.book_appointment(call(), INSTEAD)
    return await env.salon.booking.book_appointment(choosing(asked), INSTEAD | {"choice": "move"})


async def offer_coloring(env: CalcomEnvironment, number: int) -> None:
    """Add a second service, which Anna alone does, by an event type of its own."""
    (cut,) = env.config.services
    (own,) = (each for each in cut.event_types if each.staff == "anna")
    await env.event_type(number, "anna")
    staff, types = {"mitte": ("anna",)}, (msgspec.structs.replace(own, event_type_id=number),)
    names: dict[str, Any] = {"name": "faerben", "display_name": "Färben", "spoken_names": ()}
    color = msgspec.structs.replace(cut, **names, staff=staff, event_types=types)
    env.config = msgspec.structs.replace(env.config, services=(cut, color))


async def test_overlapping_appointment_is_cancelled_at_calcom_before_replacement(booked: CalcomEnvironment) -> None:
    """Cal.com books no host twice at one time: after a yes, the former appointment is cancelled first."""
    await offer_coloring(booked, 1101)
    booking = replace(booked.salon.booking, config=lambda: booked.config)
    coloring = booking_args(staff="anna") | {"service": "Färben"}
    asked = await booking.book_appointment(call(), coloring)
    first = await booking.book_appointment(choosing(asked), coloring | {"choice": "cancel"})
    assert (first.success, first.fields["needs_confirmation"]) == (False, True), first
    assert "Soll ich Ihren Termin am" in first.message, first
    assert await list_statuses(booked) == [("anna", "confirmed")]


@pytest.mark.parametrize("named", ["Mehmet", "mehmet", "zu Mehmet"])
async def test_move_to_another_staff_member_replaces_the_booking(booked: CalcomEnvironment, named: str) -> None:
    """Cal.com moves no booking to another person."""
    (row,) = await booked.salon.live()
    wanted = {"appointment_id": str(row["id"]), "start": INSTEAD["start"], "staff": named}
    moved = await booked.salon.booking.reschedule_appointment(call(), wanted)
    assert moved.success, moved
    assert "abgesagt" in moved.message
    assert "bleib" not in moved.message
    assert await list_statuses(booked) == [("anna", "cancelled"), ("mehmet", "confirmed")]


@pytest.mark.parametrize("named", ["Anna", "anna", "zu Anna"])
async def test_replaced_staff_member_can_be_chosen_again(booked: CalcomEnvironment, named: str) -> None:
    """The request has the time of an earlier action of the call, but is no repetition of it."""
    for staff in ("Mehmet", named):
        (row,) = await booked.salon.live()
        wanted = {"appointment_id": str(row["id"]), "start": INSTEAD["start"], "staff": staff}
        assert (await booked.salon.booking.reschedule_appointment(call(), wanted)).success
    assert await list_statuses(booked) == [("anna", "cancelled"), ("mehmet", "cancelled"), ("anna", "confirmed")]


async def list_statuses(env: CalcomEnvironment) -> list[tuple[str, str]]:
    rows = await env.salon.rows("SELECT staff, status FROM appointments WHERE status <> 'held' ORDER BY created_at")
    return [(row["staff"], row["status"]) for row in rows]


@pytest.fixture
async def booked(env: CalcomEnvironment) -> CalcomEnvironment:
    assert (await env.salon.book(staff="anna")).success
    return env


async def test_confirmed_replacement_cancels_the_former_appointment(booked: CalcomEnvironment) -> None:
    answer = await book_instead(booked)
    assert answer.message.startswith("Der Termin ist abgesagt: ")
    assert await list_statuses(booked) == [("anna", "cancelled"), ("mehmet", "confirmed")]


async def lose_the_commit(*_: object, **__: object) -> None:
    raise OutcomeUnknown


async def test_failed_cancellation_does_not_deny_the_replacement_booking(
    booked: CalcomEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "run_transaction", lose_the_commit)
    answer = await book_instead(booked)
    assert (answer.success, "Der Termin ist eingetragen" in answer.message) == (True, True), answer.message
    assert "um 14 Uhr 30, ist noch eingetragen" in answer.message
    assert await list_statuses(booked) == [("anna", "confirmed"), ("mehmet", "confirmed")]


@pytest.mark.parametrize("failure", [OutcomeUnknown(), ValueError("a defect")])
async def test_failed_correction_does_not_deny_the_move(booked: CalcomEnvironment, monkeypatch, failure) -> None:
    async def fail(*_: object, **__: object) -> Answer:
        raise failure

    monkeypatch.setattr(corrections, "correct", fail)
    later = booking_args("2026-11-27T16:00", staff="anna", notes="Allergie")
    asked = await booked.salon.booking.book_appointment(call(), later)
    answer = await booked.salon.booking.book_appointment(choosing(asked), later | {"choice": "move"})
    assert (answer.success, answer.message.startswith("Der Termin ist verschoben")) == (True, True), answer.message


async def test_taken_time_keeps_the_former_appointment(booked: CalcomEnvironment) -> None:
    await booked.block(MEHMET, "2026-11-27T15:00:00Z")
    answer = await book_instead(booked)
    assert not answer.success
    assert "um 14 Uhr 30, ist noch eingetragen" in answer.message
    assert await list_statuses(booked) == [("anna", "confirmed"), ("mehmet", "failed")]


async def test_unconfirmed_booking_keeps_the_former_appointment(booked: CalcomEnvironment) -> None:
    booked.inject_fault(FaultKind.ERROR_BEFORE_COMMIT)
    answer = await book_instead(booked)
    assert "um 14 Uhr 30, ist noch eingetragen" in answer.message
    assert await list_statuses(booked) == [("anna", "confirmed"), ("mehmet", "pending_sync")]
