"""A pod whose PostgreSQL or Redis is slow, silent or cut off in the middle of an answer."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest

from askproai_operator.redis_acl import acl_rules
from askproai_sandbox.cluster import free_port, spawn
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, running_worker
from tests.worlds.tools import find_program
from tests.worlds.waiting import eventually, stopwatch

pytestmark = pytest.mark.nightly


@dataclass(frozen=True)
class Proxy:
    """One listening port that forwards to a server, through the active toxics."""

    name: str
    port: int
    api: str
    session: aiohttp.ClientSession

    def through(self, url: str) -> str:
        """Return a URL that reaches its server through the proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    @asynccontextmanager
    async def toxic(self, kind: str, stream: str = "downstream", **attributes: int) -> AsyncIterator[None]:
        """Apply one toxic to all connections meanwhile. `downstream` is the direction from the server."""
        body = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        await self._request("POST", f"/proxies/{self.name}/toxics", body)
        try:
            yield
        finally:
            await self._request("DELETE", f"/proxies/{self.name}/toxics/{kind}")

    async def _request(self, method: str, path: str, body: Any = None) -> None:
        async with self.session.request(method, self.api + path, json=body) as answer:
            assert answer.ok, await answer.text()


@asynccontextmanager
async def proxies(folder: Path, **upstreams: str) -> AsyncIterator[dict[str, Proxy]]:
    """Start Toxiproxy with one proxy for each upstream URL, by name."""
    port = free_port()
    child = await spawn(
        "toxiproxy", [find_program("toxiproxy"), "-host", "127.0.0.1", "-port", str(port)], directory=folder
    )
    api = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:

        async def is_up() -> bool:
            try:
                async with session.get(f"{api}/version") as answer:
                    return answer.ok
            except aiohttp.ClientError:
                return False

        await eventually(is_up)
        started = {}
        for name, url in upstreams.items():
            proxy = Proxy(name, free_port(), api, session)
            upstream = urlsplit(url).netloc.rpartition("@")[2]
            body = {"name": name, "listen": f"127.0.0.1:{proxy.port}", "upstream": upstream, "enabled": True}
            await proxy._request("POST", "/proxies", body)
            started[name] = proxy
        yield started
    await child.stop()


EVENTS = 60
CLAIMS_RUN_OUT_SECONDS = 90  # a claim whose answer was cut off ends with its lease of 30 s
RETELL_WAITS_SECONDS = 10  # for the answer to a webhook; then it counts as failed and is sent again


@dataclass(frozen=True)
class Network:
    """A pod with both processes whose connections all pass through Toxiproxy."""

    pod: TenantPod
    postgres: Proxy
    redis: Proxy


@pytest.fixture
async def network(database: Database, valkey: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Network]:
    name = f"net{random.getrandbits(32):x}"
    async with open_pod(database, tmp_path, name) as pod:
        redis_url = await valkey.add_user(f"u-{pod.store.tenant}", partial(acl_rules, pod.store.tenant))
        async with proxies(tmp_path, postgres=pod.store.dsn, redis=redis_url) as started:
            pod.write_credential("DATABASE_URL", started["postgres"].through(pod.store.dsn))
            pod.write_credential("REDIS_URL", started["redis"].through(redis_url))
            async with running_worker(pod) as port, running_web(pod, worker_port=port):
                yield Network(pod, started["postgres"], started["redis"])


async def deliver(pod: TenantPod, call_id: str) -> int:
    """Send an event until it is acknowledged, at most four times as Retell does; return how many requests it took."""
    for attempt in range(1, 5):
        if (await pod.retell("call_started", call_id)).status == 200:
            return attempt
    return 0


async def test_connections_cut_in_answers_lose_and_double_nothing(network: Network) -> None:
    """PostgreSQL's answers break off after some kilobytes: of a flush, of its COMMIT, of a job. Acknowledged events are stored."""
    pod, names = network.pod, [f"call_cut_{i}" for i in range(EVENTS)]
    async with network.postgres.toxic("limit_data", bytes=3000):
        # One by one: each has a statement of its own.
        replies = [await pod.retell("call_started", name) for name in names]
        cut = [reply.status != 200 or reply.body["status"] == "spooled" for reply in replies]
        acknowledged = [
            name for name, reply in zip(names, replies, strict=True) if reply.status == 200 or await deliver(pod, name)
        ]
    assert any(cut), "no request met a cut connection, so this test shows nothing"
    unprocessed = "SELECT count(*) FROM webhook_events WHERE tenant = $1 AND status <> 'processed'"

    async def all_processed() -> bool:
        return not await pod.db.fetchval(unprocessed, pod.store.tenant)

    await eventually(all_processed, CLAIMS_RUN_OUT_SECONDS)
    rows = "SELECT count(*), count(DISTINCT event_id) FROM webhook_events WHERE tenant = $1"
    stored, distinct = await pod.db.fetchrow(rows, pod.store.tenant)
    assert stored == distinct >= len(acknowledged)
    assert await deliver(pod, "call_afterwards") == 1


