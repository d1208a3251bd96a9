"""How answers of a provider become typed errors, and what a key's state keeps us from doing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry

from askproai_core.clock import FixedClock
from askproai_operator.providers import (
    CredentialRefused,
    HostNotAllowed,
    ProviderClients,
    ProviderError,
    ProviderRefused,
    ProviderResting,
    ProviderUnavailable,
    RateLimited,
    RetellClient,
    UnknownOutcome,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def retell(
    handler: Handler, key: str = "key_secret"
) -> AsyncIterator[tuple[RetellClient, FixedClock, ProviderClients]]:
    clock = FixedClock(NOW)
    async with ProviderClients(clock, httpx.AsyncClient(transport=httpx.MockTransport(handler))) as providers:
        yield providers.retell("https://retell.example/", key), clock, providers


def raising(error: type[httpx.TransportError]) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("https://retell.example/get-phone-number/+49301234567", request=request)

    return handler


def status(code: int, **more: object) -> Handler:
    return lambda _request: httpx.Response(code, json={"status": "error", "message": "no"}, **more)  # type: ignore[arg-type]


WRITES = [
    (raising(httpx.ConnectError), ProviderUnavailable, "a refused connection: nothing was sent"),
    (raising(httpx.ConnectTimeout), ProviderUnavailable, "not even connected"),
    (raising(httpx.ReadTimeout), UnknownOutcome, "sent, but no answer"),
    (raising(httpx.RemoteProtocolError), UnknownOutcome, "the connection broke in the middle"),
    (status(500), UnknownOutcome, "it may have failed after its commit"),
    (status(401), CredentialRefused, "a wrong key"),
    (status(403), CredentialRefused, "a key without this right"),
    (status(429), RateLimited, "too many"),
    (status(400), ProviderRefused, "a wrong body"),
    (status(404), ProviderRefused, "a route or an object that is not there"),
    (status(302), ProviderRefused, "a redirect is not followed: a key must not travel"),
    (lambda _request: httpx.Response(200, html="<p>Wartung</p>"), UnknownOutcome, "done, but by whom?"),
]


@pytest.mark.parametrize(("handler", "error", "why"), WRITES, ids=[case[2] for case in WRITES])
async def test_a_write_that_fails(handler: Handler, error: type[ProviderError], why: str) -> None:
    async with retell(handler) as (client, _, _):
        with pytest.raises(error) as caught:
            await client.create_llm({"general_prompt": "geheim"})
        assert type(caught.value) is error, why
        assert not {"key_secret", "geheim", "+4930"} & set(str(caught.value).split()), (
            "S3: no key, body or number in a text"
        )
        assert "+4930" not in str(caught.value)


def maintenance(_request: httpx.Request) -> httpx.Response:
    """Read as "it is not there", a maintenance page would have everything made a second time."""
    return httpx.Response(200, html="<p>Wartung</p>")


@pytest.mark.parametrize("handler", [raising(httpx.ReadTimeout), raising(httpx.ConnectError), status(502), maintenance])
async def test_a_read_is_tried_again_and_then_unavailable(handler: Handler) -> None:
    tries = []

    def counting(request: httpx.Request) -> httpx.Response:
        tries.append(request.url.path)
        return handler(request)

    async with retell(counting) as (client, _, _):
        with pytest.raises(ProviderUnavailable):
            await client.get_llm("llm_1")
    assert len(tries) == 3


async def test_a_write_is_sent_once() -> None:
    tries = []

    def counting(request: httpx.Request) -> httpx.Response:
        tries.append(request.url.path)
        return httpx.Response(503)

    async with retell(counting) as (client, _, _):
        with pytest.raises(UnknownOutcome):
            await client.create_llm({})
    assert tries == ["/create-retell-llm"]


async def test_a_refused_key_is_not_tried_again_until_it_changes_or_a_minute_passed() -> None:
    tries = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request.headers["Authorization"])
        return httpx.Response(401)

    async with retell(refuse) as (client, clock, providers):
        for _ in range(3):
            with pytest.raises(CredentialRefused):
                await client.get_llm("llm_1")
        assert len(tries) == 1
        with pytest.raises(CredentialRefused):
            await providers.retell("https://retell.example", "key_new").get_llm("llm_1")
        assert len(tries) == 2, "another key has a gate of its own"
        clock.advance(timedelta(seconds=61))
        with pytest.raises(CredentialRefused):
            await providers.retell("https://retell.example", "key_secret").get_llm("llm_1")
        assert len(tries) == 3


async def test_403_of_one_object_does_not_close_the_gate() -> None:
    async with retell(status(403)) as (client, _, _):
        for _ in range(2):
            with pytest.raises(CredentialRefused) as caught:
                await client.get_llm("llm_1")
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
async def test_rate_limits_say_when_and_are_kept(headers: dict[str, str], seconds: int) -> None:
    tries = []

    def limit(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        return httpx.Response(429, headers=headers)

    async with retell(limit) as (client, _, _):
        for _ in range(2):
            with pytest.raises(RateLimited) as caught:
                await client.get_llm("llm_1")
            assert caught.value.retry_after == timedelta(seconds=seconds)
        assert len(tries) == 1, "the second one did not leave the house"


async def test_a_429_of_cal_com_that_names_no_time_blocks_for_its_minute() -> None:
    async with retell(lambda _request: httpx.Response(429)) as (_, _, providers):
        with pytest.raises(RateLimited) as caught:
            await providers.calcom("https://cal.example", "cal_x").webhooks()
        assert caught.value.retry_after == timedelta(seconds=60)


async def test_a_key_has_a_budget() -> None:
    """calcom 24981: bursts of 20 to 30 calls in a second or two locked accounts."""
    async with retell(lambda _request: httpx.Response(200, json={"data": {}})) as (_, clock, providers):
        client = providers.calcom("https://cal.example", "cal_x")
        began = clock.monotonic()
        for _ in range(16):
            await client.webhooks()
        assert clock.monotonic() - began == pytest.approx(4)


async def test_an_empty_body_of_publish_is_fine() -> None:
    async with retell(lambda _request: httpx.Response(200)) as (client, _, _):
        await client.publish_agent("agent_1", 0)


async def test_a_number_travels_percent_encoded() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(404)

    async with retell(answer) as (client, _, _):
        assert await client.get_number("+49301234567") is None
    assert seen == [b"/get-phone-number/%2B49301234567"]


async def test_all_pages_of_a_list_are_read() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "pagination_key" in request.url.params:
            return httpx.Response(200, json={"items": [{"llm_id": "b"}], "has_more": False})
        return httpx.Response(200, json={"items": [{"llm_id": "a"}], "has_more": True, "pagination_key": "a"})

    async with retell(answer) as (client, _, _):
        assert [llm["llm_id"] for llm in await client.list_llms()] == ["a", "b"]


async def test_requests_are_counted_by_operation_and_status() -> None:
    """O1, contract §5: `askproai_provider_requests_total{provider,operation,status}`."""
    registry = CollectorRegistry()
    http = httpx.AsyncClient(transport=httpx.MockTransport(status(400)))
    async with ProviderClients(FixedClock(NOW), http, registry=registry) as providers:
        with pytest.raises(ProviderRefused):
            await providers.retell("https://retell.example", "key_x").create_llm({})
    labels = {"provider": "retell", "operation": "create-retell-llm", "status": "400"}
    assert registry.get_sample_value("askproai_provider_requests_total", labels) == 1


async def test_no_key_goes_to_a_host_that_nobody_allowed() -> None:
    """Whoever asks: the Tenant's conditions tell it, but an event type's check or a deletion must not send a key either."""
    hosts = ("api.cal.com", "http://retell.internal")
    async with ProviderClients(FixedClock(NOW), hosts=hosts) as providers:
        with pytest.raises(HostNotAllowed, match="ASKPROAI_PROVIDER_HOSTS"):
            providers.calcom("https://metadata.internal", "cal_x")
        assert providers.calcom("https://api.cal.com/", "cal_x").api.base_url == "https://api.cal.com"
        assert providers.retell("http://retell.internal", "key_x").api.key == "key_x", "the operator's own default"


async def test_five_failures_in_a_row_and_the_key_is_left_alone_for_a_minute() -> None:
    answers, sent = [500] * 5, []

    def server(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(answers.pop(0) if answers else 200, json={"llm_id": "llm_1"})

    async with retell(server) as (client, clock, providers):
        for _ in range(5):
            with pytest.raises(UnknownOutcome):
                await client.create_llm({})
        with pytest.raises(ProviderResting) as resting:
            await client.create_llm({})
        assert resting.value.retry_after == timedelta(seconds=60)
        with pytest.raises(ProviderResting):
            await client.get_llm("llm_1")
        assert len(sent) == 5, "the last two did not leave the house"
        assert await providers.retell("https://retell.example/", "another_key").get_llm("llm_1")
        clock.advance(timedelta(seconds=60))
        assert await client.get_llm("llm_1"), "one tries it, and it works again"
        assert await client.get_llm("llm_1")


async def test_our_own_mistakes_rest_nobody() -> None:
    async with retell(status(404)) as (client, _, _):
        for _ in range(8):
            assert await client.get_llm("llm_1") is None


async def test_the_only_try_after_the_rest_fails_and_it_rests_again() -> None:
    sent = []

    def down(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise httpx.ReadTimeout("", request=request)

    async with retell(down) as (client, clock, _):
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await client.get_llm("llm_1")
        assert len(sent) == 5, "a read is tried three times, and the circuit ends the second one's tries"
        clock.advance(timedelta(seconds=61))
        with pytest.raises(ProviderResting):
            await client.get_llm("llm_1")
        assert len(sent) == 6
