"""Outcomes of a request become typed errors, and the state of a key prevents requests. The provider is a local server."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from prometheus_client import CollectorRegistry

from askproai_core.providers import (
    CredentialRefused,
    HostNotAllowed,
    ProviderError,
    ProviderRefused,
    ProviderResting,
    ProviderUnavailable,
    RateLimited,
    TransportFailure,
    UnknownOutcome,
)
from askproai_core.providers.http import Reply
from askproai_operator.control_loop import Metrics
from askproai_operator.providers import ProviderClients, RetellClient
from tests.worlds.clock import FixedClock

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NUMBER = "+49301234567"
# Real time: the clock of these tests moves only when a test moves it.
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=0.2, sock_read=0.2)
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Provider = Callable[[], AbstractAsyncContextManager[str]]  # yields the base URL


def answering(status: int, **more: object) -> Handler:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"status": "error", "message": "no"}, status=status, **more)  # type: ignore[arg-type]

    return handler


async def hang(_request: web.BaseRequest) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def break_off(request: web.BaseRequest) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def maintenance(_request: web.BaseRequest) -> web.Response:
    """A maintenance page that counted as "it does not exist" would cause everything to be created twice."""
    return web.Response(text="<p>Wartung</p>", content_type="text/html")


async def answer_at_length(_request: web.BaseRequest) -> web.Response:
    return web.json_response({"llm_id": "llm_1", "version": 0, "general_prompt": "x" * (9 * 1024 * 1024)})


def answering_text(text: str) -> Handler:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    return handler


def serving(handler: Handler) -> Provider:
    @asynccontextmanager
    async def provider() -> AsyncIterator[str]:
        async with RawTestServer(handler) as server:
            yield str(server.make_url(""))

    return provider


@asynccontextmanager
async def refusing() -> AsyncIterator[str]:
    """A port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@asynccontextmanager
async def unconnectable() -> AsyncIterator[str]:
    """A server that accepts no connection: its queue is full, so the kernel drops every further SYN."""
    with socket.socket() as busy, ExitStack() as stack:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(busy.getsockname())
        yield f"http://127.0.0.1:{busy.getsockname()[1]}"


class ProviderEnvironment:
    """A provider, a client of it, and the client's metrics."""

    def __init__(self, url: str, clock: FixedClock, providers: ProviderClients, registry: CollectorRegistry) -> None:
        self.url, self.clock, self.providers, self.registry = url, clock, providers, registry
        self.client: RetellClient = providers.retell(f"{url}/", "key_secret")

    def counted(self) -> dict[str, float]:
        """Return how many requests were sent by the label `status`."""
        (metric,) = (each for each in self.registry.collect() if each.name == "askproai_provider_requests")
        return {s.labels["status"]: s.value for s in metric.samples if s.name.endswith("_total")}


@asynccontextmanager
async def open_environment(provider: Provider) -> AsyncIterator[ProviderEnvironment]:
    clock, metrics = FixedClock(NOW), Metrics()
    count = metrics.count_provider_request
    async with provider() as url, ProviderClients(clock, count=count, timeout=TIMEOUT) as providers:
        yield ProviderEnvironment(url, clock, providers, metrics.registry)


FAILURES = [
    (refusing, TransportFailure.CONNECT_ERROR),
    (unconnectable, TransportFailure.CONNECT_TIMEOUT),
    (serving(hang), TransportFailure.READ_TIMEOUT),
    (serving(break_off), TransportFailure.PROTOCOL_ERROR),
]

WRITES = [
    (refusing, ProviderUnavailable, "a refused connection: nothing was sent"),
    (unconnectable, ProviderUnavailable, "not even connected"),
    (serving(hang), UnknownOutcome, "sent, but no answer"),
    (serving(break_off), UnknownOutcome, "the connection broke in the middle"),
    (serving(answering(500)), UnknownOutcome, "it may have failed after its commit"),
    (serving(answering(401)), CredentialRefused, "a wrong key"),
    (serving(answering(403)), CredentialRefused, "a key without this right"),
    (serving(answering(429)), RateLimited, "too many"),
    (serving(answering(400)), ProviderRefused, "a wrong body"),
    (serving(answering(404)), ProviderRefused, "a route or an object that does not exist"),
    (
        serving(answering(302, headers={"Location": "/"})),
        ProviderRefused,
        "no redirect is followed: a key must not travel",
    ),
    (serving(maintenance), UnknownOutcome, "done, but by whom?"),
    (serving(answer_at_length), UnknownOutcome, "an answer above its bound"),
]


