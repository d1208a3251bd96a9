"""Watch the tenants' database sessions while this process leads: four times a second, end sessions that block others."""

import asyncio

import asyncpg
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.lifecycle import Stopped, run_until_stopped, sleep_until_stopped
from askproai_operator.control_loop import Metrics
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.sessions import EndedSession, WatchStep

log = structlog.get_logger(__name__)

CHECK_SECONDS = 0.25
_RECONNECT_SECONDS = 1.0


async def watch_sessions(database: AdminStore, metrics: Metrics, stop: asyncio.Event) -> None:
    """Check the sessions until `stop`, from the first preparation of the database on. If unreachable, retry each second."""
    try:
        await run_until_stopped(stop, database.wait_until_prepared())
    except Stopped:
        return
    while not stop.is_set():
        try:
            await _check_until_stopped(database, metrics, stop)
        except DATABASE_UNAVAILABLE as error:
            log.warning("session_watch.blind", error=type(error).__name__)  # a driver's text quotes hosts
            await sleep_until_stopped(stop, _RECONNECT_SECONDS)


async def _check_until_stopped(database: AdminStore, metrics: Metrics, stop: asyncio.Event) -> None:
    def ended(session: EndedSession) -> None:
        log.warning("session.ended", role=session.role, misuse=session.misuse, suspended=session.suspended)
        metrics.sessions_ended.labels(session.misuse).inc()

    def failed(step: WatchStep, role: str, error: Exception) -> None:
        todo = "if it lasts: end the session in pg_locks as a superuser"
        log.warning("session_watch.blocked", step=step, role=role, error=type(error).__name__, todo=todo)
        metrics.session_watch_failures.labels(step).inc()

    async with database.watch_sessions(ended, failed) as check:
        while not stop.is_set():
            try:
                await check()
            except asyncpg.PostgresError as error:
                # The connection is kept: while a table of the catalog is locked, a new one could not be opened.
                failed(WatchStep.LOOK, "", error)
            await sleep_until_stopped(stop, CHECK_SECONDS)
