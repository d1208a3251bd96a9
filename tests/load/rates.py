"""The highest rate of events at which web process and worker keep up, and the time until the job of a single event ends.

Both processes of a pod run, and share the cores with the sender, PostgreSQL and Valkey.
"""

import time
from collections.abc import Awaitable, Callable

from tests.load.environment import LoadEnvironment, send
from tests.load.measure import Row, latency_rows, percentile
from tests.load.sender import LoadResult

SLOW_RATE, SLOW_SECONDS = 5, 20
RATES = (200, 400, 600, 800, 1_000, 1_250, 1_500, 2_000, 2_500, 3_000, 4_000)
SECONDS, ACK_MS, BEHIND_SECONDS = 6, 50, 1

Check = Callable[[str, LoadResult], Awaitable[None]]


async def rate_rows(env: LoadEnvironment, check: Check) -> list[Row]:
    """Measure an idle system, then raise the rate until acknowledgements are late or the worker is behind.

    `check` compares the acknowledged events with the stored ones. The web process and a worker must be running.
    """
    return [*await _idle_rows(env, check), *await _ladder_rows(env, check)]


async def _idle_rows(env: LoadEnvironment, check: Check) -> list[Row]:
    """Measure from the commit of a job to its end, one event at a time: its start is before its end."""
    await check("slow", await send("open", env.url, "slow", SLOW_SECONDS, SLOW_RATE))
    await env.all_processed()
    ended = await env.db.fetch(
        "SELECT extract(epoch FROM j.finished_at - j.created_at)::float8 FROM jobs j JOIN webhook_events e ON e.id = j.event_id"
        " WHERE e.event_id LIKE 'call_slow_%'"
    )
    assert len(ended) == SLOW_RATE * SLOW_SECONDS, f"{len(ended)} jobs have ended"
    return latency_rows(
        "idle: job committed → started, run and finished", [row[0] for row in ended], 50, 95, wish="< 20 ms"
    )


async def _ladder_rows(env: LoadEnvironment, check: Check) -> list[Row]:
    held, acknowledged, reason = 0, 0.0, "no rate missed"
    for rate in RATES:
        run = f"rate{rate}"
        result = await send("open", env.url, run, SECONDS, rate)
        ended = time.perf_counter()
        await env.all_processed()
        behind = time.perf_counter() - ended
        await check(run, result)
        p99 = percentile(result.latencies, 99) * 1000
        if result.errors or p99 >= ACK_MS or behind >= BEHIND_SECONDS:
            reason = (
                f"at {rate}/s: ack p99 {p99:.0f} ms, worker {behind:.1f} s behind, {sum(result.errors.values())} failed"
            )
            break
        held, acknowledged = rate, p99
    return [
        Row(
            f"highest rate on schedule with ack p99 < {ACK_MS} ms, worker keeps up ({reason})", held, "/s", "≥ 3,000/s"
        ),
        Row("… ack at that rate, p99", acknowledged),
    ]
