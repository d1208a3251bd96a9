"""Rows are deleted after the tenant's own number of days; unprocessed ones never are."""

import asyncpg
import pytest

from askproai_core.tenant_config.config import Retention
from askproai_operator.store.tenant_states import TenantFacts
from askproai_runtime.coordinator import store
from askproai_runtime.coordinator.maintenance import delete_expired
from askproai_runtime.coordinator.periodic_task import run_once
from askproai_runtime.coordinator.process import periodic_tasks
from tests.worlds.coordinator_environment import CoordinatorEnvironment
from tests.worlds.databases import TenantStore

pytestmark = pytest.mark.nightly

SHORT = TenantFacts(Retention(raw_event_days=1, transcript_days=2, call_days=3))


async def create_tenant_with_short_retention(env: CoordinatorEnvironment, name: str):
    tenant = await env.database.create_tenant(name)
    await env.database.admin.ensure_tenant(
        tenant.tenant, tenant.uid, f"password-of-{name}", connection_limit=60, facts=SHORT
    )
    return tenant


async def test_raw_bodies_age_while_their_rows_stay(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    patient = await env.database.create_tenant("patient")
    old = await env.event(salon, "old", status="processed", job="done", age="25 hours")
    dead = await env.event(salon, "dead", status="dead", job="dead", age="25 hours")
    waiting = await env.event(salon, "waiting", status="failed", age="25 hours")
    young = await env.event(salon, "young", status="processed", job="done", age="23 hours")
    longer = await env.event(patient, "old", status="processed", job="done", age="25 hours")
    assert await delete_expired(env.context) == 2
    rows = await env.rows("SELECT id, payload, status FROM webhook_events")
    assert {row["id"] for row in rows if row["payload"] == b""} == {old, dead}
    assert {row["id"] for row in rows if row["payload"] == b"{}"} == {waiting, young, longer}
    assert await delete_expired(env.context) == 0


async def test_transcripts_are_deleted_before_the_calls(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for name, age in (("young", "1 day"), ("old", "49 hours"), ("oldest", "73 hours")):
        await env.superuser.execute(
            """INSERT INTO calls (tenant, call_id, status, transcript, analysis, correlation_id, updated_at)
               VALUES ($1, $2, 'ended', 'Guten Tag', '{}', 'c', now() - $3::text::interval)""",
            salon.tenant, name, age,
        )  # fmt: skip
    assert await delete_expired(env.context) == 3  # two lose their transcript, and one of these is deleted
    remaining = await env.rows("SELECT call_id, transcript, analysis IS NULL AS bare FROM calls ORDER BY call_id")
    assert [tuple(row.values()) for row in remaining] == [("old", None, True), ("young", "Guten Tag", False)]


async def test_birth_date_attempts_are_deleted_with_raw_bodies(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for name, age in (("young", "23 hours"), ("old", "25 hours")):
        await env.superuser.execute(
            "INSERT INTO verifications (tenant, call_id, at) VALUES ($1, $2, now() - $3::text::interval)",
            salon.tenant, name, age,
        )  # fmt: skip
    assert await delete_expired(env.context) == 1
    assert [row["call_id"] for row in await env.rows("SELECT call_id FROM verifications")] == ["young"]


async def test_rows_age_with_finished_work_only(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    await env.event(salon, "old", status="processed", job="done", age="4 days")
    waiting = await env.event(salon, "waiting", status="received", age="4 days")
    future = await env.appointment(salon, status="confirmed")
    await env.superuser.execute("UPDATE appointments SET created_at = now() - interval '1 year'")
    resource = min(salon.resources.values())
    for age in ("4 days", "1 hour"):
        await env.superuser.execute(
            """INSERT INTO audit_log (tenant, actor, action, correlation_id, at)
               VALUES ($1, 'a', 'b', 'c', now() - $2::text::interval)""",
            salon.tenant, age,
        )  # fmt: skip
        await env.superuser.execute(
            """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, outcome, duration_ms,
                                           correlation_id, at)
               VALUES ($1, 'calcom', 'book', 'POST', '/', 'ok', 5, 'c', now() - $2::text::interval)""",
            salon.tenant, age,
        )  # fmt: skip
        await env.superuser.execute(
            """INSERT INTO call_actions (tenant, call_id, key, state, lease_until, created_at)
               VALUES ($1, $2, 'k', 'done', now() - $2::text::interval, now() - $2::text::interval)""",
            salon.tenant, age,
        )  # fmt: skip
        await env.superuser.execute(
            """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until)
               VALUES ($1, $2, now(), now(), now() - $3::text::interval)""",
            salon.tenant, resource, age,
        )  # fmt: skip
    await delete_expired(env.context)
    assert [row["id"] for row in await env.rows("SELECT id FROM webhook_events")] == [waiting]
    assert [row["event_id"] for row in await env.rows("SELECT event_id FROM jobs")] == [waiting]
    assert [row["id"] for row in await env.rows("SELECT id FROM appointments")] == [future]
    for table in ("audit_log", "provider_calls", "call_actions", "refusals"):
        assert await env.rows(f"SELECT count(*) AS n FROM {table}") == [{"n": 1}], table


async def test_block_ages_only_after_its_end(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    resource = min(salon.resources.values())
    for number, ended in enumerate(("4 days", "2 days", "-1 day")):
        await env.superuser.execute(
            """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, block_id)
               VALUES ($1, $2, now() - interval '500 days', now() - $3::text::interval, 'infinity', $4)""",
            salon.tenant, resource, ended, f"00000000-0000-0000-0000-00000000000{number}",
        )  # fmt: skip
    await delete_expired(env.context)
    left = await env.rows("SELECT block_id FROM refusals ORDER BY block_id")
    assert [str(row["block_id"])[-1] for row in left] == ["1", "2"]


async def add_audit_and_transcript(env: CoordinatorEnvironment, tenant: TenantStore) -> None:
    await env.superuser.execute(
        "INSERT INTO audit_log (tenant, actor, action, correlation_id, at) VALUES ($1, 'a', 'b', 'c', now() - interval '4 days')",
        tenant.tenant,
    )  # fmt: skip
    for name in ("first", "second"):
        await env.superuser.execute(
            """INSERT INTO calls (tenant, call_id, status, transcript, correlation_id, updated_at)
               VALUES ($1, $2, 'ended', 'Guten Tag', 'c', now() - interval '4 days')""",
            tenant.tenant, name,
        )  # fmt: skip


async def test_tenant_with_undeletable_rows_delays_no_other_tenant(env: CoordinatorEnvironment):
    first, last = [await create_tenant_with_short_retention(env, name) for name in ("a-salon", "z-salon")]
    for tenant in (first, last):
        await add_audit_and_transcript(env, tenant)
    holder = await asyncpg.connect(env.database.superuser_dsn)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM audit_log WHERE tenant = $1 FOR UPDATE", first.tenant)
        task = next(task for task in periodic_tasks(env.context.settings) if task.name == "retention")
        await run_once(task, env.context)
    await holder.close()
    assert await env.rows("SELECT tenant FROM calls") == []
    assert await env.rows("SELECT tenant FROM audit_log") == [{"tenant": first.tenant}]
    runs = env.metric("duty_runs_total")
    assert runs == {'{"duty": "retention", "outcome": "ok"}': 1, '{"duty": "retention", "outcome": "tenant_failed"}': 1}
    # 4 transcripts, 4 calls, 1 entry of the audit log.
    assert env.metric("duty_changes_total")['{"duty": "retention"}'] == 9
    await run_once(task, env.context)
    assert await env.rows("SELECT tenant FROM audit_log") == []


async def test_locked_call_or_event_is_left_for_later(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    await add_audit_and_transcript(env, salon)
    locked = await env.event(salon, "locked", status="processed", job="done", age="4 days")
    await env.event(salon, "free", status="processed", job="done", age="4 days")
    holder = await asyncpg.connect(env.database.superuser_dsn)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM calls WHERE call_id = 'first' FOR UPDATE")
        await holder.execute("SELECT 1 FROM webhook_events WHERE id = $1 FOR UPDATE", locked)
        await delete_expired(env.context)
    await holder.close()
    assert await env.rows("SELECT call_id FROM calls") == [{"call_id": "first"}]
    assert await env.rows("SELECT id FROM webhook_events") == [{"id": locked}]
    assert env.metric("duty_runs_total") == {}
    await delete_expired(env.context)
    assert await env.rows("SELECT 1 FROM calls UNION ALL SELECT 1 FROM webhook_events") == []


async def test_every_growing_table_has_a_bound(env: CoordinatorEnvironment):
    tables = await env.rows(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    kept = {"tenants", "resources", "customers", "appointments", "claims", "billing", "schema_migrations", "tasks"}
    kept |= {"reminder_opt_outs"}  # one row for each address that asked for it
    kept |= {
        "shadow_requests"
    }  # 500 rows of a tenant at most, until they are replayed (operator/askproai_operator/store/shadows.py)
    bounded = {sql.split()[2] for _, sql in store.RETENTION_STATEMENTS if sql.startswith("DELETE")}
    assert {row["relname"] for row in tables} - kept == bounded


async def test_function_texts_are_deleted_with_the_transcripts(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for name, age in (("young", "1 day"), ("old", "49 hours"), ("oldest", "73 hours")):
        await env.superuser.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, answer, duration_ms,
                                              correlation_id)
               VALUES ($1, $2, now() - $3::text::interval, 'book_appointment', '{"customer_name": "Erika"}', 'booked', 'Gut',
                       5, 'c')""",
            salon.tenant, name, age,
        )  # fmt: skip
    assert await delete_expired(env.context) == 3  # two lose their words, and one of these is deleted
    remaining = await env.rows("SELECT call_id, arguments, answer, outcome FROM function_requests ORDER BY call_id")
    assert [tuple(row.values()) for row in remaining] == [
        ("old", None, None, "booked"), ("young", '{"customer_name": "Erika"}', "Gut", "booked"),
    ]  # fmt: skip


async def test_done_message_is_deleted_before_an_open_message(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for text, age, done in (
        ("open", "49 hours", None),
        ("just done", "49 hours", "1 hour"),
        ("done", "49 hours", "49 hours"),
        ("forgotten", "73 hours", None),
    ):
        await env.superuser.execute(
            """INSERT INTO messages (tenant, call_id, key, name, text, correlation_id, created_at, done_at)
               VALUES ($1, 'call_1', $2, 'Erika', $2, 'c', now() - $3::text::interval, now() - $4::text::interval)""",
            salon.tenant, text, age, done,
        )  # fmt: skip
    assert await delete_expired(env.context) == 2
    remaining = await env.rows("SELECT text FROM messages ORDER BY text")
    assert [row["text"] for row in remaining] == ["just done", "open"]


async def test_sent_notification_loses_its_text(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for subject, state, age in (
        ("young", "sent", "1 day"),
        ("sent", "sent", "49 hours"),
        ("dropped", "dropped", "49 hours"),
        ("dead", "dead", "49 hours"),
        ("waiting", "waiting", "49 hours"),
        ("oldest", "sent", "73 hours"),
    ):
        await env.superuser.execute(
            """INSERT INTO notifications (tenant, kind, subject, recipient, channel, content, state, correlation_id, created_at)
               VALUES ($1, 'text', $2, 'business', 'Email', '{"text": "Bitte rufen Sie Erika an"}', $3, 'c',
                       now() - $4::text::interval)""",
            salon.tenant, subject, state, age,
        )  # fmt: skip
    assert await delete_expired(env.context) == 5  # four lose their text, and one of these is deleted
    remaining = await env.rows("SELECT subject FROM notifications WHERE content = '{}' ORDER BY subject")
    assert [row["subject"] for row in remaining] == ["dead", "dropped", "sent"]
    remaining = await env.rows("SELECT subject FROM notifications WHERE content <> '{}' ORDER BY subject")
    assert [row["subject"] for row in remaining] == ["waiting", "young"]
    assert await delete_expired(env.context) == 0


async def test_ended_waitlist_entry_is_deleted_with_its_offers(env: CoordinatorEnvironment):
    salon = await create_tenant_with_short_retention(env, "salon")
    for name, ended in (("waits", None), ("just ended", "1 hour"), ("ended", "49 hours")):
        entry = await env.superuser.fetchval(
            """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone, state,
                                     correlation_id, ended_at)
               VALUES ($1, 'call_1', $2, 'mitte', 'schnitt', '[]', 'Freitag', now(), now(), $2, '+493012345',
                       CASE WHEN $3::text IS NULL THEN 'waiting' ELSE 'over' END, 'c', now() - $3::text::interval)
               RETURNING id""",
            salon.tenant, name, ended,
        )  # fmt: skip
        await env.superuser.execute(
            """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
               VALUES ($1, $2, 1, $3, now(), now(), now())""" if name == "waits" else
            """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at, state, ended_at)
               VALUES ($1, $2, 1, $3, now(), now(), now(), 'expired', now())""",
            salon.tenant, entry, name,
        )  # fmt: skip
    assert await delete_expired(env.context) == 1
    for table, column in (("waitlist", "name"), ("waitlist_offers", "staff")):
        remaining = await env.rows(f"SELECT {column} AS who FROM {table} ORDER BY who")
        assert [row["who"] for row in remaining] == ["just ended", "waits"]
