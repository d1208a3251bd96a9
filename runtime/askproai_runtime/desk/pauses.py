"""Begin and list pauses. A pause is a block, from now on, of everybody in a branch or in all branches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.blocks import Block, BlockedAppointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.blocks import get_block
from askproai_runtime.desk.blocks import LONGEST_BLOCK, BlockExists, add_block, list_blocks_of_span


@dataclass(frozen=True, slots=True)
class Pause:
    """A current block of everybody who can be booked in `branches`, the names of one or several branches."""

    block: Block
    branches: tuple[str, ...]


async def pause_bookings(
    ctx: BookingContext,
    desk: DeskRequest,
    branch: str | None,
    until: datetime | None,
    reason: str,
    correlation_id: str,
) -> tuple[Block, list[BlockedAppointment]]:
    """Block everybody in a branch, or in all branches, from now on. Without `until`, the block has the maximum length.

    A repeated request returns the same block. Raises the errors of `add_block`.
    """
    try:
        return await _pause(ctx, desk, branch, until, reason, correlation_id)
    # A concurrent request with the same id began the pause a moment earlier, or its block was removed.
    except BlockExists:
        return await _pause(ctx, desk, branch, until, reason, correlation_id)


async def _pause(
    ctx: BookingContext, desk: DeskRequest, branch: str | None, until: datetime | None, reason: str, correlation_id: str
) -> tuple[Block, list[BlockedAppointment]]:
    async with ctx.pool.acquire() as conn:
        known = await get_block(conn, ctx.tenant, desk.request_id)
    start = known.starts_at if known is not None else ctx.clock.now()
    span = Span(start, until or start + LONGEST_BLOCK)
    return await add_block(ctx, desk, None, branch, span, reason, correlation_id)


async def list_current_pauses(ctx: BookingContext) -> list[Pause]:
    """Return the pauses that are in force now, by their start."""
    now = ctx.clock.now()
    blocks = await list_blocks_of_span(ctx, Span(now, now + timedelta(microseconds=1)))
    return find_current_pauses(ctx.config(), blocks, now)


def find_current_pauses(config: TenantConfig, blocks: Sequence[Block], now: datetime) -> list[Pause]:
    """Return the pauses among the blocks in force at `now`. Several blocks that only together pause a branch do not count."""
    bookable = {
        place.name: {f"{place.name}/{member.id}" for member in place.staff if member.resource_ids}
        for place in config.branches
    }
    found = []
    for block in blocks:
        people = set(block.staff) if block.starts_at <= now < block.ends_at else set()
        paused = tuple(name for name, staff in bookable.items() if staff and staff <= people)
        if paused:
            found.append(Pause(block, paused))
    return found
