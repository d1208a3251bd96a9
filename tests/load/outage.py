"""An outage of PostgreSQL under load: what it costs the senders of webhooks, and whether each event is stored once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from askproai_core.redis import PROMISE_KEY
from tests.load.environment import LoadEnvironment, send
from tests.load.measure import Row, latency_rows, percentile
from tests.load.sender import LoadResult
from tests.soak.processes import postgres_pids
from tests.worlds.waiting import eventually

_BEFORE, _AFTER = 5.0, 10.0  # seconds
_MAX_DRAIN = 30.0


async def outage_rows(
    env: LoadEnvironment,
    rate: float,
    seconds: float,
    bar_ms: float,
    check: Callable[[str, LoadResult], Awaitable[None]],
) -> list[Row]:
    """Freeze all processes of PostgreSQL for `seconds` while events come. `check` compares what was acknowledged and stored."""
    stream = f"askproai:{env.store.tenant}:spool"
    async with promising_redis(env):
        sending = asyncio.create_task(send("open", env.url, "outage", _BEFORE + seconds + _AFTER, rate))
        await asyncio.sleep(_BEFORE)
        pids = postgres_pids(env.postgres)
        signal_all(pids, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
            async with env.redis.admin() as admin:
                spooled = await admin.xlen(stream)
        finally:
            signal_all(pids, signal.SIGCONT)
        loop = asyncio.get_running_loop()
        back_at = loop.time()

        async def drained() -> bool:
            async with env.redis.admin() as admin:
                return not await admin.exists(stream)

        await eventually(drained, _MAX_DRAIN, "the spool to be empty")
        took = loop.time() - back_at
        result = await sending
    await env.all_processed()
    await check("outage", result)
    name = f"{seconds:g} s without PostgreSQL at {rate:g}/s: webhook ack"
    return [
        *latency_rows(name, result.latencies, 50),
        Row(f"{name}, p99", percentile(result.latencies, 99) * 1000, bar=bar_ms),
        Row(f"{name}, slowest of {len(result.latencies):,}", max(result.latencies) * 1000),
        Row("… requests that failed", sum(result.errors.values()), "", bar=0),
        Row("… events that waited in Redis", spooled, ""),
        Row("… until all were in PostgreSQL", took, "s"),
    ]


@asynccontextmanager
async def promising_redis(env: LoadEnvironment) -> AsyncIterator[None]:
    """Let Redis answer in milliseconds, and promise it to the pods as the operator would."""
    async with env.redis.admin() as admin:
        await admin.config_set("appendfsync", "always")
        await admin.set(PROMISE_KEY, "0")
        await asyncio.sleep(6)  # a pod looks every five seconds
        yield
        await admin.delete(PROMISE_KEY)
        await admin.config_set("appendfsync", "everysec")


def signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)
