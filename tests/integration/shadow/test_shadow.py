"""A shadow of the same version lists no booking, a shadow of another version exactly the differing ones. No caller notices."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from askproai_core.clock import SystemClock
from askproai_core.fault_injection import FaultPoints
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import TenantConfig, decode, encode
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.services import TeamEventType
from askproai_operator.controllers.tenant.shadow import shadow_config
from askproai_operator.store.shadows import ShadowResults, shadow_name
from askproai_runtime.book.outcomes import Moved
from askproai_runtime.calendars import CalendarRequest, calcom_v2
from askproai_runtime.desk.appointments import cancel_for_desk, move_for_desk
from askproai_runtime.process import open_process
from askproai_runtime.shadow import ShadowSettings, replay, run_shadow
from askproai_runtime.web import WebProcess
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.cluster import free_port
from askproai_sandbox.simulator import serve
from tests.worlds.databases import Database, TenantStore
from tests.worlds.desk_bookings import desk
from tests.worlds.tenant_pod import TenantPod, next_friday, open_pod, running_web
from tests.worlds.waiting import eventually, stopwatch

pytestmark = pytest.mark.nightly

PASSWORD, KEY = "password-of-shadow", "key-of-shadow"


@dataclass
class ShadowEnvironment:
    """`pod` is the live pod, whose callers are real; `shadow` has the copy of its book."""

    pod: TenantPod
    shadow: TenantPod
    database: Database

    async def found(self) -> ShadowResults:
        return await self.database.admin.read_shadow_results(self.pod.store.tenant, 50)

    async def has_begun(self) -> bool:
        return (await self.found()).has_begun

    async def wait_until_compared(self, requests: int) -> ShadowResults:
        """Wait until `requests` requests were compared, or could not be; return the results."""

        async def enough() -> ShadowResults | None:
            found = await self.found()
            return found if found.compared + found.not_compared >= requests else None

        return await eventually(enough, what=f"{requests} requests to be compared")

    async def book_of(self, store: TenantStore) -> list[str]:
        rows = await self.pod.db.fetch(
            """SELECT service || ' ' || staff || ' ' || starts_at || ' ' || status AS text FROM appointments
               WHERE tenant = $1 AND status <> 'held' ORDER BY 1""",
            store.tenant,
        )
        return [row["text"] for row in rows]

    async def wait_until_equal(self) -> None:
        """Wait until both books are equal: the copy of the live pod's bookings is there."""

        async def equal() -> bool:
            return await self.book_of(self.pod.store) == await self.book_of(self.shadow.store)

        await eventually(equal)


async def make_shadow_pod(database: Database, pod: TenantPod, folder: Path, config: TenantConfig) -> TenantPod:
    """Create the shadow of a pod's tenant, and its pod's mounted files."""
    ids = await database.admin.ensure_shadow(pod.store.tenant, pod.store.uid, PASSWORD, 10)
    tenant = shadow_name(pod.store.tenant)
    role, dsn = database.admin.role_name(tenant), database.admin.tenant_dsn(tenant, PASSWORD)
    shadow = TenantPod(folder, TenantStore(tenant, pod.store.uid, role, dsn, {}), pod.session, pod.db)
    (folder / "credentials").mkdir(parents=True)
    (folder / "token").write_text("token")
    (folder / "tenant.json").write_text(encode(shadow_config(config, ids)))
    for name, value in (("DATABASE_URL", dsn), ("retell-api-key", KEY), ("calcom-api-key", "none")):
        shadow.write_credential(name, value)
    return shadow


