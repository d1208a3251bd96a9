"""Cal.com fails, comes back, or only speaks its old API: callers are served, and each booking gets there exactly once (C1, B3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from booking_world import CALCOM, NOW, Salon, StandingClock, call, salon_of, wants

from askproai_core.clock import SystemClock
from askproai_core.redis import CircuitBreakers, CircuitRules, CircuitState, Provider
from askproai_core.tenant_config import CalcomVersion, TenantConfig
from askproai_runtime.booking import BookingSettings
from askproai_runtime.calendars import CalcomHttp, CalcomV1, CalcomV2, FallbackCalendar, ProviderCallRecorder
from askproai_runtime.jobs import JobSettings, RunAgain, Runner
from askproai_runtime.metrics import Metrics
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.cluster import eventually
from askproai_sandbox.simulator import Fault, FaultKind, serve

QUICK = BookingSettings(
    provider_timeout=timedelta(seconds=1), budget=timedelta(seconds=3), quiet=timedelta(), sync_delay=timedelta()
)
OPEN = timedelta(milliseconds=500)
KEY = "cal_salon"
V2_ROUTES = ("create-booking", "list-bookings", "cancel-booking")


@dataclass
class Server:
    """A salon, its calendar at a Cal.com that can fail, and the circuit between them."""

    salon: Salon
    calcom: CalcomSimulator
    circuits: CircuitBreakers
    config: TenantConfig

    def fault(self, kind: FaultKind, *operations: str, **more: Any) -> None:
        for operation in operations or ("*",):
            told = {"operation": operation, "fault": kind, "count": None, **more}
            self.calcom.faults.active.append(Fault.parse(told, NOW))

    def well_again(self) -> None:
        self.calcom.faults.clear()

    def only_v2(self) -> None:
        calendar = msgspec.structs.replace(self.config.calendar, api_versions=(CalcomVersion.V2,))
        self.config = msgspec.structs.replace(self.config, calendar=calendar)

    def requests(self, operation: str = "") -> int:
        return sum(entry["operation"].startswith(operation) for entry in self.calcom.journal.entries)

    @property
    def bookings(self) -> list[dict[str, Any]]:
        accounts = self.calcom.dump()["accounts"]
        return [b for b in accounts.get(KEY, {"bookings": []})["bookings"] if b["status"] == "accepted"]

    async def state(self) -> CircuitState:
        return (await self.circuits.views())[Provider.CALCOM].state

    async def book(self, number: int, **more: Any) -> dict[str, Any]:
        start = f"2026-11-27T{12 + number:02}:00:00+01:00"
        answer = await self.salon.booking.book_appointment(
            call(f"call_{number}{more.get('staff', '')}"), wants(start, **more)
        )
        assert answer.success, answer
        assert answer.message.startswith("Der Termin ist eingetragen: Freitag"), "a German sentence, whatever happens"
        return answer.fields

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Let a real queue carry out the jobs meanwhile."""
        salon, stop = self.salon, asyncio.Event()
        settings = JobSettings(poll_busy=timedelta(milliseconds=100), grace=timedelta(seconds=2))
        runner = Runner(
            salon.pool, salon.store.tenant, salon.booking.sync_appointment, SystemClock(), settings, Metrics("salon")
        )
        running = asyncio.create_task(runner.run(stop))
        yield
        stop.set()
        await running

    async def sync(self) -> None:
        await self.salon.booking.sync_appointment(await self.salon.claim_job())


