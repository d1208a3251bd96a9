"""Redis is killed while people call: they go on booking, nothing twice, and afterwards the pods share it again."""

import asyncio
import os
import signal
from datetime import datetime, time
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from redis.asyncio import Redis

from askproai_sandbox.example_tenant import SALON
from tests.worlds.running_demo import Demo, fetch
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

TUESDAY_TO_FRIDAY = (1, 2, 3, 4)  # open from 9 to 18
HOURS = (9, 10, 11, 13, 14)
HOME = ZoneInfo("Europe/Berlin")


async def health(demo: Demo) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(demo.state.adminUrls[SALON.tenant] + "/health") as answer,
    ):
        return str((await answer.json())["status"])


async def redis_status(demo: Demo) -> str:
    headers = {"Authorization": f"Bearer {demo.state.adminTokens[SALON.tenant]}"}
    details = await fetch(f"{demo.state.adminUrls[SALON.tenant]}/health/detailed", headers=headers)
    return str(details["redis"]["status"])


async def list_bookings(
    demo: Demo, starts: list[datetime]
) -> tuple[list[tuple[datetime, str]], list[tuple[datetime, str]]]:
    """Return start and uid of Anna's live appointments at those times, and of her remote bookings at Cal.com."""
    rows = await demo.rows(
        "SELECT starts_at, external_id FROM appointments WHERE tenant = $1 AND staff = 'anna'"
        " AND starts_at = ANY($2::timestamptz[]) AND status IN ('confirmed', 'pending_sync')",
        SALON.tenant, starts,
    )  # fmt: skip
    state = await fetch(f"{demo.state.calcomUrl}/_sim/state")
    (event_type,) = (number for number, host in SALON.event_types if host == "anna")
    remote = [
        (datetime.fromisoformat(booking["start"]), booking["uid"])
        for booking in state["accounts"][SALON.calcom_key]["bookings"]
        if booking["status"] == "accepted" and booking["eventTypeId"] == event_type
    ]
    local = sorted((row["starts_at"], row["external_id"] or "") for row in rows)
    return local, [(start, uid) for start, uid in remote if start in starts]


async def test_callers_can_book_while_redis_is_killed(demo):
    async def uses_redis() -> bool:
        return await redis_status(demo) == "ok"

    await eventually(uses_redis, SOON, "the pods to use Redis")
    days = await demo.open_days(8, *TUESDAY_TO_FRIDAY)
    starts = [datetime.combine(day, time(hour), HOME) for day in days for hour in HOURS]
    statuses, watching = set(), True

    async def watch() -> None:
        while watching:
            statuses.add(await health(demo))
            await asyncio.sleep(0.02)

    watcher = asyncio.create_task(watch())
    killed, answers = demo.state.pids["redis"], []
    for number in range(0, len(starts), 2):
        if number == 12:
            os.kill(killed, signal.SIGKILL)
        two = starts[number : number + 2]
        # One number may not book as many in a day.
        pairs = [(start, name) for start in two for name in ("Uwe Abel", "Ute Bohn")]
        calls = (demo.book(start, name, f"+49151{start:%m%d%H%M}", staff="anna") for start, name in pairs)
        answers += [answer for _, answer in await asyncio.gather(*calls)]
    watching = False
    await watcher
    assert "degraded" in statuses
    assert sum(answer["success"] for answer in answers) == len(starts), "every start, each once"
    assert all(answer["alternatives"] for answer in answers if not answer["success"])
    local, remote = await list_bookings(demo, starts)
    assert [start for start, _ in local] == starts
    assert len({start for start, _ in remote}) == len(remote), "nothing is booked twice at Cal.com either"
    assert {(start, uid) for start, uid in local if uid} <= set(remote)

    async def recovered() -> bool:
        return await uses_redis() and await health(demo) == "ok"

    await eventually(recovered, SOON, "the pods to use Redis again")
    # The demo writes its state file once a second, so the new server may answer before its process id is in it.
    await eventually(lambda: demo.state.pids["redis"] != killed, SOON, "the process id of the new Redis")
    async with Redis.from_url(demo.state.redisUrl, decode_responses=True, protocol=2) as admin:

        async def is_shared() -> bool:
            """Look while a question is being answered: the key lives for two seconds."""
            asking = asyncio.create_task(demo.ask(SALON.number, service="Haarschnitt", date=days[0].isoformat()))
            found = False
            while not asking.done():
                found = found or bool(await admin.exists(f"askproai:{SALON.tenant}:limit:functions"))
                await asyncio.sleep(0.02)
            await asking
            return found

        await eventually(is_shared, SOON, "the limit to be shared again")
