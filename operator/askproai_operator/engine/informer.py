"""Kopf as an informer, and nothing more: raw event handlers feed our cache. It writes nothing to any object.

The traps that these settings avoid are told in shared/reference/operators.md §2.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import kopf
import structlog

from askproai_operator.engine.errors import ApiError
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.refs import CHILDREN, CUSTOM, MANAGED_SELECTOR, SECRETS, WATCH_LABEL, Ref
from askproai_runtime.seams import Clock

log = structlog.get_logger(__name__)

_NOT_FOUND = 404
_SAME_LIST = 1.0  # seconds: replayed objects that come closer than this are of one list


def selector_of(ref: Ref) -> str:
    """Give the labels by which a resource is watched: all of our kinds, only our own of the others.

    One watch serves our Secrets and those that users labelled: ours carry the same label (`Kube.apply`).
    """
    if ref in CUSTOM:
        return ""
    return WATCH_LABEL if ref is SECRETS else MANAGED_SELECTOR


class Informer:
    """Keeps the cache current."""

    def __init__(
        self, feed: Feed, kube: Kube, clock: Clock, metrics: Metrics, login: Callable[[], kopf.ConnectionInfo]
    ) -> None:
        self._feed, self._kube, self._clock, self._metrics, self._login = feed, kube, clock, metrics, login
        self._listed_at: dict[Ref, float] = {}
        self.ready = asyncio.Event()

    async def prime(self) -> None:
        """Fill the cache by one chunked list per resource, so that no reconcile sees half of a tenant.

        Kopf tells raw handlers no end of its own list. Raises ApiError; a missing CRD says so by name.
        """
        for ref in (*CUSTOM, *CHILDREN):
            try:
                found = await self._kube.list(ref, selector=selector_of(ref))
            except ApiError as error:
                if error.status == _NOT_FOUND:
                    raise ApiError(
                        error.status, error.reason, f"{ref.plural}.{ref.group} is not there: install crds/"
                    ) from error
                raise
            for raw in found:
                self._feed.prime(ref, raw)
        log.info("cache.primed", objects=len(self._feed.cache.all_keys()))

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Watch until `stop`. `started` is called when kopf has set its own signal handlers, to take them back."""
        flag = asyncio.Event()
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=kopf_settings(),
            standalone=True,
            clusterwide=True,
            stop_flag=flag,
            ready_flag=self.ready,
        )
        started()
        stopped = asyncio.create_task(stop.wait(), name="informer-stop")
        try:
            # Not kopf.run_tasks(): at its end it cancels every task of the process that began after it.
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if not stop.is_set():
                raise RuntimeError("kopf ended by itself, so nothing is watched any more; the operator must start anew")
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return self._login()

        for ref in (*CUSTOM, *CHILDREN):
            kopf.on.event(ref.group, ref.version, ref.plural, id=ref.plural, registry=registry)(self._handler(ref))
        return registry

    def _handler(self, ref: Ref) -> Any:
        async def took(event: Any, **_: Any) -> None:
            self._take(ref, event["type"], dict(event["object"]))

        return took

    def _take(self, ref: Ref, type_: str | None, raw: dict[str, Any]) -> None:
        self._metrics.watch_event.set(self._clock.now().timestamp())
        if type_ is None:
            self._count_list(ref)
        raw.setdefault("kind", ref.kind)
        if type_ == "DELETED":
            meta = raw["metadata"]
            self._feed.forget(ref, meta.get("namespace", ""), meta["name"], meta["uid"])
        else:
            self._feed.observe(ref, raw)

    def _count_list(self, ref: Ref) -> None:
        """Count a watch that had to list again; the first list is none."""
        now, last = self._clock.monotonic(), self._listed_at.get(ref)
        if last is not None and now - last > _SAME_LIST:
            self._metrics.watch_restarts.inc()
        self._listed_at[ref] = now


class Backoffs:
    """Delays between kopf's attempts, each with chance in it; iterated anew for every request."""

    def __iter__(self) -> Iterator[float]:
        return (delay * random.uniform(0.5, 1) for delay in (1, 1, 2, 3, 5, 8, 13, 21))  # noqa: S311 (no secret)


def kopf_settings() -> kopf.OperatorSettings:
    """Give every setting that matters by hand: defaults of a library are its, and may move."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = "kopf.askproai.de/unused"  # kopf strips the one named here; ours is another
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="kopf.askproai.de")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="kopf.askproai.de")
    settings.peering.standalone = True  # peering is no election; ours is a Lease
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.scanning.disabled = True  # our resources are there before we start, so no right to list CRDs is needed
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = Backoffs()
    settings.networking.enforce_retry_after = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.inactivity_timeout = 70
    settings.watching.reconnect_backoff = 1
    settings.watching.chunk_size = 500
    settings.watching.initial_streaming = False
    settings.queueing.worker_limit = None  # handlers only fill a dict; the work is bounded by our own queue
    settings.process.ultimate_exiting_timeout = None  # the app ends the process itself
    for ref in CHILDREN:
        settings.watching.label_selectors[ref.group, ref.version, ref.plural] = selector_of(ref)
    return settings
