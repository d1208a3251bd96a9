"""No statement that somebody waits for reads more if this or another tenant has years of rows.

Each statement is executed with EXPLAIN first, with the role that sends it (tests/worlds/statement_plans.py).
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import (
    BusinessNotifications,
    CustomerNotifications,
    Notifications,
    WebhookSettings,
)
from askproai_operator.store import stranded
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.stranded import DeclaredWork, encode_declared
from askproai_operator.store.tenant_states import ProvisionedTenant, TenantFacts
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.book.store.calendar import (
    find_event_type,
    is_up_to_date,
    list_blocking_bookings,
    list_known,
    list_local_appointments,
    read_sync_state,
)
from askproai_runtime.book.store.free_times import list_yielding_spans
from askproai_runtime.calendar_sync.store import list_confirmed_between, list_matching
from askproai_runtime.calendars import RemoteBooking
from askproai_runtime.coordinator.store import AGEING_STATEMENTS, RETENTION_STATEMENTS, Position, age_rows, change_rows
from askproai_runtime.events.store import close_missing_call, close_old_calls, list_incomplete_calls, list_unknown_calls
from askproai_runtime.metrics import Metrics
from askproai_runtime.notifications.task import NotificationTask
from askproai_runtime.page.views import VIEWS
from askproai_runtime.tasks import TaskRun
from tests.worlds.call_records import get
from tests.worlds.coordinator_environment import PASSWORD
from tests.worlds.databases import Database
from tests.worlds.grown_tenant import GROWING, Size, grow, leave_to_us
from tests.worlds.page_visitor import visiting
from tests.worlds.statement_plans import PlanRecorder, recording_plans
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, open_pod, running_web, running_worker

pytestmark = pytest.mark.nightly

LARGE = Size(events=60_000, appointments=20_000, customers=2_000)
SMALL = Size(events=300, appointments=100, customers=50)
CALLER, HAIRCUT = "+49300000007", {"service": "Haarschnitt"}
ROWS = 500  # the most rows of one table, or sorted: fewer than future appointments
BLOCKS = 1_200  # of 8 KB
# A filter by a name is compared with everybody who has appointments, also with those who have left.
READS_THE_WHOLE_BOOK = "SELECT DISTINCT branch, staff FROM appointments WHERE tenant = $1 ORDER BY branch, staff"
# spec.retention bounds the requests to providers, and this statement runs only when somebody opens the system view.
READS_WHAT_IS_KEPT = "SELECT DISTINCT ON (provider) provider, outcome, at FROM provider_calls WHERE tenant = $1"


@pytest.fixture(scope="module")
async def both(module_database: Database, tmp_path_factory) -> AsyncIterator[dict[str, TenantPod]]:
    """A large and a small tenant in one database, in its statistics. Their processes do not run."""
    pods = {}
    async with AsyncExitStack() as stack:
        for name, size in (("large", LARGE), ("small", SMALL)):
            pod = await stack.enter_async_context(open_pod(module_database, tmp_path_factory.mktemp("pod"), name))
            await grow(pod.db, pod.store, size)
            pods[name] = pod
        await leave_to_us(pods["large"].db)
        await pods["large"].db.execute("ANALYZE")
        yield pods


@pytest.fixture(params=["large", "small"])
def pod(request: pytest.FixtureRequest, both: dict[str, TenantPod]) -> TenantPod:
    return both[request.param]


def faults_of(recorder: PlanRecorder) -> list[str]:
    """Return the statements that read too much. Fails if none was sent."""
    assert recorder.plans
    return [
        f"{', '.join(faults)}: {plan.statement}\n{plan.text}"
        for plan in recorder.plans
        if plan.statement != READS_THE_WHOLE_BOOK
        and not plan.statement.lstrip().startswith(READS_WHAT_IS_KEPT)
        and (faults := plan.faults(GROWING, ROWS, BLOCKS))
    ]


async def test_call_functions_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(name: str, **args: Any) -> dict[str, Any]:
        return (await pod.function(name, "call_1", HAIRCUT | args, from_number=CALLER)).body

    with recording_plans(monkeypatch) as recorder:
        async with running_web(pod, worker_port=9):
            await pod.inbound(CALLER)
            first, *_, last = (await ask("check_availability"))["slots"]
            booked = await ask("book_appointment", start=first["start"], customer_name="Petra Müller")
            assert booked["status"] == "confirmed", booked
            mine = {"appointment_id": booked["appointment_id"]}
            assert (await ask("find_appointments"))["appointments"]
            await ask("reschedule_appointment", start=last["start"], **mine)
            await ask("cancel_appointment", **mine)
            await pod.let_two_seconds_pass("call_1")
            cancelled = await ask("cancel_appointment", confirmed=True, **mine)
            assert cancelled["success"], cancelled
    assert faults_of(recorder) == []


async def test_events_and_jobs_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_plans(monkeypatch) as recorder:
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            for event in ("call_started", "call_ended", "call_analyzed"):
                assert (await pod.retell(event, "call_new")).body["status"] == "accepted"
            assert (await pod.retell("call_ended", "call_grown_5")).body["status"] != "accepted"
            await pod.settled("call_new:call_analyzed")
    assert faults_of(recorder) == []


async def test_periodic_statements_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    now, tenant, hour, day = datetime.now(UTC), pod.store.tenant, timedelta(hours=1), timedelta(days=1)
    remote = RemoteBooking(("uid-1", "uid-0"), 1001, now, now + hour, live=True, changed_at=now, request_id=uuid4())
    cancelled = "SELECT id FROM appointments WHERE tenant = $1 AND status = 'cancelled' LIMIT 1"
    some = await pod.db.fetchval(cancelled, tenant)
    with recording_plans(monkeypatch) as recorder:
        async with open_pool(pod.store.dsn, max_size=1) as pool:
            await list_incomplete_calls(pool, tenant, now - hour)
            await list_unknown_calls(pool, tenant, [f"call_other_{n}" for n in range(40)])
            await close_missing_call(pool, tenant, "call_other_1")
            await close_old_calls(pool, tenant, now - day)
            await list_known(pool, tenant, [remote] * 40)
            await find_event_type(pool, tenant, "uid-1")
            await is_up_to_date(pool, tenant, "uid-1", now)
            await list_confirmed_between(pool, tenant, [1001, 1002], now, now + day, hour, 100)
            await list_matching(pool, tenant, ["uid-1", "uid-2"], [some], hour)
            async with pool.acquire() as conn:
                await list_local_appointments(conn, tenant, remote)
                await list_yielding_spans(conn, tenant, ["anna"], Span(now, now + day), None)
                await read_sync_state(conn, tenant, some)
                appointment = await get_appointment(conn, tenant, some)
                assert appointment is not None
                await list_blocking_bookings(conn, tenant, appointment)
    assert faults_of(recorder) == []


async def test_common_reads_of_quiet_tenants_are_bounded(
    both: dict[str, TenantPod], module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except a tenant's future appointments (at most 5000): each may be with a former staff member."""
    staff = encode_declared(DeclaredWork([("mitte", "anna")], [], [("mitte", "haarschnitt")]))
    role = module_database.admin.role_name
    tenants = [
        ProvisionedTenant(pod.store.tenant, pod.store.uid, role(pod.store.tenant), 60, TenantFacts(), set(), staff)
        for pod in both.values()
    ]
    monkeypatch.setattr(stranded, "_ROWS_READ", 100)
    admin = AdminStore(module_database.dsn)
    try:
        with recording_plans(monkeypatch) as recorder:
            await admin.find_provisioned(tenants)
            await admin.read_states({each.tenant: each.work for each in tenants}, timedelta(minutes=2))
            await admin.list_failing_providers(100)
    finally:
        await admin.close()
    assert faults_of(recorder) == []


