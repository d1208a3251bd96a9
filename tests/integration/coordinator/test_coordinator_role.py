"""The coordinator reads all tenants and may run its tasks; the database refuses it everything else."""

import asyncpg
import pytest

from askproai_core.provider_limits import RedisUnavailable
from tests.worlds.coordinator_environment import CoordinatorEnvironment

ALLOWED_BY_COLUMN = {
    "notifications": {"content"},
    "resources": {"locked_at"},
    "appointments": {
        "error",
        "customer_id",
        "customer_name",
        "caller",
        "attendee_email",
        "notes",
        "birth_date",
        "cancel_reason",
    },
    "customers": {"updated_at"},
    "webhook_events": {"payload"},
    "calls": {"transcript", "analysis"},
    "call_actions": {"answer"},
    "function_requests": {"arguments", "answer"},
    "jobs": {"state", "run_at", "claim_no", "lease_until", "worker", "finished_at"},
}
REFUSED = (
    "UPDATE appointments SET error = 'x'",  # the column is for locking only
    "UPDATE customers SET updated_at = now()",  # and this one
    "UPDATE appointments SET status = 'cancelled'",
    "INSERT INTO appointments (tenant) VALUES ('salon.salon')",
    "UPDATE claims SET state = 'released'",
    "DELETE FROM claims",
    "UPDATE webhook_events SET payload = 'forged'",
    "UPDATE webhook_events SET status = 'processed'",
    "UPDATE calls SET transcript = 'forged'",
    "UPDATE call_actions SET answer = '{}'",
    "UPDATE jobs SET state = 'dead'",
    """INSERT INTO jobs (tenant, kind, priority, state, event_id, correlation_id)
       SELECT tenant, 'webhook-event', 'low', 'done', id, 'c' FROM webhook_events""",
    "UPDATE tenants SET call_days = 1",
    "DELETE FROM tenants",
    "DELETE FROM resources",
    "INSERT INTO audit_log (tenant, actor, action, correlation_id) VALUES ('salon.salon', 'a', 'b', 'c')",
    "DELETE FROM schema_migrations",
    "CREATE TABLE mine (a int)",
    "SET ROLE askproai_owner",
)


async def test_coordinator_may_run_only_its_tasks_statements(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    await env.appointment(salon)
    await env.event(salon, "e")
    await env.superuser.execute(
        "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ('salon.salon', 'c', 'ended', 'c')"
    )
    await env.superuser.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until)
           VALUES ('salon.salon', 'c', 'request|1', 'done', now())"""
    )
    await env.superuser.execute("INSERT INTO customers (tenant, phone) VALUES ('salon.salon', '+4930')")
    for statement in REFUSED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await env.context.pool.execute(statement)


async def test_appointments_and_unfinished_work_cannot_be_deleted(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    await env.appointment(salon, status="confirmed")
    await env.event(salon, "e")
    await env.superuser.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until)
           VALUES ('salon.salon', 'c', 'k', 'in_flight', now() + interval '15 s')"""
    )
    for table in ("appointments", "webhook_events", "jobs", "call_actions"):
        assert await env.context.pool.execute(f"DELETE FROM {table}") == "DELETE 0", table


async def test_coordinator_may_update_only_listed_columns(env: CoordinatorEnvironment):
    rows = await env.rows(
        """SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.column_privileges
           WHERE grantee = 'askproai_coordinator' AND privilege_type = 'UPDATE' GROUP BY table_name"""
    )
    assert {row["table_name"]: set(row["columns"]) for row in rows} == ALLOWED_BY_COLUMN


async def test_two_installations_in_one_server_have_separate_coordinators(env: CoordinatorEnvironment):
    own, other = env.database.admin.coordinator_dsn("x"), env.database.admin
    assert "askproai_c_" in own
    assert await env.context.pool.fetchval("SELECT current_user") in own
    await other.ensure_coordinator("rotated")
    connection = await asyncpg.connect(other.coordinator_dsn("rotated"))
    await connection.close()


async def test_redis_user_is_limited_to_commands_and_prefix(env_with_redis: CoordinatorEnvironment):
    shared = env_with_redis.context.redis._shared
    await shared.execute("SET", "askproai:_:probe", "1")
    for command in (("SET", "foreign", "1"), ("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*"), ("ACL", "LIST")):
        with pytest.raises(RedisUnavailable, match="NoPermission"):
            await shared.execute(*command)
        shared._available = True  # otherwise the client would refuse the next command by itself
