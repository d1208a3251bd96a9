"""What traces cost the intake: capacity and CPU time of an event without them and with 1 % of the requests traced, by turns."""

import os
from pathlib import Path

from askproai_sandbox.cluster import Child
from tests.load.environment import LoadEnvironment, send
from tests.load.measure import Row, percentile
from tests.worlds.trace_collector import running_collector

ROUNDS, SECONDS, CONNECTIONS = 4, 4, 64
RATIO = 0.01


async def trace_rows(env: LoadEnvironment) -> list[Row]:
    """Run the web process by turns without and with traces, and compare. Its neighbours on the machine disturb both alike."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    costs: dict[bool, list[float]] = {False: [], True: []}
    async with running_collector() as collector:
        for number in range(ROUNDS):
            for traced in (False, True) if number % 2 == 0 else (True, False):
                variables = {"TRACING_ENDPOINT": collector.url, "TRACING_SAMPLE_RATIO": RATIO} if traced else {}
                async with env.running("web", **variables) as web:
                    await send("closed", env.url, f"warm{number}{traced}", 1, CONNECTIONS)
                    before = cpu_seconds(web)
                    load = await send("closed", env.url, f"traced{number}{traced}", SECONDS, CONNECTIONS)
                    costs[traced].append((cpu_seconds(web) - before) / len(load.acknowledged))
                    rates[traced].append(len(load.acknowledged) / load.seconds)
        entrances = len(collector.named("/webhooks/retell"))
    await env.db.execute("TRUNCATE webhook_events, jobs")  # no worker was there to finish them
    capacity = percentile(rates[True], 50) / percentile(rates[False], 50)
    cost = {traced: percentile(values, 50) for traced, values in costs.items()}
    return [
        Row("intake capacity with traces of 1 % ÷ without", capacity, "×", "≥ 0.95"),
        Row("… CPU time of an event without traces", cost[False] * 1e6, "µs"),
        Row("… with traces of 1 %", cost[True] * 1e6, "µs"),
        Row("… ratio", cost[True] / cost[False], "×", "≤ 1.05"),
        Row("… requests whose trace the collector got", entrances, ""),
    ]


def cpu_seconds(process: Child) -> float:
    """Return the CPU time that a process has used, of the user and of the system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
