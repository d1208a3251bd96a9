"""The worker process: runs the tenant's jobs and periodic tasks.

One port serves its health, its metrics and notifications by the web process.

One database connection is enough for the handlers, because each holds it for one short transaction only and waits for providers
without it. A second one renews the leases: handlers that wait for a row's lock one after the other hold the first for longer than a
lease, and their jobs would be taken from this worker. Like every connection, both are closed when they are idle.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from askproai_core.audit_state import CALENDAR_AUDIT, DifferenceSort
from askproai_core.clock import Clock, SystemClock
from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.http_server import start_server
from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.poll_state import CALENDAR_POLL
from askproai_runtime.billing import get_billing_state
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.waiting import WAITLIST
from askproai_runtime.book.waitlist_offers import WaitlistKeeper
from askproai_runtime.calendar_sync.audit import CalendarAudit
from askproai_runtime.calendar_sync.free_times_keeper import FREE_TIMES, FreeTimesKeeper
from askproai_runtime.calendar_sync.outbound import sync_appointment
from askproai_runtime.calendar_sync.store import count_differences
from askproai_runtime.calls.store import count_active_calls
from askproai_runtime.desk.messages import count_open_messages
from askproai_runtime.events import CALL_POLL, FOUND_BY_POLL, CalendarPoll, CallPoll, EventDispatcher
from askproai_runtime.health import Readiness, worker_app
from askproai_runtime.intake.spool import STREAM
from askproai_runtime.jobs import Job, JobKind, JobSettings, Runner
from askproai_runtime.notifications.store.notifications import measure_notifications
from askproai_runtime.notifications.task import NotificationTask
from askproai_runtime.privacy import ERASURES, ErasureTask
from askproai_runtime.process import Process, open_database, open_process, session_name
from askproai_runtime.redis.durable_stream import DurableStream
from askproai_runtime.redis.wake_up_channel import WakeUpChannel
from askproai_runtime.settings import Settings
from askproai_runtime.tasks import TaskHandler, TaskRunner, TaskSettings, request_unless_failed

log = structlog.get_logger(__name__)

CONNECTIONS = 1
LEASE_CONNECTIONS = 1
MEASURE_SECONDS = 15.0
REQUEST_AGAIN = timedelta(seconds=15)
REQUEST_ONCE_MORE = timedelta(minutes=1)  # by then a replaced pod has ended, or has seen the change


async def work(process: Process, stop: asyncio.Event, started: Callable[[int], None] = lambda _: None) -> None:
    """Run jobs until `stop`; then claim no more, and finish or put back the running jobs. `started` is called with the port."""
    settings, readiness = process.settings, Readiness(process)
    grace = settings.shutdown_grace_seconds
    jobs = JobSettings(grace=timedelta(seconds=grace))
    name = session_name(settings, "worker")
    async with open_database(process.credentials, LEASE_CONNECTIONS, name, stop) as lease_pool:
        booking, metrics = process.booking(for_callers=False), process.metrics
        free_times = FreeTimesKeeper(booking)
        handler, handlers = job_handler(process, booking, free_times), task_handlers(process, booking, free_times)
        runner = Runner(process.pool, process.tenant, handler, process.clock, jobs, metrics, lease_pool=lease_pool)
        tasks = TaskSettings(grace=min(TaskSettings().grace, jobs.grace))
        periodic = TaskRunner(process.pool, lease_pool, process.tenant, handlers, process.clock, metrics, tasks)
        try:
            await _serve(runner, periodic, process, readiness, stop, started)
        finally:
            await free_times.close()


async def _serve(
    runner: Runner,
    periodic: TaskRunner,
    process: Process,
    readiness: Readiness,
    stop: asyncio.Event,
    started: Callable[[int], None],
) -> None:
    settings, grace = process.settings, process.settings.shutdown_grace_seconds
    app = worker_app(process, readiness, runner.notify)
    server, port = await start_server(app, settings.bind_address, settings.worker_port, grace_seconds=grace)
    log.info("worker.started", port=port, config=process.config.hash)
    started(port)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(runner.run(stop))
            tasks.create_task(periodic.run(stop))
            listening = tasks.create_task(WakeUpChannel(process.shared, process.clock).listen(runner.notify))
            tasks.create_task(_measure(process, stop))
            requesting = tasks.create_task(_request_notifications(process))
            await stop.wait()
            readiness.draining = True
            listening.cancel()
            requesting.cancel()
    finally:
        await server.cleanup()
    log.info("worker.stopped")


async def _measure(process: Process, stop: asyncio.Event) -> None:
    """Keep gauges of table contents current, such as active calls: other workers change these tables, too."""
    while not stop.is_set():
        try:
            process.metrics.active_calls(await count_active_calls(process.pool, process.tenant))
            process.metrics.open_messages(await count_open_messages(process.pool, process.tenant))
            billing = await get_billing_state(process.pool, process.tenant)
            process.metrics.billing(billing.status if billing else None)
            differences = await count_differences(process.pool, process.tenant)
            if process.config.current.notifications is not None:
                process.metrics.notifications_left(*await measure_notifications(process.pool, process.tenant))
            process.metrics.calendar_differences({sort: differences.get(sort, 0) for sort in DifferenceSort})
        except DATABASE_UNAVAILABLE as error:
            log.warning("tables.not_measured", error=type(error).__name__)
        await sleep_until_stopped(stop, MEASURE_SECONDS)


async def _request_notifications(process: Process) -> None:
    """Make the notification task due, at the start and after each change of a config that has notifications, until cancelled.

    Without notifications the task runs only every few minutes, too late for the first mail. It is requested once more a little
    later, because a terminating pod that has not seen the change may run it now.
    """
    while True:
        changed = process.config.next_change()
        await _request_if_configured(process)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REQUEST_ONCE_MORE.total_seconds()):
                await changed.wait()
            continue
        await _request_if_configured(process)
        await changed.wait()


async def _request_if_configured(process: Process) -> None:
    """Make the notification task due if the config in use has notifications, as soon as the database is available."""
    while process.config.current.notifications is not None:
        try:
            await request_unless_failed(process.pool, process.tenant, NOTIFICATIONS)
            break
        except DATABASE_UNAVAILABLE as error:
            log.warning("notifications.not_requested", error=type(error).__name__)
            await process.clock.sleep(REQUEST_AGAIN)


def job_handler(
    process: Process, booking: BookingContext, free_times: FreeTimesKeeper
) -> Callable[[Job], Awaitable[None]]:
    """Return the handler for every kind of job."""
    events = EventDispatcher(process.pool, process.config.now, booking, process.clock, process.metrics, free_times)

    async def handle(job: Job) -> None:
        match job.kind:
            case JobKind.WEBHOOK_EVENT:
                await events.handle(job)
            case JobKind.CALENDAR_SYNC:
                await sync_appointment(booking, job)
                free_times.calendar_changed()

    return handle


def task_handlers(process: Process, booking: BookingContext, free_times: FreeTimesKeeper) -> Mapping[str, TaskHandler]:
    """Return the handler of each periodic task. A new task needs its handler, and a line here."""
    poll_every = timedelta(seconds=process.settings.calendar_poll_seconds)
    audit_every = timedelta(seconds=process.settings.calendar_audit_seconds)
    process.metrics.expect_call_events(FOUND_BY_POLL)
    calls_every = timedelta(seconds=process.settings.call_poll_seconds)
    return {
        CALENDAR_POLL: CalendarPoll(booking, poll_every).run,
        CALENDAR_AUDIT: CalendarAudit(booking, audit_every).run,
        CALL_POLL: CallPoll(
            process.pool,
            process.config.now,
            process.calls_at_retell(),
            process.clock,
            process.metrics,
            calls_every,
            process.cipher,
        ).run,
        FREE_TIMES: free_times.run,
        WAITLIST: WaitlistKeeper(booking).run,
        ERASURES: ErasureTask(
            booking,
            process.calls_at_retell(),
            lambda: DurableStream(process.shared, STREAM) if process.shared.configured else None,
        ).run,
        NOTIFICATIONS: NotificationTask(
            process.pool,
            process.config.now,
            process.credentials.get,
            process.session,
            process.clock,
            process.faults,
            process.metrics,
            process.admin_token,
        ).run,
    }


async def run_worker(settings: Settings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the worker until `stop`. Raises `ConfigUnreadable`, and `OSError` for a taken port."""
    faults = fault_points_from_environment()
    async with open_process(settings, "worker", CONNECTIONS, clock or SystemClock(), faults, stop) as process:
        await work(process, stop)
