"""The operator's reports about PostgreSQL, at a real one."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool, shipped_migrations
from askproai_core.database.migrate import Migration
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers import report
from askproai_operator.store import database_facts as facts_module
from askproai_operator.store.admin import _CONNECTIONS, AdminStore
from tests.worlds.databases import Database
from tests.worlds.waiting import SOON

LATEST = shipped_migrations()[-1]


async def test_prepared_database_has_no_reported_problem(database: Database) -> None:
    store = AdminStore(database.dsn)
    facts, now = await store.read_facts()
    await store.close()
    assert (facts.schema, facts.shipped) == (LATEST.version, LATEST.version)
    assert (facts.pending, facts.changed, facts.missing_roles) == ((), (), ())
    assert (facts.is_superuser, facts.may_create_roles) == (False, True)
    assert int(facts.version.partition(".")[0]) >= 15
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=SOON)


async def test_a_pending_and_a_changed_migration_are_named(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = Migration(9001, "pending", "SELECT 1", "SELECT 1")
    monkeypatch.setattr(facts_module, "shipped_migrations", lambda: (*shipped_migrations(), pending))
    async with open_pool(database.superuser_dsn, max_size=1) as pool:
        await pool.execute("UPDATE schema_migrations SET sha256 = 'x' WHERE version = 1")
    store = AdminStore(database.dsn)
    facts, _ = await store.read_facts()
    await store.close()
    assert facts.pending == ("9001_pending",)
    assert facts.changed == ("0001_schema",)


async def test_database_without_free_connections_is_reported_unavailable(database: Database, monkeypatch) -> None:
    """While it does not answer, the reconciles of many Tenants wait for the same connections."""
    store = AdminStore(database.dsn)
    context = cast("ReconcileContext", SimpleNamespace(database=store, clock=SystemClock()))
    async with AsyncExitStack() as reconciles:
        for _ in range(_CONNECTIONS):
            await reconciles.enter_async_context(store._connection())
        with monkeypatch.context() as patch:
            patch.setattr(report, "_LOOK_SECONDS", 0.2)
            assert (await report._look_at_database(context)).problem == "TimeoutError"
    assert (await report._look_at_database(context)).problem is None
    await store.close()
