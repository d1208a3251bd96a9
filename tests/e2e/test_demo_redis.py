"""Redis is killed while people call: they book on, nobody twice, and afterwards the pods share it again (C2)."""

import asyncio
import os
import signal
from datetime import date, timedelta

import aiohttp
from redis.asyncio import Redis

from askproai_sandbox.world import SALON
from tests.e2e.conftest import Demo, fetch

DAYS = [
    date(2026, 12, 8) + timedelta(days=7 * week + day) for week in range(2) for day in range(4)
]  # open from 9 to 18
STARTS = [f"{day}T{hour:02}:00:00+01:00" for day in DAYS for hour in (9, 10, 11, 13, 14)]


async def health(demo: Demo) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(demo.state.adminUrls[SALON.tenant] + "/health") as answer,
    ):
        return str((await answer.json())["status"])


async def redis_status(demo: Demo) -> str:
    headers = {"Authorization": f"Bearer {demo.state.adminTokens[SALON.tenant]}"}
    said = await fetch(f"{demo.state.adminUrls[SALON.tenant]}/health/detailed", headers=headers)
    return str(said["redis"]["status"])


async def book(demo: Demo, start: str) -> dict:
    """Book with Anna in a call of its own."""
    args = {"service": "Haarschnitt", "staff": "anna", "start": start, "customer_name": "Petra Müller"}
    record = await demo.call(SALON.number, "Guten Tag", args=[{"name": "book_appointment", "args": args}])
    assert record.errors == []
    (answer,) = record.answers("book_appointment")
    return answer


async def test_redis_is_killed_under_calls_and_they_book_on(demo):
    async def uses_redis() -> bool:
        return await redis_status(demo) == "ok"

    await demo.until(uses_redis, 30, "the pods to use Redis")
    seen, watching = set(), True

    async def watch() -> None:
        while watching:
            seen.add(await health(demo))
            await asyncio.sleep(0.02)

    watcher = asyncio.create_task(watch())
    killed, answers = demo.state.pids["redis"], []
    for number in range(0, len(STARTS), 4):
        if number == 12:
            os.kill(killed, signal.SIGKILL)
        answers += await asyncio.gather(*(book(demo, start) for start in STARTS[number : number + 4] * 2))
    watching = False
    await watcher
    assert "degraded" in seen
    assert sum(answer["success"] for answer in answers) == len(STARTS), "each start once, and every one of them"
    assert all(answer["alternatives"] for answer in answers if not answer["success"])
    booked = await demo.rows(
        "SELECT starts_at, count(*) FROM appointments WHERE tenant = $1 AND staff = 'anna' AND starts_at >= '2026-12-08'"
        " AND status IN ('confirmed', 'pending_sync') GROUP BY 1",
        SALON.tenant,
    )
    assert [row["count"] for row in booked] == [1] * len(STARTS)

    async def well() -> bool:
        return await uses_redis() and await health(demo) == "ok"

    await demo.until(well, 30, "the pods to use Redis again")
    assert demo.state.pids["redis"] != killed
    async with Redis.from_url(demo.state.redisUrl, decode_responses=True, protocol=2) as admin:
        await book(demo, f"{DAYS[0]}T15:00:00+01:00")
        assert await admin.exists(f"askproai:{SALON.tenant}:limit:functions"), "the limit is shared again"
