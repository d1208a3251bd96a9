"""The parts of a storm: PostgreSQL, Valkey, the coordinator, five tenants with their pods' processes, both vendors' simulators.

Kubernetes and the operator are left out: their objects (roles, users, mounted files) are made here, and processes that end are
started again. Staff, services, numbers, event types and call ids are the same for all tenants on purpose; their callers
differ, and whether their event types are of one person each or a round robin of a team.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.calcom.hosts import Host
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import Reply
from tests.soak.history import Delivery, History
from tests.soak.processes import Process
from tests.worlds.databases import Database, TenantStore
from tests.worlds.waiting import eventually

ADMIN_TOKEN = "admin-token"
EVENT_TYPES = {1001: "anna", 1002: "mehmet"}
TEAM_EVENT_TYPE = 3001  # a round robin of both
OWNER = "anna"  # the user of the tenant's key at Cal.com: only her absences have events
TRIGGERS = (
    "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED", "OOO_CREATED",
)  # fmt: skip
# Seconds. The late effects of a request without an answer (`faults.py`) must be over within the quiet period, and no process
# is frozen as long as the sync delay: within these bounds nothing may be booked twice.
SYNC_DELAY, QUIET, CIRCUIT_OPEN = 20, 12, 10
POLL = 15  # seconds between two polls of Cal.com; a worker looks twice a minute which tasks are due


class Team(StrEnum):
    """The kind of a tenant's event type, if it is a team's."""

    BY_HOST = "a round robin of which one host can be asked for and booked"
    CHOSEN = "a round robin for which Cal.com chooses the host"


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant to make. `token` is part of its callers' names, `prefix` begins their numbers."""

    name: str
    webs: int
    workers: int
    token: str
    prefix: str
    local: bool = False
    team: Team | None = None


PLANS = (
    Plan("ahorn", 2, 2, "Quabbel", "+4915111199"),
    Plan("birke", 2, 2, "Wuschel", "+4915122288", team=Team.BY_HOST),
    Plan("eiche", 1, 1, "Zwirbel", "+4915733377"),
    Plan("linde", 2, 1, "Pfiffik", "+4916044466", team=Team.CHOSEN),
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

    @property
    def event_types(self) -> tuple[int, ...]:
        return (TEAM_EVENT_TYPE,) if self.plan.team else tuple(EVENT_TYPES)

    def secret(self, sender: str) -> str:
        return f"{sender}-secret-of-{self.plan.name}"


LOST = "the storm has lost it"


class RecordingCalcom(CalcomSimulator):
    """Cal.com's simulator, which records its events with body and reply. The share `loss` of them never leaves Cal.com."""

    def __init__(self, history: History, seed: int) -> None:
        super().__init__(SystemClock())
        self.history, self._random = history, random.Random(f"{seed}:webhooks")
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
        self.history.deliveries.append(replace_event(delivery))
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

    def host(self, tenant: Tenant, staff: str) -> Host:
        """Return the id of a staff member at Cal.com."""
        return self.calcom.account_of(tenant.calcom_key).host(None if staff == OWNER else staff)

    def staff_of(self, tenant: Tenant, host_name: str) -> str:
        """Return the staff member with this id at Cal.com."""
        return next(staff for staff in EVENT_TYPES.values() if self.host(tenant, staff).name == host_name)

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
