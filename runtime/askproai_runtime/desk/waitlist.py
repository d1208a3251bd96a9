"""The waiting list for the desk: show entries, remove an entry, and record that an offer is declined."""

from collections.abc import Sequence
from uuid import UUID

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.waitlist import list_entries, list_entries_between, remove_entry
from askproai_runtime.book.store.waitlist_offers import decline
from askproai_runtime.book.waiting import WAITLIST
from askproai_runtime.book.waitlist import WaitlistEntry
from askproai_runtime.desk.appointments import bind
from askproai_runtime.tasks import request_soon


async def list_waitlist(
    ctx: BookingContext, *, waiting: bool, after: Sequence[object] | None, limit: int
) -> list[WaitlistEntry]:
    """Return the entries that wait for a time, or with `waiting` False the ended ones, by the time of joining."""
    return await list_entries(ctx.pool, ctx.tenant, waiting=waiting, after=after, limit=limit)


async def find_waitlist_entries(ctx: BookingContext, first: UUID, last: UUID) -> list[WaitlistEntry]:
    """Return up to two entries whose ids are between `first` and `last`, both included."""
    return await list_entries_between(ctx.pool, ctx.tenant, first, last)


async def remove_from_waitlist(
    ctx: BookingContext, desk: DeskRequest, entry_id: UUID, correlation_id: str
) -> WaitlistEntry | None:
    """Remove an entry from the waiting list, and return it; its offer goes to the next entry. None if no entry has this id."""
    async with ctx.pool.acquire() as conn, conn.transaction():
        await request_soon(conn, ctx.tenant, WAITLIST)
        if await remove_entry(conn, ctx.tenant, entry_id):
            await record_desk_change(conn, ctx.tenant, desk, "waitlist.removed", correlation_id, entry=entry_id)
        found = await list_entries_between(conn, ctx.tenant, entry_id, entry_id)
    return found[0] if found else None


async def decline_offer(
    ctx: BookingContext, desk: DeskRequest, entry_id: UUID, offer_id: int, correlation_id: str
) -> WaitlistEntry | None:
    """Record that a waiting person declines an offer: the time goes to the next entry, and the person goes on waiting.

    Return the entry; None if there is no such entry. If the offer is not open any more, nothing changes: a repeated request
    must not decline the next offer. Raises `RequestUsed` if the request's id belongs to another offer.
    """
    async with ctx.pool.acquire() as conn, conn.transaction():
        asked = {"entry": str(entry_id), "offer": str(offer_id)}
        await bind(conn, ctx, desk, "decline", **asked)
        await request_soon(conn, ctx.tenant, WAITLIST)
        if await decline(conn, ctx.tenant, entry_id, offer_id):
            await record_desk_change(conn, ctx.tenant, desk, "waitlist.declined", correlation_id, entry=entry_id)
        found = await list_entries_between(conn, ctx.tenant, entry_id, entry_id)
    return found[0] if found else None