@pytest.mark.parametrize(("provider", "error", "why"), WRITES, ids=[case[2] for case in WRITES])
async def test_failed_write_raises_the_expected_error(provider: Provider, error: type[ProviderError], why: str) -> None:
    async with open_environment(provider) as env:
        with pytest.raises(error) as caught:
            await env.client.create_llm({"general_prompt": "geheim"})
        assert type(caught.value) is error, why
        assert not {"key_secret", "geheim", "+4930"} & set(str(caught.value).split()), (
            "no key, body or number in a text"
        )
        assert "+4930" not in str(caught.value)


@pytest.mark.parametrize("provider", [case[0] for case in WRITES], ids=[case[2] for case in WRITES])
async def test_failed_reads_text_has_no_number_or_key(provider: Provider) -> None:
    async with open_environment(provider) as env:
        try:
            assert await env.client.get_number(NUMBER) is None
        except ProviderError as error:
            assert not [secret for secret in ("key_secret", "4930") if secret in str(error)]  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        '{"llm_id":"llm_1","general_prompt":"' + "x" * 600_000 + '"}',
        '{"llm_id":"llm_1","states":[' + "[]," * 60_000 + "1]}",
        '{"llm_id":"llm_1","states":[' + "{}," * 60_000 + "1]}",
        '{"llm_id":"' + "x" * 100_000 + '","states":' + "[" * 3_000 + "]" * 3_000 + "}",
    ],
    ids=["large", "many lists", "many objects", "deep"],
)
async def test_answer_that_fills_memory_is_unreadable(text: str) -> None:
    """8 KB of gzip from one server of Cal.com decoded to 200 MiB in the operator of all tenants."""
    async with open_environment(serving(answering_text(text))) as env:
        with pytest.raises(ProviderUnavailable):
            await env.client.get_llm("llm_1")


async def test_list_page_may_exceed_an_object() -> None:
    items = [{"llm_id": f"llm_{number}", "general_prompt": "x" * 60_000} for number in range(50)]
    async with open_environment(serving(answering_text(json.dumps({"items": items})))) as env:
        assert len(await env.client.list_llms()) == 50


@pytest.mark.parametrize(("provider", "failure"), FAILURES, ids=[failure for _, failure in FAILURES])
async def test_transport_failure_is_named_in_text_and_metric(provider: Provider, failure: TransportFailure) -> None:
    async with open_environment(provider) as env:
        with pytest.raises(ProviderError, match=rf"no answer \({failure}\)"):
            await env.client.create_llm({})
        assert env.counted() == {failure.value: 1}


@pytest.mark.parametrize("handler", [hang, None, answering(502), maintenance, break_off])
async def test_failing_get_request_is_tried_three_times(handler: Handler | None) -> None:
    tries = []

    async def counting(request: web.BaseRequest) -> web.StreamResponse:
        assert handler is not None
        tries.append(request.path)
        return await handler(request)

    async with open_environment(serving(counting) if handler else refusing) as env:
        with pytest.raises(ProviderUnavailable):
            await env.client.get_llm("llm_1")
        assert sum(env.counted().values()) == 3
    assert len(tries) == (3 if handler else 0)


