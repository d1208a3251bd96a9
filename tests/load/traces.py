"""What traces cost the intake: capacity and CPU time of an event without them and with 1 % of the requests traced, by turns."""

from tests.load.by_turns import compare_by_turns
from tests.load.environment import LoadEnvironment
from tests.load.measure import Row
from tests.worlds.trace_collector import running_collector

RATIO = 0.01


async def trace_rows(env: LoadEnvironment) -> list[Row]:
    """Run the web process by turns without and with traces, and compare."""
    async with running_collector() as collector:
        variables = {"TRACING_ENDPOINT": collector.url, "TRACING_SAMPLE_RATIO": RATIO}
        running = {False: lambda: env.running("web"), True: lambda: env.running("web", **variables)}
        found = await compare_by_turns(env, "traced", running)
        entrances = len(collector.named("/webhooks/retell"))
    return [
        Row("intake capacity with traces of 1 % ÷ without", found.capacity, "×", "≥ 0.95"),
        Row("… CPU time of an event without traces", found.costs[False] * 1e6, "µs"),
        Row("… with traces of 1 %", found.costs[True] * 1e6, "µs"),
        Row("… ratio", found.cost, "×", "≤ 1.05"),
        Row("… requests whose trace the collector got", entrances, ""),
    ]
