"""Two processes of a tenant share a circuit through Valkey; one of them dies while its probe is running."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.tenant_redis import create_tenant_user
from tests.worlds.waiting import SOON, eventually

pytestmark = [pytest.mark.processes, pytest.mark.nightly]
ROOT = Path(__file__).parents[3]
PROGRAM = "tests.integration.redis.circuit_process"
OPEN_MS, PROBE_MS = 2000, 5000  # longer than a busy machine needs for what must happen before
SLACK_SECONDS = 10


async def start(url: str, tenant: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", PROGRAM, url, tenant, str(OPEN_MS), str(PROBE_MS), stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert await answer(process) == "ready"
    return process


async def answer(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), SOON)).decode().strip()


async def send(process: Process, command: str) -> str:
    assert process.stdin is not None
    process.stdin.write(f"{command}\n".encode())
    return await answer(process)


async def wait_for_answer(process: Process, expected: str) -> float:
    """Ask for a permit until the answer is `expected`; return how many seconds that took."""
    began = time.monotonic()

    async def answered() -> bool:
        permit = await send(process, "allow")
        assert permit in {"open", expected}
        return permit == expected

    await eventually(answered, SOON, f"the answer {expected!r}")
    return time.monotonic() - began


async def test_two_processes_share_it_and_a_prober_that_is_killed_keeps_nobody_out(
    valkey: EmbeddedRedis, tenant: str
) -> None:
    url = await create_tenant_user(valkey, tenant)
    first, second = await asyncio.gather(start(url, tenant), start(url, tenant))
    for process in (first, second, first, second, first):
        assert await send(process, "allow") == "pass"
        assert await send(process, "failed") == "recorded"
    assert await send(first, "allow") == "open"
    assert await wait_for_answer(second, "probe") < OPEN_MS / 1000 + SLACK_SECONDS
    assert await send(first, "allow") == "open", "one probe for all processes"
    second.kill()
    await second.wait()
    assert await send(first, "allow") == "open", "nobody knows yet that it is dead"
    waited = await wait_for_answer(first, "probe")
    assert waited < PROBE_MS / 1000 + SLACK_SECONDS
    assert await send(first, "succeeded") == "recorded"
    third = await start(url, tenant)
    assert await send(third, "allow") == "pass"
    for process in (first, third):
        process.terminate()
        await process.wait()
