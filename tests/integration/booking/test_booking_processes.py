"""Several pods, and pods that die: exactly one caller wins each slot, nothing is booked twice."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from askproai_core.tenant_config import encode
from askproai_runtime.jobs import RunAgain
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve
from tests.worlds.booking_environment import HALF_PAST_TWO, NOW, FrozenClock, Salon, booking_args, tenant_config_of

pytestmark = [pytest.mark.processes, pytest.mark.nightly]
ROOT = Path(__file__).parents[3]
PROGRAM = "tests.integration.booking.caller_process"


async def start(salon: Salon, url: str = "", **environment: str) -> Process:
    """Start a process of callers and wait until it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", PROGRAM, salon.store.dsn, encode(tenant_config_of(salon.store)), url,
        cwd=ROOT, stdin=PIPE, stdout=PIPE, env={**os.environ, "ASKPROAI_TESTING": "1", **environment},
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    return process


async def send(
    process: Process, requests: list[tuple[str, dict[str, Any]]], function: str = "book_appointment"
) -> list[dict[str, Any]]:
    """Send all requests of a process's callers at once, and return their answers; none if it was killed.

    The lock prevents conflicts and deadlocks, so no transaction is tried twice.
    """
    body = json.dumps([(call_id, args, args.pop("function", function)) for call_id, args in requests])
    output, _ = await asyncio.wait_for(process.communicate(body.encode() + b"\n"), 60)
    if not output:
        return []
    result = json.loads(output)
    assert result["retries"] == []
    return result["answers"]


async def test_fifty_callers_compete_for_one_slot_without_deadlock(salon: Salon) -> None:
    """Exactly one wins each person; the others get alternatives, and no deadlock surfaces."""
    processes = await asyncio.gather(*(start(salon) for _ in range(4)))
    requests = [[(f"p{p}c{n}", booking_args(staff="anna")) for n in range(13 if p < 2 else 12)] for p in range(4)]
    answers = [a for of_process in await asyncio.gather(*map(send, processes, requests)) for a in of_process]
    assert len(answers) == 50
    assert [process.returncode for process in processes] == [0] * 4
    winners = [a for a in answers if a["success"]]
    assert len(winners) == 1
    assert all(a["alternatives"] and a["obstacle"] == "taken" for a in answers if not a["success"])
    (row,) = await salon.live()
    assert str(row["id"]) == winners[0]["appointment_id"]
    await salon.assert_claims_match()


@pytest.mark.parametrize(
    ("point", "created"), [("after:book-commit", 0), ("after:calcom-create", 1), ("after:book-give-back", 1)]
)
async def test_booking_repeated_after_a_crash_makes_one_appointment(salon: Salon, point: str, created: int) -> None:
    """After the first request's lease, the second finds what the first left; the sync job makes one remote booking of it."""
    calcom = CalcomSimulator(FrozenClock(NOW))
    async with serve(calcom) as url, aiohttp.ClientSession() as session:
        for staff, number in (("anna", 1001), ("mehmet", 1002)):
            body = {"key": "cal_salon", "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": staff}
            await (await session.post(f"{url}/_sim/event-types", json=body)).release()
        if point == "after:book-give-back":  # somebody else has booked Anna at Cal.com, so Mehmet is tried next
            stranger = {"name": "Fremd", "email": "fremd@example.com", "timeZone": "Europe/Berlin"}
            body = {"eventTypeId": 1001, "start": "2026-11-27T13:30:00Z", "attendee": stranger}
            headers = {"cal-api-version": "2024-08-13", "Authorization": "Bearer cal_salon"}
            await (await session.post(f"{url}/v2/bookings", json=body, headers=headers)).release()

        def bookings() -> list[dict[str, Any]]:
            return [b for b in calcom.dump()["accounts"]["cal_salon"]["bookings"] if b["status"] == "accepted"]

        victim = await start(salon, url, ASKPROAI_FAULT=point)
        assert await send(victim, [("call_1", booking_args())]) == []
        assert victim.returncode == -9
        assert len(bookings()) == created
        await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp()")  # 15 s later
        for name in ("Petra Müller", "Frau Mueller"):
            (answer,) = await send(await start(salon, url), [("call_1", booking_args(name=name))])
            assert answer["success"], answer
        (row,) = await salon.live()
        assert str(row["id"]) == answer["appointment_id"]
        own = [b for b in bookings() if b["metadata"].get("requestId") == str(row["id"])]
        if row["status"] == "pending_sync":
            assert len(own) == created
            assert [job["state"] for job in await salon.rows("SELECT state FROM jobs")] == ["ready"]
        else:
            assert len(own) == 1
        assert answer["start"] == HALF_PAST_TWO
        await salon.assert_claims_match()


