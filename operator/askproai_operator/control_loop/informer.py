"""Kopf as an informer, and nothing more: raw event handlers fill our cache. It writes nothing to any object.

Why Kopf, and which of its properties this module works around: docs/decisions/0029-kopf-is-the-informer.md.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import aiohttp
import kopf
import structlog

from askproai_core.api_resource import ApiResource
from askproai_core.clock import Clock
from askproai_core.kube import ApiError
from askproai_core.lifecycle import sleep_until_stopped
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.engine import EventSink, Kube
from askproai_operator.resources import CHILDREN, CUSTOM, FOREIGN, MANAGED_SELECTOR, OWN, PERMITTED, SECRETS, USE_LABEL

log = structlog.get_logger(__name__)

_NOT_FOUND = 404
_SAME_LIST_SECONDS = 1.0  # replayed objects that arrive closer together than this belong to one list
_AT_ONCE = 50  # objects stored before other tasks may run: some 20 ms
_AGAIN_SECONDS = 1.0
_KOPF = str(Path(kopf.__file__).parent)
_SCHEDULER = "Scheduler."
_CANCELLATIONS = 5
AUDIT = timedelta(minutes=5)
# Kopf can watch a resource that is installed later only with the right to read all CRDs of the cluster.
FOREIGN_AUDIT = timedelta(minutes=1)
_WATCHED = (*CUSTOM, *CHILDREN)


@dataclass(slots=True)
class _Progress:
    reported: int = 0  # the newest version that the watch has reported
    listed: int = 0  # the newest version in the last list
    since: float | None = None  # when a list first showed a version that the watch has not reported; monotonic


class WatchProgress:
    """Shows for each resource if its watch is behind: a connection can stay open without an error and deliver nothing.

    Each change of an object raises its version. If a list shows a newer version than the watch of the same selector has
    reported, the watch is behind; usually it catches up a moment later.
    """

    def __init__(self, clock: Clock, resources: Iterable[ApiResource]) -> None:
        self._clock = clock
        self._by_resource = {ref: _Progress() for ref in resources}

    def reported(self, ref: ApiResource, raw: Mapping[str, Any]) -> None:
        """Record the version of an object that the watch has reported, also in its first list."""
        progress = self._by_resource[ref]
        progress.reported = max(progress.reported, _version_of(raw))
        if progress.reported >= progress.listed:
            progress.since = None

    def listed(self, ref: ApiResource, versions: Iterable[int]) -> None:
        """Record the versions of the objects in a list with the watch's selector. Ignores a resource that is not watched."""
        progress = self._by_resource.get(ref)
        if progress is None:
            return
        progress.listed = max(versions, default=0)
        if progress.listed <= progress.reported:
            progress.since = None
        elif progress.since is None:
            progress.since = self._clock.monotonic()

    def behind_seconds(self, ref: ApiResource) -> float:
        """Return for how many seconds the watch has failed to report a change that a list showed; 0 if it is current."""
        since = self._by_resource[ref].since
        return 0.0 if since is None else self._clock.monotonic() - since


def _version_of(raw: Mapping[str, Any]) -> int:
    """Return the resourceVersion of an object as a number: it grows with each change, and is comparable within its resource."""
    return int(raw["metadata"]["resourceVersion"])


class _NotListed(Exception):
    """Raised when a foreign resource cannot be listed; the cache then keeps its objects."""


def selector_of(ref: ApiResource) -> str:
    """Return the label selector of a resource's watch: "" (all objects) for our kinds, else the objects that we manage.

    The selector for Secrets includes users' Secrets that are labeled as permitted. `Kube.apply` labels our objects.
    """
    if ref in CUSTOM:
        return ""
    return f"{USE_LABEL} in ({PERMITTED},{OWN})" if ref is SECRETS else MANAGED_SELECTOR


