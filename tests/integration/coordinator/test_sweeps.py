"""Expired holds and slot locks without an expiry go; appointments, and rows that somebody has locked, stay."""

from datetime import timedelta

from askproai_runtime.coordinator import maintenance
from askproai_runtime.coordinator.maintenance import empty_answers, sweep_holds, sweep_slot_locks, update_counts
from tests.worlds.coordinator_environment import CoordinatorEnvironment
from tests.worlds.tenant_rows import altered_schema

AGO, SOON = timedelta(seconds=-1), timedelta(seconds=90)


async def test_only_expired_holds_of_any_tenant_are_deleted(env: CoordinatorEnvironment):
    salon, praxis = await env.database.create_tenant("salon"), await env.database.create_tenant("praxis")
    await env.appointment(salon, expires=AGO)
    await env.appointment(praxis, expires=AGO, day=2)
    live = await env.appointment(salon, expires=SOON, day=3)
    booked = await env.appointment(salon, status="confirmed", day=4)
    assert await sweep_holds(env.context) == 2
    remaining = await env.rows("SELECT a.id FROM appointments a JOIN claims c ON c.appointment_id = a.id")
    assert {row["id"] for row in remaining} == {live, booked}
    assert await env.rows("SELECT count(*) AS n FROM claims") == [{"n": 2}]
    assert await sweep_holds(env.context) == 0


async def test_one_run_deletes_several_batches_of_holds(env: CoordinatorEnvironment, monkeypatch):
    monkeypatch.setattr(maintenance, "BATCH", 2)
    salon = await env.database.create_tenant("salon")
    for day in range(1, 8):
        await env.appointment(salon, expires=AGO, day=day)
    assert await sweep_holds(env.context) == 7


async def test_sweep_skips_holds_of_locked_resources(env: CoordinatorEnvironment):
    """A sweep that never waits cannot deadlock with bookings."""
    salon = await env.database.create_tenant("salon")
    await env.appointment(salon, expires=AGO, unit=0)
    await env.appointment(salon, expires=AGO, unit=1)
    async with env.superuser.transaction():
        await env.superuser.execute("SELECT 1 FROM resources WHERE id = $1 FOR UPDATE", min(salon.resources.values()))
        assert await sweep_holds(env.context) == 1
    assert await sweep_holds(env.context) == 1


async def test_sweep_skips_holds_being_deleted_elsewhere(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    await env.appointment(salon, expires=AGO)
    async with env.superuser.transaction():
        await env.superuser.execute("DELETE FROM appointments")
        assert await sweep_holds(env.context) == 0


async def test_sweep_sets_expiry_only_on_eternal_slot_locks(env_with_redis: CoordinatorEnvironment, own_valkey):
    async with own_valkey.admin() as admin:
        await admin.set("askproai:a.a:slot:mitte:1", "token")
        await admin.set("askproai:a.a:slot:mitte:2", "token", px=5_000)
        await admin.set("askproai:a.a:rate:x", "1")
        assert await sweep_slot_locks(env_with_redis.context) == 1
        assert 0 < await admin.pttl("askproai:a.a:slot:mitte:1") <= 60_000
        assert await admin.pttl("askproai:a.a:slot:mitte:2") <= 5_000
        assert await admin.pttl("askproai:a.a:rate:x") == -1
        assert await admin.get("askproai:_:fence") == "1"


async def test_dead_letters_oldest_job_double_bookings_are_counted(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    await env.database.create_tenant("quiet")
    await env.event(salon, "e1", status="dead", job="dead")
    await env.event(salon, "e2", age="10 minutes")
    await env.superuser.execute(
        "UPDATE jobs SET run_at = clock_timestamp() - interval '10 minutes' WHERE state = 'ready'"
    )
    await env.appointment(salon, status="confirmed")
    await update_counts(env.context)
    assert env.metric("dead_letters") == {'{"tenant": "quiet.quiet"}': 0, '{"tenant": "salon.salon"}': 1}
    assert set(env.metric("double_bookings").values()) == {0}
    ((_, oldest),) = env.metric("queue_oldest_seconds").items()
    assert 600 <= oldest < 660

    # Cannot happen while the constraint exists: the audit does not rely on it.
    constraint = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'claims_no_overlap'"
    definition = await env.superuser.fetchval(constraint)
    async with altered_schema(
        env.superuser,
        "ALTER TABLE claims DROP CONSTRAINT claims_no_overlap",
        f"DELETE FROM claims; ALTER TABLE claims ADD CONSTRAINT claims_no_overlap {definition}",
    ):
        await env.appointment(salon, status="confirmed")
        await update_counts(env.context)
    assert env.metric("double_bookings")['{"tenant": "salon.salon"}'] == 1
    assert env.metric("double_bookings")['{"tenant": "quiet.quiet"}'] == 0


async def test_answers_are_emptied_when_signatures_expire(env: CoordinatorEnvironment):
    salon = await env.database.create_tenant("salon")
    for call_id, key, age in (
        ("old", "request|1", "11 minutes"),
        ("young", "request|1", "9 minutes"),
        ("desk:1", "request|book", "1 day"),
        ("old", "move|1", "1 day"),
    ):
        await env.superuser.execute(
            """INSERT INTO call_actions (tenant, call_id, key, state, lease_until, answer, created_at)
               VALUES ($1, $2, $3, 'done', now(), '{"message": "Zora"}', now() - $4::text::interval)""",
            salon.tenant, call_id, key, age,
        )  # fmt: skip
    assert [await empty_answers(env.context) for _ in range(2)] == [1, 0]
    emptied = await env.rows("SELECT call_id, key FROM call_actions WHERE answer IS NULL")
    assert [tuple(row.values()) for row in emptied] == [("old", "request|1")]
