"""The reconcile loop: take a key, call its controller, write the status and events, and decide when the key is due again."""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, Generic, TypeVar

import structlog

from askproai_core.kube import ApiError, Conflict, NotLeader, Unreachable
from askproai_core.tracing import annotate, fail_current, start_trace
from askproai_operator.api import KINDS, CustomResource, Key
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import SHARED_WORKERS, Priority, WorkQueue
from askproai_operator.engine import (
    EngineContext,
    EventRecord,
    EventType,
    Result,
    StatusUpdate,
    pause_condition,
    update_for_error,
    update_for_pause,
    update_for_result,
)

log = structlog.get_logger(__name__)

C = TypeVar("C", bound=EngineContext)

_DRAIN: Final = timedelta(seconds=20)  # running reconciles may finish at a shutdown; every step is crash-safe anyway
_KEPT_FOR_CHANGES: Final = 4  # each fourth worker takes no resync: those that wait for a provider must not fill all
_JITTER: Final = 0.1  # share of a resync, so that the keys of one start do not stay due at the same moment for ever


# A controller: reconciles a key, and may be called at any time and any number of times (level-triggered). If the key's kind is a
# custom resource, the loop writes its status. If the kind is background work without an object, the loop only uses the time of the
# next run.
Reconcile = Callable[[Key, C], Awaitable[Result]]


