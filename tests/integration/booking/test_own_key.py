"""Event types in a staff member's own Cal.com account: booked, moved, cancelled and looked up with that account's key only."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from askproai_core.provider_names import CalendarApi
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import StoredEvent
from askproai_runtime.jobs import RunAgain
from askproai_sandbox.simulator import FaultKind
from tests.worlds.booking_environment import call
from tests.worlds.calcom_environment import KEY, CalcomEnvironment
from tests.worlds.poll_environment import OWN_FILE, OWN_KEY, PollEnvironment

pytestmark = pytest.mark.nightly

FOUR = "2026-11-27T16:00:00+01:00"


@pytest.fixture
async def two(polled: PollEnvironment) -> CalcomEnvironment:
    """A salon with the event types of mehmet and anna in two accounts, each their own."""
    await polled.give_anna_an_account()
    env = polled.env
    env.calendar = polled.context.calendar  # type: ignore[assignment]  # it has both keys
    env.replace_worker_calendar(polled.context.calendar)
    env.salon.apply_config(env.config)
    return env


def bookings(env: CalcomEnvironment, key: str) -> list[dict[str, Any]]:
    found = env.calcom.dump()["accounts"].get(key, {"bookings": []})["bookings"]
    return [booking for booking in found if booking["status"] == "accepted"]


def keys_used(env: CalcomEnvironment) -> set[str]:
    """Return the keys of all requests to bookings; the journal has their last letters."""
    sent = [entry for entry in env.calcom.journal.entries if "/bookings" in entry["path"]]
    return {key for key in (KEY, OWN_KEY) for entry in sent if key.endswith(entry["key"])}


@pytest.mark.parametrize("version", [CalendarApi.V2, CalendarApi.V1])
async def test_booking_uses_the_account_of_its_event_type(two: CalcomEnvironment, version: CalendarApi) -> None:
    two.use_versions(version)
    answer = await two.salon.book(staff="anna")
    assert answer.fields["status"] == "confirmed", await two.salon.rows("SELECT error FROM appointments")
    assert (len(bookings(two, OWN_KEY)), bookings(two, KEY)) == (1, [])
    assert keys_used(two) == {OWN_KEY}
    await two.salon.cancel(answer.fields["appointment_id"])
    await two.run_sync_job()
    assert bookings(two, OWN_KEY) == []
    assert keys_used(two) == {OWN_KEY}


async def test_fallback_api_version_uses_the_staff_members_key(two: CalcomEnvironment) -> None:
    two.use_versions(CalendarApi.V2, CalendarApi.V1)
    two.inject_fault(FaultKind.DOWN)
    answer = await two.salon.book(staff="anna")
    assert answer.success
    assert bookings(two, KEY) == []
    assert KEY not in keys_used(two)


async def test_tenants_event_types_use_the_tenants_key(two: CalcomEnvironment) -> None:
    assert (await two.salon.book(staff="mehmet")).fields["status"] == "confirmed"
    assert keys_used(two) == {KEY}


async def test_booking_is_moved_with_its_event_types_key(two: CalcomEnvironment) -> None:
    await two.salon.book(staff="anna")
    answer = await two.salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert answer.success, answer.message
    (booking,) = bookings(two, OWN_KEY)
    assert booking["start"].startswith("2026-11-27T15:00")
    assert keys_used(two) == {OWN_KEY}


async def test_unknown_outcome_is_looked_up_in_its_account(two: CalcomEnvironment) -> None:
    """The list of another key lacks the booking, which would be created again."""
    two.inject_fault(FaultKind.ERROR_AFTER_COMMIT, count=1)
    assert (await two.salon.book(staff="anna")).fields["status"] == "pending_sync"
    await two.run_sync_job()
    (row,) = await two.salon.live()
    (booking,) = bookings(two, OWN_KEY)
    assert (row["status"], row["external_id"]) == ("confirmed", booking["uid"])
    assert keys_used(two) == {OWN_KEY}


async def test_events_of_a_staff_account_use_its_key(two: CalcomEnvironment, polled: PollEnvironment) -> None:
    uid = await polled.create("2026-11-27T13:30:00Z", 2001, OWN_KEY)
    body = msgspec.json.encode({"triggerEvent": "BOOKING_CREATED", "payload": {"uid": uid, "eventTypeId": 2001}})
    stored = StoredEvent("calcom", "BOOKING_CREATED", body, "corr", datetime.now(UTC))
    event = await handle_calendar_event(None, stored, two.config)  # type: ignore[arg-type]
    assert isinstance(event, CalendarEvent)
    assert "taken in" in await two.handle_event(event)
    await two.dashboard("absent", key=OWN_KEY, uid=uid)
    assert "presence" in await two.receive_event(uid)
    assert keys_used(two) == {OWN_KEY}


@pytest.mark.parametrize("broken", ["no_such_key", None], ids=["revoked", "not mounted"])
async def test_staff_members_broken_key_blocks_nobody_else(
    two: CalcomEnvironment, polled: PollEnvironment, broken: str | None
) -> None:
    polled.keys[OWN_FILE] = broken  # type: ignore[assignment]
    refused = await two.salon.book(staff="anna")
    assert not refused.success
    assert await two.salon.live() == []
    for number in range(3):
        answer = await two.salon.book(f"2026-11-27T1{number + 4}:00:00+01:00", by=call(f"call_{number + 2}"))
        assert answer.success, answer.message
    assert {row["staff"] for row in await two.salon.live()} == {"mehmet"}
    assert len(bookings(two, KEY)) == 3
    assert bookings(two, OWN_KEY) == []


async def test_rate_limited_staff_account_spares_the_tenants_circuit(two: CalcomEnvironment) -> None:
    two.inject_fault(FaultKind.RATE_LIMITED, count=1)
    assert (await two.salon.book(staff="anna")).fields["status"] == "pending_sync"
    answer = await two.salon.book(name="Otto Kurz", staff="mehmet", by=call("call_2"))
    assert answer.fields["status"] == "confirmed"
    with pytest.raises(RunAgain):
        await two.run_sync_job()


async def test_refused_staff_key_is_not_recorded_as_tenants(two: CalcomEnvironment, polled: PollEnvironment) -> None:
    polled.keys[OWN_FILE] = "no_such_key"
    await two.salon.book(staff="anna")
    rows = await two.salon.rows("SELECT operation, status FROM provider_calls")
    assert rows == [{"operation": "create-booking:own-key", "status": 401}]
