"""Blocks: spans that the tenant takes from a person, or from everybody, by hand, at once and in every branch of the person.

A block is written under the locks of the person's resources, as every booking is: an appointment that was booked before is
listed, and a later booking is refused. Appointments within a block stay: they were promised, and only the tenant can call the
customers. A booking that is made in the remote calendar itself becomes an appointment, as before. An offer of the waiting list
promises nothing: it ends at the next run of the list's task.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_core.tenant_config import Staff, TenantConfig
from askproai_runtime.availability.opening_hours import working_spans
from askproai_runtime.availability.slots import Claims, Span, utc_span
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.blocks import Block, BlockedAppointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import bind_request
from askproai_runtime.book.store.audit import record_desk_change
from askproai_runtime.book.store.blocks import (
    get_block,
    insert_block,
    lift_block,
    list_blocked_appointments,
    list_blocks,
    list_blocks_between,
    list_blocks_during,
    list_overlapping_blocks,
    list_resources,
)
from askproai_runtime.book.store.transactions import run_transaction
from askproai_runtime.book.store.waitlist import read_awaited_span
from askproai_runtime.book.store.waitlist_offers import list_offered_within, record_unblocked_times
from askproai_runtime.book.waitlist import WaitlistEntry
from askproai_runtime.desk.appointments import desk_busy
from askproai_runtime.input_values import require_storable
from askproai_runtime.language.names import UnknownName, list_named_staff
from askproai_runtime.person_names import fold
from askproai_runtime.spoken_times import parse_instant
from askproai_runtime.visits import find_by_name

LONGEST_BLOCK, _DAY = timedelta(days=400), timedelta(days=1)

_HOUR = 3600  # of seconds


class BlockObstacle(StrEnum):
    """Why a span cannot be blocked."""

    NO_TIME = "no_time"  # the text is neither a day nor a time
    ENDS_FIRST = "ends_first"
    OVER = "over"
    TOO_LONG = "too_long"


class InvalidBlock(ValueError):
    """The span cannot be blocked; the message says what to write instead."""

    def __init__(self, obstacle: BlockObstacle, message: str) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class BlockExists(Exception):
    """The error for a request id that belongs to a different block, or to a block that was removed since."""


async def add_block(
    ctx: BookingContext,
    desk: DeskRequest,
    staff: str | None,
    branch: str | None,
    span: Span,
    reason: str,
    correlation_id: str,
) -> tuple[Block, list[BlockedAppointment]]:
    """Block a person for a span, and return the block, whose id is the request's, with the live appointments in it.

    Without `staff`, everybody in the branch, or in all branches, is blocked. A repeated request returns the same block. If the
    same people are blocked for the same span already, that block is returned, and none is added: of two equal blocks one would
    stay unnoticed after the removal of the other. Raises `UnknownName`, `InvalidBlock`, `BlockExists` and `DeskBusy`.
    """
    entries = _find_entries(ctx.config(), staff, branch)
    _require_valid(span, ctx.clock.now())

    async def write(conn: Connection) -> tuple[Block, list[BlockedAppointment]]:
        # Two requests with one id may lock the resources of different people, and must not both find that the block is missing.
        await bind_request(conn, ctx.tenant, desk.call_id, "block")
        resources = await _list_resources(conn, ctx, entries, lock=True)
        block = await get_block(conn, ctx.tenant, desk.request_id)
        if block is None:
            equal = await _find_equal(conn, ctx, resources, span)
            if equal is not None:
                return equal, await _list_appointments(conn, ctx, equal)
        added = await insert_block(conn, ctx.tenant, desk.request_id, resources, span.start, span.end, reason)
        block = block or await get_block(conn, ctx.tenant, desk.request_id)
        assert block is not None, "added, or added before: a removed one keeps its rows"
        # If the person was set in the config after the block was added, the person has more resources now.
        same_person = set(block.resource_ids) <= set(resources)
        if not (block.in_force and same_person) or (block.starts_at, block.ends_at, block.reason) != (
            span.start,
            span.end,
            reason,
        ):
            raise BlockExists
        if added:
            await _record(conn, ctx, desk, "block.added", block, correlation_id)
        return block, await _list_appointments(conn, ctx, block)

    with desk_busy():
        return await run_transaction(ctx.pool, write)


async def preview_block(
    ctx: BookingContext, staff: str | None, branch: str | None, span: Span
) -> tuple[list[str], list[BlockedAppointment]]:
    """Return the staff entries (`branch/staff`) and the live appointments that a block of this span would cover.

    Nothing is written. Raises `UnknownName` and `InvalidBlock`.
    """
    entries = _find_entries(ctx.config(), staff, branch)
    _require_valid(span, ctx.clock.now())
    async with ctx.pool.acquire() as conn:
        resources = await _list_resources(conn, ctx, entries, lock=False)
        now = ctx.clock.now()
        found = await list_blocked_appointments(conn, ctx.tenant, resources, span.start, span.end, now)
    return sorted(f"{place}/{member.id}" for place, member in entries), found


def is_booked_remotely(ctx: BookingContext, staff: Collection[str]) -> bool:
    """Return True if a staff entry (`branch/staff`) has a remote event type, whose pages ignore blocks."""
    services = ctx.config().services if ctx.calendar.remote else ()
    linked = (
        (service, link.staff) for service in services if service.capacity == 1 for link in service.linked_event_types
    )
    entries = [entry.partition("/")[::2] for entry in staff]
    return any(
        service.branch in {None, place} and member == name for service, member in linked for place, name in entries
    )


async def _list_resources(
    conn: Connection, ctx: BookingContext, entries: Sequence[tuple[str, Staff]], *, lock: bool
) -> list[int]:
    units = [resource for _, member in entries for resource in member.resource_ids[: member.units]]
    return await list_resources(conn, ctx.tenant, units, [(place, member.id) for place, member in entries], lock=lock)


async def _find_equal(conn: Connection, ctx: BookingContext, resources: Sequence[int], span: Span) -> Block | None:
    """Return the block in force that has exactly these resources and this span, or None. The resources must be locked."""
    for block in await list_overlapping_blocks(conn, ctx.tenant, resources, span.start, span.end):
        if Span(block.starts_at, block.ends_at) == span and set(block.resource_ids) == set(resources):
            return block
    return None


async def remove_block(ctx: BookingContext, desk: DeskRequest, block_id: UUID, correlation_id: str) -> Block | None:
    """Remove a block, so that its time is offered again; None if no block has this id. Raises `DeskBusy`."""

    async def write(conn: Connection) -> Block | None:
        block = await get_block(conn, ctx.tenant, block_id)
        if block is not None and await lift_block(conn, ctx.tenant, block_id):
            if awaited := await read_awaited_span(conn, ctx.tenant):
                # A day is added before and after, because the hours begin with the opening hours, not with an awaited time.
                span = Span(max(block.starts_at, awaited.start - _DAY), min(block.ends_at, awaited.end + _DAY))
                freed = list_unblocked_times(ctx.config(), block.resource_ids, span, ctx.clock.now())
                await record_unblocked_times(conn, ctx.tenant, freed)
            await _record(conn, ctx, desk, "block.removed", block, correlation_id)
        return block

    with desk_busy():
        return await run_transaction(ctx.pool, write)


async def list_blocks_within(ctx: BookingContext, removed: Block) -> list[Block]:
    """Return the blocks in force that still cover a part of a removed block."""
    async with ctx.pool.acquire() as conn:
        return await list_overlapping_blocks(conn, ctx.tenant, removed.resource_ids, removed.starts_at, removed.ends_at)


async def show_block(ctx: BookingContext, first: UUID, last: UUID) -> tuple[list[Block], list[BlockedAppointment]]:
    """Return at most two blocks with ids from `first` to `last`, and the live appointments within the first of these blocks."""
    async with ctx.pool.acquire() as conn:
        found = await list_blocks_between(conn, ctx.tenant, first, last)
        return found, await _list_appointments(conn, ctx, found[0]) if found else []


async def list_offers_within(ctx: BookingContext, staff: Sequence[str], span: Span) -> list[WaitlistEntry]:
    """Return the waiting entries whose open offer would end if this span of `staff` (`branch/staff`) were blocked, by start.

    If the span lies within a wait of the offered service, in which the person is not needed, the offer stays.
    """
    found = await list_offered_within(ctx.pool, ctx.tenant, staff, span.start, span.end, ctx.clock.now())
    return [entry for entry, offer in found if not _is_within_wait(ctx.config(), entry.service, offer.starts_at, span)]


def _is_within_wait(config: TenantConfig, service: str, start: datetime, span: Span) -> bool:
    known = find_by_name(config, service)
    waits = ((timedelta(minutes=first), timedelta(minutes=end)) for first, end in (known.wait_spans if known else ()))
    return any(start + first <= span.start and span.end <= start + end for first, end in waits)


async def list_blocks_of_span(ctx: BookingContext, span: Span) -> list[Block]:
    """Return the blocks in force of all persons that overlap a span, by start."""
    async with ctx.pool.acquire() as conn:
        return await list_blocks_during(conn, ctx.tenant, span.start, span.end)


async def list_current_blocks(ctx: BookingContext, after: Sequence[object] | None, limit: int) -> list[Block]:
    """Return the blocks neither removed nor over, by start. `after` is the start and id of the previous page's last block."""
    async with ctx.pool.acquire() as conn:
        return await list_blocks(conn, ctx.tenant, ctx.clock.now(), after, limit)