@pytest.mark.parametrize("handler", [answering(503), break_off, hang])
async def test_a_write_is_sent_once(handler: Handler) -> None:
    """Also over a reused connection, and for a DELETE, which aiohttp would repeat by itself."""
    tries = []

    async def counting(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v2/list-retell-llms":
            return web.json_response({"items": []})
        tries.append(request.path)
        return await handler(request)

    async with open_environment(serving(counting)) as env:
        await env.client.list_llms()
        with pytest.raises(UnknownOutcome):
            await env.client.create_llm({})
        assert tries == ["/create-retell-llm"]
        await env.client.list_llms()
        with pytest.raises(UnknownOutcome):
            await env.client.delete_llm("llm_1")
        assert tries == ["/create-retell-llm", "/delete-retell-llm/llm_1"]


async def test_refused_key_pauses_until_changed_or_a_minute() -> None:
    tries = []

    async def refuse(request: web.BaseRequest) -> web.Response:
        tries.append(request.headers["Authorization"])
        return web.Response(status=401)

    async with open_environment(serving(refuse)) as env:
        for _ in range(3):
            with pytest.raises(CredentialRefused):
                await env.client.get_llm("llm_1")
        assert len(tries) == 1
        with pytest.raises(CredentialRefused):
            await env.providers.retell(env.url, "key_new").get_llm("llm_1")
        assert len(tries) == 2, "another key has a gate of its own"
        env.clock.advance(timedelta(seconds=61))
        with pytest.raises(CredentialRefused):
            await env.providers.retell(env.url, "key_secret").get_llm("llm_1")
        assert len(tries) == 3


async def test_403_of_one_object_does_not_affect_keys() -> None:
    async with open_environment(serving(answering(403))) as env:
        for _ in range(2):
            with pytest.raises(CredentialRefused) as caught:
                await env.client.get_llm("llm_1")
            assert caught.value.status == 403


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Reset-Default": "42"}, 42),
        ({"X-RateLimit-Reset-Default": str(int(NOW.timestamp()) + 30)}, 30),
        ({}, 8),
    ],
    ids=["Retry-After", "Cal.com: seconds", "Cal.com: epoch", "none"],
)
async def test_rate_limit_wait_is_remembered_for_later_requests(headers: dict[str, str], seconds: int) -> None:
    tries = []

    async def limit(request: web.BaseRequest) -> web.Response:
        tries.append(request)
        return web.Response(status=429, headers=headers)

    async with open_environment(serving(limit)) as env:
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await env.client.get_llm("llm_1")
            assert caught.value.retry_after == timedelta(seconds=seconds)
        assert len(tries) == 1, "the second request was not sent"


async def test_request_after_short_rate_limit_waits_its_turn() -> None:
    limits = [{"Retry-After": "1"}]

    async def limit_once(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=429, headers=limits.pop()) if limits else web.json_response({"llm_id": "llm_1"})

    async with open_environment(serving(limit_once)) as env:
        with pytest.raises(RateLimited):
            await env.client.get_llm("llm_1")
        began = env.clock.monotonic()
        assert await env.client.get_llm("llm_1")
        assert env.clock.monotonic() - began == pytest.approx(1)


async def test_calcoms_untimed_429_blocks_for_its_minute() -> None:
    async with open_environment(serving(answering(429))) as env:
        with pytest.raises(RateLimited) as caught:
            await env.providers.calcom(env.url, "cal_x").list_webhooks()
        assert caught.value.retry_after == timedelta(seconds=60)


async def test_provider_key_has_a_request_budget() -> None:
    """calcom 24981: bursts of 20 to 30 calls in a second or two locked accounts."""

    async def none(_request: web.BaseRequest) -> web.Response:
        return web.json_response({"data": {}})

    async with open_environment(serving(none)) as env:
        client = env.providers.calcom(env.url, "cal_x")
        began = env.clock.monotonic()
        for _ in range(7):
            await client.list_webhooks()
        with pytest.raises(RateLimited) as caught:
            await client.list_webhooks()
        assert caught.value.retry_after == timedelta(seconds=5)
        for _ in range(2):
            await client.update_webhook("1", {})
        assert env.clock.monotonic() == began, "no worker waits; who has read what is to be changed changes it"
        with pytest.raises(RateLimited):
            await client.update_webhook("1", {})
        env.clock.advance(timedelta(minutes=1))
        await client.list_webhooks()


async def test_empty_body_of_a_publish_response_is_accepted() -> None:
    async def empty(_request: web.BaseRequest) -> web.Response:
        return web.Response()

    async with open_environment(serving(empty)) as env:
        await env.client.publish_agent("agent_1", 0)


async def test_phone_number_in_a_url_is_percent_encoded() -> None:
    seen = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(status=404)

    async with open_environment(serving(answer)) as env:
        assert await env.client.get_number(NUMBER) is None
    assert seen == ["/get-phone-number/%2B49301234567"]


