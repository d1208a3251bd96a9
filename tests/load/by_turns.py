"""Two ways to run the web process, by turns: its neighbours on the machine disturb both alike."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from askproai_sandbox.cluster import Child
from tests.load.environment import LoadEnvironment, send
from tests.load.measure import percentile

ROUNDS, SECONDS, CONNECTIONS = 12, 4, 64

Running = Callable[[], AbstractAsyncContextManager[Child]]


@dataclass(frozen=True, slots=True)
class Compared:
    """Medians of the rounds, by whether what is measured was on: events each second, and CPU seconds of an event."""

    rates: dict[bool, float]
    costs: dict[bool, float]

    @property
    def capacity(self) -> float:
        """Return the capacity with it, as a part of that without."""
        return self.rates[True] / self.rates[False]

    @property
    def cost(self) -> float:
        """Return the CPU time of an event with it, as a multiple of that without."""
        return self.costs[True] / self.costs[False]


async def compare_by_turns(env: LoadEnvironment, name: str, running: dict[bool, Running]) -> Compared:
    """Send events as fast as they are acknowledged to each of both, in each round in the other order, after a warm-up.

    No worker runs: what was stored is removed afterwards.
    """
    rates: dict[bool, list[float]] = {False: [], True: []}
    costs: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS):
        for is_on in (False, True) if number % 2 == 0 else (True, False):
            async with running[is_on]() as web:
                await send("closed", env.url, f"warm-{name}{number}{is_on}", 1, CONNECTIONS)
                before = cpu_seconds(web)
                load = await send("closed", env.url, f"{name}{number}{is_on}", SECONDS, CONNECTIONS)
                costs[is_on].append((cpu_seconds(web) - before) / len(load.acknowledged))
                rates[is_on].append(len(load.acknowledged) / load.seconds)
    await env.db.execute("TRUNCATE webhook_events, jobs")
    return Compared(
        {is_on: percentile(values, 50) for is_on, values in rates.items()},
        {is_on: percentile(values, 50) for is_on, values in costs.items()},
    )


def cpu_seconds(process: Child) -> float:
    """Return the CPU time that a process has used, of the user and of the system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
