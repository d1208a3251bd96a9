"""The parts of a storm: PostgreSQL, Valkey, the coordinator, five tenants with their pods' processes, both vendors' simulators.

Kubernetes and the operator are left out: what they would make (roles, users, mounted files) is made here, and processes that
end are started again. Staff, services, numbers, event types and call ids are the same for all tenants on purpose; only their
callers differ.
"""

import asyncio
import os
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock_time
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from msgspec.structs import replace

from askproai_core.clock import SystemClock
from askproai_core.redis import PROMISE_KEY, acl_rules, coordinator_acl_rules
from askproai_core.tenant_config import CalendarConfig, CalendarProvider, Hours, TenantConfig, Weekday, encode
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.calcom.account import Webhook
from askproai_sandbox.cluster import free_port
from askproai_sandbox.databases import Database, TenantStore, fresh_database
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import Reply, serve
from tests.soak.history import Delivery, History
from tests.soak.lease_server import serve_leases
from tests.soak.processes import Process, balance
from tests.worlds.compiled_salon import salon_config
from tests.worlds.waiting import eventually

ADMIN_TOKEN = "admin-token"
EVENT_TYPES = {1001: "anna", 1002: "mehmet"}
TRIGGERS = ("BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED")
# Seconds. What Cal.com may still do after it gave no answer (`faults.py`) must be over within the quiet period, and no
# process is frozen as long as the sync delay: within these bounds nothing may be booked twice.
SYNC_DELAY, QUIET, CIRCUIT_OPEN = 20, 12, 10
POLL = 15  # seconds between two polls of Cal.com; a worker looks twice a minute which tasks are due


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant to make. `token` is part of its callers' names, `prefix` begins their numbers."""

    name: str
    webs: int
    workers: int
    token: str
    prefix: str
    local: bool = False


PLANS = (
    Plan("ahorn", 2, 2, "Quabbel", "+4915111199"),
    Plan("birke", 2, 2, "Wuschel", "+4915122288"),
    Plan("eiche", 1, 1, "Zwirbel", "+4915733377"),
    Plan("linde", 2, 1, "Pfiffik", "+4916044466"),
    Plan("ulme", 1, 2, "Knurrhahn", "+4917055588", local=True),
)


@dataclass
class Tenant:
    """A tenant that runs. `url` leads to one of its web processes."""

    plan: Plan
    store: TenantStore
    webs: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    private_ports: list[int] = field(default_factory=list)
    url: str = ""

    @property
    def key(self) -> str:
        return self.store.tenant

    @property
    def retell_key(self) -> str:
        return f"key_{self.plan.name}"

    @property
    def calcom_key(self) -> str:
        return f"cal_{self.plan.name}"

    def secret(self, sender: str) -> str:
        return f"{sender}-secret-of-{self.plan.name}"


LOST = "the storm has lost it"


