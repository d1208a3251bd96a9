"""One pod's process with a circuit: executes the commands that it reads, one per line, and answers each with a line.

Run by test_circuit_processes.py with the arguments `REDIS_URL TENANT OPEN_MS PROBE_MS`.
"""

import asyncio
import sys
from datetime import timedelta

import structlog

from askproai_core.clock import SystemClock
from askproai_core.redis import CircuitBreakers, CircuitOpen, CircuitRules, Permit, Provider
from tests.worlds.tenant_redis import tenant_client

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output carries the answers


def answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(url: str, tenant: str, open_ms: str, probe_ms: str) -> None:
    shared = tenant_client(url, tenant)
    open_for, probe_for = (timedelta(milliseconds=int(each)) for each in (open_ms, probe_ms))
    circuits = CircuitBreakers(shared, SystemClock(), None, CircuitRules(open_for=open_for, probe_for=probe_for))
    permit: Permit | None = None
    answer("ready")
    while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            if command == "allow":
                permit = await circuits.allow(Provider.CALCOM)
                answer("probe" if permit.token else "pass")
            elif permit is not None:
                await (permit.record_failure() if command == "failed" else permit.record_success())
                answer("recorded")
        except CircuitOpen:
            answer("open")
    await shared.close()


asyncio.run(main(*sys.argv[1:]))
