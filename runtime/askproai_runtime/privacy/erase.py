"""The first pass of an erasure of one caller, which runs at once for the desk. `task.py` repeats passes until no data arrives."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calls.notices import ERASURES
from askproai_runtime.desk.appointments import RequestUsed, cancel_for_desk
from askproai_runtime.privacy import store
from askproai_runtime.privacy.set_aside import SetAside
from askproai_runtime.privacy.store import Erasure
from askproai_runtime.privacy.traces import unreadable_text
from askproai_runtime.tasks import request_soon

SET_ASIDE: Final = "set_aside_events"  # in the evidence: events in Redis that PostgreSQL did not take


class CallGoingOn(Exception):
    """The erasure is refused because the caller is on the telephone: this call would be stored after the erasure."""


class AppointmentsToCome(Exception):
    """The erasure is refused because the caller has future appointments, and the request does not cancel them."""

    def __init__(self, appointments: Sequence[UUID]) -> None:
        super().__init__(f"{len(appointments)} appointments to come")
        self.appointments = appointments


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """The desk's request. `number` is E.164; `cancel` also cancels the future appointments, here and in the remote calendar."""

    desk: DeskRequest
    number: str
    cancel: bool
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure's first pass. `cancelled` is a number of appointments; `remote_bookings` keep the name."""

    erasure: Erasure
    cancelled: int
    remote_bookings: Sequence[str]


async def begin_erasure(ctx: BookingContext, request: ErasureRequest) -> Erased:
    """Erase the stored data of a number. The task does the rest: Retell, the remote calendar, and data that is still on its way.

    A request that is sent again, also after a crash, continues the same erasure. Raises `CallGoingOn`, `AppointmentsToCome`,
    `RequestUsed` if its id belongs to another number, and the errors of `cancel_for_desk`.
    """
    tenant = ctx.tenant
    async with ctx.pool.acquire() as conn:
        now = await store.read_time(conn)
        erasure = await store.find_erasure(conn, tenant, request.desk.request_id)
        if erasure is not None and not erasure.is_open:
            return Erased(erasure, 0, await store.list_remote_bookings(conn, tenant, erasure.id))
        if erasure is not None and erasure.caller != request.number:
            raise RequestUsed
        if await store.is_call_going_on(conn, tenant, request.number, ctx.cipher):
            raise CallGoingOn
        traces = await store.find_traces(conn, ctx.config(), request.number, now, ctx.cipher)
        to_come = await store.list_to_come(conn, tenant, traces)
        if to_come and not request.cancel:
            raise AppointmentsToCome(to_come)
        async with conn.transaction():
            if erasure is None:
                erasure = await store.open_erasure(conn, tenant, request.desk.request_id, request.number, now)
                # Recorded before anything is erased: else a crash would leave an erasure without its sender.
                detail = {"token": "admin", "claimed_by": request.desk.by, "erasure": str(erasure.id)}
                await store.record_audit(conn, tenant, "desk", "caller.erase", detail, request.correlation_id)
            await request_soon(conn, tenant, ERASURES)
    ctx.faults.reach("after:erasure-open")
    for appointment_id in to_come:
        desk = DeskRequest(uuid5(request.desk.request_id, str(appointment_id)), request.desk.by)
        await cancel_for_desk(ctx, desk, appointment_id, None, request.correlation_id)
    ctx.faults.reach("after:erasure-cancel")
    erasure = await erase_once(ctx, erasure)
    async with ctx.pool.acquire() as conn:
        return Erased(erasure, len(to_come), await store.list_remote_bookings(conn, tenant, erasure.id))


async def erase_once(ctx: BookingContext, erasure: Erasure, set_aside: SetAside | None = None) -> Erasure:
    """Make one pass of an open erasure: erase all data found now, in one transaction. Return the erasure's new state.

    The caller's events in `set_aside` are removed after the commit, which notes the calls that only they name. If the removal
    fails, the next pass removes them, and counts them again.
    """
    if erasure.caller is None:
        return erasure
    async with ctx.pool.acquire() as conn, conn.transaction():
        locked = await store.lock_erasure(conn, ctx.tenant, erasure.id)
        if locked is None or locked.caller is None:
            return erasure
        bodies = set_aside.bodies if set_aside else ()
        traces = await store.find_traces(
            conn, ctx.config(), locked.caller, locked.requested_at, ctx.cipher, locked.id, bodies
        )
        counts = await store.erase_rows(conn, ctx.tenant, locked.id, traces)
        if traces.set_aside:
            counts[SET_ASIDE] = len(traces.set_aside)
        await store.add_evidence(conn, ctx.tenant, locked, counts, await store.read_time(conn))
        if traces.unreadable:  # recorded now, so that the desk sees the reason at once
            await store.record_wait(conn, ctx.tenant, locked.id, unreadable_text(traces))
        ctx.faults.reach("before:erasure-commit")
    if set_aside:
        with suppress(RedisUnavailable):
            await set_aside.remove(traces.set_aside)
    async with ctx.pool.acquire() as conn:
        return await store.find_erasure(conn, ctx.tenant, erasure.id) or erasure
