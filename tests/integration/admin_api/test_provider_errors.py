"""The cause of a failed request to a provider is in its row and in timelines."""

from uuid import uuid4

import pytest

from askproai_core.database import open_pool
from askproai_core.providers import Reply
from askproai_runtime.calendars import ProviderCallRecorder
from tests.worlds.booking_environment import RecordedMetrics
from tests.worlds.page_visitor import visiting
from tests.worlds.private_desk import command, request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

BODY = {"status": "error", "error": {"message": "Attendee Erika Mustermann is blocked", "code": "BAD_REQUEST"}}
REFUSED = Reply("POST", 0.12, 400, BODY, sent=frozenset({"erika", "mustermann"}))
SHAPE = "{error: {code: string, message: string}, status: string}"


async def record(dsn: str, tenant: str, correlation_id: str) -> None:
    async with open_pool(dsn, max_size=1) as pool:
        recorder = ProviderCallRecorder(pool, tenant, RecordedMetrics())  # type: ignore[arg-type]
        await recorder.record("create-booking", REFUSED, "refused", correlation_id, "/v2/bookings")


async def test_timeline_explains_a_providers_refusal_without_names(pod: TenantPod) -> None:
    correlation = uuid4().hex
    await record(pod.store.dsn, pod.store.tenant, correlation)
    _, timeline = await request(pod, f"timeline/{correlation}")
    (moment,) = timeline["moments"]
    assert (moment["outcome"], moment["duration_ms"]) == ("refused 400", 120)
    assert (moment["detail"], moment["body_shape"]) == ("Attendee … is blocked", SHAPE)
    printed = " ".join((await command(pod, "timeline", correlation)).split())
    assert f"Attendee … is blocked; body: {SHAPE}" in printed
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        _, page, _ = await visitor.get(f"/timeline?id={correlation}")
    assert "Attendee … is blocked" in page
    assert SHAPE in page
    assert "Erika" not in printed + page
