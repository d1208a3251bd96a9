"""The operator reads the workers' progress at Cal.com and the differences there, whatever a tenant's rows contain."""

import json
from datetime import timedelta

import pytest

from askproai_core.audit_state import CALENDAR_AUDIT
from askproai_core.database import open_pool
from askproai_core.poll_state import CALENDAR_POLL
from askproai_operator.store.stranded import DeclaredWork, encode_declared
from askproai_operator.store.tenant_states import TenantState
from tests.worlds.databases import Database

pytestmark = pytest.mark.nightly

HALF_WAY = {"event_types": [1002], "since": "2026-11-27T10:00:00Z", "taken_in": 740}
ACCOUNTS = {
    "": {"seen": "2026-11-20T09:00:00Z", "event_types": [1001], "taken_in": 1200, "importing": HALF_WAY},
    "calcom-api-key-anna": {"taken_in": 60, "of_a_later_release": True},
}
ONE = {
    "sort": "doubled", "account": "", "position": "2026-11-27T09:00:00Z", "since": "2026-11-20T09:00:00Z", "event_type": 1001,
    "of_a_later_release": 1,
}  # fmt: skip


async def write(database: Database, task: str, watermark: object, **columns: str) -> None:
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", {value}" for value in columns.values())
    salon = await database.create_tenant("salon")
    async with open_pool(salon.dsn, max_size=1) as pool:
        await pool.execute(
            f"INSERT INTO tasks (tenant, name, due_at, watermark{names}) VALUES ($1, $2, now(), $3{values})",
            salon.tenant, task, json.dumps(watermark),
        )  # fmt: skip


async def read_state(database: Database) -> TenantState:
    work = encode_declared(DeclaredWork([], [], []))
    return (await database.admin.read_states({"salon.salon": work}, timedelta(minutes=2)))["salon.salon"]


async def test_progress_is_absent_before_the_first_run(database: Database) -> None:
    await database.create_tenant("salon")
    state = await read_state(database)
    assert (state.poll, state.audit) == (None, None)


async def test_poll_progress_sums_up_all_calcom_accounts(database: Database) -> None:
    times = {"last_finished_at": "now() - interval '40 minutes'", "last_error": "'429'"}
    await write(database, CALENDAR_POLL, {"accounts": ACCOUNTS}, **times)
    progress = (await read_state(database)).poll
    assert progress is not None
    assert (progress.taken_in, progress.is_importing, progress.error) == (2000, True, "429")
    assert timedelta(minutes=40) <= progress.age < timedelta(minutes=41)


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
async def test_malformed_poll_progress_of_a_tenant_is_ignored(database: Database, watermark, columns) -> None:
    await write(database, CALENDAR_POLL, watermark, **columns)
    progress = (await read_state(database)).poll
    assert progress is not None
    assert progress.taken_in == 0


async def test_audit_progress_has_its_oldest_accounts_time(database: Database) -> None:
    ends = {"": {"compared_at": "2026-11-20T09:00:00Z"}, "a": {"compared_at": "2026-11-19T09:00:00Z"}}
    found = [ONE, ONE | {"since": "2026-11-18T09:00:00Z"}]
    await write(database, CALENDAR_AUDIT, {"accounts": ends, "differences": found})
    progress = (await read_state(database)).audit
    assert progress is not None
    assert progress.oldest is not None
    assert progress.compared_at is not None
    assert (progress.differences, progress.oldest.day, progress.compared_at.day) == (2, 18, 19)


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
    await write(database, CALENDAR_AUDIT, watermark)
    progress = (await read_state(database)).audit
    assert progress is not None
    assert (progress.differences, progress.oldest, progress.compared_at) == (0, None, None)
