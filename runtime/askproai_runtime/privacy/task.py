"""The task `erasures`: it finishes erasures, also at Retell and Cal.com, and makes sure that no erased data comes back.

Data on its way during an erasure arrives within minutes: an event that waits in Redis or is being processed, a record of a call
function, the webhook of a cancellation. So passes are repeated until nothing was found for a while. From then on the noted
calls and bookings keep later data out: their events are stored without a body.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from askproai_core.database import Connection
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calls.at_retell import CallsAtRetell, RetellUnavailable
from askproai_runtime.calls.notices import empty_texts, iterate_refused_calls, mark_refused_deleted
from askproai_runtime.privacy import store
from askproai_runtime.privacy.erase import erase_once
from askproai_runtime.privacy.store import Erasure
from askproai_runtime.privacy.traces import LONGEST_CALL, unreadable_text
from askproai_runtime.redis.durable_stream import DurableStream
from askproai_runtime.tasks import Next, TaskRun

log = structlog.get_logger(__name__)

QUIET = timedelta(minutes=2)  # longer than a job or a request that holds what it has read in memory
_AGAIN = timedelta(seconds=30)
_IDLE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ErasureTask:
    """The handler of the task. `spool` returns the stream of events that wait in Redis, or None if the tenant has no spool."""

    ctx: BookingContext
    retell: CallsAtRetell
    spool: Callable[[], DurableStream | None]
    quiet: timedelta = QUIET

    async def run(self, run: TaskRun) -> Next:
        """Make another pass for each open erasure. An unreachable server delays only that erasure."""
        is_open = False
        for erasure in await store.list_erasures(self.ctx.pool, self.ctx.tenant, only_open=True):
            waits_for = await self._advance(erasure, run.correlation_id)
            await store.record_wait(self.ctx.pool, self.ctx.tenant, erasure.id, waits_for)
            is_open = is_open or waits_for is not None
        is_open |= await self._delete_refused(run.correlation_id)
        return Next(_AGAIN if is_open else _IDLE, run.watermark)

    async def _advance(self, before: Erasure, correlation_id: str) -> str | None:
        """Make a pass, and end the erasure if a while passed without new data. Return the reason to wait, or None when done."""
        erasure = await erase_once(self.ctx, before)
        self.ctx.faults.reach("after:erasure-pass")
        if waits_for := await self._delete_at_retell(erasure, correlation_id):
            return waits_for
        if waits_for := await self._find_in_spool():
            return waits_for
        async with self.ctx.pool.acquire() as conn, conn.transaction():
            locked = await store.lock_erasure(conn, self.ctx.tenant, erasure.id)
            if locked is None or locked.caller is None:
                return None
            traces = await store.find_traces(
                conn, self.ctx.config(), locked.caller, locked.requested_at, self.ctx.cipher, locked.id
            )
            if left := await store.count_left(conn, self.ctx.tenant, traces):
                return f"{left} appointments are to come, or Cal.com has yet to be told of their change"
            if traces.unreadable:
                return unreadable_text(traces)
            now = await store.read_time(conn)
            if not traces.is_gone or now - locked.changed_at < self.quiet:
                return f"whether anything comes within {self.quiet.total_seconds():.0f} s"
            await self._finish(conn, locked, correlation_id)
        log.info("erasure.done", erasure=str(erasure.id))
        return None

    async def _delete_at_retell(self, erasure: Erasure, correlation_id: str) -> str | None:
        """Delete the calls at Retell: transcript, recording and logs. Return the reason to wait, or None when done."""
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
        """Delete calls at Retell whose callers refused storage, once they are over. Return whether some are left.

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

    async def _find_in_spool(self) -> str | None:
        """Return a reason to wait if events wait in Redis, or None. Their caller is known only when they are in their table."""
        spool = self.spool()
        if spool is None:
            return None
        try:
            waiting = await spool.count()
        except RedisUnavailable:
            return "Redis, where events may wait, does not answer"
        finally:
            await spool.close()
        return f"{waiting} events wait in Redis" if waiting else None

    async def _finish(self, conn: Connection, erasure: Erasure, correlation_id: str) -> None:
        """Record in the audit log what was erased in each system, and delete the number."""
        tenant, systems = self.ctx.tenant, dict[str, dict[str, int]]()
        systems["database"] = erasure.evidence
        systems["redis"] = {"events_waiting": 0}
        systems["retell"] = {"calls_deleted": await store.count_deleted_calls(conn, tenant, erasure.id)}
        if self.ctx.calendar.remote:
            kept = await store.list_at_calcom(conn, tenant, erasure.id)
            systems["calcom"] = {"bookings_that_keep_the_name": len(kept)}
        for system, evidence in systems.items():
            detail = {"erasure": str(erasure.id), "system": system, **evidence}
            await store.record_audit(conn, tenant, "worker", "caller.erased", detail, correlation_id)
        await store.finish_erasure(conn, tenant, erasure.id, await store.read_time(conn))
