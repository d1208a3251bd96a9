"""Mode and exposure of a tenant change under traffic: no acknowledged event is lost, and no request is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.worlds.running_demo import send, signed
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

NAME = SALON.tenant.partition(".")[2]
ROLLED_OUT = 180  # seconds for pods that start and end one after the other, which is not what is promised here


@asynccontextmanager
async def sending_events(demo, name: str) -> AsyncIterator[list[int]]:
    """Send ten events a second in the background, and yield the list of the statuses of the answers."""
    statuses: list[int] = []

    async def sender() -> None:
        while True:
            body, headers = signed("call_started", f"call_{name}_{len(statuses)}")
            statuses.append((await send(demo, body, headers))[0])
            await asyncio.sleep(0.1)

    task = asyncio.create_task(sender())
    try:
        yield statuses
    finally:
        task.cancel()
        await asyncio.wait([task])


async def containers(demo) -> dict[str, int]:
    """Return how many processes of each Deployment and container run."""
    names = [name.split("/") for name in demo.state.pids["pods"] if name.startswith(f"{SALON.namespace}/")]
    kinds = ["worker pods" if "-worker-" in pod else "web pods" for _, pod, _ in names]
    running = [f"{container} in {kind}" for kind, (_, _, container) in zip(kinds, names, strict=True)]
    return {container: running.count(container) for container in running}


async def test_mode_changes_under_webhooks_lose_no_event(demo):
    combined = {"web in web pods": 2, "worker in web pods": 2}
    split = {"web in web pods": 2, "worker in worker pods": 1}

    async def runs(expected: dict[str, int]) -> bool:
        return await containers(demo) == expected

    async with sending_events(demo, "layout") as statuses:
        await demo.patch_tenant({"runtime": {"mode": "Split"}})
        await eventually(lambda: runs(split), ROLLED_OUT, "separate web and worker pods")
        await demo.wait_for_tenant()
        sent_split = len(statuses)
        await demo.patch_tenant({"runtime": {"mode": "Combined"}})
        await eventually(lambda: runs(combined), ROLLED_OUT, "the workers' return to the web pods")
    assert 0 < sent_split < len(statuses)
    assert set(statuses) == {200}
    unfinished = (
        "SELECT count(*) AS n FROM webhook_events WHERE event_id LIKE 'call_layout_%' AND status <> 'processed'"
    )

    async def all_done() -> bool:
        return (await demo.rows(unfinished))[0]["n"] == 0

    await eventually(all_done, SOON, "every event to be processed")


async def test_the_only_pod_is_replaced_under_webhooks(demo):
    """The new pod is ready before the old one ends, and the old one serves until nothing is routed to it any more."""

    def pods() -> set[str]:
        return {name.split("/")[1] for name in demo.state.pids["pods"] if name.startswith(f"{SALON.namespace}/")}

    async def one() -> bool:
        return len(pods()) == 1

    await demo.patch_tenant({"runtime": {"web": {"minReplicas": 1, "maxReplicas": 1}}})
    await eventually(one, ROLLED_OUT, "one pod")
    former = pods()

    async def replaced() -> bool:
        return len(pods()) == 1 and pods() != former

    async with sending_events(demo, "replaced") as statuses:
        await demo.patch_tenant({"runtime": {"web": {"resources": {"memoryRequestMebibytes": 65}}}})
        await eventually(replaced, ROLLED_OUT, "another pod")
        until_replaced = len(statuses)
        await eventually(lambda: len(statuses) >= until_replaced + 10, SOON, "a second of the new pod alone")
    assert set(statuses) == {200}
    await demo.patch_tenant({"runtime": {"web": {"minReplicas": 2, "maxReplicas": 10, "resources": None}}})
    await demo.wait_for_tenant()


async def test_own_host_routes_only_the_declared_path_prefix(demo):
    exposure = {"host": "salon.example", "pathPrefix": "/voice", "ingress": {"className": "local"}}
    proxy_url = demo.state.runtimeUrls[SALON.tenant].removesuffix(f"/{SALON.namespace}/{NAME}")
    await demo.patch_tenant({"exposure": exposure})

    async def post(host: str, path: str) -> int:
        body, headers = signed("call_started", "call_ingress_1")
        async with aiohttp.ClientSession() as session:
            async with session.post(proxy_url + path, data=body, headers=headers | {"Host": host}) as response:
                return response.status

    async def routed() -> bool:
        return await post("salon.example", "/voice/webhooks/retell") == 200

    await eventually(routed, SOON, "the route through the Ingress")
    assert await post("other.example", "/voice/webhooks/retell") == 404
    assert await post("salon.example", "/voice/dashboard") == 404
    await demo.kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await demo.patch_tenant({"exposure": None})

    async def ended() -> bool:
        return await post("salon.example", "/voice/webhooks/retell") == 404

    await eventually(ended, SOON, "the end of the route")
    await demo.wait_for_tenant()
