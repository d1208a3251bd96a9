"""Two processes of a tenant share a circuit through Valkey; one of them dies while it has the probe (C1)."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from guard_world import tenant_url

from askproai_sandbox.redis import EmbeddedRedis

PROGRAM = Path(__file__).with_name("circuit_process.py")
OPEN_MS, PROBE_MS = 400, 1500


async def start(url: str, tenant: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), url, tenant, str(OPEN_MS), str(PROBE_MS), stdin=PIPE, stdout=PIPE, env=os.environ
    )
    assert await answer(process) == "ready"
    return process


async def answer(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def do(process: Process, word: str) -> str:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n".encode())
    return await answer(process)


async def until(process: Process, said: str) -> float:
    """Ask again and again until it may go, and give how long that took."""
    began = time.monotonic()
    while (heard := await do(process, "allow")) != said:
        assert heard == "open"
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_two_processes_share_it_and_a_prober_that_is_killed_keeps_nobody_out(
    valkey: EmbeddedRedis, tenant: str
) -> None:
    url = await tenant_url(valkey, tenant)
    first, second = await asyncio.gather(start(url, tenant), start(url, tenant))
    for process in (first, second, first, second, first):
        assert await do(process, "allow") == "pass"
        assert await do(process, "failed") == "told"
    assert await do(first, "allow") == "open"
    assert await until(second, "probe") < OPEN_MS / 1000 + 1
    assert await do(first, "allow") == "open", "one probe for all processes"
    second.kill()
    await second.wait()
    assert await do(first, "allow") == "open", "nobody knows yet that it is dead"
    waited = await until(first, "probe")
    assert waited < PROBE_MS / 1000 + 1
    assert await do(first, "succeeded") == "told"
    third = await start(url, tenant)
    assert await do(third, "allow") == "pass"
    for process in (first, third):
        process.terminate()
        await process.wait()