def _find_entries(config: TenantConfig, staff: str | None, branch: str | None) -> list[tuple[str, Staff]]:
    """Return the staff entries of a person, or of everybody if `staff` is None. Raises `UnknownName`."""
    return find_everybody(config, branch) if staff is None else find_person(config, staff, branch)


def find_everybody(config: TenantConfig, branch: str | None) -> list[tuple[str, Staff]]:
    """Return the staff entries of all persons who can be booked in `branch` (name or display name), or in any branch if None. A
    person's entries in other branches are included. Raises `UnknownName`.
    """
    entries = _list_entries(config)
    places = {place.name for place in config.branches}
    if branch is not None:
        places = {
            place.name for place in config.branches if fold(branch) in {fold(place.name), fold(place.display_name)}
        }
        if not places:
            known = ", ".join(sorted(place.name for place in config.branches))
            raise UnknownName(f"There is no branch {branch!r}; there are: {known}")
    people = {member.resource_ids[0] for place, member in entries if place in places}
    if not people:
        raise UnknownName("There is nobody whom callers can book")
    return [(place, member) for place, member in entries if member.resource_ids[0] in people]


def _list_entries(config: TenantConfig) -> list[tuple[str, Staff]]:
    return [(place.name, member) for place in config.branches for member in place.staff if member.resource_ids]


