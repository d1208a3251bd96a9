"""Kopf as an informer, and nothing more: raw event handlers feed our cache. It writes nothing to any object.

The traps that these settings avoid are told in reference/operators.md §2.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import kopf
import structlog

from askproai_core.clock import Clock
from askproai_core.kube import ApiError, ApiResource
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.resources import CHILDREN, CUSTOM, FOREIGN, MANAGED_SELECTOR, SECRETS, WATCH_LABEL

log = structlog.get_logger(__name__)

_NOT_FOUND = 404
_SAME_LIST = 1.0  # seconds: replayed objects that come closer than this are of one list
AUDIT = timedelta(minutes=5)
# Kopf can watch no resource that comes later, unless it reads all CRDs of the cluster
FOREIGN_AUDIT = timedelta(minutes=1)
_WATCHED = (*CUSTOM, *CHILDREN)


def selector_of(ref: ApiResource) -> str:
    """Give the labels by which a resource is watched: all of our kinds, only our own of the others.

    One watch serves our Secrets and those that users labelled: ours carry the same label (`Kube.apply`).
    """
    if ref in CUSTOM:
        return ""
    return WATCH_LABEL if ref is SECRETS else MANAGED_SELECTOR


class Informer:
    """Keeps the cache current."""

    def __init__(
        self,
        feed: Feed,
        kube: Kube,
        clock: Clock,
        metrics: Metrics,
        login: Callable[[], kopf.ConnectionInfo],
        *,
        audit_every: timedelta = AUDIT,
    ) -> None:
        self._feed, self._kube, self._clock, self._metrics, self._login = feed, kube, clock, metrics, login
        self._audit_every = audit_every
        self._listed_at: dict[ApiResource, float] = {}
        self.ready = asyncio.Event()

    async def prime(self) -> None:
        """Fill the cache by one chunked list per resource, so that no reconcile sees half of a tenant.

        Kopf tells raw handlers no end of its own list. Raises ApiError; a missing CRD says so by name.
        """
        for ref in (*FOREIGN, *_WATCHED):  # the foreign ones first, while there are no Tenants to wake
            for raw in await self._list(ref) or ():
                self._feed.prime(ref, raw)
        log.info("cache.primed", objects=sum(1 for _ in self._feed.cache.models()))

    async def audit(self, resources: Sequence[ApiResource] = _WATCHED) -> None:
        """Find out what came or went although no watch told: kopf loses deletions across a 410, and before its first list."""
        for ref in resources:
            known = self._feed.cache.uids(ref)  # from before the list: what comes while it is read is not gone
            found = await self._list(ref)
            if found is None:
                continue
            for raw in found:
                self._feed.observe(ref, raw)
            there = {raw["metadata"]["uid"] for raw in found}
            gone = [(where, uid) for where, uid in known.items() if uid not in there]
            still_known = self._feed.cache.uids(ref)
            for (namespace, name), uid in gone:
                if still_known.get((namespace, name)) != uid:  # a watch told it meanwhile
                    continue
                if ref not in FOREIGN:
                    log.info("audit.missed_deletion", kind=ref.kind, namespace=namespace, name=name)
                    self._metrics.missed_deletions.inc()
                self._feed.forget(ref, namespace, name, uid)

    async def _list(self, ref: ApiResource) -> Sequence[dict[str, Any]] | None:
        """Give all of a resource; None for a foreign one that ails: what is known of it stays, and it holds up nothing."""
        if ref in FOREIGN:
            return await self._list_foreign(ref)
        try:
            return await self._kube.list(ref, selector=selector_of(ref))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            text = f"{ref.plural}.{ref.group} is not there: install crds/"
            raise ApiError(error.status, error.reason, text) from error

    async def _list_foreign(self, ref: ApiResource) -> Sequence[dict[str, Any]] | None:
        try:
            found = await self._kube.list(ref, selector=selector_of(ref))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                log.warning("foreign.not_listed", resource=ref.plural, error=str(error))
                return None
            self._feed.serve(ref, there=False)
            return ()
        self._feed.serve(ref, there=True)
        return found

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Watch until `stop`. `started` is called when kopf has set its own signal handlers, to take them back."""
        watches = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=kopf_settings(),
            standalone=True,  # peering is no election; ours is a Lease
            # Of a peer. By itself kopf asks for the user's name, and a pod's number has none.
            identity=cast("Any", "nobody"),
            clusterwide=True,
            stop_flag=asyncio.Event(),
            ready_flag=self.ready,
        )
        started()
        audits = (self._audits(_WATCHED, self._audit_every), self._audits(FOREIGN, FOREIGN_AUDIT))
        tasks = [*watches, *map(asyncio.create_task, audits)]
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

    async def _audits(self, resources: Sequence[ApiResource], every: timedelta) -> None:
        while True:
            await self._clock.sleep(every * random.uniform(0.75, 1.25))  # noqa: S311 (no secret)
            try:
                await self.audit(resources)
            except ApiError as error:  # the next one finds what this one did not
                log.warning("audit.failed", error=str(error))

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return self._login()

        for ref in _WATCHED:
            kopf.on.event(ref.group, ref.version, ref.plural, id=ref.plural, registry=registry)(self._handler(ref))
        return registry

    def _handler(self, ref: ApiResource) -> Any:
        async def took(event: Any, **_: Any) -> None:
            raw: dict[str, Any] = {"kind": ref.kind} | dict(event["object"])
            if event["type"] is None:
                self._count_list(ref)
            if event["type"] == "DELETED":
                meta = raw["metadata"]
                self._feed.forget(ref, meta.get("namespace", ""), meta["name"], meta["uid"])
            else:
                self._feed.observe(ref, raw)

        return took

    def _count_list(self, ref: ApiResource) -> None:
        """Count a watch that had to list again; the first list is none."""
        now, last = self._clock.monotonic(), self._listed_at.get(ref)
        if last is not None and now - last > _SAME_LIST:
            self._metrics.watch_restarts.inc()
        self._listed_at[ref] = now


def kopf_settings() -> kopf.OperatorSettings:
    """Give every setting that matters by hand: defaults of a library are its, and may move."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = "kopf.askproai.de/unused"  # kopf strips the one named here; ours is another
    settings.posting.enabled = False
    settings.scanning.disabled = True  # our resources are there before we start, so no right to list CRDs is needed
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    settings.networking.enforce_retry_after = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.reconnect_backoff = 1
    settings.watching.chunk_size = 500
    for ref in CHILDREN:
        settings.watching.label_selectors[ref.group, ref.version, ref.plural] = selector_of(ref)
    return settings
