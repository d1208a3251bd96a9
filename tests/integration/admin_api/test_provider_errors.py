"""Why a request to a provider failed: in its row, in timelines, and on the schema of the release before."""

from uuid import uuid4

import pytest

from askproai_core.database import Migrator, open_pool, shipped_migrations
from askproai_core.providers import Reply
from askproai_runtime.calendars import ProviderCallRecorder
from askproai_sandbox.databases import Database
from tests.worlds.booking_environment import RecordedMetrics
from tests.worlds.message_commands import command
from tests.worlds.page_visitor import visiting
from tests.worlds.private_desk import request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

BODY = {"status": "error", "error": {"message": "Attendee Erika Mustermann is blocked", "code": "BAD_REQUEST"}}
REFUSED = Reply("POST", 0.12, 400, BODY, sent=frozenset({"erika", "mustermann"}))
SHAPE = "{error: {code: string, message: string}, status: string}"


async def record(dsn: str, tenant: str, correlation_id: str) -> None:
    async with open_pool(dsn, max_size=1) as pool:
        recorder = ProviderCallRecorder(pool, tenant, RecordedMetrics())  # type: ignore[arg-type]
        await recorder.record("create-booking", REFUSED, "refused", correlation_id, "/v2/bookings")


async def test_a_timeline_says_why_a_provider_refused_without_naming_anybody(pod: TenantPod) -> None:
    correlation = uuid4().hex
    await record(pod.store.dsn, pod.store.tenant, correlation)
    _, timeline = await request(pod, f"timeline/{correlation}")
    (moment,) = timeline["moments"]
    assert (moment["outcome"], moment["duration_ms"], moment["detail"], moment["body_shape"]) == (
        "refused 400", 120, "Attendee … is blocked", SHAPE,
    )  # fmt: skip
    printed = " ".join((await command(pod, "timeline", correlation)).split())
    assert f"Attendee … is blocked; body: {SHAPE}" in printed
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        _, page, _ = await visitor.get(f"/timeline?id={correlation}")
    assert "Attendee … is blocked" in page
    assert SHAPE in page
    assert "Erika" not in printed + page


async def test_on_the_schema_before_a_failure_is_recorded_without_its_cause(database: Database) -> None:
    store = await database.create_tenant("older")
    await Migrator(database.dsn).down(len(shipped_migrations()) - 22)
    async with open_pool(database.superuser_dsn, max_size=1) as pool:
        await record(store.dsn, store.tenant, "c")
        rows = await pool.fetch("SELECT status, outcome FROM provider_calls WHERE tenant = $1", store.tenant)
    assert [tuple(row) for row in rows] == [(400, "refused")]
