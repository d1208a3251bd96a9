"""An engine without kinds, against the real API server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_core.clock import SystemClock
from askproai_operator.engine import Cache, Key, Kube
from askproai_operator.engine.feed import Feed
from askproai_operator.engine.login import kopf_login
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import WorkQueue
from askproai_operator.engine.resources import resource_of_kind
from askproai_sandbox.cluster import ControlPlane

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
async def crds(control_plane: ControlPlane) -> None:
    await control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    await control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))


@dataclass
class Rig:
    """What a test works with; `sent` are the requests that changed something."""

    kube: Kube
    cache: Cache
    feed: Feed
    queue: WorkQueue
    metrics: Metrics
    clock: SystemClock
    namespace: str
    woken: list[Key] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def make(self, kind: str, name: str = "", **meta: Any) -> Any:
        """Create one of the salon's objects; return its model."""
        documents = yaml.safe_load_all((ROOT / "examples" / "salon.yaml").read_text(encoding="utf-8"))
        manifest = next(document for document in documents if document["kind"] == kind)
        manifest["metadata"] = {"name": name or manifest["metadata"]["name"], "namespace": self.namespace} | meta
        raw = await self.kube.create(manifest)
        self.feed.prime(resource_of_kind(kind), raw)
        return self.cache.get(Key(kind, self.namespace, manifest["metadata"]["name"]))

    def forget_from_cache(self, model: Any) -> None:
        """Make the cache forget that it ever knew an object, as if another process had created it."""
        key = model.key
        self.cache.drop(resource_of_kind(key.kind), key.namespace, key.name, model.metadata.uid)
        self.cache._gone.clear()

    async def watch_reports(self, resource: Any, name: str) -> None:
        """Do what the informer does when it sees the object's newest state."""
        raw = await self.kube.get(resource, self.namespace, name)
        assert raw is not None
        self.feed.observe(resource, raw)


@pytest.fixture
async def rig(control_plane: ControlPlane, kube_namespace: str, crds: None) -> AsyncIterator[Rig]:
    clock, metrics, cache = SystemClock(), Metrics(), Cache()
    queue = WorkQueue(clock, metrics)
    woken: list[Key] = []

    def wake(key: Key) -> None:
        woken.append(key)
        queue.add(key)

    feed = Feed(cache, wake)
    async with Kube(partial(kopf_login, control_plane.kubeconfig), feed, clock, namespace="default") as kube:
        rig = Rig(kube, cache, feed, queue, metrics, clock, kube_namespace, woken)
        send = kube._transport._send

        async def counted(method: str, path: str, *rest: Any) -> Any:
            if method != "GET":
                rig.sent.append((method, path))
            return await send(method, path, *rest)

        kube._transport._send = counted  # type: ignore[method-assign]
        yield rig
