"""The loop: take a key, reconcile it, tell people what came of it, and decide when to look again."""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta

import structlog

from askproai_core.kube import ApiError, Conflict, NotLeader, Unreachable
from askproai_operator.engine.cache import Model
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.outcome import Outcome, failed, is_paused, outcome, paused
from askproai_operator.engine.queue import Urgency, WorkQueue
from askproai_operator.engine.result import Result, Warn
from askproai_operator.engine.world import World
from askproai_operator.key import Key

log = structlog.get_logger(__name__)

Reconcile = Callable[[Key, World], Awaitable[Result]]

_LONGEST_RECONCILE = timedelta(minutes=2)
_DRAIN = timedelta(seconds=20)  # what runs at a shutdown may end; every step is crash-safe anyway
_JITTER = 0.1  # of a resync, so that a restart's stampede does not come back every minute


class Engine:
    """Workers over one queue. The only place that writes conditions and makes events."""

    def __init__(
        self,
        kinds: Mapping[str, Reconcile],
        world: World,
        queue: WorkQueue,
        metrics: Metrics,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._kinds, self._world, self._queue, self._metrics, self._chance = kinds, world, queue, metrics, chance
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then let what runs end, for a while."""
        workers = [asyncio.create_task(self._work(), name=f"worker-{n}") for n in range(self._world.settings.workers)]
        schedule = asyncio.create_task(self._queue.run(), name="schedule")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([*workers, schedule, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # none of them ends by itself: its error is ours
            self._stopping = True
            for idle in set(workers) - self._busy:
                idle.cancel()
            if self._busy:
                await asyncio.wait(self._busy, timeout=_DRAIN.total_seconds())
        finally:
            for task in (*workers, schedule, stopped):
                task.cancel()
            await asyncio.gather(*workers, schedule, stopped, return_exceptions=True)

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while not self._stopping:
            key = await self._queue.get()
            self._busy.add(me)
            try:
                await self.process(key)
            finally:
                self._queue.done(key)
                self._busy.discard(me)

    async def process(self, key: Key) -> None:
        """Reconcile one object and act on the result. Every way out has decided when to look again."""
        began = self._world.clock.monotonic()
        try:
            result = await self._look(key)
        except Conflict as error:
            log.info("reconcile.conflict", key=str(key), error=str(error))
            result = self._again(key, "conflict")
        except (NotLeader, Unreachable) as error:
            log.warning("reconcile.stopped", key=str(key), why=str(error))
            result = self._again(key, "stopped")
        except Exception as error:  # noqa: BLE001 (whatever a kind raises must not end the worker: it is told and retried)
            result = await self._failed(key, error)
        self._metrics.reconciles.labels(key.kind, result).inc()
        self._metrics.reconcile_seconds.labels(key.kind).observe(self._world.clock.monotonic() - began)

    async def _look(self, key: Key) -> str:
        model = self._world.cache.get(key)
        if model is None:
            self._queue.drop(key)
            return "gone"
        if is_paused(model):
            await self._tell(key, model.metadata.uid, paused(model, self._world.clock.now()))
            self._resync(key)
            return "paused"
        async with asyncio.timeout(_LONGEST_RECONCILE.total_seconds()):
            result = await self._kinds[key.kind](key, self._world)
        current = self._world.cache.get(key)
        if result.gone:
            await self._make_events(model, result.warnings)
            if current is not None:
                await self._world.kube.refresh(current)
        if result.gone or current is None or current.metadata.uid != model.metadata.uid:
            self._queue.drop(key)
            return "gone"
        # Judged by the generation from before the reconcile: a change in between is looked at again, never claimed as seen.
        await self._tell(key, model.metadata.uid, outcome(model, current.status, result, self._world.clock.now()))
        if result.retry:
            return self._again(key, "retry")
        self._queue.forget(key)
        if result.after is not None:
            self._queue.schedule(key, result.after, Urgency.CHANGE)
        else:
            self._resync(key)
        return "ok"

    async def _failed(self, key: Key, error: Exception) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        first = not self._queue.failures(key)  # where is told once, until it goes well again
        log.error("reconcile.failed", key=str(key), error=_safe(error), where=where if first else None)
        model = self._world.cache.get(key)
        if model is not None:
            try:
                told = failed(model, model.status, error, self._world.clock.now())
                await self._tell(key, model.metadata.uid, told)
            except ApiError as second:
                log.warning("status.not_written", key=str(key), error=str(second))
        return self._again(key, "error")

    async def _tell(self, key: Key, uid: str, told: Outcome) -> None:
        """Write the status if it changed, then make the events: an event for a status that was not written comes again."""
        model = self._world.cache.get(key)
        if model is None or model.metadata.uid != uid:
            return
        if told.patch and not await self._world.kube.patch_status(model, told.patch):
            return
        await self._make_events(model, told.events)

    async def _make_events(self, model: Model, events: Iterable[Warn]) -> None:
        for event in events:
            log.info("object.told", key=str(model.key), type=event.type, reason=event.reason)
            try:
                await self._world.kube.record_event(model, event)
            except ApiError as error:  # an event is a courtesy and must hold up nothing; what it would say is kept here
                told = {"key": str(model.key), "reason": event.reason, "message": event.message}
                log.warning("event.not_made", **told, error=str(error))

    def _again(self, key: Key, result: str) -> str:
        self._queue.retry(key)
        return result

    def _resync(self, key: Key) -> None:
        self._queue.schedule(key, self._world.settings.resync * (1 - _JITTER + 2 * _JITTER * self._chance()))


def _safe(error: Exception) -> str:
    """Give an error's text only where we wrote it ourselves: others quote keys, numbers and rows."""
    ours = type(error).__module__.startswith("askproai_") or isinstance(error, TypeError | AttributeError)
    return f"{type(error).__name__}: {error}" if ours else type(error).__name__
