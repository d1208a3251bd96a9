"""Messages for the desk: list them, and mark one as done."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.messages import Message
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.messages import count_open_messages as count_open_messages  # noqa: PLC0414  a metric
from askproai_runtime.book.store.messages import list_messages, list_messages_between, mark_done


async def list_messages_for_desk(
    ctx: BookingContext, *, done: bool, since: datetime | None, after: Sequence[object] | None, limit: int
) -> list[Message]:
    """Return the open messages, the oldest first, or with `done` the done ones, the last done first."""
    return await list_messages(ctx.pool, ctx.tenant, done=done, since=since, after=after, limit=limit)


async def find_messages(ctx: BookingContext, first: UUID, last: UUID) -> list[Message]:
    """Return up to two messages whose ids are between `first` and `last`, both included."""
    return await list_messages_between(ctx.pool, ctx.tenant, first, last)


async def mark_message_done(
    ctx: BookingContext, desk: DeskRequest, message_id: UUID, note: str, correlation_id: str
) -> Message | None:
    """Mark a message as done by the desk, record that in the audit log, and return the message; None if no message has this id.

    A message that is done already does not change.
    """
    async with ctx.pool.acquire() as conn, conn.transaction():
        done = await mark_done(conn, ctx.tenant, message_id, desk.by, note)
        if done is not None:
            await record_desk_change(conn, ctx.tenant, desk, "message.done", correlation_id, message=message_id)
            return done
        found = await list_messages_between(conn, ctx.tenant, message_id, message_id)
    return found[0] if found else None