def find_person(config: TenantConfig, staff: str, branch: str | None) -> list[tuple[str, Staff]]:
    """Return a person's entries, each a branch and a staff member, in all branches of the person. Raises `UnknownName`."""
    entries = _list_entries(config)
    within = [(place, member) for place, member in entries if branch in {None, place}]
    meant = list_named_staff(staff, (member for _, member in within), by_id=True)
    named = [(place, member) for place, member in within if member in meant]
    people = {member.resource_ids[0] for _, member in named}
    if not people:
        known = ", ".join(sorted({member.id for _, member in within}))
        raise UnknownName(f"There is no staff member {staff!r} whom callers can book; there are: {known or 'none'}")
    if len(people) > 1:
        where = ", ".join(f"{member.id} in {place}" for place, member in named)
        raise UnknownName(f"{staff!r} is more than one person ({where}): write the id of one, or name the branch, too")
    return [(place, member) for place, member in entries if member.resource_ids[0] in people]


def resolve_span(first: str, last: str | None, zone: ZoneInfo) -> Span:
    """Return the span from `first` to `last`, each a day, a local time or an instant. If `last` is a day, the span includes it.
    Without `last` it ends with the local day of `first`. Raises `InvalidBlock`.
    """
    start, first_day = _parse(first, zone, fold=0)
    end, last_day = (None, first_day) if last is None else _parse(last, zone, fold=1)
    start = start or datetime.combine(first_day, time(), zone)
    end = end or datetime.combine(last_day + timedelta(days=1), time(), zone)
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def _parse(text: str, zone: ZoneInfo, *, fold: int) -> tuple[datetime | None, date]:
    """Return the time (None for a whole day) and the local day that a text names. When clocks are set back, a local time exists
    twice: `fold` 0 means the first, 1 the second.
    """
    try:
        with suppress(ValueError):
            return None, require_storable(date.fromisoformat(text))
        moment = parse_instant(text, zone)
    except ValueError:
        text = "a block begins and ends on a day or at a time, such as 2026-11-27 or 2026-11-27T14:30"
        raise InvalidBlock(BlockObstacle.NO_TIME, f"{text}: write both ends of a range apart") from None
    local = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone, fold=fold)
    return local, local.date()


