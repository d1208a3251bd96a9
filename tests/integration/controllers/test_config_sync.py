"""Pods are annotated until they show the config, and no longer. The pods are real objects without a kubelet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.control_loop.loop import ReconcileLoop
from askproai_operator.control_loop.queue import WorkQueue
from askproai_operator.controllers import config_sync
from askproai_operator.controllers.config_sync import (
    HASH_ANNOTATION,
    KEYS_ANNOTATION,
    KIND,
    OPTIONS,
    TOUCH_ANNOTATION,
    ConfigSyncController,
)
from askproai_operator.memory import Memory, PodKeys
from askproai_operator.settings import Settings
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.engine_environment import EngineEnvironment, open_engine_environment
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

KEYS = PodKeys("keys-1", (("providers", "7"),))
NOBODY_LISTENS = 1
LABELS = {
    "app.kubernetes.io/managed-by": "askproai-operator",
    "app.kubernetes.io/component": "web",
    "askproai.de/tenant": "salon-mueller",
}


class Pods:
    """The pods of a tenant, and the config that they all show. `asked` are the addresses that were asked."""

    def __init__(self, env: EngineEnvironment, client: KubeClient) -> None:
        self.env, self.client = env, client
        self.shown, self.keys = "old", KEYS.hash
        self.asked: list[str] = []

    async def hashes(self, request: web.Request) -> web.Response:
        self.asked.append(request.host.split(":")[0])
        return web.Response(text=f"{self.shown}\n{self.keys}\n")

    async def create(self, name: str, **labels: str) -> None:
        await self.create_starting(name, **labels)
        await self.start(name)

    async def create_starting(self, name: str, **labels: str) -> None:
        container = {"name": "web", "image": "none", "command": ["none"]}
        # No scheduler assigns it: another test's node runner would give it an address of its own.
        body = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], "schedulerName": "nobody"}}
        body["metadata"] = {"name": name, "namespace": self.env.namespace, "labels": LABELS | labels}
        account = f"/api/v1/namespaces/{self.env.namespace}/serviceaccounts/default"
        await until(
            lambda: self.client.get(account.rsplit("/", 1)[0]),
            lambda live: "default" in str(live["items"]),
            "the namespace's account",
        )
        await self.client.create(resources.PODS.path(self.env.namespace), body)

    async def start(self, name: str, ip: str = "127.0.0.1", phase: str = "Running", **conditions: str) -> None:
        found = [{"type": type_, "status": status} for type_, status in conditions.items()]
        status = {"podIP": ip, "podIPs": [{"ip": ip}], "phase": phase, "conditions": found}
        await self.client.merge(resources.PODS.path(self.env.namespace, name) + "/status", {"status": status})

    async def annotations(self, name: str) -> dict[str, str]:
        live = await self.env.kube.get(resources.PODS, self.env.namespace, name)
        return live["metadata"].get("annotations") or {}


@pytest.fixture
async def env(control_plane: ControlPlane, kube_namespace: str, crds: None) -> AsyncIterator[EngineEnvironment]:
    async with open_engine_environment(control_plane, kube_namespace) as opened:
        yield opened


@pytest.fixture
async def pods(env: EngineEnvironment, kube_client: KubeClient) -> Pods:
    return Pods(env, kube_client)


@pytest.fixture
def memory() -> Memory:
    """The memory of the running syncs."""
    return Memory()


@asynccontextmanager
async def running_sync(
    env: EngineEnvironment, ports: dict[str, int], memory: Memory
) -> AsyncIterator[ConfigSyncController]:
    """Run a controller on a work queue of its own."""
    queue, stop = WorkQueue(env.clock, env.metrics, options={KIND: OPTIONS}), asyncio.Event()
    context: Any = SimpleNamespace(
        kube=env.kube, cache=env.cache, clock=env.clock, settings=Settings(), memory=memory, enqueue=lambda _: None
    )
    async with ConfigSyncController(queue.add, ports) as sync:
        loop = asyncio.create_task(ReconcileLoop({KIND: sync.reconcile}, context, queue, env.metrics).run(stop))
        yield sync
        stop.set()
        await loop


@pytest.fixture
async def sync(env: EngineEnvironment, pods: Pods, memory: Memory) -> AsyncIterator[ConfigSyncController]:
    app = web.Application()
    app.add_routes([web.get("/hashes", pods.hashes)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()
    async with running_sync(env, {"web": runner.addresses[0][1], "worker": NOBODY_LISTENS}, memory) as sync:
        yield sync
    await runner.cleanup()


async def test_pods_are_annotated_until_they_show_the_config(env, pods, sync):
    await pods.create("one")
    await pods.create("stranger", **{"askproai.de/tenant": "another"})
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)

    async def touched(times: str | None) -> bool:
        annotations = await pods.annotations("one")
        return annotations.get(HASH_ANNOTATION) == "new" and annotations.get(TOUCH_ANNOTATION) == times

    await eventually(lambda: touched(None), SOON, "the first annotation")
    await eventually(lambda: touched("1"), SOON, "the second annotation")
    pods.shown = "new"
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert await pods.annotations("stranger") == {}


async def test_pods_are_annotated_to_read_changed_keys(env, pods, sync, memory):
    await pods.create("one")
    pods.shown = "same"
    changed = PodKeys("keys-2", (("providers", "8"),))
    sync.trigger(env.namespace, "salon-mueller", "same", changed)
    await until(lambda: pods.annotations("one"), lambda found: found.get(KEYS_ANNOTATION) == "keys-2", "the annotation")
    assert memory.pod_keys == {}, "no provider may use the new key yet"
    pods.keys = "keys-2"
    await eventually(lambda: bool(memory.pod_keys), SOON, "the end")
    assert memory.pod_keys == {Key("Tenant", env.namespace, "salon-mueller"): changed}


async def test_pod_without_the_data_keys_is_named(env, pods, sync, memory, monkeypatch):
    monkeypatch.setattr(config_sync, "_PAUSES", (timedelta(0),))
    await pods.create("one")
    changed = PodKeys("keys-2", (("providers", "8"),))
    sync.trigger(env.namespace, "salon-mueller", "old", changed)
    await eventually(lambda: bool(memory.pod_keys), SOON, "the end")
    assert list(memory.pod_keys.values()) == [replace(changed, without=("one",))]


@pytest.mark.parametrize(
    ("phase", "ready", "is_named"),
    [("Failed", "True", False), ("Succeeded", "False", False), ("Running", "False", False), ("Running", "True", True)],
)
async def test_silent_pod_is_named_only_if_ready(env, pods, sync, memory, monkeypatch, phase, ready, is_named):
    """A kubelet leaves an evicted pod's address in its status; no request comes to a pod that is not ready."""
    monkeypatch.setattr(config_sync, "_PAUSES", (timedelta(0), timedelta(0)))
    await pods.create("one")
    await pods.create_starting("silent", **{"app.kubernetes.io/component": "worker"})
    await pods.start("silent", phase=phase, Ready=ready)
    changed = PodKeys("keys-2", (("providers", "8"),))
    pods.keys = "keys-2"
    sync.trigger(env.namespace, "salon-mueller", "old", changed)
    await eventually(lambda: bool(memory.pod_keys), SOON, "the end")
    assert list(memory.pod_keys.values()) == [replace(changed, without=("silent",) if is_named else ())]


