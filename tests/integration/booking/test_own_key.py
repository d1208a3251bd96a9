"""Event types in a staff member's own Cal.com account: booked, moved, cancelled and looked up with that account's key only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest

from askproai_core.clock import Clock
from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_core.provider_names import CalendarApi
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.services import EventType, OwnEventType
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import FallbackCalendar, ProviderCallRecorder, build_calendar
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import StoredEvent
from askproai_runtime.jobs import RunAgain
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import Fault, FaultKind, serve
from tests.worlds.booking_environment import CALCOM, NOW, FrozenClock, Salon, booking_args, call, tenant_config_of
from tests.worlds.calcom_environment import QUICK, DeferredCalendar
from tests.worlds.tenant_redis import tenant_client
from tests.worlds.waiting import SOON

pytestmark = pytest.mark.nightly

TENANTS, ANNAS, FILE = "cal_salon", "cal_anna", "calcom-api-key-anna"
FOUR = "2026-11-27T16:00:00+01:00"


@dataclass
class TwoAccounts:
    """A salon with mehmet's event type in its own account, and anna's in hers."""

    salon: Salon
    calcom: CalcomSimulator
    session: aiohttp.ClientSession
    url: str
    config: TenantConfig
    keys: dict[str, str] = field(default_factory=lambda: {"calcom-api-key": TENANTS, FILE: ANNAS})

    def bookings(self, key: str) -> list[dict[str, Any]]:
        found = self.calcom.dump()["accounts"].get(key, {"bookings": []})["bookings"]
        return [booking for booking in found if booking["status"] == "accepted"]

    def keys_used(self) -> set[str]:
        """Return the keys of all requests to bookings; the journal has their last letters."""
        sent = [entry for entry in self.calcom.journal.entries if "/bookings" in entry["path"]]
        return {key for key in (TENANTS, ANNAS) for entry in sent if key.endswith(entry["key"])}

    def inject_fault(self, kind: FaultKind, operation: str = "create-booking", **options: Any) -> None:
        self.calcom.faults.active.append(Fault.parse({"operation": operation, "fault": kind, **options}, NOW))

    def use_versions(self, *versions: CalendarApi) -> None:
        calendar = msgspec.structs.replace(CALCOM, base_url=self.url, api_versions=versions)
        self.config = msgspec.structs.replace(self.config, calendar=calendar)

    async def book(self, staff: str = "anna", **more: Any) -> Any:
        return await self.salon.book(staff=staff, **more)

    async def run_sync_job(self) -> None:
        async with asyncio.timeout(SOON):
            await self.salon.booking.sync_appointment(await self.salon.claim_job())

    async def dashboard(self, action: str, key: str = ANNAS, **fields: Any) -> dict[str, Any]:
        async with self.session.post(
            f"{self.url}/_sim/dashboard", json={"key": key, "action": action, **fields}
        ) as reply:
            assert reply.status in {200, 201}, await reply.text()
            return await reply.json()

    async def receive(self, event: CalendarEvent) -> str:
        notes: list[str] = []

        async def finish(_conn: Any, note: str) -> None:
            notes.append(note)

        await self.salon.booking.apply_calendar_event(event, finish)
        return notes[0]


@pytest.fixture
async def two(new_salon) -> AsyncIterator[TwoAccounts]:
    calcom = CalcomSimulator(FrozenClock(NOW))
    async with serve(calcom) as url, aiohttp.ClientSession() as session:
        salon = await new_salon(DeferredCalendar(lambda: calendar), QUICK)
        config = tenant_config_of(salon.store)
        service = msgspec.structs.replace(
            config.services[0],
            event_types=(EventType(staff="mehmet", event_type_id=1002),),
            own_event_types=(OwnEventType(staff="anna", event_type_id=2001, credential=FILE),),
        )
        env = TwoAccounts(salon, calcom, session, url, msgspec.structs.replace(config, services=(service,)))
        env.use_versions(CalendarApi.V2)
        salon.apply_config(env.config)
        clock: Clock = salon.clock
        no_redis = tenant_client(None, salon.store.tenant)
        calendar: FallbackCalendar = build_calendar(
            lambda: env.config, env.keys.get, session, CircuitBreakers(None, clock), CircuitRules(),
            clock, ProviderCallRecorder(salon.pool, salon.store.tenant, salon.metrics),
            RequestBudget(no_redis, clock, "calcom", lambda: 0, for_callers=True),
        )  # fmt: skip
        for key, number, host in ((TENANTS, 1002, "mehmet"), (ANNAS, 2001, "anna")):
            body = {"key": key, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": host}
            await (await session.post(f"{url}/_sim/event-types", json=body)).release()
        yield env


@pytest.mark.parametrize("version", [CalendarApi.V2, CalendarApi.V1])
async def test_booking_uses_the_account_of_its_event_type(two: TwoAccounts, version: CalendarApi) -> None:
    two.use_versions(version)
    answer = await two.book("anna")
    assert answer.fields["status"] == "confirmed", await two.salon.rows("SELECT error FROM appointments")
    assert (len(two.bookings(ANNAS)), two.bookings(TENANTS)) == (1, [])
    assert two.keys_used() == {ANNAS}
    await two.salon.cancel(answer.fields["appointment_id"])
    await two.run_sync_job()
    assert two.bookings(ANNAS) == []
    assert two.keys_used() == {ANNAS}


async def test_fallback_api_version_uses_the_staff_members_key(two: TwoAccounts) -> None:
    two.use_versions(CalendarApi.V2, CalendarApi.V1)
    two.inject_fault(FaultKind.DOWN)
    answer = await two.book("anna")
    assert answer.success
    assert two.bookings(TENANTS) == []
    assert TENANTS not in two.keys_used()


async def test_tenants_event_types_use_the_tenants_key(two: TwoAccounts) -> None:
    assert (await two.book("mehmet")).fields["status"] == "confirmed"
    assert two.keys_used() == {TENANTS}


async def test_booking_is_moved_with_its_event_types_key(two: TwoAccounts) -> None:
    await two.book("anna")
    answer = await two.salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert answer.success, answer.message
    (booking,) = two.bookings(ANNAS)
    assert booking["start"].startswith("2026-11-27T15:00")
    assert two.keys_used() == {ANNAS}


async def test_unknown_outcome_is_looked_up_in_its_account(two: TwoAccounts) -> None:
    """With another key the list lacks it, and it would be created again."""
    two.inject_fault(FaultKind.ERROR_AFTER_COMMIT, count=1)
    assert (await two.book("anna")).fields["status"] == "pending_sync"
    await two.run_sync_job()
    (row,) = await two.salon.live()
    (booking,) = two.bookings(ANNAS)
    assert (row["status"], row["external_id"]) == ("confirmed", booking["uid"])
    assert two.keys_used() == {ANNAS}


async def test_events_of_a_staff_account_use_its_key(two: TwoAccounts) -> None:
    made = await two.dashboard(
        "create", eventTypeId=2001, start="2026-11-27T13:30:00Z",
        attendee={"name": "Karl", "email": "karl@example.com", "timeZone": "Europe/Berlin"},
    )  # fmt: skip
    body = msgspec.json.encode(
        {"triggerEvent": "BOOKING_CREATED", "payload": {"uid": made["uid"], "eventTypeId": 2001}}
    )
    stored = StoredEvent("calcom", "BOOKING_CREATED", body, "corr", datetime.now(UTC))
    event = await handle_calendar_event(None, stored, two.config)  # type: ignore[arg-type]
    assert isinstance(event, CalendarEvent)
    assert "taken in" in await two.receive(event)
    await two.dashboard("absent", uid=made["uid"])
    assert "presence" in await two.receive(CalendarEvent(made["uid"], NOW, "corr"))
    assert two.keys_used() == {ANNAS}


@pytest.mark.parametrize("broken", ["no_such_key", None], ids=["revoked", "not mounted"])
async def test_staff_members_broken_key_blocks_nobody_else(two: TwoAccounts, broken: str | None) -> None:
    two.keys[FILE] = broken  # type: ignore[assignment]
    refused = await two.book("anna")
    assert not refused.success
    assert await two.salon.live() == []
    for number in range(3):
        args = booking_args(f"2026-11-27T1{number + 4}:00:00+01:00")
        answer = await two.salon.booking.book_appointment(call(f"call_{number + 2}"), args)
        assert answer.success, answer.message
    assert {row["staff"] for row in await two.salon.live()} == {"mehmet"}
    assert len(two.bookings(TENANTS)) == 3
    assert two.bookings(ANNAS) == []


async def test_rate_limited_staff_account_spares_the_tenants_circuit(two: TwoAccounts) -> None:
    two.inject_fault(FaultKind.RATE_LIMITED, count=1)
    assert (await two.book("anna")).fields["status"] == "pending_sync"
    answer = await two.salon.book(name="Otto Kurz", staff="mehmet", by=call("call_2"))
    assert answer.fields["status"] == "confirmed"
    with pytest.raises(RunAgain):
        await two.run_sync_job()


async def test_refused_staff_key_is_not_recorded_as_tenants(two: TwoAccounts) -> None:
    two.keys[FILE] = "no_such_key"
    await two.book("anna")
    rows = await two.salon.rows("SELECT operation, status FROM provider_calls")
    assert rows == [{"operation": "create-booking:own-key", "status": 401}]
