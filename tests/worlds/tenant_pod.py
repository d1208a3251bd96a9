"""A tenant's web and worker process, running inside the test over real sockets and a real PostgreSQL."""

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg
from msgspec.structs import asdict, replace

from askproai_core.clock import Clock, SystemClock
from askproai_core.data_keys import DATA_KEYS, DataKey, DataKeys, encode_data_keys, new_data_key
from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config import TenantConfig, decode, encode
from askproai_runtime.availability.opening_hours import find_closure
from askproai_runtime.process import Process, open_process
from askproai_runtime.settings import Settings
from askproai_runtime.web import WebProcess
from askproai_runtime.worker import work
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import STAFF_UNITS, Database, TenantStore
from tests.worlds.golden_answers import RECORDER, last_words
from tests.worlds.waiting import eventually

RETELL_KEY, CALCOM_SECRET, STRIPE_SECRET, ADMIN_TOKEN = "key_test", "cal-secret", "whsec_test", "admin-token"


@dataclass(frozen=True)
class Reply:
    """An HTTP response whose JSON body is read."""

    status: int
    body: dict[str, Any]
    headers: Any


@dataclass
class TenantPod:
    """One tenant's pod: its mounted files, its processes, and requests to them as Retell, Cal.com and Stripe send them."""

    folder: Path
    store: TenantStore
    session: aiohttp.ClientSession
    db: asyncpg.Connection  # a superuser's connection, which row security does not restrict
    web: WebProcess = field(init=False)
    worker: Process = field(init=False)
    worker_port: int = 0
    base_url: str | None = None  # of a web process that does not run inside the test

    @property
    def url(self) -> str:
        return self.base_url or f"http://127.0.0.1:{self.web.public_port}"

    @property
    def private_url(self) -> str:
        return f"http://127.0.0.1:{self.web.private_port}"

    @property
    def page_url(self) -> str:
        """Return the address to which the published page is routed."""
        return f"http://127.0.0.1:{self.web.page_port}"

    def config(self, **changes: Any) -> TenantConfig:
        ids = {staff: (self.store.resources["mitte", staff, 1],) for staff in ("anna", "mehmet")}
        return salon_config(resource_ids=ids, tenant=self.store.tenant, path_prefix="/salon/salon", **changes)

    def write_config(self, config: TenantConfig | str) -> None:
        text = config if isinstance(config, str) else encode(config)
        (self.folder / "tenant.json").write_text(text)

    def write_credential(self, name: str, value: str) -> None:
        (self.folder / "credentials" / name).write_text(value)

    def settings(self, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "config_file": self.folder / "tenant.json",
            "credentials_dir": self.folder / "credentials",
            "admin_token_file": self.folder / "token",
            "bind_address": "127.0.0.1",
            "public_port": 0,
            "private_port": 0,
            "page_port": 0,
            "metrics_port": 0,
            "worker_port": 0,
            "shutdown_delay_seconds": 0,
        }
        return Settings(**values | changes)

    def variables(self, **changes: Any) -> dict[str, str]:
        """Return the settings as environment variables, for a process outside the test."""
        settings = asdict(self.settings(**changes))
        return {f"ASKPROAI_{name.upper()}": str(value) for name, value in settings.items()}

    def encrypt(self, *keys: DataKey) -> None:
        """Make the pod encrypt callers' words, with the last of `keys` or with a new key."""
        keys = keys or (new_data_key(datetime.now(UTC) - timedelta(hours=1)),)
        self.write_credential(DATA_KEYS, encode_data_keys(DataKeys(keys)))
        self.write_config(replace(decode((self.folder / "tenant.json").read_text()), encrypt_bodies=True))

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        async with self.session.post(self.url + path, data=body, headers=headers or {}) as response:
            return Reply(response.status, await response.json(content_type=None), response.headers)

    async def get(self, url: str, **headers: str) -> Reply:
        async with self.session.get(url, headers=headers) as response:
            return Reply(response.status, await response.json(content_type=None), response.headers)

    async def retell(self, event: str, call_id: str, *, path: str = "/webhooks/retell", **call: Any) -> Reply:
        """Send a call event as Retell would."""
        fields = {"call_id": call_id, "agent_id": AGENT_ID, "to_number": NUMBER, "call_status": "ongoing"} | call
        body = json.dumps({"event": event, "call": fields}, ensure_ascii=False).encode()
        return await self.post(path, body, {"x-retell-signature": sign_retell(body)})

    async def function(self, name: str, call_id: str, args: Any, *, body_name: str | None = None, **call: Any) -> Reply:
        """Call a function as Retell would. `body_name` is the body's `name`, if it differs from the path's."""
        return await self.signed_function(name, call_id, args, body_name=body_name, **call)()

    def signed_function(
        self, name: str, call_id: str, args: Any, *, body_name: str | None = None, **call: Any
    ) -> Callable[[], Awaitable[Reply]]:
        """Sign a call function, and return a function that sends this same request each time it is called."""
        fields = {"call_id": call_id, "agent_id": AGENT_ID, "to_number": NUMBER, "from_number": "+4915112345678"} | call
        body = json.dumps({"name": body_name or name, "call": fields, "args": args}).encode()
        headers = {"x-retell-signature": sign_retell(body)}

        async def send() -> Reply:
            with RECORDER.exchange(name, args, said=last_words(fields)) as exchange:
                reply = await self.post(f"/retell/functions/{name}", body, headers)
                exchange.answer = reply.body if reply.status == 200 else {"status": reply.status, **reply.body}
            return reply

        return send

    async def let_two_seconds_pass(self, call_id: str) -> None:
        """Make a call's actions two seconds older by the database's clock, the minimum age of a question without a transcript."""
        await self.db.execute(
            """UPDATE call_actions SET lease_until = lease_until - interval '2 s'
               WHERE tenant = $1 AND call_id = $2 AND key NOT LIKE 'request|%'""",
            self.store.tenant, call_id,
        )  # fmt: skip

    async def inbound(self, from_number: str | None, to_number: str = NUMBER, **call: Any) -> Reply:
        """Ask who is calling, as Retell would while the phone rings."""
        fields = {"from_number": from_number, "to_number": to_number, "agent_id": AGENT_ID, "agent_version": 0} | call
        body = json.dumps({"event": "call_inbound", "call_inbound": fields}).encode()
        return await self.post("/retell/inbound", body, {"x-retell-signature": sign_retell(body)})

    async def event(self, event_id: str) -> asyncpg.Record | None:
        return await self.db.fetchrow(
            "SELECT * FROM webhook_events WHERE tenant = $1 AND event_id = $2", self.store.tenant, event_id
        )

    async def job(self, event_id: str) -> asyncpg.Record | None:
        of_event = "SELECT j.* FROM jobs j JOIN webhook_events e ON e.id = j.event_id WHERE e.tenant = $1"
        return await self.db.fetchrow(f"{of_event} AND e.event_id = $2", self.store.tenant, event_id)

    async def settled(self, event_id: str) -> asyncpg.Record:
        """Return the event once it is processed or dead."""

        async def decided() -> asyncpg.Record | None:
            row = await self.event(event_id)
            return row if row is not None and row["status"] in ("processed", "dead") else None

        return await eventually(decided)

    async def counts(self) -> tuple[int, int, int]:
        """Return the numbers of events, jobs and audit rows, which a refused request must not change."""
        row = await self.db.fetchrow(
            "SELECT (SELECT count(*) FROM webhook_events WHERE tenant = $1),"
            " (SELECT count(*) FROM jobs WHERE tenant = $1), (SELECT count(*) FROM audit_log WHERE tenant = $1)",
            self.store.tenant,
        )
        return tuple(row)


