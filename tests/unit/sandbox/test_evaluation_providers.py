"""The simulators' pod of an evaluation: it knows the examples' accounts, and only passes requests to tenants' public paths."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.evaluation_providers import SharedHost, example_numbers, seed
from askproai_sandbox.example_tenant import EXAMPLES, SALON
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve

pytestmark = pytest.mark.nightly


async def test_every_example_has_its_number_and_event_types() -> None:
    clock = SystemClock()
    retell, calcom = RetellSimulator(clock), CalcomSimulator(clock)
    async with serve(retell) as retell_url, serve(calcom) as calcom_url:
        await seed(retell_url, calcom_url)
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            for key, number in [(SALON.retell_key, SALON.number), *example_numbers()]:
                headers = {"Authorization": f"Bearer {key}"}
                async with session.get(f"{retell_url}/get-phone-number/{number}", headers=headers) as answer:
                    assert (await answer.json())["phone_number"] == number
            async with session.get(f"{calcom_url}/_sim/state") as answer:
                assert "anna" in str(await answer.json())
    businesses = [file for file in EXAMPLES.glob("*.yaml") if "kind: RetellAgent" in file.read_text("utf-8")]
    assert len([*example_numbers()]) + 1 == len(businesses), "each example that answers calls"


@pytest.fixture
async def shared_host() -> AsyncIterator[str]:
    """A shared host in front of one tenant's pod, which answers with the request that it got."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"path": request.raw_path, "body": (await request.read()).decode()}, status=202)

    pod = web.Application()
    pod.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(pod)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    class Resolver(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
            assert host == "salon-web.beauty", "the Service of the tenant"
            return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

        async def close(self) -> None:
            return

    connector = aiohttp.TCPConnector(resolver=Resolver(), force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        front = web.AppRunner(SharedHost(session, port).application(), auto_decompress=False)
        await front.setup()
        await web.TCPSite(front, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{front.addresses[0][1]}"
        await front.cleanup()
    await runner.cleanup()


async def test_a_public_path_reaches_the_tenants_service_unchanged(shared_host: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{shared_host}/beauty/salon/webhooks/retell?a=b", data="event") as answer,
    ):
        assert answer.status == 202
        assert await answer.json() == {"path": "/beauty/salon/webhooks/retell?a=b", "body": "event"}


@pytest.mark.parametrize(
    "path",
    ["/", "/beauty/salon", "/beauty/salon/v1/appointments", "/beauty/salon/webhooks/../v1", "/a/b/retell/%2e%2e/x"],
)
async def test_shared_host_passes_on_only_public_paths(shared_host: str, path: str) -> None:
    url = aiohttp.client.URL(f"{shared_host}{path}", encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404
