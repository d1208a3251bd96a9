"""The task `erasures`: it finishes erasures, also at Retell and the remote calendar, and makes sure that no erased data comes back.

Data on its way during an erasure arrives within minutes: an event that waits in Redis or is being processed, a record of a call
function, the webhook of a cancellation. So passes are repeated until nothing was found for a while. From then on the noted
calls and bookings keep later data out: their events are stored without a body.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from askproai_core.database import Connection
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calls.at_retell import CallsAtRetell, RetellUnavailable
from askproai_runtime.calls.notices import empty_texts, iterate_refused_calls, mark_refused_deleted
from askproai_runtime.intake.spool import unstorable_beside
from askproai_runtime.privacy import store
from askproai_runtime.privacy.erase import SET_ASIDE, erase_once
from askproai_runtime.privacy.set_aside import SetAside
from askproai_runtime.privacy.store import Erasure
from askproai_runtime.privacy.traces import LONGEST_CALL, unreadable_text
from askproai_runtime.redis.durable_stream import DurableStream
from askproai_runtime.tasks import Next, TaskRun

log = structlog.get_logger(__name__)

QUIET = timedelta(minutes=2)  # longer than any job or request that may still write data from memory
_AGAIN = timedelta(seconds=30)
_IDLE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ErasureTask:
    """The handler of the task `erasures`. `spool` returns the stream of events that wait in Redis; None if the tenant has none."""

    ctx: BookingContext
    retell: CallsAtRetell
    spool: Callable[[], DurableStream | None]
    quiet: timedelta = QUIET

    async def run(self, run: TaskRun) -> Next:
        """Make another pass for each open erasure. A server that cannot be reached delays only the erasures that need it."""
        is_open, spool = False, self.spool()
        try:
            for erasure in await store.list_erasures(self.ctx.pool, self.ctx.tenant, only_open=True):
                try:
                    waits_for = await self._advance(erasure, spool, run.correlation_id)
                except RedisUnavailable:
                    waits_for = "Redis, where events may wait, does not answer"
                await store.record_wait(self.ctx.pool, self.ctx.tenant, erasure.id, waits_for)
                is_open = is_open or waits_for is not None
            await self._tidy_set_aside(spool)  # last, so that the erasures' evidence counts these events
        finally:
            if spool is not None:
                await spool.close()
        is_open |= await self._delete_refused(run.correlation_id)
        return Next(_AGAIN if is_open else _IDLE, run.watermark)

    async def _advance(self, before: Erasure, spool: DurableStream | None, correlation_id: str) -> str | None:
        """Make a pass, and finish the erasure if no new data was found for a while. Return why it has to wait; None when done.

        Raises `RedisUnavailable`.
        """
        set_aside = None
        with contextlib.suppress(RedisUnavailable):  # Redis must not delay the erasure of rows and of Retell's copies
            set_aside = await self._read_set_aside(spool)
        erasure = await erase_once(self.ctx, before, set_aside)
        self.ctx.faults.reach("after:erasure-pass")
        if waits_for := await self._delete_at_retell(erasure, correlation_id):
            return waits_for
        if waiting := await spool.count() if spool else 0:
            return f"{waiting} events wait in Redis"  # the caller of an event is known only once it is in the table
        set_aside = await self._read_set_aside(spool)  # after the spool, from which they come
        async with self.ctx.pool.acquire() as conn, conn.transaction():
            locked = await store.lock_erasure(conn, self.ctx.tenant, erasure.id)
            if locked is None or locked.caller is None:
                return None
            bodies = set_aside.bodies if set_aside else ()
            traces = await store.find_traces(
                conn, self.ctx.config(), locked.caller, locked.requested_at, self.ctx.cipher, locked.id, bodies
            )
            if left := await store.count_left(conn, self.ctx.tenant, traces):
                return f"{left} appointments are to come, or the remote calendar has yet to be told of their change"
            if traces.unreadable:
                return unreadable_text(traces)
            now = await store.read_time(conn)
            if not traces.is_gone or now - locked.changed_at < self.quiet:
                return f"whether anything comes within {self.quiet.total_seconds():.0f} s"
            await self._finish(conn, locked, correlation_id)
        log.info("erasure.done", erasure=str(erasure.id))
        return None

    async def _delete_at_retell(self, erasure: Erasure, correlation_id: str) -> str | None:
        """Delete an erasure's calls at Retell: transcript, recording and logs. Return why it has to wait; None when done."""
        calls = await store.list_calls_at_retell(self.ctx.pool, self.ctx.tenant, erasure.id)
        if calls and not self.retell.can_be_asked:
            return f"Retell has to be asked to delete {len(calls)} calls, and there is no agent or no key"
        for call_id in calls:
            try:
                await self.retell.delete(call_id, correlation_id)
            except RetellUnavailable as error:
                return str(error)
            self.ctx.faults.reach("after:delete-call")
            await store.mark_deleted(self.ctx.pool, self.ctx.tenant, call_id)
        return None

    async def _delete_refused(self, correlation_id: str) -> bool:
        """Delete calls at Retell whose callers refused storage, once the calls are over. Return True if some have to be tried
        again.

        This also empties rows that were being written when the caller refused.
        """
        is_left = False
        async for call_id, is_over in iterate_refused_calls(self.ctx.pool, self.ctx.tenant, LONGEST_CALL, self.quiet):
            if is_over:
                async with self.ctx.pool.acquire() as conn, conn.transaction():
                    await empty_texts(conn, self.ctx.tenant, call_id)
            if not is_over or not self.retell.can_be_asked:
                is_left = True
                continue
            try:
                await self.retell.delete(call_id, correlation_id)
            except RetellUnavailable as error:
                log.warning("refused_call.not_deleted", call_id=call_id, why=str(error))
                is_left = True
                continue
            self.ctx.faults.reach("after:delete-refused-call")
            await mark_refused_deleted(self.ctx.pool, self.ctx.tenant, call_id)
        return is_left

    async def _read_set_aside(self, spool: DurableStream | None) -> SetAside | None:
        """Return the events in Redis that PostgreSQL refused; None if the tenant has no spool. Raises `RedisUnavailable`."""
        return await SetAside.read(unstorable_beside(spool), self.ctx.cipher) if spool else None

    async def _tidy_set_aside(self, spool: DurableStream | None) -> None:
        """Remove events that PostgreSQL refused to store, if they are old, or of refused or erased calls and bookings."""
        oldest = self.ctx.clock.now() - timedelta(days=self.ctx.config().retention.raw_event_days)
        try:
            if (set_aside := await self._read_set_aside(spool)) and set_aside.entries:
                await set_aside.remove_unwanted(self.ctx.pool, self.ctx.tenant, oldest)
        except RedisUnavailable as error:
            log.info("spool.unstorable_not_read", error=str(error))

    async def _finish(self, conn: Connection, erasure: Erasure, correlation_id: str) -> None:
        """Record in the audit log the counts of erased data in each system, and mark the erasure as done, without the number."""
        tenant, systems = self.ctx.tenant, dict[str, dict[str, int]]()
        systems["database"] = {name: count for name, count in erasure.evidence.items() if name != SET_ASIDE}
        systems["redis"] = {"events_waiting": 0, SET_ASIDE: erasure.evidence.get(SET_ASIDE, 0)}
        systems["retell"] = {"calls_deleted": await store.count_deleted_calls(conn, tenant, erasure.id)}
        if self.ctx.calendar.remote:
            kept = await store.list_remote_bookings(conn, tenant, erasure.id)
            systems["calcom"] = {"bookings_that_keep_the_name": len(kept)}
        for system, evidence in systems.items():
            detail = {"erasure": str(erasure.id), "system": system, **evidence}
            await store.record_audit(conn, tenant, "worker", "caller.erased", detail, correlation_id)
        await store.finish_erasure(conn, tenant, erasure.id, await store.read_time(conn))