@pytest.mark.parametrize("path", ["calls", "events", "appointments", "audit", "blocks"])
async def test_list_pages_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async with running_web(pod, worker_port=9):
        with recording_plans(monkeypatch) as recorder:
            page = await get(pod, path, limit="50")
            if page["next"]:
                await get(pod, path, limit="50", cursor=page["next"])
    assert faults_of(recorder) == []


async def test_desk_queries_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    some = await pod.db.fetchval("SELECT id::text FROM appointments WHERE tenant = $1 LIMIT 1", pod.store.tenant)
    with recording_plans(monkeypatch) as recorder:
        async with running_web(pod, worker_port=9):
            assert (await get(pod, "calls/call_grown_50/timeline", personal="true"))["moments"]
            assert (await get(pod, f"timeline/{some}"))["moments"]
            moments = (await get(pod, "timeline/corr-50"))["moments"]
            assert {each["what"] for each in moments} >= {"event", "function", "provider"}
            await get(pod, "events", status="dead", limit="50")
            await get(pod, "events", type="call_ended", limit="50")
            await get(pod, "appointments", staff="anna", limit="50", **{"from": tomorrow})
            await get(pod, "slots", branch="mitte", service="haarschnitt", date=tomorrow)
            await get(pod, "block-preview", staff="anna", **{"from": tomorrow})
    assert faults_of(recorder) == []


