"""An account's future bookings are imported once each, despite killed workers, within the budget of requests."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RequestBudget
from askproai_core.tenant_config import encode
from askproai_runtime.tasks import PutOff
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.booking_environment import NOW, Salon
from tests.worlds.calcom_environment import KEY
from tests.worlds.poll_environment import PollEnvironment, open_poll_environment
from tests.worlds.tenant_redis import create_tenant_user, tenant_client
from tests.worlds.waiting import until

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]
BOOKINGS, PER_DAY = 2000, 10
FIRST_DAY = datetime(2026, 11, 23, 8, tzinfo=UTC)


async def fill_account(polled: PollEnvironment, count: int) -> None:
    """Add so many future bookings without events to the salon's account, half of them for each staff member."""
    bookings = polled.env.calcom.accounts[KEY].bookings
    models = [bookings[await polled.create("2026-11-27T06:00:00Z", event_type)] for event_type in (1001, 1002)]
    bookings.clear()
    for number in range(count):
        of_staff, model = number // 2, models[number % 2]
        start = FIRST_DAY + timedelta(days=of_staff // PER_DAY, hours=of_staff % PER_DAY)
        copy = replace(
            model, id=10_000 + number, uid=f"uid-{number}", start=start, end=start + timedelta(minutes=45),
            created=NOW - timedelta(days=200), updated=NOW - timedelta(days=200),
        )  # fmt: skip
        bookings[copy.uid] = copy


@contextmanager
def running_worker(polled: PollEnvironment, fault: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; at the end of the block it is killed, if it still runs."""
    command = [sys.executable, "-m", "tests.integration.booking.poll_process"]
    arguments = [polled.salon.store.dsn, encode(polled.env.config), polled.env.url]
    environment = os.environ | {"ASKPROAI_TESTING": "1", "ASKPROAI_FAULT": fault}
    worker = subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


async def count_appointments(polled: PollEnvironment) -> int:
    count: int = await polled.salon.pool.fetchval("SELECT count(*) FROM appointments")
    return count


async def watermark(polled: PollEnvironment) -> dict[str, object]:
    text = await polled.salon.pool.fetchval("SELECT watermark FROM tasks")
    account: dict[str, object] = json.loads(text or "{}").get("accounts", {}).get("", {})
    return account


@pytest.mark.processes
@pytest.mark.timeout(400)
async def test_killed_workers_import_2000_bookings_exactly_once(new_salon: Callable[..., Awaitable[Salon]]) -> None:
    async with open_poll_environment(new_salon) as polled:
        await fill_account(polled, BOOKINGS)
        for _ in range(2):  # after a page is applied, and before that is stored
            with running_worker(polled, "before:save-import") as worker:
                assert await asyncio.to_thread(worker.wait, 120) == -9
        for share in (0.3, 0.5, 0.8):  # anywhere
            with running_worker(polled):
                enough = BOOKINGS * share
                await until(
                    lambda: count_appointments(polled), lambda count, least=enough: count >= least, "bookings", 120
                )
        assert await count_appointments(polled) < BOOKINGS
        with running_worker(polled), running_worker(polled):
            await until(lambda: watermark(polled), is_imported, "the end of the import", 180)
        rows = await polled.salon.rows("SELECT external_id, status FROM appointments")
        assert {row["external_id"] for row in rows} == {f"uid-{number}" for number in range(BOOKINGS)}
        assert len(rows) == BOOKINGS
        assert {row["status"] for row in rows} == {"confirmed"}
        account = await watermark(polled)
        assert (account["taken_in"], account["event_types"]) == (BOOKINGS, [1001, 1002])
        await polled.salon.assert_no_double_booking()
        assert len(polled.requests()) < 60, "the pages that were stored are not read again"


def is_imported(account: dict[str, object]) -> bool:
    return account.get("taken_in") == BOOKINGS and "importing" not in account


async def test_import_of_many_pages_respects_the_request_budget(
    valkey: EmbeddedRedis, new_salon: Callable[..., Awaitable[Salon]], monkeypatch: pytest.MonkeyPatch
) -> None:
    per_minute, interval, burst_of_jobs = 240, 60 / 216, 12
    monkeypatch.setattr("askproai_runtime.calendars.calcom_v2._PAGE_SIZE", 4)
    salon = await new_salon()
    shared = tenant_client(await create_tenant_user(valkey, salon.store.tenant), salon.store.tenant)
    budget = RequestBudget(shared, SystemClock(), "calcom", lambda: per_minute, for_callers=False)
    async with open_poll_environment(new_salon, budget) as polled:
        await fill_account(polled, 60)
        started = time.monotonic()
        await poll_until_done(polled)
        seconds = time.monotonic() - started
    assert polled.account()["taken_in"] == 60
    requests = len(polled.requests())
    assert 15 < requests <= burst_of_jobs + seconds / interval + 1
    await shared.close()


async def poll_until_done(polled: PollEnvironment) -> None:
    """Run the task repeatedly, whenever it is due."""
    async with asyncio.timeout(60):
        while True:
            try:
                await polled.poll()
            except PutOff as put_off:
                await asyncio.sleep(put_off.after.total_seconds())
            else:
                return
