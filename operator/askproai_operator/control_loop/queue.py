"""The work queue: hands each due key to one worker at a time, by priority.

It deduplicates as client-go's queue does: a key that is added twice is processed once, and a key that is added during its
processing is processed again afterwards. Among keys of equal priority, a namespace that was begun comes first (`turns.py`).
"""

import asyncio
import heapq
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import IntEnum
from typing import Final

import structlog

from askproai_core.clock import Clock
from askproai_operator.api import CustomResource, Key
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.applied_spec import is_paused
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.turns import Turns, WaitingKeys
from askproai_operator.engine import (
    TOKEN_ANNOTATION,
    Cache,
    Dependents,
    Options,
    find_condition,
    goes_first,
    shortened_token,
)

SHARED_WORKERS: Final = "shared"
_TICK: Final = timedelta(milliseconds=200)  # precision of delays; an idle queue costs 5 wake-ups a second
_QUICK_RETRIES: Final = 3  # retries with the priority of a change: somebody waits, and most failures end by then

log = structlog.get_logger(__name__)

# One object: 6,000 take two minutes, and leave the process time for changes.
_ONE_EVERY: Final = timedelta(seconds=1) / 50


class Priority(IntEnum):
    """The priorities of keys in the work queue. Workers take keys with the lowest value first: EDIT, CHANGE, RESYNC."""

    EDIT = 0  # an edit of an existing object, and its Tenant's run: neither may wait for a thousand new tenants
    CHANGE = 1  # something is new or has changed, or somebody waits for it; also the first retries
    RESYNC = 2  # a periodic run or a later retry: after a restart, thousands of them must not delay a new object


_DEFAULTS: Final = Options()


class WorkQueue:
    """The keys of objects and background work to reconcile. Belongs to one event loop and is not thread-safe."""

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        chance: Callable[[], float] = random.random,
        options: Mapping[str, Options] | None = None,
    ) -> None:
        """Take the options of each kind; a kind without an entry has the defaults."""
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._options = options or {}
        self._waiting: dict[str, dict[Priority, WaitingKeys]] = {}  # by workers' name
        self._added: dict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by workers' name
        self._processing: dict[Key, tuple[float, Priority]] = {}  # key → since (seconds), and with which priority
        self._dirty: dict[Key, Priority] = {}  # added while being processed
        self._due: dict[Key, tuple[float, Priority]] = {}  # at most one scheduled run per key
        self._timeline: list[tuple[float, Key]] = []  # heap over _due; entries that no longer match _due are skipped
        self._failures: dict[Key, int] = {}

    def __len__(self) -> int:
        """Return the number of keys that wait for a worker."""
        return sum(len(keys) for pool in self._waiting.values() for keys in pool.values())

    def __contains__(self, key: Key) -> bool:
        """Return True if a key waits, is being processed, or is scheduled."""
        waiting = any(key in keys for keys in self._pool(self._workers_of(key)).values())
        return waiting or key in self._processing or key in self._due

    def add(self, key: Key, priority: Priority = Priority.CHANGE) -> None:
        """Have a key processed as soon as a worker is free. An EDIT counts as a CHANGE after many edits in the key's namespace."""
        self._metrics.adds.inc()
        if key in self._processing:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
            return
        now = since = self._clock.monotonic()
        workers = self._workers_of(key)
        pool = self._pool(workers)
        if priority is Priority.EDIT and not pool[priority].has_room(key.namespace, now):
            priority = Priority.CHANGE
        for other, keys in pool.items():
            if key in keys:
                if other <= priority:
                    return
                since = keys.remove(key)
        pool[priority].put(key, since, now)
        self._measure_depth()
        self._added[workers].set()

    def add_unknown(self, key: Key) -> None:
        """Add a key unless the queue has it already: a repeated list must not cut short the backoff before a retry."""
        if key not in self:
            self.add(key, Priority.RESYNC)

    def schedule(self, key: Key, delay: timedelta, priority: Priority = Priority.RESYNC) -> None:
        """Have a key processed after a delay. Replaces the key's earlier schedule."""
        at = self._clock.monotonic() + delay.total_seconds()
        self._due[key] = (at, priority)
        heapq.heappush(self._timeline, (at, key))

    def retry(self, key: Key) -> timedelta:
        """Schedule a key after its own exponential backoff, which `forget` resets. Returns the delay.

        The first retries keep the priority of the run that failed, so that a change does not wait behind all resyncs.
        """
        self._failures[key] = self._failures.get(key, 0) + 1
        self._metrics.retries.inc()
        delay = self.options_of(key).backoff.delay(self._failures[key], self._chance)
        _, failed = self._processing.get(key, (0.0, Priority.RESYNC))
        self.schedule(key, delay, failed if self._failures[key] <= _QUICK_RETRIES else Priority.RESYNC)
        return delay

    def forget(self, key: Key) -> None:
        """Reset a key's backoff after a success."""
        self._failures.pop(key, None)

    def failures(self, key: Key) -> int:
        """Return how many times in a row a key has failed."""
        return self._failures.get(key, 0)

    def drop(self, key: Key) -> None:
        """Unschedule the key of an object that does not exist any more, and reset its backoff."""
        self._due.pop(key, None)
        self.forget(key)

    async def get(self, workers: str = SHARED_WORKERS, least: Priority = Priority.RESYNC) -> Key:
        """Wait for a key and take it. `workers` is a kind with workers of its own, or SHARED_WORKERS. Call `done` later.

        Keys with a lower priority than `least` are left to other workers.
        """
        while True:
            for priority, keys in self._pool(workers).items():
                if keys and priority <= least:
                    return self._take(priority, keys)
            self._added[workers].clear()
            await self._added[workers].wait()

    def done(self, key: Key) -> None:
        """End the processing of a key. If the key was added meanwhile, it waits again."""
        self._metrics.worked.observe(self._clock.monotonic() - self._processing.pop(key)[0])
        if key in self._dirty:
            self.add(key, self._dirty.pop(key))

    def promote_due(self) -> None:
        """Move scheduled keys whose time has come to the keys that wait for a worker."""
        now = self._clock.monotonic()
        while self._timeline and self._timeline[0][0] <= now:
            at, key = heapq.heappop(self._timeline)
            scheduled = self._due.get(key)
            if scheduled is not None and scheduled[0] == at:
                del self._due[key]
                self.add(key, scheduled[1])
        ages = [now - since for since, _ in self._processing.values()]
        self._metrics.unfinished.set(sum(ages))
        self._metrics.longest.set(max(ages, default=0))

    async def run(self) -> None:
        """Move scheduled keys to the waiting ones when their time comes, until cancelled."""
        while True:
            self.promote_due()
            await self._clock.sleep(_TICK)

    def oldest_work(self) -> timedelta:
        """Return how long the oldest running reconcile has taken; only kinds with a timeout count. Zero if none runs."""
        now = self._clock.monotonic()
        bounded = (since for key, (since, _) in self._processing.items() if self.options_of(key).timeout is not None)
        return timedelta(seconds=max((now - since for since in bounded), default=0))

    def options_of(self, key: Key) -> Options:
        """Return the options of a key's kind."""
        return self._options.get(key.kind, _DEFAULTS)

    def own_workers(self) -> dict[str, int]:
        """Return the number of workers by kind, for kinds that do not use the shared workers."""
        return {kind: options.workers for kind, options in self._options.items() if options.workers is not None}

    def _workers_of(self, key: Key) -> str:
        return SHARED_WORKERS if self.options_of(key).workers is None else key.kind

    def _pool(self, workers: str) -> dict[Priority, WaitingKeys]:
        if workers not in self._waiting:
            turns = Turns()
            self._waiting[workers] = {each: WaitingKeys(turns, each is not Priority.RESYNC) for each in Priority}
        return self._waiting[workers]

    def _take(self, priority: Priority, keys: WaitingKeys) -> Key:
        now = self._clock.monotonic()
        key, since = keys.take(now)
        self._metrics.waited.observe(now - since)
        self._due.pop(key, None)  # this run replaces the scheduled one
        self._processing[key] = (now, priority)
        self._measure_depth()
        return key

    def _measure_depth(self) -> None:
        for priority in Priority:
            depth = sum(len(pool[priority]) for pool in self._waiting.values())
            self._metrics.depth.labels("askproai", priority.name.lower()).set(depth)


