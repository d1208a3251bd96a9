"""A shadow's view of Cal.com: the answers that the live version got, and the free times that it has read."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.provider_limits import CircuitBreakers
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config.config import CalendarConfig
from askproai_runtime.calendars import Bookable, FreeTimesQuery, ProviderCallRecorder
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from askproai_runtime.calendars.types import CalendarUnavailable
from askproai_runtime.metrics import Metrics
from askproai_runtime.shadow.frozen_calendar import FrozenCalendar
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import Database, TenantStore

pytestmark = pytest.mark.nightly

DAY = date(2026, 12, 1)
BOOKING = {"start": "2026-12-01T10:00:00Z", "eventTypeId": 1001, "metadata": {"requestId": "r"}}


@pytest.fixture
async def live(database: Database) -> TenantStore:
    return await database.create_tenant("salon")


@pytest.fixture
async def frozen(live: TenantStore) -> AsyncIterator[tuple[FrozenCalendar, TestClient[Any, Any]]]:
    async with open_pool(live.dsn, max_size=2) as pool:
        calendar = FrozenCalendar(pool, live.tenant)
        async with TestClient(TestServer(calendar.app())) as client:
            yield calendar, client


async def test_change_is_answered_like_the_live_versions(frozen: tuple[FrozenCalendar, TestClient[Any, Any]]) -> None:
    calendar, client = frozen
    calendar.expect(
        [("create-booking", 400, "taken"), ("create-booking", 404, "refused"), ("create-booking", None, "unknown")]
    )
    statuses = [(await client.post("/v2/bookings", json=BOOKING)).status for _ in range(4)]
    assert statuses == [400, 404, 502, 201]
    for change in ("reschedule", "cancel", "mark-absent"):
        assert (await client.post(f"/v2/bookings/uid/{change}", json={})).status == 201
    calendar.expect([("cancel-booking", 400, "refused")])
    assert (await client.post("/v2/bookings/uid/cancel", json={})).status == 400
    assert await (await client.get("/v2/bookings")).json() == {"status": "success", "data": []}


async def test_free_times_are_those_stored_by_live_versions(
    live: TenantStore, frozen: tuple[FrozenCalendar, TestClient[Any, Any]]
) -> None:
    _, client = frozen
    spans = "{[2026-12-01 08:00Z, 2026-12-01 09:40Z), [2026-12-01 13:00Z, 2026-12-01 13:45Z)}"
    insert = """INSERT INTO free_times (tenant, event_type_id, day, free, slot_seconds, read_at)
        VALUES ($1, 1001, $2, $3, 2700, now())"""
    async with open_pool(live.dsn, max_size=1) as pool, aiohttp.ClientSession() as session:
        await pool.execute(insert.replace("$3", f"'{spans}'"), live.tenant, DAY)
        await pool.execute(insert.replace("$3", "'{}'"), live.tenant, DAY + timedelta(days=1))
        calendar = CalendarConfig(provider=CalendarProvider.CALCOM, base_url=str(client.make_url("")))
        config, clock = salon_config(calendar=calendar), SystemClock()
        recorder = ProviderCallRecorder(pool, live.tenant, Metrics(live.tenant))
        v2 = CalcomV2(
            CalcomHttp(session, CircuitBreakers(None, clock), clock), lambda: config, lambda: "none", recorder
        )
        query = FreeTimesQuery(Bookable(1001), DAY, DAY + timedelta(days=1), "Europe/Berlin", "corr")
        times = await v2.read_free_times(query, within=timedelta(seconds=5))
        days = [[f"{start:%H:%M} {end:%H:%M}" for start, end in spans] for spans in times.days.values()]
        assert days == [["08:00 09:40", "13:00 13:45"], []]
        assert times.slot_length == timedelta(minutes=45)
        later = FreeTimesQuery(Bookable(1001), DAY, DAY + timedelta(days=2), "Europe/Berlin", "corr")
        with pytest.raises(CalendarUnavailable):
            await v2.read_free_times(later, within=timedelta(seconds=5))
