"""Pauses: spans in which all staff members of a branch are blocked, so that nothing can be booked though it may be open."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.blocks import list_blocked_spans

log = structlog.get_logger(__name__)


async def list_pauses(ctx: BookingContext) -> Mapping[str, tuple[Span, ...]]:
    """Return the pauses of each branch that are not over, by start, without their reasons. Raises the errors of asyncpg."""
    config = ctx.config()
    units = [unit for place in config.branches for member in place.staff for unit in member.resource_ids]
    async with ctx.pool.acquire() as conn:
        blocked = await list_blocked_spans(conn, ctx.tenant, units, ctx.clock.now())
    return find_pauses(config, blocked)


async def read_pause(ctx: BookingContext, branch: Branch, now: datetime, look_ahead: timedelta) -> datetime | None:
    """Return when a branch's pause ends; None if no pause covers all the time from `now` until `now + look_ahead`.

    Callers without an offer hear of the pause. If the database is unavailable, the result is None, too: these callers hear
    that nothing is free, which is true.
    """
    try:
        spans = (await list_pauses(ctx)).get(branch.name, ())
    except DATABASE_UNAVAILABLE as error:
        log.warning("pauses.not_read", error=type(error).__name__)
        return None
    return max((span.end for span in spans if span.start <= now and span.end >= now + look_ahead), default=None)


def find_pauses(config: TenantConfig, blocked: Mapping[int, Sequence[Span]]) -> Mapping[str, tuple[Span, ...]]:
    """Return the pauses of each branch from the blocked times of each resource."""
    return {place.name: _common_spans(place, blocked) for place in config.branches}


def _common_spans(branch: Branch, blocked: Mapping[int, Sequence[Span]]) -> tuple[Span, ...]:
    """Return the spans in which all staff members of a branch are blocked at once."""
    common: list[Span] | None = None
    for member in branch.staff:
        if not member.resource_ids:
            continue
        own = _join_spans([span for unit in member.resource_ids for span in blocked.get(unit, ())])
        common = own if common is None else _intersect(common, own)
    return tuple(common or ())


def _join_spans(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _intersect(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    pairs = (Span(max(a.start, b.start), min(a.end, b.end)) for a in some for b in others)
    return [span for span in pairs if span.start < span.end]
