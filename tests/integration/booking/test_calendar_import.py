"""An account's future bookings are imported once each, despite killed workers, within the budget of requests; none is notified."""

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
from typing import Any

import msgspec
import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RequestBudget
from askproai_core.tenant_config import encode
from askproai_core.tenant_config.notifications import BusinessNotifications, EmailSettings, Notifications
from askproai_core.tenant_config.services import EventType
from askproai_core.tenant_config.vocabulary import EmailSecurity
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.events import calendar_poll
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import StoredEvent
from askproai_runtime.tasks import PutOff
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import NOW, Salon
from tests.worlds.calcom_environment import KEY
from tests.worlds.poll_environment import PollEnvironment, open_poll_environment, tick
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


TEN, THREE, FOUR = "2026-11-27T09:00:00Z", "2026-11-27T14:00:00Z", "2026-11-27T15:00:00Z"
ANNOUNCED = "SELECT a.starts_at FROM notifications n JOIN appointments a ON a.id = n.appointment_id"
PAGE_SIZE = "askproai_runtime.calendars.calcom_v2._PAGE_SIZE"


def notify_the_business(polled: PollEnvironment) -> None:
    email = EmailSettings(host="127.0.0.1", port=9, security=EmailSecurity.NONE, sender="termine@salon.example")
    business = BusinessNotifications(email_to=("chefin@salon.example",))
    notifications = Notifications(email=email, business=business)
    polled.env.config = msgspec.structs.replace(polled.env.config, notifications=notifications)


async def test_older_bookings_are_imported_once_and_counted(polled: PollEnvironment) -> None:
    for hour in range(8, 14):
        polled.update(await polled.create(f"2026-12-01T{hour:02}:00:00Z"), NOW - timedelta(days=200))
    cancelled = await polled.create(FOUR)
    await polled.env.dashboard("cancel", uid=cancelled)
    for _ in range(2):
        await polled.poll()
        assert len(await polled.salon.live()) == 6
        assert (polled.account()["taken_in"], polled.account()["event_types"]) == (6, [1001, 1002])
    await polled.salon.assert_claims_match()


async def test_imported_older_bookings_notify_nobody(polled: PollEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the import notifies, nor the later job of a failed import. Later bookings do notify."""
    notify_the_business(polled)
    before, in_the_way = await polled.create(TEN), await polled.create(THREE)
    for uid in (before, in_the_way):
        polled.date(uid, NOW - timedelta(days=20))
    apply = calendar_poll.apply_calendar_event

    async def apply_one(ctx: Any, event: CalendarEvent, *others: Any) -> Any:
        if event.uid == in_the_way:
            raise CalendarDisagrees("somebody stands there")
        return await apply(ctx, event, *others)

    monkeypatch.setattr(calendar_poll, "apply_calendar_event", apply_one)
    await polled.poll()
    monkeypatch.undo()
    async with polled.salon.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT source, event_type, payload, correlation_id FROM webhook_events")
        stored = StoredEvent(*row, received_at=NOW)
        event = await handle_calendar_event(conn, stored, polled.env.config)
    assert isinstance(event, CalendarEvent)
    await polled.env.handle_event(event)
    assert len(await polled.salon.live()) == 2
    assert await polled.salon.rows("SELECT kind FROM notifications") == []
    tick(polled, minutes=10)
    await polled.create(FOUR)
    await polled.poll()
    assert [row["kind"] for row in await polled.salon.rows("SELECT kind FROM notifications")] == ["booked"]


@pytest.mark.parametrize("watermark", ["none", "of other event types"])
async def test_bookings_made_during_the_import_are_notified(polled: PollEnvironment, watermark: str) -> None:
    """Its event found no service with the event type, or comes after the import: only the import can notify."""
    notify_the_business(polled)
    services = polled.env.config.services
    old, moved = await polled.create(TEN), await polled.create(THREE)
    for uid in (old, moved):
        polled.date(uid, NOW - timedelta(days=20))
    if watermark == "of other event types":
        mehmet = (EventType(staff="mehmet", event_type_id=1002),)
        polled.change_service(lambda service: msgspec.structs.replace(service, event_types=mehmet))
        await polled.poll()
        tick(polled, minutes=10)
    await polled.create("2026-12-01T09:00:00Z")
    await polled.env.dashboard("move", uid=moved, start=FOUR)
    polled.env.config = msgspec.structs.replace(polled.env.config, services=services)
    tick(polled, minutes=1)
    await polled.poll()
    assert len(await polled.salon.live()) == 3
    assert [f"{row['starts_at']:%m-%d}" for row in await polled.salon.rows(ANNOUNCED)] == ["12-01"]


async def test_postponed_import_of_old_bookings_notifies_nobody(polled: PollEnvironment) -> None:
    notify_the_business(polled)
    polled.date(await polled.create(TEN), NOW - timedelta(days=20))
    polled.env.inject_fault(FaultKind.ERROR_BEFORE_COMMIT, "list-bookings", count=2)
    with pytest.raises(PutOff):
        await polled.poll()
    tick(polled, hours=1)
    await polled.create(FOUR)
    await polled.poll()
    assert len(await polled.salon.live()) == 2
    assert [f"{row['starts_at']:%H:%M}" for row in await polled.salon.rows(ANNOUNCED)] == ["15:00"]


async def test_ongoing_appointment_is_imported_and_past_one_ignored(polled: PollEnvironment) -> None:
    over, now = await polled.create("2026-11-20T10:00:00Z"), await polled.create("2026-11-20T12:00:00Z")
    for uid in (over, now):
        polled.update(uid, NOW - timedelta(days=200))
    tick(polled, hours=3, minutes=15)
    await polled.poll()
    assert await polled.appointments() == [("confirmed", "11-20 12:00")]
    assert polled.account()["taken_in"] == 1


async def test_event_type_added_later_brings_its_bookings(polled: PollEnvironment) -> None:
    of_mehmet = polled.env.config.services[0].event_types
    polled.change_service(
        lambda s: msgspec.structs.replace(s, event_types=(EventType(staff="anna", event_type_id=1001),))
    )
    for event_type in (1001, 1002):
        polled.update(await polled.create(TEN, event_type), NOW - timedelta(days=200))
    await polled.poll()
    assert [row["staff"] for row in await polled.salon.live()] == ["anna"]
    polled.change_service(lambda s: msgspec.structs.replace(s, event_types=of_mehmet))
    await polled.poll()
    assert sorted(row["staff"] for row in await polled.salon.live()) == ["anna", "mehmet"]
    assert (polled.account()["taken_in"], polled.account()["event_types"]) == (2, [1001, 1002])


@pytest.mark.parametrize("starts", ["all apart", "many at one time"])
async def test_import_of_many_pages_counts_each_booking_once(polled: PollEnvironment, starts: str, monkeypatch) -> None:
    monkeypatch.setattr(PAGE_SIZE, 3)
    for hour in range(8, 14):
        for event_type in (1001, 1002):
            uid = await polled.create(f"2026-12-01T{hour:02}:00:00Z", event_type)
            polled.update(uid, NOW - timedelta(days=200))
    if starts == "many at one time":  # an event type with seats
        account = polled.env.calcom.accounts[KEY]
        (model, *_) = account.bookings.values()
        for number in range(7):
            copy = replace(model, id=9000 + number, uid=f"seat-{number}", status="cancelled")
            account.bookings[copy.uid] = copy
    await polled.poll()
    assert len(await polled.salon.live()) == 12
    assert polled.account()["taken_in"] == 12
