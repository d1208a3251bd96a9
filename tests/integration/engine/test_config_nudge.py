"""Pods are touched until they show the config, and no longer (design §2.11). The pods are real objects without a kubelet."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from askproai_operator.controllers.tenant.nudge import HASH, TOUCH, Nudger
from askproai_operator.engine import resources
from askproai_sandbox.cluster import KubeClient, eventually

SOON = timedelta(seconds=15)
LABELS = {
    "app.kubernetes.io/managed-by": "askproai-operator",
    "app.kubernetes.io/component": "web",
    "askproai.de/tenant": "salon-mueller",
}


class Pods:
    """What the pods' metrics say, and the pods themselves."""

    def __init__(self, rig: Any, client: KubeClient) -> None:
        self.rig, self.client = rig, client
        self.shown = "old"
        self.asked = 0

    async def metrics(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=f'askproai_config_hash_info{{hash="{self.shown}",tenant="a.b"}} 1.0\n')

    async def make(self, name: str, **labels: str) -> None:
        container = {"name": "web", "image": "none", "command": ["none"]}
        # No scheduler takes it: another test's node runner would give it an address of its own.
        body = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], "schedulerName": "nobody"}}
        body["metadata"] = {"name": name, "namespace": self.rig.namespace, "labels": LABELS | labels}
        account = f"/api/v1/namespaces/{self.rig.namespace}/serviceaccounts/default"

        async def account_is_there() -> bool:
            return "default" in str((await self.client.get(account.rsplit("/", 1)[0]))["items"])

        await eventually(account_is_there, SOON, "the namespace's account")
        await self.client.create(resources.PODS.path(self.rig.namespace), body)
        status = {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "phase": "Running"}
        await self.client.merge(resources.PODS.path(self.rig.namespace, name) + "/status", {"status": status})

    async def annotations(self, name: str) -> dict[str, str]:
        live = await self.rig.kube.get(resources.PODS, self.rig.namespace, name)
        return live["metadata"].get("annotations") or {}


@pytest.fixture
async def pods(rig: Any, kube_client: KubeClient) -> Pods:
    return Pods(rig, kube_client)


@pytest.fixture
async def nudger(rig: Any, pods: Pods) -> AsyncIterator[Nudger]:
    app = web.Application()
    app.add_routes([web.get("/metrics", pods.metrics)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Nudger(rig.kube, rig.clock, {"web": runner.addresses[0][1]}) as made:
        yield made
    await runner.cleanup()


async def test_pods_are_touched_again_until_they_show_it(rig, pods: Pods, nudger: Nudger):
    await pods.make("one")
    await pods.make("stranger", **{"askproai.de/tenant": "another"})
    nudger.nudge(rig.namespace, "salon-mueller", "new")

    async def touched(times: str | None) -> bool:
        live = await pods.annotations("one")
        return live.get(HASH) == "new" and live.get(TOUCH) == times

    await eventually(lambda: touched(None), SOON, "the first touch")
    await eventually(lambda: touched("1"), SOON, "the second touch")
    pods.shown = "new"
    await eventually(lambda: not nudger._tasks, SOON, "the end")
    assert await pods.annotations("stranger") == {}


async def test_a_pod_that_shows_it_already_is_left_alone(rig, pods: Pods, nudger: Nudger):
    await pods.make("one")
    pods.shown = "new"
    rig.sent.clear()
    nudger.nudge(rig.namespace, "salon-mueller", "new")
    await eventually(lambda: not nudger._tasks, SOON, "the end")
    assert pods.asked
    assert rig.sent == []


async def test_a_newer_config_ends_the_touching_for_the_older_one(rig, pods: Pods, nudger: Nudger):
    await pods.make("one")
    nudger.nudge(rig.namespace, "salon-mueller", "new")
    nudger.nudge(rig.namespace, "salon-mueller", "newer")

    async def newer() -> bool:
        return (await pods.annotations("one")).get(HASH) == "newer"

    await eventually(newer, SOON, "the newer hash")
    pods.shown = "newer"
    await eventually(lambda: not nudger._tasks, SOON, "the end")
    assert (await pods.annotations("one"))[HASH] == "newer"


async def test_metrics_that_cannot_be_read_only_mean_waiting(rig, pods: Pods):
    await pods.make("one")
    async with Nudger(rig.kube, rig.clock, {"web": 1}) as nudger:
        nudger.nudge(rig.namespace, "salon-mueller", "new")

        async def touched() -> bool:
            return HASH in await pods.annotations("one")

        await eventually(touched, SOON, "the touch")
        (task,) = nudger._tasks.values()
        await asyncio.sleep(0)
        assert not task.done()
