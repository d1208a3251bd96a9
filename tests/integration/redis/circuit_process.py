"""One pod's process with a circuit: does what it reads, a word a line, and says how that went.

Run by test_circuit_processes.py as `circuit_process.py REDIS_URL TENANT OPEN_MS PROBE_MS`.
"""

import asyncio
import sys
from datetime import timedelta

import structlog
from guard_world import shared_of

from askproai_core.clock import SystemClock
from askproai_core.redis import CircuitBreakers, CircuitOpen, CircuitRules, Permit, Provider

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output carries the answers


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(url: str, tenant: str, open_ms: str, probe_ms: str) -> None:
    shared = shared_of(url, tenant)
    open_for, probe_for = (timedelta(milliseconds=int(each)) for each in (open_ms, probe_ms))
    circuits = CircuitBreakers(shared, SystemClock(), None, CircuitRules(open_for=open_for, probe_for=probe_for))
    held: Permit | None = None
    say("ready")
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            if word == "allow":
                held = await circuits.allow(Provider.CALCOM)
                say("probe" if held.token else "pass")
            elif held is not None:
                await (held.record_failure() if word == "failed" else held.record_success())
                say("told")
        except CircuitOpen:
            say("open")
    await shared.close()


asyncio.run(main(*sys.argv[1:]))
