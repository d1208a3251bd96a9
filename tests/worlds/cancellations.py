"""A salon whose caller has several appointments, one of which is to be cancelled."""

from dataclasses import replace

import pytest

from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import Reply
from tests.worlds.booking_environment import Salon, booking_args, call

NEXT_CALL = call("call_2")  # from the same number, on Friday 20 November

TUESDAY = "2026-11-24T10:00:00+01:00"


async def book(salon, *starts: str) -> list[str]:
    """Book appointments for the caller, and return their ids."""
    answers = [
        await salon.booking.book_appointment(call(), booking_args(start, staff="anna", another=start != starts[0]))
        for start in starts
    ]
    assert all(answer.success for answer in answers), answers
    return [answer.fields["appointment_id"] for answer in answers]


def after_answer(appointment_id: str, reply: Reply = Reply.YES) -> CallContext:
    """Return the next call with a transcript: the caller was asked about this appointment, and has said `reply` since."""
    return replace(NEXT_CALL, replies={appointment_id: reply})


async def let_two_seconds_pass(salon: Salon) -> None:
    """Make everything that calls have done two seconds older by the database's clock."""
    await salon.pool.execute("UPDATE call_actions SET lease_until = lease_until - interval '2 s'")


@pytest.fixture
async def salon(new_salon):
    return await new_salon(booking_limits=BookingLimits(per_call=10))
