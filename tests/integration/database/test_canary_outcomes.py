"""The outcomes of a canary's callers agree with a count by SQL: each caller once, and many tenants by one statement."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from askproai_operator.store import canary_outcomes as outcomes
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.canary_outcomes import CallerCounts, CanaryOutcomes, Trial
from tests.worlds.databases import Database
from tests.worlds.statements import record_statements
from tests.worlds.tenant_reconciles import rows

pytestmark = pytest.mark.nightly

SINCE = datetime.now(UTC) - timedelta(hours=1)
RECORD = """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id, track)
    VALUES ($1, $2, $3, $4, $5, 5, 'c', $6)"""
FAILURES = ("failed", "busy", "too_slow", "refused")
OUTCOMES = (*FAILURES, "booked", "booked", "offered", "taken", "closed_day", "asked_back", "repeated", "already_booked")


async def count(database: Database, tenant: str, of: str) -> CallerCounts:
    """Count by plain SQL; `of` is a condition on the rows."""
    failed = f"outcome IN {FAILURES}"
    booking = f"function = 'book_appointment' AND (outcome = 'booked' OR {failed})"

    async def callers(condition: str) -> int:
        sql = f"SELECT count(DISTINCT call_id) FROM function_requests WHERE tenant = $1 AND {of} AND {condition}"
        return int((await rows(database, sql, tenant))[0][0])

    return CallerCounts(
        await callers("true"), await callers(failed), await callers(booking), await callers(f"{booking} AND {failed}")
    )


async def test_outcomes_agree_with_a_count_of_the_table(database: Database) -> None:
    chance = random.Random(118)
    tenants = [(await database.create_tenant(name)).tenant for name in ("first", "second", "quiet")]
    for tenant in tenants[:2]:
        for number in range(120):
            at = SINCE + timedelta(minutes=chance.choice((-60 * 24 * 8, -60 * 24 * 6, -5, 5, 50)))
            # An outcome of another trial does not count, neither for the present one nor against it.
            tracks = (None, None, "canary-now", "canary-earlier") if at > SINCE else (None, "canary-earlier")
            track = chance.choice(tracks)
            function = chance.choice(("book_appointment", "check_availability"))
            await rows(database, RECORD, tenant, f"call_{number // 3}", at, function, chance.choice(OUTCOMES), track)
    found = await database.admin.read_canary_outcomes([Trial(tenant, "canary-now", SINCE) for tenant in tenants])
    moment = f"'{SINCE.isoformat()}'::timestamptz"
    for tenant in tenants:
        assert found[tenant] == CanaryOutcomes(
            await count(database, tenant, "track = 'canary-now'"),
            await count(database, tenant, f"track IS NULL AND at >= {moment}"),
            await count(database, tenant, f"track IS NULL AND at < {moment} AND at > {moment} - interval '7 days'"),
        )
    assert found[tenants[0]] != found[tenants[1]]
    assert found[tenants[0]].canary.failed_bookings > 0
    assert found[tenants[2]] == CanaryOutcomes()


async def test_one_bounded_statement_reads_all_canary_outcomes(database: Database, monkeypatch) -> None:
    tenants = [(await database.create_tenant(name)).tenant for name in ("a", "b", "c")]
    for number in range(12):
        at = SINCE + timedelta(minutes=number)
        await rows(database, RECORD, tenants[0], f"call_{number}", at, "book_appointment", "failed", "t")
    trials = [Trial(tenant, "t", SINCE) for tenant in tenants]
    statements = record_statements(monkeypatch)
    admin = AdminStore(database.dsn)
    try:
        assert (await admin.read_canary_outcomes(trials))[tenants[0]].canary == CallerCounts(12, 12, 12, 12)
        assert sum("function_requests" in statement for statement in statements) == 1
        monkeypatch.setattr(outcomes, "_MOST", 5)
        assert (await admin.read_canary_outcomes(trials))[tenants[0]].canary.callers == 5, "the newest"
    finally:
        await admin.close()


async def test_long_call_ids_cost_other_tenants_no_time(database: Database) -> None:
    """A tenant's login may write ids of any length. Comparing them would use up the statement's time: no trial would be judged."""
    tenant = (await database.create_tenant("salon")).tenant
    insert = """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id, track)
        SELECT $1, repeat('a', 200000) || n, now(), 'book_appointment', 'failed', 5, 'c', 't' FROM generate_series(1, 30) n"""
    await rows(database, insert, tenant)
    found = await database.admin.read_canary_outcomes([Trial(tenant, "t", SINCE)])
    assert found[tenant].canary.callers == 1, "they are cut"
