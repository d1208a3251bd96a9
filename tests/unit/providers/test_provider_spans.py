"""A request to a provider as a span: how it ended, and nothing that was sent or identifies somebody."""

from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import CircuitBreakers
from askproai_core.provider_names import Provider
from askproai_core.providers import ProviderHttp
from askproai_core.tracing import start_trace
from tests.worlds.memory_spans import MemoryRecorder

TIMEOUT = aiohttp.ClientTimeout(total=5)
SECRETS = ("zora", "Kanarienvogel", "cal_secret", "+4930123456")


async def test_provider_span_hides_secrets_and_sends_no_traceparent(recorder: MemoryRecorder) -> None:
    received: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(request)
        return web.json_response({"message": "zora Kanarienvogel"}, status=404 if "cancel" in request.path else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        http = ProviderHttp(Provider.CALCOM, session, CircuitBreakers(None, SystemClock()), SystemClock())
        base = str(server.make_url("/v2/bookings/zora"))
        with start_trace("request"):
            await http.send("GET", f"{base}?apiKey=cal_secret", TIMEOUT, headers={"Authorization": "cal_secret"})
            await http.send("POST", f"{base}/cancel", TIMEOUT, json={"name": "Kanarienvogel", "phone": "+4930123456"})
    _, read, cancelled = recorder.spans
    common = {"askproai.provider": "calcom", "server.address": "127.0.0.1"}
    assert read.attributes == common | {
        "http.request.method": "GET", "url.template": "/v2/bookings/{}", "http.response.status_code": 200
    }  # fmt: skip
    assert cancelled.attributes == common | {
        "http.request.method": "POST", "url.template": "/v2/bookings/{}/cancel", "http.response.status_code": 404
    }  # fmt: skip
    assert (read.failed, cancelled.failed) == (False, True)
    assert not [header for request in received for header in request.headers if header.lower() == "traceparent"]
    assert not [secret for secret in SECRETS if secret in str(recorder.spans)]


async def test_unanswered_request_fails_its_span_unlike_unsent_request(recorder: MemoryRecorder) -> None:
    async with aiohttp.ClientSession() as session:
        circuits = CircuitBreakers(None, SystemClock())
        http = ProviderHttp(Provider.CALCOM, session, circuits, SystemClock())
        with start_trace("request"):
            for _ in range(6):  # five failures open the circuit
                await http.send("GET", "http://127.0.0.1:9/v2/me", TIMEOUT)
    *refused, resting = recorder.spans[1:]
    found: list[Any] = [(each.attributes["error.type"], each.failed) for each in refused]
    assert found == [("ConnectError", True)] * 5
    assert (resting.attributes["error.type"], resting.attributes["askproai.outcome"]) == ("CircuitOpen", "not_sent")
    assert not resting.failed
