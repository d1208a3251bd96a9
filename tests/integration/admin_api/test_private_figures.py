"""A tenant's figures by the private API, the page and the command line, compared with a count of the rows."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.private_desk import command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

BERLIN = ZoneInfo("Europe/Berlin")
READER = reader_token_of(ADMIN_TOKEN)
NOON = datetime.now(BERLIN).replace(hour=12, minute=0, second=0, microsecond=0)
TRIED = {
    1: ["booked", "booked", "failed", "taken"], 3: ["booked", "refused", "asked_back"], 29: ["too_slow"], 31: ["failed"],
}  # fmt: skip


async def add_rows(pod: TenantPod) -> None:
    for days, outcomes in TRIED.items():
        for outcome in outcomes:
            await pod.db.execute(
                """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)
                   VALUES ($1, 'call', $2, 'book_appointment', $3, 5, 'c')""",
                pod.store.tenant, NOON - timedelta(days=days), outcome,
            )  # fmt: skip
    asked = [
        ("calcom", 201, 40), ("calcom", 400, 60), ("calcom", 503, 200), ("calcom", None, 5000), ("retell", 401, 10),
    ]  # fmt: skip
    for age, requests in ((timedelta(minutes=30), asked), (timedelta(minutes=61), [("calcom", 500, 9999)])):
        for provider, status, milliseconds in requests:
            await pod.db.execute(
                """INSERT INTO provider_calls (tenant, at, provider, operation, method, endpoint, status, outcome, duration_ms,
                                               correlation_id) VALUES ($1, $2, $3, 'o', 'POST', '/v2', $4, 'o', $5, 'c')""",
                pod.store.tenant, datetime.now(UTC) - age, provider, status, milliseconds,
            )  # fmt: skip


async def test_figures_count_bookings_and_failures_per_day(pod: TenantPod) -> None:
    assert "nobody has tried to book in the last 30 days" in await command(pod, "figures", token=READER)
    await add_rows(pod)
    figures = json.loads(await command(pod, "figures", "-o", "json", token=READER))
    by_day = {each["day"]: (each["booked"], each["failed"]) for each in figures["days"]}
    days = {ago: (NOON - timedelta(days=ago)).date().isoformat() for ago in TRIED}
    assert by_day == {days[29]: (0, 1), days[3]: (1, 1), days[1]: (2, 1)}, "other outcomes do not count"
    assert list(by_day) == sorted(by_day)
    assert (figures["target_percent"], figures["booked_percent"], figures["budget_percent"]) == ("95", "50.0", "0.0")
    assert figures["providers"] == [
        {"provider": "calcom", "requests": 4, "average_ms": 1325, "longest_ms": 5000, "errors": 2},
        {"provider": "retell", "requests": 1, "average_ms": 10, "longest_ms": 10, "errors": 1},
    ], "a time that Cal.com refuses is an answer, no answer at all is an error"
    shown = await command(pod, "figures", token=READER)
    assert "booked 50.0 %, target 95 %, error budget left 0.0 %" in shown
    assert f"{NOON - timedelta(days=1):%a %d %b %Y}" in shown