async def test_page_views_and_pulse_have_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    appointment = await pod.db.fetchval("SELECT id::text FROM appointments WHERE tenant = $1 LIMIT 1", pod.store.tenant)
    block = await pod.db.fetchval(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, block_id)
           SELECT tenant, id, now(), now() + interval '1 hour', 'infinity', gen_random_uuid() FROM resources WHERE tenant = $1
           LIMIT 1 RETURNING block_id::text""",
        pod.store.tenant,
    )
    seeded = {"calls": "call_grown_50", "appointments": appointment, "blocks": block}
    async with running_web(pod, worker_port=9), visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        with recording_plans(monkeypatch) as recorder:
            for path in VIEWS:
                status, page, _ = await visitor.get(path.replace("{id}", seeded.get(path.split("/")[1], "")))
                assert status == 200, page
    # One view shows a month of bookings: it reads a limited number of rows by the index, and does not reload by itself.
    assert [fault for fault in faults_of(recorder) if "AT TIME ZONE" not in fault] == []


async def test_retention_run_scans_rows_without_body_only_once(
    both: dict[str, TenantPod], module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events without a body stay for a year; each batch would read all of them to find the few that still have one."""
    tenant, batch, days = both["large"].store.tenant, 500, 20
    await module_database.admin.ensure_coordinator(PASSWORD)
    with recording_plans(monkeypatch) as recorder:
        async with open_pool(module_database.admin.coordinator_dsn(PASSWORD), max_size=1) as pool:
            _, empty_bodies = RETENTION_STATEMENTS[0]
            while await change_rows(pool, empty_bodies, batch, tenant, days) == batch:
                pass
    read = [plan.rows["webhook_events"] for plan in recorder.plans]
    assert len(read) > 3
    assert max(read) > LARGE.events / 2, "the last batch has looked everywhere"
    assert sum(number > 5 * batch for number in read) <= 2, read  # its plan for these values, and that for any


async def test_ageing_reads_only_unaged_rows(pod: TenantPod, module_database: Database, monkeypatch) -> None:
    """As the coordinator's role. All customers stay, since appointments name them."""
    tenant, batch = pod.store.tenant, 100
    await module_database.admin.ensure_coordinator(PASSWORD)
    seen = "UPDATE customers SET updated_at = now() - interval '900 days' * (1 + random()) WHERE tenant = $1"
    await pod.db.execute(seen, tenant)
    await pod.db.execute("ANALYZE customers")
    with recording_plans(monkeypatch) as recorder:
        async with open_pool(module_database.admin.coordinator_dsn(PASSWORD), max_size=1) as pool:
            for _, _, statement in AGEING_STATEMENTS:
                position, looked_at = Position(), 0
                for _ in range(3):
                    changed, last = await age_rows(pool, statement, batch, tenant, 800, position, "corr-run")
                    looked_at += changed
                    position = last or position
                assert last is not None or pod.store.tenant.startswith("small")
    # Each row of a batch is read, with its jobs, notifications and calls.
    found = [(plan, fault) for plan in recorder.plans for fault in plan.faults(GROWING, 5 * batch, 4_000)]
    faults = [f"{fault}: {plan.statement}\n{plan.text}" for plan, fault in found]
    assert faults == []


async def test_notification_run_has_bounded_plans(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reminder and a list of the day for one appointment, written and sent by the task."""
    clock, channel = SystemClock(), NotificationChannel.WEBHOOK
    settings = Notifications(
        webhook=WebhookSettings(url="https://127.0.0.1:9/in"),
        customer=CustomerNotifications(channels=(channel,), remind_minutes_before=60),
        business=BusinessNotifications(channels=(channel,), daily_list_at=clock.now().time().replace(microsecond=0)),
    )
    config = pod.config(time_zone="UTC", notifications=settings)

    async def save(_watermark: object) -> None:
        raise AssertionError

    with recording_plans(monkeypatch) as recorder:
        async with open_pool(pod.store.dsn, max_size=1) as pool:
            task = NotificationTask(
                pool, lambda: config, lambda _: None, pod.session, clock, FaultPoints(), Metrics(config.tenant)
            )
            await task.run(TaskRun(NOTIFICATIONS, {}, "corr-run", save))
    assert faults_of(recorder) == []


async def test_statistics_follow_each_table_that_grows(both: dict[str, TenantPod]) -> None:
    """For a tenant that statistics do not know, PostgreSQL expects one row, and takes any index that begins with the tenant."""
    db: asyncpg.Connection = both["large"].db
    followed = await db.fetch(
        "SELECT relname FROM pg_class WHERE 'autovacuum_analyze_scale_factor=0.01' = ANY (reloptions)"
    )
    assert {row["relname"] for row in followed} == set(GROWING)


async def test_statement_that_reads_a_whole_table_is_found(both: dict[str, TenantPod], monkeypatch) -> None:
    store = both["large"].store
    with recording_plans(monkeypatch) as recorder:
        async with open_pool(store.dsn, max_size=1) as pool:
            await pool.fetch("SELECT FROM calls WHERE tenant = $1 AND status = 'error'", store.tenant)
            await pool.fetch(
                "SELECT id FROM webhook_events WHERE tenant = $1 ORDER BY event_type LIMIT 1", store.tenant
            )
    whole, *_ = (plan for plan in recorder.plans if "FROM calls" in plan.statement)
    assert whole.faults(GROWING, ROWS, BLOCKS)[0].endswith("rows of all of calls")
    ordered, *_ = (plan for plan in recorder.plans if "ORDER BY" in plan.statement)
    assert any(fault.startswith("sorts 60,") for fault in ordered.faults(GROWING, ROWS, BLOCKS))