class RecordingCalcom(CalcomSimulator):
    """Cal.com's simulator; what it sends is recorded with its body and the reply. The share `loss` of it never leaves Cal.com."""

    def __init__(self, history: History, seed: int) -> None:
        super().__init__(SystemClock())
        self._history, self._random = history, random.Random(f"{seed}:webhooks")
        self.loss = 0.0
        self.owners: dict[str, str] = {}  # tenants by the URL of their webhook

    async def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_ms: float = 10_000,
        query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        sent_at = time.time()
        if self._random.random() < self.loss:
            reply = Reply(None, LOST, 0)
        else:
            reply = await super().send(method, url, body, headers, timeout_ms, query)
        content = reply.json if isinstance(reply.json, dict) else {"text": reply.text}
        delivery = Delivery("calcom", self.owners[url], "", body, sent_at, time.time(), reply.status, content)
        self._history.deliveries.append(replace_event(delivery))
        return reply

    async def sent(self) -> None:
        """Wait until every webhook is sent."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))


def replace_event(d: Delivery) -> Delivery:
    event = str(d.content.get("triggerEvent"))
    return Delivery(d.source, d.tenant, event, d.body, d.sent_at, d.answered_at, d.status, d.reply)


@dataclass
class Environment:
    """Everything that the storm and the checker need."""

    directory: Path
    history: History
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    database: Database
    calcom: RecordingCalcom
    retell: RetellSimulator
    tenants: list[Tenant]
    coordinators: list[Process]
    session: aiohttp.ClientSession

    @property
    def processes(self) -> list[Process]:
        return [*self.coordinators, *(p for t in self.tenants for p in (*t.webs, *t.workers))]

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self.database.superuser_dsn)

    async def private(self, tenant: Tenant, method: str, path: str) -> tuple[int, Any]:
        """Ask the private API of one of the tenant's web processes."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        url = f"http://127.0.0.1:{tenant.private_ports[0]}{path}"
        async with self.session.request(method, url, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def ready(self) -> None:
        """Wait until every web process of every tenant says that it is ready."""
        for tenant in self.tenants:
            for port in tenant.private_ports:
                await eventually(partial(self._is_ready, port), 120, f"{tenant.key} to be ready", every=0.2)

    async def _is_ready(self, port: int) -> bool:
        try:
            async with self.session.get(f"http://127.0.0.1:{port}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


def _config(tenant: Tenant, calcom_url: str) -> TenantConfig:
    """Return the example salon, open on six days for both of its staff, so that there is much to book."""
    store = tenant.store
    ids = {staff: (store.resources["mitte", staff, 1],) for staff in EVENT_TYPES.values()}
    config = salon_config(resource_ids=ids, tenant=store.tenant, path_prefix=f"/{tenant.plan.name}")
    hours = Hours(days=tuple(Weekday)[:6], opens=clock_time(9), closes=clock_time(18))
    staff = tuple(replace(s, working_hours=None, absences=()) for s in config.branches[0].staff)
    branch = replace(config.branches[0], opening_hours=(hours,), staff=staff, holidays=None)
    calendar = config.calendar
    if not tenant.plan.local:
        calendar = CalendarConfig(
            provider=CalendarProvider.CALCOM,
            base_url=calcom_url,
            attendee_email_domain=calendar.attendee_email_domain,
            requests_per_minute=6000,  # a storm is not a day: the budget would only draw it out
        )
    return replace(config, branches=(branch,), calendar=calendar)


def _mount(folder: Path, tenant: Tenant, redis_url: str, calcom_url: str) -> None:
    (folder / "credentials").mkdir(parents=True)
    (folder / "tenant.json").write_text(encode(_config(tenant, calcom_url)))
    (folder / "token").write_text(ADMIN_TOKEN)
    credentials = {
        "DATABASE_URL": tenant.store.dsn, "REDIS_URL": redis_url, "retell-api-key": tenant.retell_key,
        "calcom-api-key": tenant.calcom_key, "calcom-webhook-secret": tenant.secret("calcom"),
        "stripe-webhook-secret": tenant.secret("stripe"),
    }  # fmt: skip
    for name, value in credentials.items():
        (folder / "credentials" / name).write_text(value)


def _program(env: Environment, name: str, command: str, settings: Mapping[str, object]) -> Process:
    variables = {f"ASKPROAI_{key}": str(value) for key, value in settings.items()} | {
        "ASKPROAI_BIND_ADDRESS": "127.0.0.1"
    }
    program = [Path(sys.executable).with_name("askproai-runtime"), command]
    return Process(name, program, os.environ | variables, env.directory, env.history)


async def _open_tenant(env: Environment, stack: AsyncExitStack, plan: Plan, calcom_url: str) -> Tenant:
    """Create a tenant's role, user, files and accounts, and start its processes: as many pods as it has of either kind."""
    tenant = Tenant(plan, await env.database.create_tenant(plan.name))
    folder = env.directory / plan.name
    _mount(folder, tenant, await env.redis.add_user(plan.name, partial(acl_rules, tenant.key)), calcom_url)
    public = [free_port() for _ in range(plan.webs)]
    tenant.private_ports = [free_port() for _ in range(plan.webs)]
    workers = [free_port() for _ in range(max(plan.webs, plan.workers))]
    shared = {
        "CONFIG_FILE": folder / "tenant.json", "CREDENTIALS_DIR": folder / "credentials", "ADMIN_TOKEN_FILE": folder / "token",
        "SHUTDOWN_DELAY_SECONDS": 0, "SHUTDOWN_GRACE_SECONDS": 8, "CALENDAR_SYNC_DELAY_SECONDS": SYNC_DELAY,
        "CALENDAR_QUIET_SECONDS": QUIET, "CIRCUIT_OPEN_SECONDS": CIRCUIT_OPEN, "CALENDAR_POLL_SECONDS": POLL,
        "CALENDAR_AUDIT_SECONDS": 60,
    }  # fmt: skip
    for n in range(plan.webs):
        own = {
            "PUBLIC_PORT": public[n],
            "PRIVATE_PORT": tenant.private_ports[n],
            "METRICS_PORT": free_port(),
            "WORKER_PORT": workers[n],
        }
        tenant.webs.append(_program(env, f"{plan.name}-web-{n}", "web", shared | own))
    for n in range(plan.workers):
        tenant.workers.append(_program(env, f"{plan.name}-worker-{n}", "worker", shared | {"WORKER_PORT": workers[n]}))
    tenant.url = await stack.enter_async_context(balance(public)) + f"/{plan.name}"
    if not plan.local:
        account, url = env.calcom.account_of(tenant.calcom_key), f"{tenant.url}/webhooks/calcom"
        env.calcom.owners[url] = tenant.key
        fields = {"subscriberUrl": url, "triggers": list(TRIGGERS), "active": True, "secret": tenant.secret("calcom")}
        hook = Webhook(str(uuid.uuid4()), datetime.now(UTC), fields)
        account.webhooks[hook.uid] = hook
        for number, host in EVENT_TYPES.items():
            body = {
                "key": tenant.calcom_key,
                "id": number,
                "host": host,
                "lengthInMinutes": 45,
                "afterEventBuffer": 10,
                "slotInterval": 15,
            }
            await env.calcom.controls["event-types"](body)
    return tenant


async def _open_coordinators(env: Environment, kubeconfig: Path) -> list[Process]:
    password = "password-of-the-coordinator"
    await env.database.admin.ensure_coordinator(password)
    folder = env.directory / "coordinator"
    folder.mkdir()
    (folder / "DATABASE_URL").write_text(env.database.admin.coordinator_dsn(password))
    (folder / "REDIS_URL").write_text(await env.redis.add_user("askproai_coordinator", coordinator_acl_rules))
    settings = {
        "KUBECONFIG": kubeconfig, "CREDENTIALS_DIR": folder, "HEALTH_PORT": 0, "SWEEP_SECONDS": 2, "COUNT_SECONDS": 5,
        "LEASE_SECONDS": 4, "LEASE_RENEW_SECONDS": 3, "LEASE_RETRY_SECONDS": 1, "STUCK_AFTER_SECONDS": 60, "CIRCUIT_SECONDS": 2,
        "CIRCUIT_PROBE_SECONDS": 10,
    }  # fmt: skip
    return [
        _program(env, f"coordinator-{n}", "coordinator", settings | {"POD_NAME": f"coordinator-{n}"}) for n in range(2)
    ]


@asynccontextmanager
async def open_environment(directory: Path, history: History, seed: int) -> AsyncIterator[Environment]:
    """Start every part, and yield when all tenants are ready; end and remove them at the end. The logs stay."""
    postgres, redis = EmbeddedPostgres(directory / "postgres", durable=True), EmbeddedRedis(directory / "redis")
    await asyncio.gather(postgres.start(), redis.start())
    calcom, retell = RecordingCalcom(history, seed), RetellSimulator(SystemClock())
    calcom.settings["rate_limit"] = 0.0
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.remove)
        stack.push_async_callback(postgres.remove)
        database = await stack.enter_async_context(fresh_database(postgres))
        async with (
            redis.admin() as admin
        ):  # what the operator writes of a server that keeps what it takes, without replicas
            await admin.set(PROMISE_KEY, "0")
        calcom_url = await stack.enter_async_context(serve(calcom))
        await stack.enter_async_context(serve(retell))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        env = Environment(directory, history, postgres, redis, database, calcom, retell, [], [], session)
        kubeconfig = directory / "kubeconfig"
        await stack.enter_async_context(serve_leases(kubeconfig))
        env.coordinators = await _open_coordinators(env, kubeconfig)
        env.tenants = [await _open_tenant(env, stack, plan, calcom_url) for plan in PLANS]
        for process in env.processes:
            stack.push_async_callback(process.stop)
            await process.start()
        await env.ready()
        yield env
