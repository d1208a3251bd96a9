"""A tenant's figures agree with a count by SQL. Many tenants need as many statements as one."""

import random

import pytest

from askproai_core.database import StatementTimeout
from askproai_core.database import tenant_figures as counts
from askproai_core.database.tenant_figures import BookingCounts, TenantFigures
from askproai_operator.store.admin import AdminStore
from tests.worlds.databases import Database
from tests.worlds.statement_plans import recording_plans
from tests.worlds.statements import record_statements
from tests.worlds.tenant_reconciles import rows

pytestmark = pytest.mark.nightly

CALL = """INSERT INTO calls (tenant, call_id, status, started_at, correlation_id)
    VALUES ($1, $2, 'ended', now() - $3::text::interval, 'c')"""
RECORD = """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)
    VALUES ($1, 'call', now() - $2::text::interval, $3, $4, 5, 'c')"""
AGES = ("1 minute", "5 hours", "23 hours 59 minutes", "24 hours 1 minute", "29 days 23 hours", "30 days 1 hour")
OUTCOMES = ("booked", "failed", "busy", "too_slow", "refused", "taken", "asked_back", "already_booked", "limited")
FAILURES = ("failed", "busy", "too_slow", "refused")
FUNCTIONS = ("book_appointment", "book_appointment", "check_availability", "cancel_appointment")


async def count(database: Database, tenant: str) -> tuple[TenantFigures, BookingCounts]:
    """Count by plain SQL."""

    async def number(sql: str) -> int:
        return int((await rows(database, f"SELECT count(*) FROM {sql}", tenant))[0][0])

    bookings = []
    for days in (1, 30):
        tried = f"function_requests WHERE tenant = $1 AND function = 'book_appointment' AND at > now() - interval '{days} days'"
        booked = await number(f"{tried} AND outcome = 'booked'")
        failed = sum([await number(f"{tried} AND outcome = '{each}'") for each in FAILURES])
        bookings.append(BookingCounts(booked, failed))
    calls = await number("calls WHERE tenant = $1 AND started_at > now() - interval '1 day'")
    return TenantFigures(calls, bookings[0]), bookings[1]


async def test_figures_agree_with_a_count_of_the_tables(database: Database) -> None:
    chance = random.Random(14)
    tenants = [(await database.create_tenant(name)).tenant for name in ("first", "second", "quiet")]
    for tenant in tenants[:2]:
        for number in range(60):
            await rows(database, CALL, tenant, f"call_{number}", chance.choice(AGES))
            await rows(database, RECORD, tenant, chance.choice(AGES), chance.choice(FUNCTIONS), chance.choice(OUTCOMES))
    await rows(database, CALL, tenants[0], "call_registered", None)
    figures = await database.admin.read_figures(tenants)
    months = await database.admin.read_month_of_bookings(tenants)
    for tenant in tenants:
        assert (figures[tenant], months[tenant]) == await count(database, tenant)
    assert figures[tenants[0]] != figures[tenants[1]] != figures[tenants[2]] == TenantFigures()
    assert all(figures[tenant].bookings.failed < months[tenant].failed for tenant in tenants[:2])


async def test_many_tenants_take_one_statement_each_minute(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenants = [(await database.create_tenant(name)).tenant for name in ("a", "b", "c", "d", "e")]
    statements = record_statements(monkeypatch)
    admin = AdminStore(database.dsn)
    try:
        await admin.read_figures(tenants[:1])
        statements.clear()
        assert set(await admin.read_figures(tenants)) == set(tenants)
        assert set(await admin.read_month_of_bookings(tenants)) == set(tenants)
    finally:
        await admin.close()
    sent = [each for each in statements if each != "DISCARD PLANS"]
    assert len(sent) == 2, sent


async def test_only_a_tenants_last_day_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the years before it, and nothing of other tenants."""
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    grown = """INSERT INTO {} SELECT $1, {} FROM generate_series(1, 20000) n"""
    calls = "calls (tenant, call_id, status, started_at, correlation_id)"
    records = "function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)"
    for each in (salon, other):
        at = "now() - interval '1 hour' * n"
        await rows(database, grown.format(calls, f"'c' || n, 'ended', {at}, 'c'"), each.tenant)
        await rows(
            database, grown.format(records, f"'c' || n, {at}, 'book_appointment', 'booked', 5, 'c'"), each.tenant
        )
    await rows(database, "ANALYZE calls, function_requests")
    with recording_plans(monkeypatch) as recorder:
        assert (await database.admin.read_figures([salon.tenant]))[salon.tenant].calls == 23
        await database.admin.read_month_of_bookings([salon.tenant])
    day, month = recorder.plans[0], recorder.plans[-1]
    assert day.faults(("calls", "function_requests"), 40, 100) == [], day.text
    assert month.faults(("calls", "function_requests"), 800, 200) == [], month.text


async def test_only_newest_rows_of_flooding_tenant_are_read(database: Database, monkeypatch) -> None:
    """A tenant's login may insert any number of rows, and one statement counts for all tenants."""
    monkeypatch.setattr(counts, "_MOST_OF_A_DAY", 200)
    monkeypatch.setattr(counts, "_MOST_OF_A_MONTH", 300)
    hijacked, salon = [(await database.create_tenant(name)).tenant for name in ("hijacked", "salon")]
    at = "now() - interval '1 second' * n"
    await rows(
        database,
        f"""INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)
            SELECT $1, 'c', {at}, CASE WHEN n > 100 AND n % 2 = 0 THEN 'book_appointment' ELSE 'any' END, 'booked', 5, 'c'
            FROM generate_series(1, 20000) n""",
        hijacked,
    )
    await rows(
        database,
        f"""INSERT INTO calls (tenant, call_id, status, started_at, correlation_id)
            SELECT $1, 'c' || n, 'ended', {at}, 'c' FROM generate_series(1, 20000) n""",
        hijacked,
    )
    await rows(database, RECORD, salon, "1 hour", "book_appointment", "booked")
    await rows(database, "ANALYZE calls, function_requests")
    with recording_plans(monkeypatch) as recorder:
        figures = await database.admin.read_figures([hijacked, salon])
        months = await database.admin.read_month_of_bookings([hijacked, salon])
    assert figures == {hijacked: TenantFigures(200, BookingCounts(50)), salon: TenantFigures(0, BookingCounts(1))}
    assert months == {hijacked: BookingCounts(100), salon: BookingCounts(1)}
    for plan in recorder.plans:
        assert plan.faults(("calls", "function_requests"), 310, 400) == [], plan.text


async def test_slow_count_raises_the_statement_timeout_error(database: Database) -> None:
    tenant = (await database.create_tenant("salon")).tenant
    async with database.admin._connection() as conn, conn.transaction():
        await conn.execute("SET LOCAL statement_timeout = 1")
        with pytest.raises(StatementTimeout):
            await counts.read_month_of_bookings(conn, [tenant] * 100_000)