async def test_bookings_over_broken_connections_match_the_answers(network: Network) -> None:
    """Each caller who heard of a booked appointment has one; nobody has two, also not by asking again."""
    pod = network.pod
    offers = (await pod.function("check_availability", "call_asks", {"service": "Haarschnitt"})).body["slots"]
    start = offers[0]["start"]

    async def book(caller: int) -> str | None:
        args = {"start": start, "service": "Haarschnitt", "customer_name": "Sabine Müller"}
        for _ in range(3):  # a model asks again when a function fails
            number = f"+4915112345{caller:03}"
            answer = (await pod.function("book_appointment", f"call_{caller}", args, from_number=number)).body
            if answer.get("success"):
                return str(answer["appointment_id"])
        return None

    async with network.postgres.toxic("limit_data", bytes=9000):
        told = [found for found in await asyncio.gather(*(book(caller) for caller in range(12))) if found]
    query = "SELECT id, staff FROM appointments WHERE tenant = $1 AND status = 'confirmed'"
    rows = await pod.db.fetch(f"{query} AND starts_at = $2::text::timestamptz", pod.store.tenant, start)
    confirmed = {str(row["id"]) for row in rows}
    assert set(told) <= confirmed
    assert len({row["staff"] for row in rows}) == len(rows)


async def test_pod_answers_and_recovers_despite_a_silent_database(network: Network) -> None:
    """Packets vanish and no connection ends: the hardest way to fail. The pod needs no restart afterwards."""
    pod = network.pod
    async with network.postgres.toxic("timeout", timeout=0), stopwatch() as waited:
        event, function = await asyncio.gather(
            pod.retell("call_started", "call_silent"),
            pod.function("check_availability", "call_asks", {"service": "Haarschnitt"}),
        )
        seconds = waited()
    assert event.status == 503 or event.body["status"] == "spooled", "Redis may be known as durable by then, or not yet"
    assert function.body["success"] is False
    assert seconds < RETELL_WAITS_SECONDS
    assert await deliver(pod, "call_silent") == 1
    assert (await pod.settled("call_silent:call_started"))["status"] == "processed"

    async def offers() -> bool:
        return (await pod.function("check_availability", "call_asks_again", {"service": "Haarschnitt"})).body["success"]

    await eventually(offers)


async def test_a_silent_redis_costs_a_caller_no_answer(network: Network) -> None:
    """Locks, limits and circuits are then this process's own; PostgreSQL decides."""
    pod = network.pod
    async with network.redis.toxic("timeout", timeout=0):
        offer = await pod.function("check_availability", "call_asks", {"service": "Haarschnitt"})
        args = {"start": offer.body["slots"][0]["start"], "service": "Haarschnitt", "customer_name": "Sabine Müller"}
        booked = await pod.function("book_appointment", "call_asks", args)
    assert (booked.body["success"], booked.body["status"]) == (True, "confirmed")


async def test_database_with_20_ms_latency_answers_a_caller(network: Network) -> None:
    """20 ms to PostgreSQL, both ways: an offer and a booking take a bounded number of round trips."""
    pod = network.pod
    await pod.function("check_availability", "call_first", {"service": "Haarschnitt"})  # opens the connections
    async with network.postgres.toxic("latency", latency=20), stopwatch() as waited:
        offer = await pod.function("check_availability", "call_asks", {"service": "Haarschnitt"})
        args = {"start": offer.body["slots"][0]["start"], "service": "Haarschnitt", "customer_name": "Sabine Müller"}
        booked = await pod.function("book_appointment", "call_asks", args)
        round_trips = waited() / 0.020
    assert booked.body["success"] is True
    assert round_trips < 100  # about 26 on a quiet machine