async def test_pod_already_showing_the_config_is_left_alone(env, pods, sync):
    """A shadow is not asked: it has a config of its own, and never shows the tenant's."""
    await pods.create("one")
    await pods.create("shadow", **{"app.kubernetes.io/name": "askproai-shadow"})
    pods.shown = "new"
    env.sent.clear()
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert len(pods.asked) == 1
    assert env.sent == []


async def test_pods_showing_the_config_are_not_listed_again(env, pods, sync):
    await pods.create("one")
    env.read.clear()
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
    await eventually(
        lambda: env.sent[-1:] == [("PATCH", resources.PODS.path(env.namespace, "one"))], SOON, "the annotation"
    )
    pods.shown = "new"
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert len(env.read) == 1, env.read


async def test_pod_without_an_earlier_address_is_queried_too(env, pods, sync):
    """It may have mounted the former config right before the change."""
    await pods.create("one")
    await pods.create_starting("two")
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
    await eventually(
        lambda: env.sent[-1:] == [("PATCH", resources.PODS.path(env.namespace, "one"))], SOON, "the annotation"
    )
    await pods.start("two", "127.0.0.2")
    pods.shown = "new"
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert "127.0.0.2" in pods.asked


async def test_newer_config_replaces_a_running_sync(env, pods, sync):
    await pods.create("one")
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
    sync.trigger(env.namespace, "salon-mueller", "newer", KEYS)
    await until(lambda: pods.annotations("one"), lambda found: found.get(HASH_ANNOTATION) == "newer", "the newer hash")
    pods.shown = "newer"
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert (await pods.annotations("one"))[HASH_ANNOTATION] == "newer"


async def test_newer_config_triggered_during_a_run_starts_another(env, pods, sync, monkeypatch):
    """The run for the older config must not count against the newer one, nor end its sync."""
    await pods.create("one")
    stale_pods, runs = sync._stale_pods, []

    async def triggered_meanwhile(key: Any, request: Any, context: Any) -> Any:
        stale = await stale_pods(key, request, context)
        runs.append(request.config_hash)
        if request.config_hash == "new":
            pods.shown = "newer"
            sync.trigger(env.namespace, "salon-mueller", "newer", KEYS)
        return stale

    monkeypatch.setattr(sync, "_stale_pods", triggered_meanwhile)
    sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
    await eventually(lambda: not sync._requests, SOON, "the end")
    assert runs == ["new", "newer"]


async def test_unreadable_pod_metrics_prolong_the_config_sync(env, pods, memory):
    await pods.create("one")
    async with running_sync(env, {"web": 1}, memory) as sync:
        sync.trigger(env.namespace, "salon-mueller", "new", KEYS)
        await until(lambda: pods.annotations("one"), lambda found: HASH_ANNOTATION in found, "the annotation")
        assert sync._requests
