"""A booking that is longer at Cal.com than its service: the whole time is blocked here, or the booking is undone."""

from datetime import datetime

import msgspec
import pytest

from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.jobs import RunAgain
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import HALF_PAST_TWO, call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

FOUR, FIVE = "2026-11-27T16:00:00+01:00", "2026-11-27T17:00:00+01:00"
AFTER_OURS = "2026-11-27T15:30:00+01:00"  # the next start after an appointment of 45 minutes and its buffer
LOCAL = "Bartpflege"


@pytest.fixture(autouse=True)
async def local_service(env: CalcomEnvironment) -> None:
    """Add a service of Anna's that is in the local calendar only, so that Cal.com cannot refuse it."""
    service = env.config.services[0]
    local = msgspec.structs.replace(
        service, name="bartpflege", display_name=LOCAL, spoken_names=(), event_types=(), staff={"mitte": ("anna",)}
    )
    env.offer(*env.config.services, local)


async def book(env: CalcomEnvironment, start: str = HALF_PAST_TWO, call_id: str = "call_1", **args: str):
    caller = call(call_id, f"+49151123456{call_id[-1] * 2}")
    return await env.salon.book(start, by=caller, **{"staff": "anna", **args})


async def move(env: CalcomEnvironment, to: str):
    return await env.salon.booking.reschedule_appointment(call(caller="+4915112345611"), {"start": to})


async def lengthen(env: CalcomEnvironment, minutes: int = 90) -> None:
    await env.event_type(1001, "anna", lengthInMinutes=minutes)


async def ends(env: CalcomEnvironment) -> dict[str, datetime]:
    """Return the ends of the live appointments by status, after the claims were compared with them."""
    await env.salon.assert_claims_match()
    return {row["status"]: row["ends_at"] for row in await env.salon.live()}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_longer_end_returned_by_calcom_blocks_the_time(env: CalcomEnvironment) -> None:
    await lengthen(env)
    assert (await book(env)).fields["status"] == "confirmed"
    assert await ends(env) == {"confirmed": at(FOUR)}
    second = await book(env, AFTER_OURS, "call_2", service=LOCAL)
    assert (second.success, second.fields["obstacle"]) == (False, "taken")


async def test_sync_job_blocks_the_end_returned_by_calcom(env: CalcomEnvironment) -> None:
    await lengthen(env)
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    assert (await book(env)).fields["status"] == "pending_sync"
    await env.run_sync_job()
    assert await ends(env) == {"confirmed": at(FOUR)}


async def test_move_after_lengthening_the_event_type_blocks_longer(env: CalcomEnvironment) -> None:
    await book(env)
    await lengthen(env)
    answer = await move(env, "2026-11-27T15:15:00+01:00")
    assert (answer.success, answer.fields["status"]) == (True, "confirmed")
    assert await ends(env) == {"confirmed": at("2026-11-27T16:45:00+01:00")}


async def test_longer_booking_that_overlaps_is_undone(env: CalcomEnvironment) -> None:
    assert (await book(env, AFTER_OURS, "call_2", service=LOCAL)).success
    await lengthen(env)
    answer = await book(env)
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    assert len(env.bookings) == 1
    await env.run_sync_job()
    assert env.bookings == []
    assert [row["service"] for row in await env.salon.live()] == ["bartpflege"]
    await env.salon.assert_claims_match()


async def test_longer_unpromised_booking_is_undone_by_sync(env: CalcomEnvironment) -> None:
    """Our process died after the request to Cal.com; meanwhile the time after it was promised to somebody else."""
    assert (await book(env, AFTER_OURS, "call_2", service=LOCAL)).success
    await lengthen(env)
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    await book(env)
    await env.salon.pool.execute("UPDATE call_actions SET state = 'in_flight' WHERE call_id = 'call_1'")
    with pytest.raises(CalendarDisagrees, match="correct the event type's length"):
        await env.run_sync_job()
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    await env.run_sync_job()
    assert env.bookings == []
    assert [row["service"] for row in await env.salon.live()] == ["bartpflege"]


async def test_longer_promised_booking_awaits_a_person(env: CalcomEnvironment) -> None:
    assert (await book(env, AFTER_OURS, "call_2", service=LOCAL)).success
    await lengthen(env)
    env.inject_fault(FaultKind.TIMEOUT_AFTER_COMMIT, seconds=30)
    assert (await book(env)).success
    for _ in range(2):
        with pytest.raises(CalendarDisagrees, match="call the customer"):
            await env.run_sync_job()
    assert len(env.bookings) == 1
    assert len(await env.salon.live()) == 2


async def test_move_that_is_too_long_is_undone_everywhere(env: CalcomEnvironment) -> None:
    await book(env)
    assert (await book(env, FIVE, "call_2", service=LOCAL)).success
    await lengthen(env, 70)
    answer = await move(env, FOUR)
    assert (answer.success, answer.fields["obstacle"]) == (False, "taken")
    await env.run_sync_job()
    (remote,) = env.bookings
    assert at(remote["start"]) == at(HALF_PAST_TWO)
    assert (await ends(env))["confirmed"] is not None
    (row,) = await env.salon.rows("SELECT * FROM appointments WHERE service <> 'bartpflege'")
    assert (row["starts_at"], row["ends_at"]) == (at(HALF_PAST_TWO), at("2026-11-27T15:40:00+01:00"))


async def test_booking_lengthened_at_calcom_blocks_its_new_end(env: CalcomEnvironment) -> None:
    """A person moved it away and back after its event type had become longer."""
    await book(env)
    await lengthen(env)
    (remote,) = env.bookings
    moved = await env.dashboard("move", uid=remote["uid"], start="2026-11-27T14:00:00Z")
    back = await env.dashboard("move", uid=moved["uid"], start=HALF_PAST_TWO)
    await env.receive_event(back["uid"])
    assert await ends(env) == {"confirmed": at(FOUR)}
    assert len(await env.salon.live()) == 1


async def test_shorter_booking_keeps_the_services_length(env: CalcomEnvironment) -> None:
    await lengthen(env, 20)
    assert (await book(env)).fields["status"] == "confirmed"
    assert await ends(env) == {"confirmed": at("2026-11-27T15:15:00+01:00")}
