"""Cal.com fails, recovers, or has only its old API: callers are served, and each booking reaches it exactly once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_limits.circuit_breaker import CircuitBreakers
from askproai_core.provider_limits.circuit_rules import CircuitRules, CircuitState
from askproai_core.provider_names import CalendarApi, Provider
from askproai_core.tenant_config.services import TeamEventType
from askproai_runtime.calendars import FallbackCalendar, ProviderCallRecorder
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v1 import CalcomV1
from askproai_runtime.conversation.types import Answer
from askproai_runtime.jobs import JobSettings, RunAgain, Runner
from askproai_runtime.metrics import Metrics
from askproai_sandbox.simulator import Fault, FaultKind
from tests.worlds.booking_environment import NOW, booking_args, call
from tests.worlds.calcom_environment import KEY, CalcomEnvironment, open_calcom_environment
from tests.worlds.waiting import until

pytestmark = pytest.mark.nightly

OPEN = timedelta(seconds=1.5)  # longer than a busy machine takes between two steps of a test
V2_ROUTES = ("create-booking", "list-bookings", "cancel-booking")
CALLS = "SELECT endpoint, status, outcome FROM provider_calls ORDER BY id"


@pytest.fixture
async def server(new_salon) -> AsyncIterator[CalcomEnvironment]:
    """A salon that uses both versions of Cal.com's API. Only v2 has a circuit breaker."""
    async with open_calcom_environment(new_salon, CircuitRules(open_for=OPEN)) as env:
        recorder = ProviderCallRecorder(env.salon.pool, env.salon.store.tenant, env.salon.metrics)
        http = CalcomHttp(env.session, CircuitBreakers(None, env.salon.clock), env.salon.clock)
        v1 = CalcomV1(http, lambda: env.config, lambda: env.key, recorder)
        versions = {CalendarApi.V2: env.calendar, CalendarApi.V1: v1}
        env.calendar = FallbackCalendar(lambda: env.config, versions, env.salon.clock, lambda: env.key)
        env.replace_worker_calendar(env.calendar)
        env.use_versions(CalendarApi.V2, CalendarApi.V1)
        yield env


def fail(env: CalcomEnvironment, kind: FaultKind, *operations: str) -> None:
    """Let Cal.com fail at these operations, or at all, until its faults are cleared."""
    env.inject_fault(kind, *operations or ("*",), count=None)


async def state(env: CalcomEnvironment) -> CircuitState:
    return (await env.circuits.views())[Provider.CALCOM].state


async def book(env: CalcomEnvironment, number: int, **args: Any) -> dict[str, Any]:
    start = f"2026-11-27T{12 + number:02}:00:00+01:00"
    caller = f"call_{number}{args.get('staff', '')}"
    named = {"name": "Otto Kurz" if args.get("staff") == "mehmet" else "Petra Lange"} | args
    answer = await env.salon.book(start, by=call(caller), **named)
    assert answer.success, answer
    assert answer.message.startswith("Der Termin ist eingetragen: Freitag"), "a German sentence, whatever happens"
    return answer.fields


@asynccontextmanager
async def running_worker(env: CalcomEnvironment) -> AsyncIterator[None]:
    """Run the jobs by a real queue meanwhile."""
    salon, stop = env.salon, asyncio.Event()
    settings = JobSettings(poll_busy=timedelta(milliseconds=100), grace=timedelta(seconds=2))
    handler, pool = salon.booking.sync_appointment, salon.pool
    runner = Runner(pool, salon.store.tenant, handler, SystemClock(), settings, Metrics("salon"), lease_pool=pool)
    running = asyncio.create_task(runner.run(stop))
    yield
    stop.set()
    await running


