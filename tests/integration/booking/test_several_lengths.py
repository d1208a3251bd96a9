"""An event type with several lengths: booked with the length of the service, which a move keeps."""

from datetime import datetime, timedelta

import msgspec
import pytest

from askproai_runtime.jobs import RunAgain
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

FOUR, SOON_AFTER = "2026-11-27T16:00:00+01:00", "2026-11-27T15:00:00+01:00"


@pytest.fixture(autouse=True)
async def several_lengths(env: CalcomEnvironment) -> None:
    """The service takes 45 minutes; at Cal.com Anna's event type offers 30, 45 and 60, and 30 without a word."""
    await env.event_type(1001, "anna", lengthInMinutes=30, lengthInMinutesOptions=[30, 45, 60])
    (service,) = env.config.services
    types = (msgspec.structs.replace(service.event_types[0], default_minutes=30), *service.event_types[1:])
    env.offer(msgspec.structs.replace(service, event_types=types))


async def book(env: CalcomEnvironment):
    answer = await env.salon.book(staff="anna")
    assert answer.success, answer
    return answer


async def move(env: CalcomEnvironment, to: str):
    return await env.salon.booking.reschedule_appointment(call(), {"start": to})


async def agreed(env: CalcomEnvironment) -> tuple[datetime, timedelta]:
    """Assert that both calendars have the same one appointment; return its start and its length at Cal.com."""
    (remote,) = env.bookings
    (local,) = await env.salon.live()
    start, end = (datetime.fromisoformat(remote[name]) for name in ("start", "end"))
    assert (local["status"], local["external_id"], local["starts_at"]) == ("confirmed", remote["uid"], start)
    await env.salon.assert_claims_match()
    return start, end - start


def at(text: str) -> tuple[datetime, timedelta]:
    return datetime.fromisoformat(text), timedelta(minutes=45)


async def test_booking_requests_the_services_length(env: CalcomEnvironment) -> None:
    await book(env)
    assert await agreed(env) == at(HALF_PAST_TWO)


@pytest.mark.parametrize("to", [FOUR, SOON_AFTER])
async def test_move_keeps_length_and_late_events_change_nothing(env: CalcomEnvironment, to: str) -> None:
    """Cal.com gives a moved booking the default length, so it is booked anew; `SOON_AFTER` overlaps the time before."""
    await book(env)
    (before,) = env.bookings
    answer = await move(env, to)
    assert (answer.success, answer.fields["status"]) == (True, "confirmed")
    assert await agreed(env) == at(to)
    for uid in (before["uid"], env.bookings[0]["uid"]):
        await env.receive_event(uid)
    assert await agreed(env) == at(to)


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
async def test_interrupted_move_is_finished_by_the_sync_job(env: CalcomEnvironment, kind: FaultKind) -> None:
    await book(env)
    (before,) = env.bookings
    env.inject_fault(kind)
    assert (await move(env, FOUR)).fields["status"] == "pending_sync"
    await env.receive_event(before["uid"])
    await env.run_sync_job()
    assert await agreed(env) == at(FOUR)


async def test_failed_rebooking_restores_the_old_booking(env: CalcomEnvironment) -> None:
    await book(env)
    (before,) = env.bookings
    await env.block(1001, "2026-11-27T15:00:00Z")
    answer = await move(env, FOUR)
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    await env.receive_event(before["uid"])
    (row,) = await env.salon.live()
    assert row["starts_at"] == datetime.fromisoformat(HALF_PAST_TWO), "its cancelled booking does not end it"
    await env.run_sync_job()
    starts = sorted(datetime.fromisoformat(booking["start"]) for booking in env.bookings)
    assert starts == [datetime.fromisoformat(HALF_PAST_TWO), datetime.fromisoformat(FOUR)]
    assert [row["status"] for row in await env.salon.live()] == ["confirmed"]


async def test_move_during_an_outage_reaches_calcom_later(env: CalcomEnvironment) -> None:
    await book(env)
    env.disconnect()
    assert (await move(env, FOUR)).fields["status"] == "pending_sync"
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    env.reconnect()
    await env.run_sync_job()
    assert await agreed(env) == at(FOUR)
