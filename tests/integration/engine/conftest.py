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
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import WorkQueue
from askproai_operator.engine.refs import ref_of_kind
from askproai_operator.engine.wire import connection
from askproai_sandbox.cluster import ControlPlane

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
async def crds(control_plane: ControlPlane) -> None:
    await control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    await control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))


@dataclass
class Rig:
    """What a test leans on; `sent` are the requests that changed something."""

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
        """Create one of the salon's objects; give its model."""
        docs = yaml.safe_load_all((ROOT / "examples" / "salon.yaml").read_text(encoding="utf-8"))
        found = next(doc for doc in docs if doc["kind"] == kind)
        found["metadata"] = {"name": name or found["metadata"]["name"], "namespace": self.namespace} | meta
        raw = await self.kube.create(found)
        self.feed.prime(ref_of_kind(kind), raw)
        return self.cache.get(Key(kind, self.namespace, found["metadata"]["name"]))

    def unsee(self, model: Any) -> None:
        """Have the cache never have known an object: another made it."""
        key = model.key
        self.cache.drop(ref_of_kind(key.kind), key.namespace, key.name, model.metadata.uid)
        self.cache._gone.clear()

    async def watch_tells(self, ref: Any, name: str) -> None:
        """Do what the informer does when it sees the object's newest state."""
        raw = await self.kube.get(ref, self.namespace, name)
        assert raw is not None
        self.feed.observe(ref, raw)


@pytest.fixture
async def rig(control_plane: ControlPlane, kube_namespace: str, crds: None) -> AsyncIterator[Rig]:
    clock, metrics, cache = SystemClock(), Metrics(), Cache()
    queue = WorkQueue(clock, metrics)
    woken: list[Key] = []

    def wake(key: Key) -> None:
        woken.append(key)
        queue.add(key)

    feed = Feed(cache, wake)
    async with Kube(partial(connection, control_plane.kubeconfig), feed, clock, namespace="default") as kube:
        made = Rig(kube, cache, feed, queue, metrics, clock, kube_namespace, woken)
        send = kube._wire._send

        async def counted(method: str, path: str, *rest: Any) -> Any:
            if method != "GET":
                made.sent.append((method, path))
            return await send(method, path, *rest)

        kube._wire._send = counted  # type: ignore[method-assign]
        yield made
