"""Periodic tasks of the leader. A failing task is logged and counted; it neither stops nor slows others."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.kube import NotLeader
from askproai_core.logging import error_location
from askproai_core.provider_limits import RedisUnavailable
from askproai_core.tracing import annotate, fail_current, start_trace
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.settings import CoordinatorSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CoordinatorContext:
    """The objects that periodic tasks share. `fence` raises NotLeader unless the Lease is ours: call it before each write."""

    pool: Pool
    redis: FencedRedis
    session: aiohttp.ClientSession
    clock: Clock
    metrics: Metrics
    settings: CoordinatorSettings
    fence: Callable[[], None]


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """One periodic task. `run` returns the number of changes; `name` is the label `duty` of the metrics."""

    name: str
    every: timedelta
    run: Callable[[CoordinatorContext], Awaitable[int]]


async def run_periodically(task: PeriodicTask, context: CoordinatorContext) -> None:
    """Run a task at once and then about once in its interval `every`, until cancelled, maybe between any two statements."""
    while True:
        await run_once(task, context)
        await context.clock.sleep(task.every * random.uniform(0.8, 1.2))  # noqa: S311  no secret


async def run_once(task: PeriodicTask, context: CoordinatorContext) -> None:
    """Run a task once. Its errors are logged and counted, not raised."""
    with start_trace("duty", task=task.name):
        outcome = await _attempt(task, context)
        annotate(outcome=outcome)
        if outcome == "failed":
            fail_current()
    context.metrics.runs.labels(task.name, outcome).inc()


async def _attempt(task: PeriodicTask, context: CoordinatorContext) -> str:
    try:
        context.fence()
        changed = await task.run(context)
    except NotLeader as error:
        log.warning("duty.refused", duty=task.name, why=str(error))
        return "not_leader"
    except (RedisUnavailable, *DATABASE_UNAVAILABLE) as error:
        # The Redis client has warned already, once.
        level = log.info if isinstance(error, RedisUnavailable) else log.warning
        level("duty.put_off", duty=task.name, error=type(error).__name__, at=error_location(error))
        return "away"
    except Exception as error:  # noqa: BLE001  a fault in one task must not end the others; it is logged and counted
        log.error("duty.failed", duty=task.name, error=type(error).__name__, at=error_location(error))  # noqa: TRY400  a driver's text quotes rows
        return "failed"
    context.metrics.changes.labels(task.name).inc(changed)
    if changed:
        log.info("duty.done", duty=task.name, changed=changed)
    return "ok"
