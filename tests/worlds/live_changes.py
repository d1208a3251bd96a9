"""The behaviour of a running installation after a change and after a loss, for the demo and for the chart on a node."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.worlds.waiting import SOON, eventually, stopwatch

Kubectl = Callable[..., Awaitable[str]]
_CLOSED_AFTER_NOON = {"spec": {"openingHours": [{"days": ["Wed"], "opens": "09:00", "closes": "12:00"}]}}
_ROLLED_OUT = 120.0  # seconds


async def seconds_until_hours_count(
    kubectl: Kubectl, is_offered: Callable[[], Awaitable[bool]], *, questions: int, promised: float
) -> list[float]:
    """Close the salon after noon on Wednesdays, and open it again. Return the seconds until the last offer by the old hours.

    They count from the change to the beginning of the last question for which `is_offered` found a Wednesday afternoon: a busy
    machine may answer late. So many `questions` in a row reach every pod. If it takes longer than `promised`, it is repeated,
    at most twice, since a machine can stand still for a moment.
    """
    seconds: list[float] = []
    while not seconds or (seconds[-1] >= promised and len(seconds) < 3):
        await eventually(is_offered, _ROLLED_OUT, "the former hours")
        try:
            seconds.append(await _seconds_until_closed(kubectl, is_offered, questions))
        finally:  # the next tests need the former hours
            await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await eventually(is_offered, _ROLLED_OUT, "the former hours again")
    return seconds


async def _seconds_until_closed(kubectl: Kubectl, is_offered: Callable[[], Awaitable[bool]], questions: int) -> float:
    patch = ("--type=merge", "-p", json.dumps(_CLOSED_AFTER_NOON))
    await kubectl("patch", "branch", "mitte", "-n", SALON.namespace, *patch)
    changed = last_offered = time.monotonic()

    async def is_closed() -> bool:
        nonlocal last_offered
        for _ in range(questions):
            asked = time.monotonic()
            if await is_offered():
                last_offered = asked
                return False
        return True

    await eventually(is_closed, _ROLLED_OUT, "the new hours in every pod")
    return last_offered - changed


async def wait_for_next_leader(
    read_lease: Callable[[], Awaitable[dict[str, Any]]], former: str, killed: datetime
) -> tuple[dict[str, Any], float]:
    """Wait until another process than `former` holds a Lease. Return its spec, and the seconds from `killed` until it was
    acquired, without those in which the machine stood still.
    """

    async def taken_over() -> dict[str, Any] | None:
        spec = await read_lease()
        return spec if spec.get("holderIdentity", "") not in {"", former} else None

    began = time.perf_counter()
    async with stopwatch() as ran:
        spec = await eventually(taken_over, SOON, "another leader", every=0.5)
        stood_still = time.perf_counter() - began - ran()
    return spec, (datetime.fromisoformat(spec["acquireTime"]) - killed).total_seconds() - stood_still