@asynccontextmanager
async def running_shadow(
    database: Database,
    pod: TenantPod,
    folder: Path,
    config: TenantConfig,
    change: Callable[[TenantConfig], TenantConfig] = lambda config: config,
    faults: FaultPoints | None = None,
) -> AsyncIterator[ShadowEnvironment]:
    """Run the shadow of a running pod, whose config copies requests.

    The shadow's version differs from the pod's by `faults`, and by `change`, which alters its config as another reading of the
    same manifests would.
    """
    stop, started = asyncio.Event(), asyncio.Event()
    shadow = await make_shadow_pod(database, pod, folder, config)
    calendar_port = free_port()
    text = (folder / "tenant.json").read_text().replace("127.0.0.1:8092", f"127.0.0.1:{calendar_port}")
    shadow.write_config(change(decode(text)))

    async def run_web() -> None:
        async with open_process(shadow.settings(), "web", 3, SystemClock(), faults or FaultPoints(), stop) as process:
            shadow.web = WebProcess(process)
            await shadow.web.run(stop, lambda _: started.set())

    web = asyncio.create_task(run_web())
    await started.wait()
    settings = ShadowSettings(
        config_file=folder / "tenant.json",
        credentials_dir=folder / "credentials",
        live_credentials_dir=pod.folder / "credentials",
        bind_address="127.0.0.1",
        public_port=shadow.web.public_port,
        calendar_port=calendar_port,
    )
    replaying = asyncio.create_task(run_shadow(settings, stop))
    environment = ShadowEnvironment(pod, shadow, database)
    try:
        await eventually(environment.has_begun, what="the first copy")
        yield environment
    finally:
        stop.set()
        await asyncio.gather(web, replaying)


CUT = {"service": "Haarschnitt"}
CALCOM_KEY = "cal_salon"


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow no difference of clocks, so that a request right after a copy is not skipped."""
    monkeypatch.setattr(replay, "_CLOCKS", timedelta())


@pytest.fixture
async def pod(database: Database, tmp_path: Path) -> Any:
    folder = tmp_path / "live"
    folder.mkdir()
    async with open_pod(database, folder, "salon") as pod:
        pod.write_config(pod.config(shadow=True))
        async with running_web(pod):
            yield pod


async def book(pod: TenantPod, call: str, start: datetime, **args: Any) -> dict[str, Any]:
    number = number_of(call)
    asked = CUT | {"start": start.isoformat(), "customer_name": "Petra Müller", **args}
    return (await pod.function("book_appointment", call, asked, from_number=number)).body


def current_config(pod: TenantPod) -> TenantConfig:
    """Return the config that the live pod uses by now."""
    return pod.web._process.config.current


def number_of(call: str) -> str:
    return f"+49151{sum(call.encode()) % 10**8:08}"


async def change(pod: TenantPod, function: str, call: str, **args: Any) -> dict[str, Any]:
    """Change an appointment of the call's number; a question back is answered with yes."""
    for asked in (args, args | {"confirmed": True}):
        answer = (await pod.function(f"{function}_appointment", call, asked, from_number=number_of(call))).body
        if answer["success"] or not answer.get("needs_confirmation"):
            break
        await asyncio.sleep(2.1)  # a question that nobody can have heard yet is not answered
    return answer


