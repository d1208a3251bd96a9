"""An appointment at Cal.com that another one comes instead of is cancelled once the other one is confirmed."""

from dataclasses import replace

import pytest

from askproai_runtime.booking import Answer
from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.replies import further_key
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import booking_args, call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

INSTEAD = booking_args("2026-11-27T16:00", staff="mehmet")
MEHMET = 1002  # his event type


async def book_instead(env: CalcomEnvironment) -> Answer:
    """Answer "stattdessen" to the question what becomes of the appointment with Anna."""
    asked = await env.salon.booking.book_appointment(call(), INSTEAD)
    key = further_key(asked.fields["appointment_id"], asked.fields["further_choice"])
    return await env.salon.booking.book_appointment(replace(call(), replies={key: Reply.NO}), INSTEAD)


async def list_statuses(env: CalcomEnvironment) -> list[tuple[str, str]]:
    rows = await env.salon.rows("SELECT staff, status FROM appointments WHERE status <> 'held' ORDER BY created_at")
    return [(row["staff"], row["status"]) for row in rows]


@pytest.fixture
async def booked(env: CalcomEnvironment) -> CalcomEnvironment:
    assert (await env.salon.booking.book_appointment(call(), booking_args(staff="anna"))).success
    return env


async def test_a_confirmed_booking_replaces_the_former(booked: CalcomEnvironment) -> None:
    answer = await book_instead(booked)
    assert answer.message.startswith("Der Termin ist abgesagt: ")
    assert await list_statuses(booked) == [("anna", "cancelled"), ("mehmet", "confirmed")]


async def test_a_taken_time_leaves_the_former(booked: CalcomEnvironment) -> None:
    await booked.block(MEHMET, "2026-11-27T15:00:00Z")
    answer = await book_instead(booked)
    assert not answer.success
    assert "um 14 Uhr 30, bleibt bestehen" in answer.message
    assert await list_statuses(booked) == [("anna", "confirmed"), ("mehmet", "failed")]


async def test_an_unconfirmed_booking_leaves_the_former(booked: CalcomEnvironment) -> None:
    booked.inject_fault(FaultKind.ERROR_BEFORE_COMMIT)
    answer = await book_instead(booked)
    assert "um 14 Uhr 30, bleibt bestehen" in answer.message
    assert await list_statuses(booked) == [("anna", "confirmed"), ("mehmet", "pending_sync")]
