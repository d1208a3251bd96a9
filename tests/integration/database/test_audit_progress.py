"""The operator reads what a tenant's workers found in both books, whatever their row holds."""

import json

import pytest

from askproai_core.audit_state import CALENDAR_AUDIT
from askproai_core.database import open_pool
from tests.worlds.databases import Database

pytestmark = pytest.mark.nightly

ONE = {
    "sort": "doubled", "account": "", "position": "2026-11-27T09:00:00Z", "since": "2026-11-20T09:00:00Z", "event_type": 1001,
    "of_a_later_release": 1,
}  # fmt: skip


async def write(database: Database, watermark: object) -> None:
    salon = await database.create_tenant("salon")
    async with open_pool(salon.dsn, max_size=1) as pool:
        await pool.execute(
            "INSERT INTO tasks (tenant, name, due_at, watermark) VALUES ($1, $2, now(), $3)",
            salon.tenant, CALENDAR_AUDIT, json.dumps(watermark),
        )  # fmt: skip


async def test_audit_progress_has_its_oldest_accounts_time(database: Database) -> None:
    ends = {"": {"compared_at": "2026-11-20T09:00:00Z"}, "a": {"compared_at": "2026-11-19T09:00:00Z"}}
    await write(database, {"accounts": ends, "differences": [ONE, ONE | {"since": "2026-11-18T09:00:00Z"}]})
    progress = await database.admin.read_audit_progress("salon.salon")
    assert progress is not None
    assert progress.oldest is not None
    assert progress.compared_at is not None
    assert (progress.differences, progress.oldest.day, progress.compared_at.day) == (2, 18, 19)


async def test_audit_progress_is_absent_before_the_first_run(database: Database) -> None:
    await database.create_tenant("salon")
    assert await database.admin.read_audit_progress("salon.salon") is None


@pytest.mark.parametrize(
    "watermark",
    [
        [],
        {"differences": 7},
        {"differences": [ONE | {"sort": "other"}]},
        {"differences": [ONE | {"since": "0001-01-01T00:00:00Z"}]},
        {"differences": [ONE | {"since": "9999-12-31T23:59:59Z"}]},
        {"differences": [ONE | {"since": "2026-11-20T09:00:00"}]},
        {"accounts": {"": {"compared_at": "9999-12-31T23:59:59Z"}}},
        {"differences": [ONE | {"event_type": int("7" * 4000)}]},
    ],
    ids=["a list", "a number", "another sort", "long ago", "far ahead", "no zone", "a late round", "a long number"],
)
async def test_malformed_audit_progress_of_a_tenant_is_ignored(database: Database, watermark: object) -> None:
    await write(database, watermark)
    progress = await database.admin.read_audit_progress("salon.salon")
    assert progress is not None
    assert (progress.differences, progress.oldest, progress.compared_at) == (0, None, None)
