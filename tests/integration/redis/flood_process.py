"""A pod above its tenant's limit: run with `URL TENANT LIMIT SECONDS`, it prints how many requests were admitted."""

import asyncio
import sys
import time

from askproai_core.clock import SystemClock
from askproai_runtime.redis.rate_limiter import RateLimiter
from tests.worlds.tenant_redis import tenant_client


async def main(url: str, tenant: str, limit: str, seconds: str) -> None:
    shared = tenant_client(url, tenant)
    limiter, admitted = RateLimiter(shared, SystemClock(), "webhooks"), 0
    await shared.execute("PING")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        admitted += await limiter.admits(int(limit))
        await asyncio.sleep(0.001)
    assert not shared.degraded
    sys.stdout.write(f"{admitted}\n")
    await shared.close()


asyncio.run(main(*sys.argv[1:]))