def next_friday(pod: TenantPod, hour: int, number: int = 1) -> datetime:
    """Return an hour of the salon's n-th open Friday that is at least a week ahead: the pod's clock is the real one."""
    config = pod.config()
    (branch,), zone = config.branches, ZoneInfo(config.time_zone)
    today = datetime.now(zone).date()
    fridays = (today + timedelta(days=(4 - today.weekday()) % 7 + 7 * weeks) for weeks in count(1))
    day = next(islice((day for day in fridays if find_closure(branch, day) is None), number - 1, None))
    return datetime.combine(day, dt.time(hour), zone)


async def waiting_for_lock(pod: TenantPod) -> bool:
    """Return whether one of the pod's sessions waits for a lock."""
    await pod.db.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees its first snapshot again
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1"
    return bool(await pod.db.fetchval(waiting, pod.store.role))


def sign_retell(body: bytes, key: str = RETELL_KEY, at: float | None = None) -> str:
    stamp = str(int((time.time() if at is None else at) * 1000))
    return f"v={stamp},d={hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()}"


def sign_calcom(body: bytes, key: str = CALCOM_SECRET) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def sign_stripe(body: bytes, key: str = STRIPE_SECRET) -> str:
    stamp = int(time.time())
    return f"t={stamp},v1={hmac.new(key.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


@asynccontextmanager
async def running_web(pod: TenantPod, clock: Clock | None = None, **settings: Any) -> AsyncIterator[asyncio.Event]:
    """Run the web process, with the system's clock by default; yield the event that stops it."""
    stop = asyncio.Event()
    started = asyncio.Event()

    async def run() -> None:
        time_source = clock or SystemClock()
        async with open_process(pod.settings(**settings), "web", 3, time_source, FaultPoints(), stop) as process:
            pod.web = WebProcess(process)
            await pod.web.run(stop, lambda _: started.set())

    task = asyncio.create_task(run())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield stop
    finally:
        stop.set()
        await task


@asynccontextmanager
async def running_worker(pod: TenantPod, **settings: Any) -> AsyncIterator[int]:
    """Run the worker process; yield its port."""
    stop = asyncio.Event()
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with open_process(
            pod.settings(**settings), "worker", 1, SystemClock(), FaultPoints(), stop
        ) as pod.worker:
            await work(pod.worker, stop, started.set_result)

    task = asyncio.create_task(run())
    pod.worker_port = await started
    try:
        yield pod.worker_port
    finally:
        stop.set()
        await task


@asynccontextmanager
async def open_pod(
    database: Database, folder: Path, name: str, people: Iterable[tuple[str, str, int]] = STAFF_UNITS
) -> AsyncIterator[TenantPod]:
    """Create a tenant and its mounted files. No process runs yet."""
    store = await database.create_tenant(name, people)
    (folder / "credentials").mkdir()
    (folder / "token").write_text(ADMIN_TOKEN + "\n")
    db = await asyncpg.connect(database.superuser_dsn)
    async with aiohttp.ClientSession() as session:
        pod = TenantPod(folder, store, session, db)
        pod.write_config(pod.config())
        for credential, value in (
            ("DATABASE_URL", store.dsn),
            ("retell-api-key", RETELL_KEY),
            ("calcom-webhook-secret", CALCOM_SECRET),
            ("stripe-webhook-secret", STRIPE_SECRET),
        ):
            pod.write_credential(credential, value)
        yield pod
    await db.close()
