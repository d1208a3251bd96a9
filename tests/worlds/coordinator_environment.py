"""All tenants as the coordinator sees them, with its own roles in PostgreSQL and Valkey, and a superuser to check its work."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from askproai_core.clock import SystemClock
from askproai_core.database import Pool
from askproai_core.kube import NotLeader
from askproai_operator.redis_acl import coordinator_acl_rules
from askproai_runtime.coordinator.fenced_redis import FencedRedis
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.periodic_task import CoordinatorContext
from askproai_runtime.coordinator.settings import CoordinatorSettings
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database, TenantStore

PASSWORD = "password-of-the-coordinator"


@dataclass
class LeaseTerm:
    """The coordinator's term of its Lease, as a test sets it."""

    number: int = 1
    held: bool = True

    def fence(self) -> None:
        if not self.held:
            raise NotLeader("the test took it away")


@dataclass
class CoordinatorEnvironment:
    """The context of the coordinator's tasks, and a superuser's connection to prepare and check rows."""

    database: Database
    context: CoordinatorContext
    superuser: "asyncpg.Connection[asyncpg.Record]"
    term: LeaseTerm = field(default_factory=LeaseTerm)

    async def event(
        self, tenant: TenantStore, name: str, *, status: str = "received", job: str | None = "ready", age: str = "1 hour",
        lease: str | None = None, payload: str = "{}",
    ) -> int:  # fmt: skip
        """Store an event of this age with a job of this state; return its id. `lease` is the age of its expired lease."""
        event_id = await self.superuser.fetchval(
            """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, status, received_at, correlation_id)
               VALUES ($1, 'retell', $2, 'call_started', $5, $3, clock_timestamp() - $4::text::interval, $2) RETURNING id""",
            tenant.tenant, name, status, age, payload.encode(),
        )  # fmt: skip
        if job is not None:
            await self.superuser.execute(
                """INSERT INTO jobs (tenant, kind, priority, state, attempts, claim_no, lease_until, worker, event_id,
                                     correlation_id, created_at, finished_at)
                   VALUES ($1, 'webhook-event', 'critical', $2, 1, 1, clock_timestamp() - $3::text::interval, $4, $5, 'c',
                           clock_timestamp() - $6::text::interval,
                           CASE WHEN $2 IN ('done', 'dead') THEN clock_timestamp() - $6::text::interval END)""",
                tenant.tenant, job, lease, "w" if lease else None, event_id, age,
            )  # fmt: skip
        return int(event_id)

    async def job(self, event_id: int) -> asyncpg.Record | None:
        return await self.superuser.fetchrow("SELECT * FROM jobs WHERE event_id = $1", event_id)

    async def appointment(
        self,
        tenant: TenantStore,
        *,
        status: str = "held",
        expires: timedelta = timedelta(seconds=90),
        day: int = 1,
        unit: int = 0,
    ) -> UUID:
        """Insert an appointment with its claim, and return its id; a hold expires `expires` from now."""
        appointment_id = await self.superuser.fetchval(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, 'mitte', 'schnitt', 'anna', now() + $2::integer * interval '1 day',
                       now() + $2::integer * interval '1 day' + interval '1 hour', $3, 'c') RETURNING id""",
            tenant.tenant, day, status,
        )  # fmt: skip
        await self.superuser.execute(
            """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
               SELECT $1, a.id, $3, tstzrange(a.starts_at, a.ends_at, '[)'), $4,
                      CASE WHEN $4 = 'held' THEN clock_timestamp() + $5::interval END
               FROM appointments a WHERE a.id = $2""",
            tenant.tenant, appointment_id, list(tenant.resources.values())[unit], "held" if status == "held" else "booked", expires,
        )  # fmt: skip
        return UUID(str(appointment_id))

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.superuser.fetch(sql, *values)]

    def metric(self, name: str) -> dict[str, float]:
        """Return a metric's samples by their labels, which are encoded as JSON."""
        return {
            json.dumps(sample.labels, sort_keys=True): sample.value
            for family in self.context.metrics.registry.collect()
            for sample in family.samples
            if sample.name == f"askproai_{name}"
        }


def coordinator_context(
    pool: Pool, session: aiohttp.ClientSession, url: str | None, term: LeaseTerm, **settings: Any
) -> CoordinatorContext:
    clock, metrics = SystemClock(), Metrics()
    shared = RedisClient(lambda: url, "_", clock, metrics, timeout=timedelta(seconds=1))
    redis = FencedRedis(shared, lambda: term.number)
    return CoordinatorContext(pool, redis, session, clock, metrics, CoordinatorSettings(**settings), term.fence)


async def coordinator_url(valkey: EmbeddedRedis) -> str:
    """Create the coordinator's user as the operator does, and return its URL."""
    return await valkey.add_user("askproai_coordinator", coordinator_acl_rules)
