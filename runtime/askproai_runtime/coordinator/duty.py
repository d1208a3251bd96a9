"""A duty: what the leader does again and again. One that fails is told and counted, and neither stops nor slows another."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_AWAY, Pool
from askproai_core.kube import NotLeader
from askproai_core.logging import error_location
from askproai_core.redis import RedisAway
from askproai_runtime.coordinator.fence import FencedRedis
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.settings import CoordinatorSettings

log = structlog.get_logger(__name__)

BATCH = 500


@dataclass(frozen=True, slots=True)
class Desk:
    """What the duties work with."""

    pool: Pool
    redis: FencedRedis
    session: aiohttp.ClientSession
    clock: Clock
    metrics: Metrics
    settings: CoordinatorSettings
    fence: Callable[[], None]  # raises NotLeader unless the Lease is surely ours: called right before each statement


@dataclass(frozen=True, slots=True)
class Duty:
    """`work` gives how many things it changed."""

    name: str
    every: timedelta
    work: Callable[[Desk], Awaitable[int]]


async def repeat(duty: Duty, desk: Desk) -> None:
    """Do a duty at once, and then about `every` so often, until cancelled: each of its statements is whole by itself."""
    while True:
        await perform(duty, desk)
        await desk.clock.sleep(duty.every * random.uniform(0.8, 1.2))  # noqa: S311  no secret


async def perform(duty: Duty, desk: Desk) -> None:
    """Do a duty once, whatever happens in it."""
    try:
        desk.fence()
        changed = await duty.work(desk)
    except NotLeader as error:
        outcome = "not_leader"
        log.warning("duty.refused", duty=duty.name, why=str(error))
    except (RedisAway, *DATABASE_AWAY) as error:
        outcome = "away"
        tell = log.info if isinstance(error, RedisAway) else log.warning  # the guard has told of Redis, once
        tell("duty.put_off", duty=duty.name, error=type(error).__name__, at=error_location(error))
    except Exception as error:  # noqa: BLE001  a fault in one duty must not end the others; it is told and counted
        outcome = "failed"
        log.error("duty.failed", duty=duty.name, error=type(error).__name__, at=error_location(error))  # noqa: TRY400  a driver's text quotes rows
    else:
        outcome = "ok"
        desk.metrics.changes.labels(duty.name).inc(changed)
        if changed:
            log.info("duty.done", duty=duty.name, changed=changed)
    desk.metrics.runs.labels(duty.name, outcome).inc()


async def in_batches(desk: Desk, statement: str, *values: object) -> int:
    """Run a statement that changes at most `BATCH` rows ($1) until nothing is left; short transactions hold up nobody."""
    changed = 0
    while True:
        desk.fence()
        done = int((await desk.pool.execute(statement, BATCH, *values)).rpartition(" ")[2])
        changed += done
        if done < BATCH:
            return changed
