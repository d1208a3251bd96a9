"""Rows that a hijacked tenant writes for itself, and that the coordinator's tasks for all tenants read."""

import math
from datetime import timedelta

import pytest

from askproai_core.database import Connection
from askproai_runtime.coordinator.maintenance import rearm_events, sweep_holds, update_counts
from tests.worlds.coordinator_environment import CoordinatorEnvironment
from tests.worlds.hijacked_tenant import HijackedTenant

pytestmark = pytest.mark.nightly

AGO = timedelta(seconds=-1)

APPOINTMENT = """
INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, call_id, correlation_id)
VALUES ($1, 'mitte', 'schnitt', 'anna', now(), now() + interval '1 hour', $2, 'call', 'c') RETURNING id"""
EXPIRED_CLAIMS = """
INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
SELECT $1, $2, $3, tstzrange(now() + n * interval '1 hour', now() + (n + 1) * interval '1 hour', '[)'), 'held',
       '-infinity'
FROM generate_series(1, 600) n"""


async def lost_job(env: HijackedTenant, conn: Connection, claim_no: int) -> None:
    """Store an event whose worker is lost."""
    event = await conn.fetchval(
        """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, received_at)
           VALUES ($1, 'retell', 'e', 'call_started', '{}', 'c', '-infinity') RETURNING id""",
        env.attacker.tenant,
    )
    await conn.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, claim_no, lease_until, event_id, correlation_id)
           VALUES ($1, 'webhook-event', 'critical', 'running', $3, '-infinity', $2, 'c')""",
        env.attacker.tenant, event, claim_no,
    )  # fmt: skip


async def test_undeletable_expired_claims_do_not_block_others_holds(
    env: HijackedTenant, coordinator: CoordinatorEnvironment
) -> None:
    """A confirmed appointment has more than a batch of expired claims, which the sweep never deletes."""
    conn = await env.connect()
    appointment = await conn.fetchval(APPOINTMENT, env.attacker.tenant, "confirmed")
    resource = next(iter(env.attacker.resources.values()))
    await conn.execute(EXPIRED_CLAIMS, env.attacker.tenant, appointment, resource)
    await coordinator.appointment(env.victim, expires=AGO)
    assert await sweep_holds(coordinator.context) == 1
    assert await coordinator.rows("SELECT status FROM appointments") == [{"status": "confirmed"}]


async def test_job_with_maximum_number_does_not_block_others(
    env: HijackedTenant, coordinator: CoordinatorEnvironment
) -> None:
    await lost_job(env, await env.connect(), 2**31 - 1)
    event = await coordinator.event(env.victim, "e", status="processing", job="running", lease="10 minutes")
    assert await rearm_events(coordinator.context) == 1
    row = await coordinator.job(event)
    assert row is not None
    assert row["state"] == "ready"
    assert coordinator.metric("duty_runs_total") == {'{"duty": "events", "outcome": "tenant_failed"}': 1}


async def test_eternally_due_job_does_not_block_others_counts(
    env: HijackedTenant, coordinator: CoordinatorEnvironment
) -> None:
    conn = await env.connect()
    await lost_job(env, conn, 1)
    await conn.execute("UPDATE jobs SET state = 'ready', run_at = '-infinity'")
    await coordinator.event(env.victim, "e")
    await update_counts(coordinator.context)
    oldest = coordinator.metric("queue_oldest_seconds")
    assert all(math.isfinite(seconds) for seconds in oldest.values())
    assert [key for key in oldest if env.victim.tenant in key]
    assert env.victim.tenant in str(coordinator.metric("double_bookings"))


async def test_rows_locked_by_the_attacker_delay_only_itself(
    env: HijackedTenant, coordinator: CoordinatorEnvironment
) -> None:
    conn = await env.connect()
    await lost_job(env, conn, 1)
    await conn.execute("BEGIN; SELECT 1 FROM jobs FOR UPDATE; SELECT 1 FROM resources FOR UPDATE")
    await coordinator.appointment(env.victim, expires=AGO)
    event = await coordinator.event(env.victim, "e", status="processing", job="running", lease="10 minutes")
    assert await sweep_holds(coordinator.context) == 1
    assert await rearm_events(coordinator.context) == 1
    row = await coordinator.job(event)
    assert row is not None
    assert row["state"] == "ready"