@pytest.fixture
async def server(new_salon) -> AsyncIterator[Server]:
    """Both versions are listed."""
    calcom = CalcomSimulator(StandingClock(NOW))
    async with serve(calcom) as url, aiohttp.ClientSession() as session:
        made: list[Server] = []
        clock = StandingClock(NOW)
        circuits = CircuitBreakers(None, clock, rules=CircuitRules(open_for=OPEN))

        class Late:
            """The calendar needs the salon's pool, and the salon its calendar."""

            remote = True

            def __getattr__(self, name: str) -> Any:
                return getattr(versions, name)

        salon = await new_salon(Late(), QUICK)
        recorder = ProviderCallRecorder(salon.pool, salon.store.tenant, salon.counts)
        here = (lambda: made[0].config, lambda: KEY, recorder)
        v2 = CalcomV2(CalcomHttp(session, circuits, clock), *here)
        v1 = CalcomV1(CalcomHttp(session, CircuitBreakers(None, clock), clock), *here)
        versions = FallbackCalendar(lambda: made[0].config, {CalcomVersion.V2: v2, CalcomVersion.V1: v1}, clock)
        calendar = msgspec.structs.replace(CALCOM, base_url=url, api_versions=(CalcomVersion.V2, CalcomVersion.V1))
        made.append(Server(salon, calcom, circuits, salon_of(salon.store, calendar=calendar)))
        for staff, number in (("anna", 1001), ("mehmet", 1002)):
            body = {"key": KEY, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": staff}
            await (await session.post(f"{url}/_sim/event-types", json=body)).release()
        yield made[0]


async def test_five_failures_open_the_circuit_and_callers_wait_for_nothing_any_more(server: Server) -> None:
    server.only_v2()
    server.fault(FaultKind.DOWN)
    for number in range(5):
        assert (await server.book(number % 4, staff=("anna", "mehmet")[number // 4]))["status"] == "pending_sync"
    assert await server.state() is CircuitState.OPEN
    asked = server.requests()
    assert (await server.book(1, staff="mehmet"))["status"] == "pending_sync"
    assert server.requests() == asked, "an open circuit lets nothing through"
    errors = [row["error"] for row in await server.salon.live()]
    assert "its circuit is open" in errors[-1]
    await server.salon.books_agree()


async def test_the_sync_waits_as_long_as_the_circuit_says_and_burns_no_try(server: Server) -> None:
    server.only_v2()
    server.fault(FaultKind.DOWN)
    await server.book(1)
    for _ in range(4):
        with pytest.raises(RunAgain):
            await server.sync()
    assert await server.state() is CircuitState.OPEN
    asked = server.requests()
    with pytest.raises(RunAgain) as put_off:
        await server.sync()
    assert timedelta() < put_off.value.at - NOW <= OPEN
    assert server.requests() == asked


async def test_one_probe_closes_it_and_each_booking_comes_there_once(server: Server) -> None:
    server.only_v2()
    server.fault(FaultKind.DOWN, "list-bookings")
    server.fault(FaultKind.ERROR_AFTER_COMMIT, "create-booking", count=2)  # the first two stand there, unknown to us
    for number in (1, 2):
        await server.book(number)
    server.fault(FaultKind.DOWN, "create-booking")
    for number in (3, 4):
        await server.book(number)
    async with server.worker():
        await eventually(lambda: is_state(server, CircuitState.OPEN), timedelta(seconds=10), "the circuit to open")
        server.well_again()
        await eventually(lambda: all_confirmed(server), timedelta(seconds=20), "every booking to come over")
    assert await server.state() is CircuitState.CLOSED
    assert len(server.bookings) == 4
    here = await server.salon.live()
    assert {row["external_id"] for row in here} == {booking["uid"] for booking in server.bookings}
    assert {row["attempts"] for row in await server.salon.rows("SELECT attempts FROM jobs")} == {1}, "no try was burnt"
    creates = [e["status"] for e in server.calcom.journal.entries if e["operation"] == "create-booking"]
    assert creates == [500, 500, 503, 503, 201, 201], "what stood there was found, the others were made once"


async def is_state(server: Server, state: CircuitState) -> bool:
    return await server.state() is state


async def all_confirmed(server: Server) -> bool:
    return {row["status"] for row in await server.salon.live()} == {"confirmed"}


async def test_an_old_server_without_v2_is_booked_by_v1(server: Server) -> None:
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    fields = await server.book(1, staff="anna")
    assert fields["status"] == "confirmed"
    (here,), (there,) = await server.salon.live(), server.bookings
    assert here["external_id"] == there["uid"]
    assert there["metadata"] == {
        "requestId": str(here["id"]),
        "callId": "call_1anna",
        "tenant": server.salon.store.tenant,
    }
    assert there["start"] == "2026-11-27T12:00:00.000Z"
    assert (there["attendees"][0]["email"], there["attendees"][0]["language"]) == (
        "anruf-4915112345678@anrufer.salon.example",
        "de",
    )
    calls = await server.salon.rows("SELECT endpoint, status, outcome FROM provider_calls ORDER BY id")
    assert [tuple(row.values()) for row in calls] == [
        ("/v2/bookings", 404, "unavailable"),
        ("/v1/bookings", 200, "confirmed"),
    ]
    assert KEY not in str(server.calcom.journal.entries), "the key in the query is no text for a log"
    taken = await server.salon.booking.book_appointment(
        call("b", None), wants("2026-11-27T13:00:00+01:00", staff="anna")
    )
    assert not taken.success


async def test_what_v1_calls_taken_goes_to_the_other_person(server: Server) -> None:
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    await server.book(1, staff="anna")
    await server.salon.pool.execute("UPDATE claims SET state = 'released'")  # only Cal.com knows of it
    await server.salon.pool.execute("UPDATE appointments SET status = 'cancelled', external_id = NULL")
    assert (await server.book(1))["staff"] == "mehmet"


async def test_without_v1_in_the_list_it_is_never_asked(server: Server) -> None:
    server.only_v2()
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    assert (await server.book(1))["status"] == "pending_sync"
    assert server.requests("create-booking-v1") == 0


async def test_an_open_circuit_of_v2_is_plainly_unavailable_so_v1_is_asked(server: Server) -> None:
    server.fault(FaultKind.DOWN, *V2_ROUTES)
    for _ in range(5):
        await (await server.circuits.allow(Provider.CALCOM)).record_failure()
    assert (await server.book(1))["status"] == "confirmed"
    assert len(server.bookings) == 1


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_COMMIT, FaultKind.ERROR_AFTER_COMMIT, FaultKind.DOWN])
async def test_a_create_whose_outcome_is_unknown_never_goes_to_v1(server: Server, kind: FaultKind) -> None:
    """It is looked up first, by whichever version answers; what stands there is not made again."""
    more = {"seconds": 30} if kind is FaultKind.TIMEOUT_AFTER_COMMIT else {}
    server.fault(kind, "create-booking", count=1, **more)
    assert (await server.book(1))["status"] == "pending_sync"
    assert server.requests("create-booking-v1") == 0
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    await server.sync()
    assert len(server.bookings) == 1
    (here,) = await server.salon.live()
    assert (here["status"], here["external_id"]) == ("confirmed", server.bookings[0]["uid"])
    assert server.requests("create-booking-v1") == (1 if kind is FaultKind.DOWN else 0)


async def test_a_v1_create_whose_outcome_is_unknown_is_found_again(server: Server) -> None:
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    server.fault(FaultKind.ERROR_AFTER_COMMIT, "create-booking-v1", count=1)
    assert (await server.book(1))["status"] == "pending_sync"
    server.well_again()
    await server.sync()
    assert len(server.bookings) == 1
    assert [row["status"] for row in await server.salon.live()] == ["confirmed"]


async def test_v1_takes_back_what_was_cancelled_here(server: Server) -> None:
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES)
    first = await server.book(1, staff="anna")
    await server.salon.cancel(first["appointment_id"])
    second = await server.book(1, staff="anna")
    assert second["status"] == "confirmed"
    assert second["appointment_id"] != first["appointment_id"]
    (there,) = server.bookings
    assert there["metadata"]["requestId"] == second["appointment_id"]


async def test_a_cancellation_goes_by_v1_and_a_move_waits_for_v2(server: Server) -> None:
    """v1 moves without a mail or a webhook, so it is not asked to; the preferred version comes back, or a person decides."""
    first = await server.book(1, staff="anna")
    server.fault(FaultKind.NO_ROUTE, *V2_ROUTES, "get-booking", "reschedule-booking")
    (row,) = await server.salon.live()
    caller = call(row["call_id"], row["caller"])
    moved = await server.salon.booking.reschedule_appointment(caller, {"start": "2026-11-27T16:00:00+01:00"})
    assert (moved.success, moved.fields["status"]) == (True, "pending_sync")
    assert (await server.salon.booking.cancel_appointment(caller, {})).fields["appointment_id"] == first[
        "appointment_id"
    ]
    await server.sync()
    assert [b["status"] for b in server.bookings] in ([], ["cancelled"])


async def test_429_is_no_reason_to_ask_another_version(server: Server) -> None:
    server.fault(FaultKind.RATE_LIMITED, "create-booking", count=1)
    assert (await server.book(1))["status"] == "pending_sync"
    assert server.requests("create-booking-v1") == 0
    assert await server.state() is CircuitState.CLOSED
