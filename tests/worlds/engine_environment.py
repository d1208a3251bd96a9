"""An engine without controllers, against the real API server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from askproai_core.api_resource import ApiResource
from askproai_core.clock import SystemClock
from askproai_core.kube import read_access
from askproai_operator.api import Key
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import WorkQueue
from askproai_operator.engine import Cache, Kube
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.relations import Relations
from askproai_operator.resources import resource_of_kind
from askproai_sandbox.cluster import ControlPlane
from askproai_sandbox.example_tenant import load_manifests


@dataclass
class EngineEnvironment:
    """The engine's parts, and a namespace for their objects. `sent` are method and path of each request that is no GET, `read`
    the paths of the others.
    """

    kube: Kube
    cache: Cache
    sink: EventSink
    queue: WorkQueue
    metrics: Metrics
    clock: SystemClock
    namespace: str
    enqueued: list[Key] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    async def create(self, kind: str, name: str = "", **meta: Any) -> Any:
        """Create one of the salon's objects, and return its model."""
        manifest = load_manifests()[kind][0]
        manifest["metadata"] = {"name": name or manifest["metadata"]["name"], "namespace": self.namespace} | meta
        raw = await self.kube.create(manifest)
        self.sink.prime(resource_of_kind(kind), raw)
        return self.cache.get(Key(kind, self.namespace, manifest["metadata"]["name"]))

    def remove_from_cache(self, model: Any) -> None:
        """Make the cache forget an object, as if another process had created it just now."""
        key = model.key
        self.cache.drop(resource_of_kind(key.kind), key.namespace, key.name, model.metadata.uid)
        self.cache._deleted.clear()

    async def observe_newest(self, ref: Any, name: str) -> None:
        """Observe the object's newest state, as the informer does."""
        raw = await self.kube.get(ref, self.namespace, name)
        assert raw is not None
        self.sink.observe(ref, raw)


@asynccontextmanager
async def open_engine_environment(control_plane: ControlPlane, namespace: str) -> AsyncIterator[EngineEnvironment]:
    """Yield an engine that writes to the API server; the custom resource definitions must be there."""
    clock, metrics, cache = SystemClock(), Metrics(), Cache()
    queue = WorkQueue(clock, metrics)
    enqueued: list[Key] = []

    def enqueue(key: Key) -> None:
        enqueued.append(key)
        queue.add(key)

    sink = EventSink(cache, Relations(cache), enqueue)
    async with Kube(partial(read_access, control_plane.kubeconfig), sink, clock, namespace="default") as kube:
        env = EngineEnvironment(kube, cache, sink, queue, metrics, clock, namespace, enqueued)
        send = kube._transport._send

        async def counted(method: str, path: str, *rest: Any) -> Any:
            if method == "GET":
                env.read.append(path)
            else:
                env.sent.append((method, path))
            return await send(method, path, *rest)

        kube._transport._send = counted  # type: ignore[method-assign]
        yield env


OURS = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": "salon-mueller"}


def config_map(env: EngineEnvironment, **data: str) -> dict[str, Any]:
    """Return the manifest of a child."""
    meta = {"name": "t-config", "namespace": env.namespace, "labels": dict(OURS)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def path(env: EngineEnvironment, resource: ApiResource, name: str) -> str:
    """Return the path of an object of the environment's namespace."""
    return resource.path(env.namespace, name)
