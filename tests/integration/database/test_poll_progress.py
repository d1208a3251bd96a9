"""The operator reads how far a tenant's workers are with Cal.com, whatever their row holds."""

import json
from datetime import timedelta

import pytest

from askproai_core.database import open_pool
from askproai_core.poll_state import CALENDAR_POLL
from tests.worlds.databases import Database

pytestmark = pytest.mark.nightly

HALF_WAY = {"event_types": [1002], "since": "2026-11-27T10:00:00Z", "taken_in": 740}
ACCOUNTS = {
    "": {"seen": "2026-11-20T09:00:00Z", "event_types": [1001], "taken_in": 1200, "importing": HALF_WAY},
    "calcom-api-key-anna": {"taken_in": 60, "of_a_later_release": True},
}


async def write(database: Database, watermark: object, **columns: str) -> None:
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", {value}" for value in columns.values())
    salon = await database.create_tenant("salon")
    async with open_pool(salon.dsn, max_size=1) as pool:
        await pool.execute(
            f"INSERT INTO tasks (tenant, name, due_at, watermark{names}) VALUES ($1, $2, now(), $3{values})",
            salon.tenant, CALENDAR_POLL, json.dumps(watermark),
        )  # fmt: skip


async def test_poll_progress_sums_up_all_calcom_accounts(database: Database) -> None:
    await write(database, {"accounts": ACCOUNTS}, last_finished_at="now() - interval '40 minutes'", last_error="'429'")
    progress = await database.admin.read_poll_progress("salon.salon")
    assert progress is not None
    assert (progress.taken_in, progress.is_importing, progress.error) == (2000, True, "429")
    assert timedelta(minutes=40) <= progress.age < timedelta(minutes=41)


async def test_poll_progress_is_absent_before_the_first_run(database: Database) -> None:
    await database.create_tenant("salon")
    assert await database.admin.read_poll_progress("salon.salon") is None


@pytest.mark.parametrize(
    ("watermark", "columns"),
    [
        ([], {}),
        ({"accounts": {"": {"seen": int("7" * 4000)}}}, {}),
        ({"accounts": {"": {"taken_in": 10**400}}}, {}),
        ({"accounts": {"": {"taken_in": -1, "importing": 7}}}, {}),
        ({}, {"last_finished_at": "'294000-01-01'"}),
        ({}, {"last_finished_at": "'4000-01-01 BC'"}),
    ],
    ids=["a list", "a long number", "a large count", "other types", "far ahead", "long ago"],
)
async def test_malformed_poll_progress_of_a_tenant_is_ignored(
    database: Database, watermark: object, columns: dict[str, str]
) -> None:
    await write(database, watermark, **columns)
    progress = await database.admin.read_poll_progress("salon.salon")
    assert progress is not None
    assert progress.taken_in == 0
