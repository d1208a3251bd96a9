"""The providers of an evaluation in a cluster, in one pod of the chart: `python -m askproai_sandbox.evaluation_providers`.

- Ports 9001 and 9002: the simulated Retell and Cal.com. They know the keys, numbers and event types of the examples, and accept
  other keys. All that they hold is in memory.
- Port 9000: the shared host. `/<namespace>/<tenant>/{webhooks,retell}/…` goes to the Service `<tenant>-web` of the namespace.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from http import HTTPStatus

import aiohttp
import structlog
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_core.phone_numbers import DEFAULT_REGION, to_e164
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.cluster import stop_signal
from askproai_sandbox.example_tenant import OTHERS, SALON, import_number, load_manifests, seed_simulators
from askproai_sandbox.ingress_proxy import BODY_LIMIT, SHARED_PATH, TIMEOUT, pass_on
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve

log = structlog.get_logger(__name__)

SHARED_HOST_PORT, RETELL_PORT, CALCOM_PORT = 9000, 9001, 9002


def example_numbers() -> Iterator[tuple[str, str]]:
    """Yield the Retell key and the number, in E.164, of each number in the examples other than the salon."""
    for example in OTHERS:
        kinds = load_manifests(example)
        values = [secret["stringData"] for secret in kinds["Secret"]]
        (key,) = [each["retell-api-key"] for each in values if "retell-api-key" in each]
        for branch in kinds["Branch"]:
            yield from (
                (key, to_e164(entry["number"], DEFAULT_REGION)) for entry in branch["spec"].get("phoneNumbers", ())
            )


async def seed(retell_url: str, calcom_url: str) -> None:
    """Create the numbers and event types that the examples' businesses already have at the providers before they use AskProAI."""
    await seed_simulators(retell_url, calcom_url, SALON)
    for key, number in example_numbers():
        await import_number(retell_url, key, number)


class SharedHost:
    """Passes each request on to the Service of its tenant, over a connection of its own."""

    def __init__(self, session: aiohttp.ClientSession, port: int = 8080) -> None:
        self._session, self._port = session, port

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        # Dots could lead to a private path.
        if not (found := SHARED_PATH.fullmatch(path)) or "%" in path or ".." in path:
            return web.Response(
                status=HTTPStatus.NOT_FOUND, text="only /<namespace>/<tenant>/webhooks/… and …/retell/…"
            )
        try:
            return await pass_on(self._session, request, f"{found[2]}-web.{found[1]}:{self._port}")
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("shared_host.failed", path=path, error=type(error).__name__)
            return web.Response(status=HTTPStatus.BAD_GATEWAY, text="the tenant's pod did not answer")


async def run(address: str) -> None:
    """Serve the providers and the shared host at `address` until SIGTERM."""
    stop, clock = stop_signal(), SystemClock()
    async with AsyncExitStack() as stack:
        retell = await stack.enter_async_context(serve(RetellSimulator(clock), RETELL_PORT, address))
        calcom = await stack.enter_async_context(serve(CalcomSimulator(clock), CALCOM_PORT, address))
        await seed(retell, calcom)
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, auto_decompress=False)
        )
        # The last port to open: the readiness probe asks it, and the examples are known by then.
        runner = web.AppRunner(
            SharedHost(session).application(), access_log=None, shutdown_timeout=3, auto_decompress=False
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, address, SHARED_HOST_PORT).start()
        log.info("evaluation.ready", shared_host=SHARED_HOST_PORT, retell=RETELL_PORT, calcom=CALCOM_PORT)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the providers of an evaluation.")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen; 0.0.0.0 in a pod")
    asyncio.run(run(parser.parse_args().address))