async def test_shadow_of_the_same_version_shows_no_difference(database: Database, pod: TenantPod, tmp_path) -> None:
    """Bookings, moves, cancellations, two who come together, and lost races."""
    booked = [await book(pod, name, next_friday(pod, hour)) for name, hour in (("moves", 9), ("cancels", 10))]
    assert all(each["success"] for each in booked)
    async with running_shadow(database, pod, tmp_path / "shadow", pod.config()) as environment:
        free = await pod.function("check_availability", "offered", CUT, from_number=number_of("offered"))
        first = await book(pod, "offered", datetime.fromisoformat(free.body["slots"][0]["start"]))
        moved = await change(pod, "reschedule", "moves", start=next_friday(pod, 11).isoformat())
        cancelled = await change(pod, "cancel", "cancels", appointment_id=booked[1]["appointment_id"])
        raced = await asyncio.gather(*(book(pod, f"race_{n}", next_friday(pod, 15), staff="anna") for n in range(4)))
        group = await book(pod, "group", next_friday(pod, 16), companions=[{"customer_name": "Mia Rot"}])
        assert [each["success"] for each in (first, moved, cancelled, group)] == [True] * 4
        assert sum(each["success"] for each in raced) == 1
        found = await environment.wait_until_compared(9)
        assert (found.differences, found.not_compared) == ((), 0)

        await environment.wait_until_equal()
        # Bookings in the copied book are moved and cancelled by the ids of the live version.
        ids = [first["appointment_id"], *(each["appointment_id"] for each in group["appointments"])]
        noon = next_friday(pod, 12).isoformat()
        again = await change(pod, "reschedule", "offered", start=noon, appointment_id=ids[0])
        left = [await change(pod, "cancel", "group", appointment_id=each) for each in ids[1:]]
        assert [each["success"] for each in (again, *left)] == [True] * 3, (again, left)
        found = await environment.wait_until_compared(12)
        assert (found.differences, found.not_compared) == ((), 0)
        await environment.wait_until_equal()


async def test_desk_change_of_an_appointment_is_no_difference(database: Database, pod: TenantPod, tmp_path) -> None:
    """The desk changes an appointment that the call has just booked, and one that the call has only listed."""
    known = await book(pod, "listed", next_friday(pod, 9))
    async with running_shadow(database, pod, tmp_path / "shadow", pod.config()) as environment:
        at_desk = pod.web._process.booking()
        for call, hour in (("cancelled", 10), ("kept", 11)):
            booked = await book(pod, call, next_friday(pod, hour), staff="anna")
            if call == "cancelled":
                assert await cancel_for_desk(at_desk, desk(), UUID(booked["appointment_id"]), None, "corr-desk")
        await pod.function("find_appointments", "hears", {}, from_number=number_of("listed"))
        start = next_friday(pod, 16).astimezone(UTC)
        moved = await move_for_desk(at_desk, desk(), UUID(known["appointment_id"]), start, None, "corr-desk")
        assert isinstance(moved, Moved)
        found = await environment.wait_until_compared(2)
        assert (found.differences, found.compared, found.not_compared) == ((), 1, 1)
        await environment.wait_until_equal()