class Informer:
    """Keeps the cache current, by watches and by periodic lists."""

    def __init__(
        self,
        sink: EventSink,
        kube: Kube,
        clock: Clock,
        metrics: Metrics,
        login: Callable[[], kopf.ConnectionInfo],
        *,
        audit_every: timedelta = AUDIT,
    ) -> None:
        self._sink, self._kube, self._clock, self._metrics, self._login = sink, kube, clock, metrics, login
        self._audit_every = audit_every
        self._listed_at: dict[ApiResource, float] = {}
        self._progress = WatchProgress(clock, _WATCHED)
        for ref in _WATCHED:
            metrics.watch_behind.labels(ref.plural).set_function(partial(self._progress.behind_seconds, ref))
        self.ready = asyncio.Event()

    async def prime(self) -> None:
        """Fill the cache by one chunked list per resource before the first reconcile, which must not see half of a tenant.

        Kopf does not report the end of its own list to raw handlers. Raises ApiError, whose text names a CRD that is missing.
        """
        for ref in (*FOREIGN, *_WATCHED):  # the foreign ones first, while nothing depends on them
            with contextlib.suppress(_NotListed):
                async for raw in self._read(ref):
                    self._sink.prime(ref, raw)
        log.info("cache.primed", objects=sum(1 for _ in self._sink.cache.models()))

    async def audit(self, resources: Sequence[ApiResource] = _WATCHED) -> None:
        """Compare the cache with new lists of these resources, and apply changes that no watch has reported. Raises ApiError.

        Kopf loses deletions across a 410 Gone, and deletions before its first list.
        """
        for ref in resources:
            known = self._sink.cache.uids(ref)  # before the list: objects created during it are not gone
            versions: dict[str, int] = {}  # by uid
            try:
                async for raw in self._read(ref):
                    self._sink.observe(ref, raw)
                    versions[raw["metadata"]["uid"]] = _version_of(raw)
            except _NotListed:
                continue
            self._progress.listed(ref, versions.values())
            missing = [(where, uid) for where, uid in known.items() if uid not in versions]
            still_known = self._sink.cache.uids(ref)
            for (namespace, name), uid in missing:
                if still_known.get((namespace, name)) != uid:  # a watch reported it meanwhile
                    continue
                if ref not in FOREIGN:
                    log.info("audit.missed_deletion", kind=ref.kind, namespace=namespace, name=name)
                    self._metrics.missed_deletions.inc()
                self._sink.forget(ref, namespace, name, uid)

    async def _read(self, ref: ApiResource) -> AsyncIterator[dict[str, Any]]:
        """List all objects of a resource from the API server, and yield those that this operator caches, with one chunk in
        memory.

        Raises ApiError, which names a missing CRD, and `_NotListed` for a foreign resource that cannot be listed.
        """
        try:
            async for chunk in self._kube.list_chunks(ref, selector=selector_of(ref)):
                if ref in FOREIGN:
                    self._sink.set_served(ref, served=True)
                for number, raw in enumerate(chunk):
                    if number % _AT_ONCE == 0:
                        await asyncio.sleep(0)  # thousands without a pause would delay the Lease's renewal
                    if self._sink.observes(ref, raw):
                        yield raw
        except ApiError as error:
            is_absent = error.status == _NOT_FOUND
            if ref in FOREIGN and is_absent:
                self._sink.set_served(ref, served=False)
            elif ref in FOREIGN:
                log.warning("foreign.not_listed", resource=ref.plural, error=str(error))
                raise _NotListed from error
            elif is_absent:
                text = f"{ref.plural}.{ref.group} is not there: install crds/"
                raise ApiError(error.status, error.reason, text) from error
            else:
                raise

    async def run(self, stop: asyncio.Event, started: Callable[[], None] = lambda: None) -> None:
        """Watch until `stop` is set. `started` is called after kopf installed its signal handlers, so ours can replace them.

        The periodic comparison with lists goes on across restarts of the watches. Raises RuntimeError if kopf ends by itself.
        """
        audits = [
            asyncio.create_task(self._audits(*each))
            for each in ((_WATCHED, self._audit_every), (FOREIGN, FOREIGN_AUDIT))
        ]
        try:
            while not stop.is_set():
                try:
                    await self._watch(stop, started, audits)
                except (aiohttp.ClientError, TimeoutError) as error:
                    # Kopf retries a lost request, but not one whose answer is cut off at its start, or is not JSON.
                    await _end_tasks_of_kopf()
                    if any(task.done() for task in audits):
                        raise
                    log.warning("watches.begin_again", error=type(error).__name__)
                    await sleep_until_stopped(stop, _AGAIN_SECONDS)
                except Exception:
                    await _end_tasks_of_kopf()
                    raise
        finally:
            for task in audits:
                task.cancel()
            await asyncio.gather(*audits, return_exceptions=True)

    async def _watch(
        self, stop: asyncio.Event, started: Callable[[], None], audits: Sequence[asyncio.Task[None]]
    ) -> None:
        watches = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=kopf_settings(),
            standalone=True,  # peering is no election; ours is a Lease
            # The name of a peer. By default kopf looks up the user's name, and a pod's numeric user has none.
            identity=cast("Any", "nobody"),
            clusterwide=True,
            ready_flag=self.ready,
        )
        started()
        stopped = asyncio.create_task(stop.wait(), name="informer-stop")
        try:
            # Not kopf.run_tasks(): when it ends, it cancels every task of the process that was started after it.
            done, _ = await asyncio.wait([*watches, *audits, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled():
                    task.result()
            if not stop.is_set():
                raise RuntimeError("kopf ended by itself, so nothing is watched any more; the operator must start anew")
        finally:
            for task in (*watches, stopped):
                task.cancel()
            await asyncio.gather(*watches, stopped, return_exceptions=True)

    async def _audits(self, resources: Sequence[ApiResource], every: timedelta) -> None:
        while True:
            await self._clock.sleep(every * random.uniform(0.75, 1.25))  # noqa: S311 (no secret)
            await self.try_audit(resources)

    async def try_audit(self, resources: Sequence[ApiResource] = _WATCHED) -> None:
        """Compare the cache with new lists as `audit` does, but only log a failure: the next audit finds the same changes."""
        try:
            await self.audit(resources)
        except ApiError as error:
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
        async def handle(event: Any, **_: Any) -> None:
            raw: dict[str, Any] = {"kind": ref.kind} | dict(event["object"])
            self._progress.reported(ref, raw)
            if event["type"] is None:
                self._count_list(ref)
            if event["type"] == "DELETED":
                meta = raw["metadata"]
                # The version is that of the deletion, or of the change that took the label off.
                self._sink.forget(ref, meta.get("namespace", ""), meta["name"], meta["uid"], _version_of(raw))
            else:
                self._sink.observe(ref, raw)

        return handle

    def _count_list(self, ref: ApiResource) -> None:
        """Count a restart of a resource's watch when it lists all objects again. The first list of a watch is not counted."""
        now, last = self._clock.monotonic(), self._listed_at.get(ref)
        if last is not None and now - last > _SAME_LIST_SECONDS:
            self._metrics.watch_restarts.inc()
        self._listed_at[ref] = now


async def _end_tasks_of_kopf() -> None:
    """Cancel the tasks that kopf leaves running after one of its watches fails; they would run beside the next start's.

    They would also keep the process from ending: a watch that waits to connect survives the first cancellation. A process has
    one informer, so every task of kopf is its own. A watch's scheduler is left for the watch to end: if cancelled first, it
    would leave queued work undone, and the watch would wait for that work.
    """
    for _ in range(_CANCELLATIONS):
        left = _tasks_of_kopf()
        if not left:
            return
        ended = [task for task, name in left.items() if not name.startswith(_SCHEDULER)] or [*left]
        for task in ended:
            task.cancel()
        await asyncio.wait(ended, timeout=_AGAIN_SECONDS)
    log.warning("kopf.left_running", tasks=[task.get_name() for task in _tasks_of_kopf()])


def _tasks_of_kopf() -> dict[asyncio.Task[Any], str]:
    """Return the running asyncio tasks whose code is kopf's, each with the qualified name of its coroutine function."""
    codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()}
    return {task: code.co_qualname for task, code in codes.items() if code and code.co_filename.startswith(_KOPF)}


class NoDiffs(kopf.DiffBaseStorage):
    """Kopf's storage for the last state of objects, switched off: we have no handlers that need differences from that state."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return cast("kopf.BodyEssence", {})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Do nothing: kopf's copy of an object's last state is not stored."""


def kopf_settings() -> kopf.OperatorSettings:
    """Return Kopf's settings. Every setting that matters is explicit, because a library's defaults may change."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = "kopf.askproai.de/unused"  # kopf removes the one named here; ours has another name
    settings.posting.enabled = False
    settings.scanning.disabled = True  # our CRDs exist before the start, so no right to list CRDs is needed
    settings.persistence.diffbase_storage = NoDiffs()
    # Kopf has a task for each object whose event it handled, with the whole object, until this time has passed: by default
    # 5 s, in which its first list of a thousand tenants would be in memory as a whole.
    settings.queueing.idle_timeout = 0.1
    # Kopf kills the process ten minutes after its tasks were cancelled; ours end with the Pod's grace period.
    settings.process.ultimate_exiting_timeout = None
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    settings.networking.enforce_retry_after = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.reconnect_backoff = 1
    # Each watch reads a chunk at the start, all at the same time, and what that needs stays with the process: 35 MB more with 500.
    settings.watching.chunk_size = 100
    for ref in CHILDREN:
        settings.watching.label_selectors[ref.group, ref.version, ref.plural] = selector_of(ref)
    return settings
