"""Cal.com's webhook comes while PostgreSQL is away: it is answered 503, is never sent again, and is not lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config.config import CalendarConfig
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve
from tests.worlds.tenant_pod import CALCOM_SECRET, TenantPod, running_worker
from tests.worlds.waiting import SOON, eventually

KEY = "cal_salon"
GUEST = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
IN_A_WEEK = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=7)


@pytest.fixture
def start() -> str:
    """A weekday, when Cal.com's host works."""
    day = IN_A_WEEK + timedelta(days=IN_A_WEEK.weekday() == 6)
    return day.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_event_that_met_503_arrives_by_polling(web_pod: TenantPod, start: str) -> None:
    pod, calcom = web_pod, CalcomSimulator(SystemClock())
    calcom.settings["webhook_delay_ms"] = 0
    async with serve(calcom) as url, aiohttp.ClientSession() as session:
        pod.write_config(pod.config(calendar=CalendarConfig(provider=CalendarProvider.CALCOM, base_url=url)))
        pod.write_credential("calcom-api-key", KEY)
        headers = {"Authorization": f"Bearer {KEY}"}
        hook = {
            "subscriberUrl": f"{pod.url}/webhooks/calcom", "triggers": ["BOOKING_CREATED"], "active": True, "secret": CALCOM_SECRET,
        }  # fmt: skip
        async with session.post(f"{url}/v2/webhooks", json=hook, headers=headers) as response:
            assert response.status == 201, await response.text()
        event_type = {"key": KEY, "id": 1001, "lengthInMinutes": 45, "host": "anna"}
        async with session.post(f"{url}/_sim/event-types", json=event_type) as response:
            assert response.status == 201
        async with unreachable_database(pod):
            booking = {"key": KEY, "action": "create", "eventTypeId": 1001, "start": start, "attendee": GUEST}
            async with session.post(f"{url}/_sim/dashboard", json=booking) as response:
                uid = (await response.json())["uid"]
            (delivery,) = await eventually(lambda: calcom.journal.deliveries)
            assert delivery["status"] == 503
        assert await pod.db.fetchval("SELECT count(*) FROM webhook_events WHERE tenant = $1", pod.store.tenant) == 0
        poll = "INSERT INTO tasks (tenant, name, due_at) VALUES ($1, 'calendar-poll', now())"
        await pod.db.execute(poll, pod.store.tenant)
        found = "SELECT * FROM appointments WHERE tenant = $1 AND external_id = $2"
        async with running_worker(pod):
            row = await eventually(lambda: pod.db.fetchrow(found, pod.store.tenant, uid), SOON)
            assert (row["status"], row["starts_at"]) == ("confirmed", datetime.fromisoformat(start))


@asynccontextmanager
async def unreachable_database(pod: TenantPod) -> AsyncIterator[None]:
    """Let PostgreSQL refuse the tenant's pods during the block."""
    role = pod.store.role
    await pod.db.execute(f"ALTER ROLE {role} NOLOGIN")
    await pod.db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
    yield
    await pod.db.execute(f"ALTER ROLE {role} LOGIN")
