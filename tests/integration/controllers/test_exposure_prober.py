"""The operator's connections to a host that a tenant chose, and its report of the answer. Real sockets, real TLS."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from askproai_core.exposure_proof import proof_of
from askproai_operator import url_prober as module
from askproai_operator.url_prober import Prober
from tests.worlds.certificates import new_certificate
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

TOKEN = "the token of Secret T-admin"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Host:
    """A host on the Internet: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.url = ""
        self.answer: Answer = self.prove

    async def prove(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=proof_of(TOKEN, request.path.rpartition("/")[2]))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answer(request)


@asynccontextmanager
async def listening(host: Host, context: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host.url = f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}"
    yield host
    await runner.cleanup()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with listening(Host()) as opened:
        yield opened


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    """The operator of a platform that names the hosts of 127.0.0.1 itself."""
    async with Prober("https://voice.example", ["127.0.0.1:*"]) as opened:
        yield opened


@pytest.fixture
async def strict() -> AsyncIterator[Prober]:
    async with Prober("https://voice.example", []) as opened:
        yield opened


async def test_both_routed_paths_are_probed_without_credentials(host, prober):
    assert await prober.find_problem(f"{host.url}/voice", TOKEN) is None
    paths = [request.path.rpartition("/")[0] for request in host.requests]
    assert paths == ["/voice/webhooks/proof", "/voice/retell/proof"]
    nonces = {request.path.rpartition("/")[2] for request in host.requests}
    assert len(nonces) == 2
    for request in host.requests:
        assert request.method == "GET"
        assert not {"Authorization", "Cookie"} & request.headers.keys()
        assert TOKEN not in f"{request.raw_path}{request.headers}"


def response(status: int, text: str = "", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def pods_of_another_tenant(request: web.Request) -> web.StreamResponse:
    return web.Response(text=proof_of("another token", request.path.rpartition("/")[2]))


async def a_recorded_answer(_: web.Request) -> web.StreamResponse:
    return web.Response(text=proof_of(TOKEN, "0" * 32))


async def only_the_webhooks(request: web.Request) -> web.StreamResponse:
    if "/retell/" in request.path:
        return web.Response(status=404)
    return web.Response(text=proof_of(TOKEN, request.path.rpartition("/")[2]))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (pods_of_another_tenant, "leads elsewhere than to this tenant's pods (/webhooks: 200)"),
        (a_recorded_answer, "leads elsewhere"),
        (response(200, "<html>welcome to nginx</html>"), "leads elsewhere"),
        (response(200), "leads elsewhere"),
        (response(404), "(/webhooks: 404): route /webhooks there"),
        (response(503), "(/webhooks: 503)"),
        (only_the_webhooks, "(/retell: 404): route /retell there"),
        (response(401), "asks for a login"),
    ],
)
async def test_exposure_probe_refuses_any_answer_but_proof(host, prober, answer, text):
    host.answer = answer
    assert text in (await prober.find_problem(host.url, TOKEN) or "")


async def test_a_redirect_is_not_followed(host, prober):
    async with listening(Host()) as elsewhere:
        host.answer = response(308, Location=elsewhere.url + "/webhooks/proof/" + "0" * 32)
        assert "redirects /webhooks (308)" in (await prober.find_problem(host.url, TOKEN) or "")
        assert elsewhere.requests == []


async def test_endless_answer_costs_neither_memory_nor_time(host, prober):
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = web.StreamResponse()
        await stream.prepare(request)
        while True:
            await stream.write(b"x" * 65536)
            sent += 65536

    host.answer = endless
    assert "leads elsewhere" in (await prober.find_problem(host.url, TOKEN) or "")
    assert sent < 32 << 20


async def test_silent_host_is_abandoned_after_five_seconds(host, prober):
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    host.answer = silent
    async with asyncio.timeout(8):
        assert "does not answer" in (await prober.find_problem(host.url, TOKEN) or "")
    released.set()


async def test_a_host_that_nobody_runs_does_not_answer(prober):
    assert "does not answer" in (await prober.find_problem("http://127.0.0.1:9", TOKEN) or "")


async def test_name_without_an_address_asks_for_dns_records(strict):
    assert "create the DNS record" in (await strict.find_problem("https://salon.example.invalid", TOKEN) or "")


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("exposure-lookup")]


async def test_unanswered_names_do_not_delay_other_lookups(monkeypatch):
    """As many unanswered names as the controller's workers can begin to test during one such lookup."""
    released = threading.Event()

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        if host.startswith("lame"):
            released.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "no server answers")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(module, "_LOOKUP_SECONDS", 0.2)
    try:
        async with Prober("https://voice.example", []) as prober:
            lame = [prober.find_problem(f"https://lame{number}.example", TOKEN) for number in range(120)]
            problems = await asyncio.gather(*lame)
            assert "the lookup of lame7.example took too long" in (problems[7] or "")
            assert all("took too long" in (problem or "") for problem in problems)
            monkeypatch.setattr(module, "_LOOKUP_SECONDS", 4.0)
            async with asyncio.timeout(SOON):
                problem = await prober.find_problem("https://good.example", TOKEN)
            assert "an address that is not public" in (problem or "")
    finally:
        released.set()
    await eventually(lambda: not lookups(), SOON, "the threads of the closed prober to end")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_no_tenant_connects_the_operator_to_private_addresses(strict, name):
    """In every notation, and by a name: the checked address is the connected one."""
    connections = 0

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(connected, ("127.0.0.1", "::1"), 0) as server:
        for listener in server.sockets:
            url = f"https://{name}:{listener.getsockname()[1]}"
            assert await strict.find_problem(url, TOKEN)
    assert connections == 0


async def test_a_tenants_url_must_be_https(strict, host):
    problem = await strict.find_problem(host.url, TOKEN)
    assert "is not https" in (problem or "")
    assert host.requests == []


@pytest.mark.parametrize(
    ("certified", "is_trusted", "problem"),
    [
        (None, True, None),
        (
            "salon.example",
            True,
            "no certificate that is valid",
        ),  # the certificate of another host, such as an Ingress controller's default
        (None, False, "no certificate that is valid"),  # of an authority unknown to providers
    ],
)
async def test_exposure_probe_requires_a_certificate_for_the_host(tmp_path, certified, is_trusted, problem):
    key, certificate = new_certificate(certified)
    file = tmp_path / "server.pem"
    file.write_bytes(key + certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trust = ssl.create_default_context(cadata=certificate.decode()) if is_trusted else True
    async with listening(Host(), server) as host, Prober("https://voice.example", ["127.0.0.1:*"], ssl=trust) as prober:
        found = await prober.find_problem(host.url, TOKEN)
    assert found is None if problem is None else problem in (found or "")
