"""How pods are spread and reached may change under traffic: nothing that was acknowledged is lost, nothing is turned away."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.e2e.test_demo_life import send, signed

NAME = SALON.tenant.partition(".")[2]


@asynccontextmanager
async def events_sent(demo, name: str) -> AsyncIterator[list[int]]:
    """Send an event ten times a second, and note each answer's status."""
    answers: list[int] = []

    async def sender() -> None:
        while True:
            body, headers = signed("call_started", f"call_{name}_{len(answers)}")
            answers.append((await send(demo, body, headers))[0])
            await asyncio.sleep(0.1)

    task = asyncio.create_task(sender())
    try:
        yield answers
    finally:
        task.cancel()
        await asyncio.wait([task])


async def patch(demo, spec: dict) -> None:
    arguments = ("patch", "tenants.askproai.de", NAME, "-n", SALON.namespace, "--type=merge")
    await demo.kubectl(*arguments, "-p", json.dumps({"spec": spec}))


async def containers(demo) -> dict[str, int]:
    """Give how many processes of each Deployment and container run."""
    names = [name.split("/") for name in demo.state.pids["pods"] if name.startswith(f"{SALON.namespace}/")]
    kinds = ["worker pods" if "-worker-" in pod else "web pods" for _, pod, _ in names]
    found = [f"{container} in {kind}" for kind, (_, _, container) in zip(kinds, names, strict=True)]
    return {one: found.count(one) for one in found}


async def test_combined_becomes_split_and_combined_again_under_webhooks(demo):
    combined, split = (
        {"web in web pods": 2, "worker in web pods": 2},
        {"web in web pods": 2, "worker in worker pods": 1},
    )

    async def laid_out(wanted: dict[str, int]) -> bool:
        return await containers(demo) == wanted

    async with events_sent(demo, "layout") as answers:
        await patch(demo, {"runtime": {"mode": "Split"}})
        await demo.until(lambda: laid_out(split), 60, "web and worker pods of their own")
        await demo.kubectl("wait", "--for=condition=Ready", "tenants.askproai.de", "--all", "-n", SALON.namespace)
        sent_split = len(answers)
        await patch(demo, {"runtime": {"mode": "Combined"}})
        await demo.until(lambda: laid_out(combined), 60, "the workers' return to the web pods")
    assert 0 < sent_split < len(answers)
    assert set(answers) == {200}
    unfinished = (
        "SELECT count(*) AS n FROM webhook_events WHERE event_id LIKE 'call_layout_%' AND status <> 'processed'"
    )

    async def all_done() -> bool:
        return (await demo.rows(unfinished))[0]["n"] == 0

    await demo.until(all_done, 30, "every event to be processed")


async def test_a_host_of_the_tenants_own_is_routed_by_its_ingress_and_only_where_it_should(demo):
    exposure = {"host": "salon.example", "pathPrefix": "/voice", "ingress": {"className": "local"}}
    entrance = demo.state.runtimeUrls[SALON.tenant].removesuffix(f"/{SALON.namespace}/{NAME}")
    await patch(demo, {"exposure": exposure})

    async def answered(host: str, path: str) -> int:
        body, headers = signed("call_started", "call_ingress_1")
        async with aiohttp.ClientSession() as session:
            async with session.post(entrance + path, data=body, headers=headers | {"Host": host}) as answer:
                return answer.status

    async def routed() -> bool:
        return await answered("salon.example", "/voice/webhooks/retell") == 200

    await demo.until(routed, 30, "the way through the Ingress")
    assert await answered("other.example", "/voice/webhooks/retell") == 404
    assert await answered("salon.example", "/voice/dashboard") == 404
    await demo.kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await patch(demo, {"exposure": None})

    async def ended() -> bool:
        return await answered("salon.example", "/voice/webhooks/retell") == 404

    await demo.until(ended, 30, "the end of the way")
    await demo.kubectl("wait", "--for=condition=Ready", "tenants.askproai.de", "--all", "-n", SALON.namespace)
