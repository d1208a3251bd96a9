"""A time that is free in our book earlier than at Cal.com: its next booking reaches Cal.com in any order of sync jobs."""

import pytest

from askproai_runtime.jobs import Job, JobKind, Priority
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


async def run_job_of(env: CalcomEnvironment, appointment_id: str) -> None:
    """Run the sync job of an appointment."""
    row = await env.salon.pool.fetchrow(
        """UPDATE jobs SET state = 'running', attempts = attempts + 1, claim_no = claim_no + 1,
               lease_until = clock_timestamp() + interval '30 s'
           WHERE kind = 'calendar-sync' AND state IN ('ready', 'running') AND appointment_id = $1::text::uuid
           RETURNING id, kind, priority, attempts, claim_no, event_id, appointment_id, correlation_id""",
        appointment_id,
    )
    assert row is not None
    job = Job(**{**row, "kind": JobKind(row["kind"]), "priority": Priority(row["priority"])})
    await env.worker.sync_appointment(job)


async def book(env: CalcomEnvironment, caller: str) -> str:
    answer = await env.salon.book(staff="anna", by=call(caller))
    assert answer.success, answer
    return answer.fields["appointment_id"]


async def free_with_unknown_uid(env: CalcomEnvironment, kind: FaultKind) -> str:
    """Book and cancel an appointment whose booking Cal.com has made without answering."""
    env.inject_fault(kind, **({"seconds": 30} if kind is FaultKind.TIMEOUT_AFTER_COMMIT else {}))
    freed = await book(env, "call_1")
    await eventually(lambda: len(env.bookings) == 1, what="the booking whose answer nobody awaits any more")
    await env.salon.cancel(freed)
    return freed


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.ERROR_AFTER_COMMIT])
async def test_a_caller_books_a_freed_time(env: CalcomEnvironment, kind: FaultKind) -> None:
    await free_with_unknown_uid(env, kind)
    booked = await book(env, "call_2")
    assert [each["metadata"]["requestId"] for each in env.bookings] == [booked]


@pytest.mark.parametrize("uid_is_known", [False, True])
@pytest.mark.parametrize("freed_first", [False, True])
async def test_freed_time_booked_during_an_outage_is_synced(env: CalcomEnvironment, freed_first, uid_is_known) -> None:
    if uid_is_known:
        freed = await book(env, "call_1")
        env.disconnect()
        await env.salon.cancel(freed)
    else:
        freed = await free_with_unknown_uid(env, FaultKind.TIMEOUT_AFTER_COMMIT)
        env.disconnect()
    booked = await book(env, "call_2")
    env.reconnect()
    for each in (freed, booked) if freed_first else (booked, freed):
        await run_job_of(env, each)
    assert [each["metadata"]["requestId"] for each in env.bookings] == [booked]
    assert [row["status"] for row in await env.salon.live()] == ["confirmed"]