FOUR = "2026-11-27T16:00:00+01:00"


@pytest.mark.parametrize(
    ("point", "function", "args"),
    [
        ("after:move-commit", "reschedule_appointment", {"start": FOUR}),
        ("after:calcom-move", "reschedule_appointment", {"start": FOUR}),
        ("after:calcom-move", "reschedule_appointment", {"start": "2026-11-27T14:45:00+01:00"}),
        ("after:cancel-commit", "cancel_appointment", {}),
    ],
)
async def test_change_repeated_after_a_crash_equalizes_both_calendars(env, point: str, function: str, args) -> None:
    """The repeated request makes the change, or finds it made. The sync job changes the remote calendar exactly once."""
    salon = env.salon
    (booked,) = await send(await start(salon, env.url), [("call_1", booking_args(staff="anna"))])
    victim = await start(salon, env.url, ASKPROAI_FAULT=point)
    assert await send(victim, [("call_1", dict(args))], function) == []
    assert victim.returncode == -9
    await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp()")  # 15 s later
    (answer,) = await send(await start(salon, env.url), [("call_1", dict(args))], function)
    assert answer["success"], answer
    assert answer["appointment_id"] == booked["appointment_id"]
    await salon.assert_claims_match()
    await env.run_sync_job()
    await salon.assert_claims_match()
    (row,) = await salon.rows("SELECT * FROM appointments")
    expected = [] if function == "cancel_appointment" else [(row["external_id"], row["starts_at"].timestamp())]
    assert [(b["uid"], datetime.fromisoformat(b["start"]).timestamp()) for b in env.bookings] == expected
    assert row["was_starts_at"] is None
    assert {job["state"] for job in await salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_move_refused_before_a_kill_is_undone(env) -> None:
    salon = env.salon
    await send(await start(salon, env.url), [("call_1", booking_args(staff="anna"))])
    await env.block(1001, "2026-11-27T15:00:00Z")
    victim = await start(salon, env.url, ASKPROAI_FAULT="after:move-take-back")
    assert await send(victim, [("call_1", {"start": FOUR})], "reschedule_appointment") == []
    (row,) = await salon.live()
    assert (row["starts_at"].isoformat(), row["status"]) == ("2026-11-27T13:30:00+00:00", "confirmed")
    await salon.assert_claims_match()


async def test_concurrent_changes_by_four_processes_lose_no_appointment(env) -> None:
    """No appointment is doubled or lost, and Cal.com equals our calendar when the jobs are done."""
    salon = env.salon
    starts = [f"2026-11-27T{hour}:{minute}:00+01:00" for hour in (12, 13, 14, 15, 16) for minute in ("00", "30")]
    owners = [f"own{n}" for n in range(5)]
    own = [(o, booking_args(s, staff="anna")) for o, s in zip(owners, starts[::2], strict=True)]
    first = await send(await start(salon, env.url), own)
    assert all(answer["success"] for answer in first)
    requests: list[list[tuple[str, dict[str, Any]]]] = []
    for p in range(4):
        moves = [(owners[(n + p) % 4], {"start": starts[(3 * n + p) % 10]}) for n in range(6)]
        books = [(f"p{p}c{n}", booking_args(starts[(n * 7 + p) % 10], staff="anna")) for n in range(5)]
        requests.append([(c, {**a, "function": "reschedule_appointment"}) for c, a in moves] + books)
        requests[p].append((owners[4], {"function": "cancel_appointment"}))
    processes = await asyncio.gather(*(start(salon, env.url) for _ in range(4)))
    answers = [a for of_process in await asyncio.gather(*map(send, processes, requests)) for a in of_process]
    assert len(answers) == 48
    await salon.assert_claims_match()
    while await salon.rows("SELECT 1 FROM jobs WHERE state IN ('ready', 'running')"):
        with contextlib.suppress(RunAgain):
            await env.run_sync_job()
    await salon.assert_claims_match()
    live = await salon.live()
    assert {row["call_id"] for row in live} >= set(owners[:4])  # moved or not: still live
    assert owners[4] not in {row["call_id"] for row in live}
    remote = {(b["uid"], datetime.fromisoformat(b["start"]).timestamp()) for b in env.bookings}
    assert remote == {(row["external_id"], row["starts_at"].timestamp()) for row in live}
    assert {row["status"] for row in live} == {"confirmed"}
