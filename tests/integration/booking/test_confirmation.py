"""Event types that require a confirmation at Cal.com: no caller hears that such an appointment is certain."""

from datetime import datetime
from typing import Any

import pytest

from askproai_runtime.calls.store import find_known_caller
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, call
from tests.worlds.calcom_environment import KEY, CalcomEnvironment

pytestmark = pytest.mark.nightly


@pytest.fixture(autouse=True)
async def confirmation(env: CalcomEnvironment) -> None:
    """Make the bookings of both require a confirmation, which already blocks their time. The pods know this."""
    for number, host in ((1001, "anna"), (1002, "mehmet")):
        policy = {"type": "always", "blockUnconfirmedBookingsInBooker": True}
        await env.event_type(number, host, confirmationPolicy=policy)
    env.change_event_types(needs_confirmation=True)


def remote_bookings(env: CalcomEnvironment, status: str) -> list[dict[str, Any]]:
    return [each for each in env.calcom.dump()["accounts"][KEY]["bookings"] if each["status"] == status]


async def book(env: CalcomEnvironment, call_id: str = "call_1") -> str:
    answer = await env.salon.book(staff="anna", by=call(call_id))
    assert answer.success, answer
    return answer.message


async def test_requested_appointment_is_confirmed_at_calcom(env: CalcomEnvironment) -> None:
    message = await book(env)
    assert message.startswith("Der Termin ist angefragt: Freitag, den 27. November, um 14 Uhr 30")
    assert "noch nicht fest" in message
    found = await env.salon.booking.find_appointments(call())
    assert "angefragt und noch nicht bestätigt" in found.message
    assert "angefragt und noch nicht bestätigt" in found.fields["appointments"][0]["spoken"]
    (remote,) = remote_bookings(env, "pending")
    await env.dashboard("confirm", uid=remote["uid"])
    await env.receive_event(remote["uid"])
    assert "angefragt" not in (await env.salon.booking.find_appointments(call())).message


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
async def test_booking_unanswered_by_calcom_is_called_requested(env: CalcomEnvironment, kind: FaultKind) -> None:
    env.inject_fault(kind)
    message = await book(env)
    assert message.startswith("Der Termin ist angefragt: ")
    assert "eingetragen" not in message


async def test_unanswered_move_is_said_as_requested(env: CalcomEnvironment) -> None:
    await book(env)
    env.disconnect()
    moved = await env.salon.booking.reschedule_appointment(call(), {"start": "2026-11-27T16:00:00+01:00"})
    assert moved.message.startswith("Die Verschiebung ist angefragt: ")
    assert "noch nicht fest" in moved.message


async def test_recognized_caller_hears_an_unsynced_appointment_as_requested(env: CalcomEnvironment) -> None:
    caller = call().caller
    env.disconnect()
    await book(env)
    known = await find_known_caller(env.salon.pool, env.config, caller, NOW)
    assert known is not None
    assert (known.starts_at, known.requested) == (datetime.fromisoformat(HALF_PAST_TWO), True)
    env.reconnect()
    await env.run_sync_job()
    (remote,) = remote_bookings(env, "pending")
    assert (await find_known_caller(env.salon.pool, env.config, caller, NOW)) == known
    await env.dashboard("confirm", uid=remote["uid"])
    await env.receive_event(remote["uid"])
    confirmed = await find_known_caller(env.salon.pool, env.config, caller, NOW)
    assert (confirmed.starts_at, confirmed.requested) == (known.starts_at, False)


async def test_recently_cancelled_time_is_requested_again(env: CalcomEnvironment) -> None:
    """Cal.com answers the same attendee at the same time with the booking that it has, which is about to be cancelled there."""
    await book(env)
    (first,) = await env.salon.live()
    await env.salon.cancel(str(first["id"]))
    await book(env, "call_2")
    for _ in range(3):
        if await env.salon.rows("SELECT 1 FROM jobs WHERE kind = 'calendar-sync' AND state IN ('ready', 'running')"):
            await env.run_sync_job()
    (local,) = await env.salon.live()
    (remote,) = remote_bookings(env, "pending")
    assert remote["metadata"]["requestId"] == str(local["id"])
    assert local["external_id"] == remote["uid"]
    assert datetime.fromisoformat(remote["start"]) == datetime.fromisoformat(HALF_PAST_TWO)
