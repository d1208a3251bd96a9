"""A salon in which nothing is free for a while: the desk blocks everybody's time beside the appointments."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

from askproai_runtime.availability.slots import Span
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.store.blocks import lift_block
from askproai_runtime.desk.blocks import add_block
from tests.worlds.booking_environment import Salon

_LONG = timedelta(days=300)  # beyond every horizon of the tests


@asynccontextmanager
async def nothing_free(salon: Salon) -> AsyncIterator[None]:
    """Block everybody's time within the context. Appointments stay; the end of the blocks records no freed time."""
    span, blocks = Span(salon.clock.now(), salon.clock.now() + _LONG), []
    for member in salon.booking.config().branches[0].staff:
        block, _ = await add_block(salon.booking, DeskRequest(uuid4(), "karin"), member.id, "mitte", span, "", "corr")
        blocks.append(block)
    yield
    async with salon.pool.acquire() as conn:
        for block in blocks:
            await lift_block(conn, salon.store.tenant, block.id)