class ReconcileLoop(Generic[C]):
    """The workers that reconcile the keys of one queue. Nothing else writes conditions or creates Events about reconciles."""

    def __init__(
        self,
        controllers: Mapping[str, Reconcile[C]],
        context: C,
        queue: WorkQueue,
        metrics: Metrics,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take the controllers by the kind of their keys, and the queue, which has each kind's options."""
        self._controllers, self._context, self._queue, self._metrics = controllers, context, queue, metrics
        self._chance = chance
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._warned: set[Key] = set()  # an Event said why they are not Ready; empty for a new leader

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then let running reconciles finish, for at most 20 s."""
        pools = {SHARED_WORKERS: self._context.settings.workers, **self._queue.own_workers()}
        kept = {SHARED_WORKERS: pools[SHARED_WORKERS] // _KEPT_FOR_CHANGES}
        workers = [
            asyncio.create_task(
                self._work(pool, changes_only=number < kept.get(pool, 0)), name=f"worker-{pool}-{number}"
            )
            for pool, size in pools.items()
            for number in range(size)
        ]
        schedule = asyncio.create_task(self._queue.run(), name="schedule")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([*workers, schedule, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # workers and schedule never return, so this raises their error
            self._stopping = True
            for idle in set(workers) - self._busy:
                idle.cancel()
            if self._busy:
                await asyncio.wait(self._busy, timeout=_DRAIN.total_seconds())
        finally:
            for task in (*workers, schedule, stopped):
                task.cancel()
            await asyncio.gather(*workers, schedule, stopped, return_exceptions=True)

    async def _work(self, pool: str, *, changes_only: bool) -> None:
        worker = asyncio.current_task()
        assert worker is not None
        while not self._stopping:
            key = await self._queue.get(pool, Priority.CHANGE if changes_only else Priority.RESYNC)
            self._busy.add(worker)
            try:
                await self.process(key)
            finally:
                self._queue.done(key)
                self._busy.discard(worker)

    async def process(self, key: Key) -> None:
        """Reconcile one key, act on the result, and record trace and metrics. The key is then scheduled again, or dropped."""
        began = self._context.clock.monotonic()
        with start_trace("reconcile", object_kind=key.kind):
            if key.kind in KINDS:  # other keys may be named after an object at a provider, such as a number
                annotate(namespace=key.namespace, object_name=key.name)
            result = await self._process(key)
            annotate(outcome=result)
            if result == "error":
                fail_current()
        self._metrics.reconciles.labels(key.kind, result).inc()
        self._metrics.reconcile_seconds.labels(key.kind).observe(self._context.clock.monotonic() - began)

    async def _process(self, key: Key) -> str:
        """Reconcile one key, and return the outcome as the metric's label `result`. An error of the reconcile is not raised."""
        try:
            return await (self._reconcile_object(key) if key.kind in KINDS else self._reconcile_background(key))
        except Conflict as error:
            log.info("reconcile.conflict", key=str(key), error=str(error))
            return self._retry(key, "conflict")
        except (NotLeader, Unreachable) as error:
            log.warning("reconcile.stopped", key=str(key), why=str(error))
            return self._retry(key, "stopped")
        except Exception as error:  # noqa: BLE001 (no error of a controller may end the worker: it is reported and retried)
            return await self._report_error(key, error)

    async def _reconcile_object(self, key: Key) -> str:
        """Reconcile a custom resource, write its status and events, and return the metric's label `result`."""
        resource = self._context.cache.get(key)
        if resource is None:
            self._queue.drop(key)
            self._warned.discard(key)
            return "gone"
        paused = pause_condition(resource)
        result = Result(paused=paused) if paused else await self._call_controller(key)
        if result.paused is not None:
            await self._write(
                key, resource.metadata.uid, update_for_pause(resource, result.paused, self._context.clock.now())
            )
            if (while_paused := self._queue.options_of(key).while_paused) is not None:
                await while_paused(key, self._context)
            self._schedule_resync(key)
            return "paused"
        current = self._context.cache.get(key)
        if result.gone:
            await self._create_events(resource, result.events)
            if current is not None:
                await self._context.kube.refresh(current)
        if result.gone or current is None or current.metadata.uid != resource.metadata.uid:
            self._queue.drop(key)
            self._warned.discard(key)
            return "gone"
        # `observedGeneration` is that from before the reconcile: an edit during it is reconciled again, never reported as done.
        now, has_warned = self._context.clock.now(), key in self._warned
        update = update_for_result(resource, current.status, result, now, has_warned=has_warned)
        await self._write(key, resource.metadata.uid, update)
        return self._schedule_next(key, result)

    async def _reconcile_background(self, key: Key) -> str:
        result = await self._call_controller(key)
        if result.gone:
            self._queue.drop(key)
            return "gone"
        return self._schedule_next(key, result)

    async def _call_controller(self, key: Key) -> Result:
        timeout = self._queue.options_of(key).timeout
        async with asyncio.timeout(timeout.total_seconds() if timeout else None):
            return await self._controllers[key.kind](key, self._context)

    async def _report_error(self, key: Key, error: Exception) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        first = not self._queue.failures(key)  # the place is logged once per series of failures
        log.error("reconcile.failed", key=str(key), error=_safe_text(error), where=where if first else None)
        resource = self._context.cache.get(key)
        if resource is not None:
            try:
                update = update_for_error(resource, resource.status, error, self._context.clock.now())
                await self._write(key, resource.metadata.uid, update)
            except (ApiError, NotLeader) as write_error:
                log.warning("status.not_written", key=str(key), error=str(write_error))
        return self._retry(key, "error")

    async def _write(self, key: Key, uid: str, update: StatusUpdate) -> None:
        """Write the status if it changed, then create the events. If the write fails, the next run creates the events."""
        resource = self._context.cache.get(key)
        if resource is None or resource.metadata.uid != uid:
            return
        if update.patch and not await self._context.kube.patch_status(resource, update.patch):
            return
        if update.transition is not None:
            (self._warned.add if update.transition.type is EventType.WARNING else self._warned.discard)(key)
        await self._create_events(resource, update.events)

    async def _create_events(self, resource: CustomResource, events: Iterable[EventRecord]) -> None:
        for event in events:
            log.info("event.recorded", key=str(resource.key), type=event.type, reason=event.reason)
            try:
                await self._context.kube.record_event(resource, event)
            except ApiError as error:  # an event must not hold up a reconcile; the log keeps its text
                fields = {"key": str(resource.key), "reason": event.reason, "message": event.message}
                log.warning("event.not_made", **fields, error=str(error))

    def _schedule_next(self, key: Key, result: Result) -> str:
        if result.requeue or result.requeue_after is not None:
            log.debug("reconcile.requeued", key=str(key), why=result.requeue_reason)
        if result.requeue:
            return self._retry(key, "retry")
        self._queue.forget(key)
        if result.requeue_after is not None:
            self._queue.schedule(key, result.requeue_after, Priority.CHANGE)
        elif result.resync_after is not None:
            self._queue.schedule(key, result.resync_after)
        else:
            self._schedule_resync(key)
        return "ok"

    def _retry(self, key: Key, result: str) -> str:
        self._queue.retry(key)
        return result

    def _schedule_resync(self, key: Key) -> None:
        self._queue.schedule(key, self._context.settings.resync * (1 - _JITTER + 2 * _JITTER * self._chance()))


def _safe_text(error: Exception) -> str:
    """Return an error's text only if our own code wrote it: other errors may quote keys, phone numbers and database rows."""
    ours = type(error).__module__.startswith("askproai_") or isinstance(error, TypeError | AttributeError)
    return f"{type(error).__name__}: {error}" if ours else type(error).__name__
