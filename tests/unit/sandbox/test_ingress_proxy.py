"""The ingress proxy of the local cluster: it finds the Service of a path, and never passes on half an answer."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_sandbox.cluster import Mirror, Object, free_port
from askproai_sandbox.ingress_proxy import Backends, IngressProxy, Routes

pytestmark = pytest.mark.nightly


def routes(ingresses: tuple[Object, ...] = (), http_routes: tuple[Object, ...] = ()) -> Routes:
    mirrors = [SimpleNamespace(objects=dict(enumerate(objects))) for objects in (ingresses, http_routes)]
    return Routes(*(cast("Mirror", mirror) for mirror in mirrors))


async def test_refused_connection_is_tried_at_another_pod() -> None:
    async def tenant(request: web.Request) -> web.Response:
        return web.json_response({"got": len(await request.read()), "host": request.host}, headers={"X-From": "pod"})

    app = web.Application()
    app.router.add_post("/n/salon/webhooks/retell", tenant)
    async with TestServer(app) as alive, aiohttp.ClientSession() as session:
        targets = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{alive.port}"]
        fixed_backends = cast("Backends", SimpleNamespace(targets=lambda _namespace, _tenant: targets))
        async with TestServer(IngressProxy(routes(), fixed_backends, session).application()) as proxy:
            url = proxy.make_url("/n/salon/webhooks/retell")
            async with session.post(url, data=b"x" * 300_000, headers={"Host": "voice.example"}) as answer:
                assert answer.headers["X-From"] == "pod"
                assert await answer.json() == {"got": 300_000, "host": "voice.example"}

            async def endless() -> Any:
                for _ in range(20):
                    yield b"x" * (1 << 20)

            async with session.post(url, data=endless()) as answer:
                assert answer.status == 413
            targets[1] = targets[0]
            async with session.post(url, data=b"x") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_interrupted_answer_gives_a_plain_502() -> None:
    """Not half an answer with status 200, which a sender would take for an acknowledgement."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"status":')
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()

    pod = await asyncio.start_server(half, "127.0.0.1", 0)
    address = f"127.0.0.1:{pod.sockets[0].getsockname()[1]}"
    fixed_backends = cast("Backends", SimpleNamespace(targets=lambda _namespace, _tenant: [address]))
    async with pod, aiohttp.ClientSession() as session:
        async with TestServer(IngressProxy(routes(), fixed_backends, session).application()) as proxy:
            async with session.post(proxy.make_url("/n/salon/webhooks/retell"), data=b"{}") as answer:
                assert (answer.status, answer.content_type) == (502, "application/problem+json")
                assert (await answer.json())["status"] == 502


def ingress_path(path: str, service: str) -> Object:
    return {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 8080}}}}


INGRESS: Object = {
    "metadata": {"namespace": "n", "name": "salon"},
    "spec": {
        "rules": [
            {
                "host": "s.example",
                "http": {"paths": [ingress_path("/voice/retell", "salon-web"), ingress_path("/voice", "page")]},
            }
        ]
    },
}
ROUTE: Object = {
    "metadata": {"namespace": "m", "name": "praxis"},
    "spec": {
        "hostnames": ["p.example"],
        "rules": [
            {"matches": [{"path": {"value": "/webhooks"}}], "backendRefs": [{"name": "praxis-web", "port": 8080}]}
        ],
    },
}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("s.example", "/voice/retell/inbound", ("n", "salon-web")),
        ("s.example", "/voice/other", ("n", "page")),
        ("s.example", "/voiceless", None),
        ("s.example", "/webhooks/retell", None),
        ("p.example", "/webhooks", ("m", "praxis-web")),
        ("p.example", "/webhooks/retell", ("m", "praxis-web")),
        ("p.example", "/retell/inbound", None),
        ("shared.example", "/n/salon/webhooks/retell", ("n", "salon-web")),
        ("shared.example", "/n/salon/dashboard", None),
    ],
)
def test_host_and_path_select_the_service(host, path, service) -> None:
    assert routes((INGRESS,), (ROUTE,)).service(host, path) == service