def is_longest(span: Span) -> bool:
    """Return True if a block has the maximum length, as a block without a chosen end has."""
    return span.end.timestamp() - span.start.timestamp() >= LONGEST_BLOCK.total_seconds()


def _require_valid(span: Span, now: datetime) -> None:
    if span.end <= span.start:
        raise InvalidBlock(BlockObstacle.ENDS_FIRST, "a block ends after it begins")
    if span.end <= now:
        raise InvalidBlock(BlockObstacle.OVER, "the block would be over already")
    if span.end - span.start > LONGEST_BLOCK:
        text = f"a block lasts {LONGEST_BLOCK.days} days at most; who has left is removed from the Branch"
        raise InvalidBlock(BlockObstacle.TOO_LONG, text)


async def _list_appointments(conn: Connection, ctx: BookingContext, block: Block) -> list[BlockedAppointment]:
    resources, now = block.resource_ids, ctx.clock.now()
    return await list_blocked_appointments(conn, ctx.tenant, resources, block.starts_at, block.ends_at, now)


async def _record(
    conn: Connection, ctx: BookingContext, desk: DeskRequest, action: str, block: Block, correlation_id: str
) -> None:
    """Record a change of a block in the audit log, without the reason, which may be an illness."""
    facts = {"block": block.id, "staff": block.staff, "start": block.starts_at, "end": block.ends_at}
    await record_desk_change(conn, ctx.tenant, desk, action, correlation_id, **facts)


def list_unblocked_times(config: TenantConfig, blocked: Collection[int], block: Span, now: datetime) -> Claims:
    """Return the working hours that the removal of a block frees, for each unit of its staff members, in hours, by start.

    Hours beyond every service's horizon are left out: nobody can book them yet. A freed time is offered to one person at a
    time: cut into hours, a day is offered to several people at once. Two offers never need the same minute of a person
    (`waitlist_offers.py`). Whether such an hour is free is checked when it is offered.
    """
    zone = ZoneInfo(config.time_zone)
    horizon = now + timedelta(days=1 + max((service.booking_horizon_days for service in config.services), default=0))
    first, end = int(max(block.start, now).timestamp()), int(min(block.end, horizon).timestamp())
    found = {
        (at, min(at + _HOUR, until), resource)
        for branch in config.branches
        for member in branch.staff
        if first < end and not set(blocked).isdisjoint(member.resource_ids)
        for opens, closes in working_spans(zone, branch, member, first, end)
        for until in [min(closes, end)]
        for at in range(max(opens, first), until, _HOUR)
        for resource in member.resource_ids[: member.units]
    }
    return [(resource, utc_span(start, stop)) for start, stop, resource in sorted(found)]