async def test_comparison_lists_exactly_a_partly_failing_versions_failures(
    database: Database, pod: TenantPod, tmp_path: Path
) -> None:
    """The choice of a staff member depends on the other bookings of the day, and nothing else may differ after a failure."""
    faults = FaultPoints("fail:50:before:book")
    async with running_shadow(database, pod, tmp_path / "shadow", pod.config(), faults=faults) as environment:
        calls = [f"call_{n}" for n in range(8)]
        for n, call in enumerate(calls):
            assert (await book(pod, call, next_friday(pod, (12, 13, 15, 16)[n % 4], 1 + n // 4)))["success"]
        found = await environment.wait_until_compared(8)
        chance = random.Random(0)  # as that of the faults
        failed = {call for call in calls if chance.random() < 0.5}
        assert 0 < len(failed) < 8
        assert {each.call_id for each in found.differences} == failed
        assert (found.compared, found.not_compared) == (8, 0)
        for each in found.differences:
            assert (each.answers_live, each.answers_shadow) == (("booked",), ("failed",))
            assert (len(each.only_live), each.only_shadow) == (1, ())
            assert "booked" in each.only_live[0]
        await environment.wait_until_equal()
        differ = (await environment.found()).calls_that_differ
        assert differ == len(failed), "the next copy makes no difference of what was one"


async def test_differently_booking_shadow_shows_both_versions_bookings(
    database: Database, pod: TenantPod, tmp_path: Path
) -> None:
    def without_anna(config: TenantConfig) -> TenantConfig:
        """Return the config as a version reads it that takes Anna to be away."""
        (branch,) = config.branches
        staff = tuple(
            msgspec.structs.replace(each, working_hours=()) if each.id == "anna" else each for each in branch.staff
        )
        return msgspec.structs.replace(config, branches=(msgspec.structs.replace(branch, staff=staff),))

    async with running_shadow(database, pod, tmp_path / "shadow", pod.config(), without_anna) as environment:
        with_anna, start = await book(pod, "anna", next_friday(pod, 11), staff="anna"), next_friday(pod, 13)
        anybody = await book(pod, "anybody", start)
        assert with_anna["success"]
        assert anybody["success"]
        assert (await book(pod, "mehmet", next_friday(pod, 15), staff="mehmet"))["success"]
        found = await environment.wait_until_compared(3)
        differences = {each.call_id: each for each in found.differences}
        staff = await pod.db.fetchval(
            "SELECT staff FROM appointments WHERE call_id = 'anybody' AND tenant = $1", pod.store.tenant
        )
        assert differences.keys() == ({"anna", "anybody"} if staff == "anna" else {"anna"})
        assert differences["anna"].only_shadow == ()
        if staff == "anna":
            (ours,), (theirs,) = differences["anybody"].only_live, differences["anybody"].only_shadow
            assert theirs == ours.replace("anna", "mehmet")


async def test_shadow_uses_calcom_data_without_any_request(database: Database, pod: TenantPod, tmp_path: Path) -> None:
    calcom = CalcomSimulator(SystemClock())
    async with serve(calcom) as url:
        for number, host in ((1001, "anna"), (1002, "mehmet")):
            event_type = {"key": CALCOM_KEY, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": host}
            async with pod.session.post(f"{url}/_sim/event-types", json=event_type) as response:
                assert response.status == 201
        calendar = CalendarConfig(provider=CalendarProvider.CALCOM, base_url=url, attendee_email_domain="anruf.example")
        config = pod.config(calendar=msgspec.structs.replace(calendar, requests_per_minute=0))
        pod.write_credential("calcom-api-key", CALCOM_KEY)
        pod.write_config(msgspec.structs.replace(config, shadow=True))
        await eventually(lambda: current_config(pod).calendar.base_url == url)
        async with running_shadow(database, pod, tmp_path / "shadow", config) as environment:
            free = await pod.function("check_availability", "offered", CUT, from_number=number_of("offered"))
            first = await book(pod, "offered", datetime.fromisoformat(free.body["slots"][0]["start"]))
            # Cal.com is asked anew below: a replay that comes after it would find the first time taken, and count as not compared.
            await environment.wait_until_compared(1)
            # Somebody books at Cal.com, and no event comes.
            guest = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
            start = next_friday(pod, 15)
            booking = {"eventTypeId": 1001, "start": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "attendee": guest}
            headers = {"cal-api-version": "2024-08-13", "Authorization": f"Bearer {CALCOM_KEY}"}
            async with pod.session.post(f"{url}/v2/bookings", json=booking, headers=headers) as response:
                assert response.status == 201, await response.text()
            taken = await book(pod, "taken", start, staff="anna")
            moved = await change(pod, "reschedule", "offered", start=next_friday(pod, 11).isoformat())
            cancelled = await change(pod, "cancel", "offered", appointment_id=first["appointment_id"])
            assert [each["success"] for each in (first, taken, moved, cancelled)] == [True, False, True, True]
            found = await environment.wait_until_compared(5)
            assert (found.differences, found.not_compared) == ((), 0)
            keys = {entry.get("key") for entry in calcom.journal.entries}
            created = [entry for entry in calcom.journal.entries if entry.get("operation") == "create-booking"]
            assert len(created) == 3, "the shadow's bookings reach no provider"
            assert "none" not in keys


async def test_host_chosen_by_calcom_is_no_difference(
    database: Database, pod: TenantPod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives Anna both bookings, and the second is undone: she has the first. The shadow books with whom it has asked for."""
    calcom, booking_body = CalcomSimulator(SystemClock()), calcom_v2.booking_body

    def body_without_wish(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
        return {name: value for name, value in booking_body(request, config).items() if name != "rrHostSubsetIds"}

    monkeypatch.setattr(calcom_v2, "booking_body", body_without_wish)
    async with serve(calcom) as url:
        length = {"lengthInMinutes": 45, "afterEventBuffer": 10}
        team = {"key": CALCOM_KEY, "id": 3001, "schedulingType": "roundRobin", **length}
        team |= {"hosts": ["anna", "mehmet"], "rrHostSubsetEnabled": True}
        async with pod.session.post(f"{url}/_sim/event-types", json=team) as response:
            assert response.status == 201
        account = calcom.account_of(CALCOM_KEY)
        hosts = [TeamEventType(staff=name, event_type_id=3001, host_id=account.host(name).id, by_host=True)
                 for name in ("anna", "mehmet")]  # fmt: skip
        calendar = CalendarConfig(provider=CalendarProvider.CALCOM, base_url=url, attendee_email_domain="anruf.example")
        config = pod.config(calendar=msgspec.structs.replace(calendar, requests_per_minute=0))
        services = [msgspec.structs.replace(config.services[0], event_types=(), team_event_types=tuple(hosts))]
        config = msgspec.structs.replace(config, services=tuple(services))
        pod.write_credential("calcom-api-key", CALCOM_KEY)
        pod.write_config(msgspec.structs.replace(config, shadow=True))
        await eventually(lambda: current_config(pod).calendar.base_url == url)
        async with running_shadow(database, pod, tmp_path / "shadow", config) as environment:
            given = await book(pod, "given", next_friday(pod, 15), staff="mehmet")
            assert (given["success"], given.get("staff")) == (True, "anna"), given
            found = await environment.wait_until_compared(1)
            assert (found.differences, found.compared, found.not_compared) == ((), 0, 1)
            account.bookings.clear()  # Cal.com has lost it
            undone = await book(pod, "undone", next_friday(pod, 15), staff="mehmet")
            assert not undone["success"]
            found = await environment.wait_until_compared(2)
            assert (found.differences, found.compared, found.not_compared) == ((), 0, 2)


async def test_shadows_neither_delay_nor_fail_an_answer(database: Database, pod: TenantPod) -> None:
    """The table of copies is locked, as if the database were slow for it alone."""
    async with pod.db.transaction():
        await pod.db.execute("LOCK TABLE shadow_requests IN ACCESS EXCLUSIVE MODE")
        async with stopwatch() as waited:
            answers = [await book(pod, f"call_{n}", next_friday(pod, 9 + 2 * n), staff="anna") for n in range(3)]
        assert all(each["success"] for each in answers)
        assert waited() < 1.5
        with capture_logs() as logs:
            await eventually(lambda: [each for each in logs if each["event"] == "shadow.request_dropped"])
    async with pod.session.get(f"http://127.0.0.1:{pod.web.metrics_port}/metrics") as answer:
        counted = await answer.text()
    assert re.search(r"^askproai_shadow_requests_dropped_total\{.*\} [1-3]", counted, re.MULTILINE)


async def test_bodies_are_encrypted_and_the_replay_reads_them(database: Database, pod: TenantPod, tmp_path) -> None:
    pod.encrypt()
    await eventually(lambda: current_config(pod).encrypt_bodies)
    await book(pod, "stored", next_friday(pod, 9))
    stored = await eventually(lambda: pod.db.fetchval("SELECT body FROM shadow_requests WHERE call_id = 'stored'"))
    assert b"Petra" not in stored
    async with running_shadow(database, pod, tmp_path / "shadow", pod.config()) as environment:
        assert (await book(pod, "replayed", next_friday(pod, 11)))["success"]
        found = await environment.wait_until_compared(1)
        assert (found.differences, found.compared, found.not_compared) == ((), 1, 0)
        assert await pod.db.fetchval("SELECT count(*) FROM shadow_requests") == 0