async def test_provider_client_reads_all_pages_of_lists() -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        if "pagination_key" in request.query:
            return web.json_response({"items": [{"llm_id": "b"}], "has_more": False})
        return web.json_response({"items": [{"llm_id": "a"}], "has_more": True, "pagination_key": "a"})

    async with open_environment(serving(answer)) as env:
        assert [llm["llm_id"] for llm in await env.client.list_llms()] == ["a", "b"]


async def test_requests_are_counted_by_operation_and_status() -> None:
    """`askproai_provider_requests_total{provider,operation,status}`, see docs/reference/metrics.md."""
    async with open_environment(serving(answering(400))) as env:
        with pytest.raises(ProviderRefused):
            await env.client.create_llm({})
        labels = {"provider": "retell", "operation": "create-retell-llm", "status": "400"}
        assert env.registry.get_sample_value("askproai_provider_requests_total", labels) == 1


async def test_no_key_goes_to_a_forbidden_host() -> None:
    """The Tenant's conditions report it, but an event type's check or a deletion must not send a key either."""
    hosts = ("api.cal.com", "http://retell.internal")
    async with ProviderClients(FixedClock(NOW), hosts=hosts) as providers:
        with pytest.raises(HostNotAllowed, match="ASKPROAI_PROVIDER_HOSTS"):
            providers.calcom("https://metadata.internal", "cal_x")
        assert providers.calcom("https://api.cal.com/", "cal_x").api.base_url == "https://api.cal.com"
        assert providers.retell("http://retell.internal", "key_x").api.key == "key_x", "the operator's own default"


async def test_no_environment_proxy_or_cookie_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = []

    async def answer(request: web.BaseRequest) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response({"llm_id": "llm_1"}, headers={"Set-Cookie": "session=of-another-tenant"})

    async with refusing() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        async with open_environment(serving(answer)) as env:
            for _ in range(2):
                assert await env.client.get_llm("llm_1")
    assert cookies == [None, None]


async def test_five_consecutive_failures_open_the_keys_circuit() -> None:
    answers, sent = [500] * 5, []

    async def server(request: web.BaseRequest) -> web.Response:
        sent.append(request)
        return web.json_response({"llm_id": "llm_1"}, status=answers.pop(0) if answers else 200)

    async with open_environment(serving(server)) as env:
        client = env.client
        for _ in range(5):
            with pytest.raises(UnknownOutcome):
                await client.create_llm({})
        with pytest.raises(ProviderResting) as resting:
            await client.create_llm({})
        assert resting.value.retry_after == timedelta(seconds=60)
        with pytest.raises(ProviderResting):
            await client.get_llm("llm_1")
        assert len(sent) == 5, "the last two were not sent"
        assert await env.providers.retell(f"{env.url}/", "another_key").get_llm("llm_1")
        env.clock.advance(timedelta(seconds=60))
        assert await client.get_llm("llm_1"), "one request tries it, and it works again"
        assert await client.get_llm("llm_1")


async def test_our_own_mistakes_open_no_circuit() -> None:
    async with open_environment(serving(answering(404))) as env:
        for _ in range(8):
            assert await env.client.get_llm("llm_1") is None


async def test_a_probe_that_fails_opens_the_circuit_again() -> None:
    sent = []

    async def down(request: web.BaseRequest) -> web.Response:
        sent.append(request)
        return await hang(request)

    async with open_environment(serving(down)) as env:
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await env.client.get_llm("llm_1")
        assert len(sent) == 5, "a read is tried three times, and the circuit ends the second one's tries"
        env.clock.advance(timedelta(seconds=61))
        with pytest.raises(ProviderResting):
            await env.client.get_llm("llm_1")
        assert len(sent) == 6


def test_stored_refusal_reason_hides_personal_data():
    """It is stored with the job and the appointment."""
    text = 'Attendee erika.mustermann@example.org ("+49 151 1234567") has no slot at 2026-11-20T09:00:00Z'
    reply = Reply("POST", 0.1, 400, {"error": {"message": text}})
    assert reply.reason == 'Attendee <e-mail> ("<number>") has no slot at 2026-11-20T09:00:00Z'