def enqueue_first_keys(cache: Cache, dependents: Dependents, queue: WorkQueue) -> None:
    """Add the keys of all custom resources to the queue when a process begins to lead.

    - At once: each object that differs from the state in its status, and its dependents. An object with a status counts as edited.
    - At once as a resync: each object that is not Ready.
    - Then all others, one by one, in the order in which the cache was filled: Tenants first, because a former leader may have
      ended after the status of a Branch was written and before the Tenant's config had the change.
    """
    models = list(cache.models())
    for model in models:
        if _has_news(model):
            for key in dependents.of_resource(None, model):
                is_edit = bool(model.status) and goes_first(key, model)
                queue.add(key, Priority.EDIT if is_edit else Priority.CHANGE)
    log.info("queue.filled", objects=len(models), changes=len(queue))
    for model in models:
        if not _is_ready(model):
            queue.add(model.key, Priority.RESYNC)
    schedule_slowly((model.key for model in models if _is_ready(model)), queue)


def schedule_slowly(keys: Iterable[Key], queue: WorkQueue) -> None:
    """Schedule keys that are not urgent at fixed intervals: all at once, they would delay the keys that people wait for."""
    for number, key in enumerate(keys, 1):
        queue.schedule(key, number * _ONE_EVERY)


def _has_news(model: CustomResource) -> bool:
    """Return True if an object was edited, deleted, paused, resumed or asked to reconcile since its status was written."""
    meta, status = model.metadata, model.status
    token = meta.annotations.get(TOKEN_ANNOTATION)
    return (
        meta.deletion_timestamp is not None
        or status.get("observedGeneration") != meta.generation
        or (token is not None and status.get("lastReconcileToken") != shortened_token(token))
        or is_paused(model) != _has_condition(model, ConditionType.PAUSED)
    )


def _is_ready(model: CustomResource) -> bool:
    return _has_condition(model, ConditionType.READY)


def _has_condition(model: CustomResource, type_: ConditionType) -> bool:
    return find_condition(model, type_).get("status") == Status.TRUE