async def test_open_circuit_after_five_failures_spares_callers_waiting(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    fail(server, FaultKind.DOWN)
    for number in range(5):
        assert (await book(server, number % 4, staff=("anna", "mehmet")[number // 4]))["status"] == "pending_sync"
    assert await state(server) is CircuitState.OPEN
    requests = len(server.calcom.journal.entries)
    assert (await book(server, 1, staff="mehmet"))["status"] == "pending_sync"
    assert len(server.calcom.journal.entries) == requests, "an open circuit lets nothing through"
    errors = [row["error"] for row in await server.salon.live()]
    assert "its circuit is open" in errors[-1]
    await server.salon.assert_claims_match()


async def test_sync_job_waits_for_open_circuit_without_attempts(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    fail(server, FaultKind.DOWN)
    await book(server, 1)
    for _ in range(4):
        with pytest.raises(RunAgain):
            await server.run_sync_job()
    assert await state(server) is CircuitState.OPEN
    requests = len(server.calcom.journal.entries)
    with pytest.raises(RunAgain) as postponed:
        await server.run_sync_job()
    assert timedelta() < postponed.value.at - NOW <= OPEN * 1.5, "and not all jobs at once"
    assert len(server.calcom.journal.entries) == requests


async def test_one_probe_closes_circuit_without_duplicate_bookings(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    fail(server, FaultKind.DOWN, "list-bookings")
    # Cal.com has the first two, unknown to us.
    server.inject_fault(FaultKind.ERROR_AFTER_COMMIT, "create-booking", count=2)
    for number in (1, 2):
        await book(server, number)
    fail(server, FaultKind.DOWN, "create-booking")
    for number in (3, 4):
        await book(server, number)
    async with running_worker(server):
        await until(lambda: state(server), lambda found: found is CircuitState.OPEN, "the circuit to open")
        server.calcom.faults.clear()
        await until(server.salon.live, lambda live: {row["status"] for row in live} == {"confirmed"}, "every booking")
    assert await state(server) is CircuitState.CLOSED
    assert len(server.bookings) == 4
    appointments = await server.salon.live()
    assert {row["external_id"] for row in appointments} == {booking["uid"] for booking in server.bookings}
    attempts = {row["attempts"] for row in await server.salon.rows("SELECT attempts FROM jobs")}
    assert attempts == {1}, "no attempt was used up"
    creates = [e["status"] for e in server.calcom.journal.entries if e["operation"] == "create-booking"]
    assert creates == [500, 500, 503, 503, 201, 201], "what Cal.com had was found, the others were created once"


async def test_old_server_without_v2_is_booked_by_v1(server: CalcomEnvironment) -> None:
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    fields = await book(server, 1, staff="anna")
    assert fields["status"] == "confirmed"
    (local,), (remote,) = await server.salon.live(), server.bookings
    assert local["external_id"] == remote["uid"]
    tenant, (attendee,) = server.salon.store.tenant, remote["attendees"]
    assert remote["metadata"] == {"requestId": str(local["id"]), "callId": "call_1anna", "tenant": tenant}
    assert remote["start"] == "2026-11-27T12:00:00.000Z"
    assert (attendee["email"], attendee["language"]) == ("anruf-4915112345678@anrufer.salon.example", "de")
    calls = [tuple(row.values()) for row in await server.salon.rows(CALLS)]
    assert calls == [("/v2/bookings", 404, "unavailable"), ("/v1/bookings", 200, "confirmed")]
    assert KEY not in str(server.calcom.journal.entries), "the key in the query is no text for a log"
    taken = await server.salon.book("2026-11-27T13:00:00+01:00", staff="anna", by=call("b", None))
    assert not taken.success


async def test_slot_taken_by_v1_goes_to_another_person(server: CalcomEnvironment) -> None:
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    await book(server, 1, staff="anna")
    await server.salon.pool.execute("UPDATE claims SET state = 'released'")  # only Cal.com knows of it
    await server.salon.pool.execute("UPDATE appointments SET status = 'cancelled', external_id = NULL")
    assert (await book(server, 1))["staff"] == "mehmet"


async def test_calcom_v1_is_used_only_if_listed(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    assert (await book(server, 1))["status"] == "pending_sync"
    assert server.count_requests("create-booking-v1") == 0


async def test_round_robin_booking_is_not_sent_by_v1(server: CalcomEnvironment) -> None:
    (service,) = server.config.services
    types = tuple(TeamEventType(staff=s, event_type_id=3001, host_id=n) for s, n in (("anna", 17), ("mehmet", 18)))
    services = (msgspec.structs.replace(service, event_types=(), team_event_types=types),)
    server.config = msgspec.structs.replace(server.config, services=services)
    server.salon.apply_config(msgspec.structs.replace(server.salon.configs[-1], services=services))
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    assert (await book(server, 1, staff="mehmet"))["status"] == "pending_sync"
    assert server.count_requests("create-booking-v1") == 0


async def test_open_v2_circuit_allows_booking_by_v1(server: CalcomEnvironment) -> None:
    fail(server, FaultKind.DOWN, *V2_ROUTES)
    for _ in range(5):
        await (await server.circuits.allow(Provider.CALCOM)).record_failure()
    assert (await book(server, 1))["status"] == "confirmed"
    assert len(server.bookings) == 1


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.ERROR_AFTER_COMMIT, FaultKind.DOWN])
async def test_create_with_unknown_outcome_is_looked_up_first(server: CalcomEnvironment, kind: FaultKind) -> None:
    """It is looked up first, by whichever version answers; what Cal.com has is not created again."""
    more = {"seconds": 30} if kind is FaultKind.TIMEOUT_AFTER_COMMIT else {}
    server.inject_fault(kind, "create-booking", count=1, **more)
    assert (await book(server, 1))["status"] == "pending_sync"
    assert server.count_requests("create-booking-v1") == 0
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    await server.run_sync_job()
    assert len(server.bookings) == 1
    (local,) = await server.salon.live()
    assert (local["status"], local["external_id"]) == ("confirmed", server.bookings[0]["uid"])
    assert server.count_requests("create-booking-v1") == (1 if kind is FaultKind.DOWN else 0)


async def test_booking_moved_in_v2_skips_the_v1_list(server: CalcomEnvironment) -> None:
    """v2 lists the old booking, but its new place cannot be read. v1 is not asked, since its lagging list would show nothing."""
    server.inject_fault(FaultKind.ERROR_AFTER_COMMIT, "create-booking", count=1)
    assert (await book(server, 1, staff="anna"))["status"] == "pending_sync"
    (booked,) = server.bookings
    server.calcom.clock.advance(timedelta(minutes=1))
    for operation in ("list-bookings", "list-bookings-v1"):
        lagging = {"operation": operation, "fault": FaultKind.LAGGING_LIST, "seconds": 3600}
        server.calcom.faults.active.append(Fault.parse(lagging, server.calcom.clock.now()))
    await server.dashboard("move", uid=booked["uid"], start="2026-11-27T16:00:00Z")
    fail(server, FaultKind.NO_ROUTE, "get-booking")
    with pytest.raises(RunAgain, match="was moved"):
        await server.run_sync_job()
    assert len(server.bookings) == 1
    server.calcom.faults.active.pop()
    await server.run_sync_job()
    assert len(server.bookings) == 1
    assert server.count_requests("create-booking") == 1


async def test_v1_create_with_unknown_outcome_is_found_again(server: CalcomEnvironment) -> None:
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    server.inject_fault(FaultKind.ERROR_AFTER_COMMIT, "create-booking-v1", count=1)
    assert (await book(server, 1))["status"] == "pending_sync"
    server.calcom.faults.clear()
    await server.run_sync_job()
    assert len(server.bookings) == 1
    assert [row["status"] for row in await server.salon.live()] == ["confirmed"]


async def test_v1_cancels_an_appointment_cancelled_here(server: CalcomEnvironment) -> None:
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES)
    first = await book(server, 1, staff="anna")
    await server.salon.cancel(first["appointment_id"])
    second = await book(server, 1, staff="anna")
    assert second["status"] == "confirmed"
    assert second["appointment_id"] != first["appointment_id"]
    (remote,) = server.bookings
    assert remote["metadata"]["requestId"] == second["appointment_id"]


async def test_cancellation_uses_v1_while_a_move_awaits_v2(server: CalcomEnvironment) -> None:
    """v1 moves without a mail or a webhook, so the move waits for v2, or for a person."""
    first = await book(server, 1, staff="anna")
    fail(server, FaultKind.NO_ROUTE, *V2_ROUTES, "get-booking", "reschedule-booking")
    (row,) = await server.salon.live()
    caller = call(row["call_id"], row["caller"])
    moved = await server.salon.booking.reschedule_appointment(caller, {"start": "2026-11-27T16:00:00+01:00"})
    assert (moved.success, moved.fields["status"]) == (True, "pending_sync")
    cancelled = await server.salon.booking.cancel_appointment(caller, {})
    assert cancelled.fields["appointment_id"] == first["appointment_id"]
    await server.run_sync_job()
    assert [b["status"] for b in server.bookings] in ([], ["cancelled"])


async def test_rate_limited_create_is_not_sent_by_v1(server: CalcomEnvironment) -> None:
    server.inject_fault(FaultKind.RATE_LIMITED, "create-booking", count=1)
    assert (await book(server, 1))["status"] == "pending_sync"
    assert server.count_requests("create-booking-v1") == 0
    assert await state(server) is CircuitState.CLOSED


async def _call(server: CalcomEnvironment, number: int, staff: str = "anna") -> Answer:
    args = booking_args(f"2026-11-27T{12 + number:02}:00:00+01:00", staff=staff)
    return await server.salon.booking.book_appointment(call(f"call_{number}{staff}"), args)


async def test_refused_calcom_key_is_used_only_twice(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    server.key = "revoked"
    answers = [await _call(server, number) for number in range(4)]
    assert server.count_requests("create-booking") == 2
    assert not any(answer.success for answer in answers)
    assert all("nicht gebucht" in answer.message for answer in answers)
    assert await server.salon.live() == []
    assert await state(server) is CircuitState.CLOSED, "what answers is not down: look-ups and events go on"
    server.key = KEY  # another key is asked at once
    assert (await _call(server, 4)).success


async def test_promised_booking_is_sent_despite_known_refusals(server: CalcomEnvironment) -> None:
    """An appointment that waits for the calendar would fail for good without one request."""
    server.use_versions(CalendarApi.V2)
    fail(server, FaultKind.DOWN)
    assert (await book(server, 0))["status"] == "pending_sync"
    server.calcom.faults.clear()
    event_types = server.calcom.accounts[KEY].event_types
    gone = event_types.pop(1001)
    assert not any([(await _call(server, number)).success for number in (1, 2, 3)])
    requests = server.count_requests("create-booking")
    event_types[1001] = gone  # a person brings it back a moment later
    await server.run_sync_job()
    assert server.count_requests("create-booking") == requests + 1
    assert [row["status"] for row in await server.salon.live()] == ["confirmed"]


async def test_missing_event_type_leaves_other_event_types_bookable(server: CalcomEnvironment) -> None:
    server.use_versions(CalendarApi.V2)
    del server.calcom.accounts[KEY].event_types[1001]
    for number in range(3):
        assert not (await _call(server, number)).success
    assert server.count_requests("create-booking") == 2
    assert (await _call(server, 3, "mehmet")).success
