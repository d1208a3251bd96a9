"""Retell's question who is calling: a pod's answer, whether it knows the caller, and how long the caller waits."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable

import msgspec

from tests.worlds.tenant_pod import TenantPod
from tests.worlds.waiting import SOON, stopwatch

CALLER = "+4915112340001"
# The answers about a caller who is not known: with a number, and without one.
UNKNOWN_CALLER = {"call_inbound": {"dynamic_variables": {"caller_number": "bekannt"}}}
_NOTED = "notiert wird nur eine, die der Anrufer nennt"
UNKNOWN_NUMBERS = {
    kind: {"call_inbound": {"dynamic_variables": {"caller_number": f"nicht bekannt ({why}); {_NOTED}"}}}
    for kind, why in {
        "withheld": "unterdrückt",
        "own_number": "der Anruf ist weitergeleitet",
        "made_up": "der Netzbetreiber zeigt einen Platzhalter",
    }.items()
}
WITHIN_SECONDS = 0.3  # docs/reference/http.md


def enable_recognition(pod: TenantPod) -> None:
    """Enable caller recognition for the pod's agents."""
    config = pod.config()
    agents = tuple(msgspec.structs.replace(agent, caller_recognition=True) for agent in config.agents)
    pod.write_config(msgspec.structs.replace(config, agents=agents))


def allow_slow_lookups(pod: TenantPod) -> None:
    """Remove the time limit of the running pod's lookup of callers, for tests of its sentences.

    On a busy machine a lookup may need more than the 0.2 s after which a caller counts as unknown.
    """
    object.__setattr__(pod.web._inbound, "budget_seconds", SOON)


async def measure_delay(pod: TenantPod, ask: Callable[[], Awaitable[object]], *, at_once: int = 1) -> float:
    """Return how many seconds simultaneous calls wait, without the machine's own time for as many answers.

    The machine's own time is measured by calls with a withheld number, which need no lookup. Both are medians of five.
    """

    async def seconds_of(ask: Callable[[], Awaitable[object]]) -> float:
        async with stopwatch() as seconds:
            await asyncio.gather(*(ask() for _ in range(at_once)))
            return seconds()

    pairs = [(await seconds_of(ask), await seconds_of(lambda: pod.inbound(None))) for _ in range(5)]
    asked, withheld = (statistics.median(each) for each in zip(*pairs, strict=True))
    return asked - withheld
