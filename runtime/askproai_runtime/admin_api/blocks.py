"""Blocks: times that the tenant takes from a person or from everybody. A block is shown with the people whom the tenant has to
call: customers with an appointment in the blocked time, and people on the waiting list with an open offer in it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.desk import (
    ChangeObstacle,
    DeskBody,
    Reason,
    ShortText,
    only,
    parse_id,
    parse_id_range,
    problems,
)
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import (
    PAGE,
    Paging,
    Param,
    Parameters,
    bad_request,
    next_cursor,
    part_of_day,
    to_iso,
)
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.admin_api.waitlist import WaitingEntry, to_waiting_entry
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.blocks import Block, BlockedAppointment
from askproai_runtime.desk.blocks import (
    add_block,
    is_booked_remotely,
    list_blocks_within,
    list_current_blocks,
    list_offers_within,
    preview_block,
    remove_block,
    resolve_span,
    show_block,
)
from askproai_runtime.desk.pauses import list_current_pauses, pause_bookings

log = structlog.get_logger(__name__)


class BlockEntry(msgspec.Struct, frozen=True):
    """One block, [start, end) in the tenant's time zone. `staff` is the blocked person in each branch: `branch/staff`.

    `reason` may be an illness: it is `…` for a reader.
    """

    id: str
    staff: list[str]
    start: datetime
    end: datetime
    reason: str
    in_force: bool


class BlockPage(msgspec.Struct, frozen=True):
    blocks: list[BlockEntry]
    next: str | None
    zone: str


class AppointmentToMove(msgspec.Struct, frozen=True):
    """A live appointment in a blocked time. It stays until somebody moves or cancels it. Readers see no name, phone and notes."""

    id: str
    branch: str
    service: str
    staff: str
    start: datetime
    end: datetime
    customer_name: str
    phone: str | None
    notes: str | None


class BlockDetail(msgspec.Struct, frozen=True):
    """One block. `offers` are the waiting list's open offers of times in the block: callers may know of them."""

    block: BlockEntry
    appointments: list[AppointmentToMove]
    offers: list[WaitingEntry]
    zone: str


class AddedBlock(BlockDetail, frozen=True):
    """The answer to a new block. `added` is false if the person already had a block of this span: `block` is then that block.

    `at_calcom` is true if the remote calendar also books the person: its own pages ignore the block.
    """

    added: bool
    at_calcom: bool


class BlockPreview(msgspec.Struct, frozen=True):
    """A block before it is added: its span [start, end) and the appointments in it. The fields are those of `AddedBlock`."""

    staff: list[str]
    start: datetime
    end: datetime
    appointments: list[AppointmentToMove]
    offers: list[WaitingEntry]
    zone: str
    at_calcom: bool


class RemovedBlock(BlockEntry, frozen=True):
    """The answer to the removal of a block. `still_blocked_by` are other blocks in force that overlap the removed block."""

    still_blocked_by: list[BlockEntry]


class NewBlock(DeskBody, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """A new block. `from` and `to` are days, local times or instants, in ISO 8601 or German words. A day as `to` is included.

    Without `to` the block ends with the day of `from`, or with the part of a day that `from` names, such as "Donnerstag
    Nachmittag". It is for `staff` (with `branch` if two people have that id), or with `everyone` for all staff of `branch` or
    of the tenant.
    """

    staff: ShortText | None = None
    everyone: bool = False
    first: ShortText
    last: ShortText | None = None
    branch: ShortText | None = None
    reason: Reason = ""


class PauseEntry(msgspec.Struct, frozen=True):
    """A block in force now for everybody who can be booked in `branches` (names): these branches book nothing until it ends."""

    block: BlockEntry
    branches: list[str]


class PauseList(msgspec.Struct, frozen=True):
    pauses: list[PauseEntry]
    zone: str


class NewPause(DeskBody, frozen=True, kw_only=True, rename={"last": "to"}):
    """A block to add, from now until `to`, for everybody in `branch`, or without `branch` in all branches. `to` is as in
    `NewBlock`; without it the pause lasts 400 days, the longest span of a block. `POST /blocks/{id}/remove` ends it earlier.
    """

    last: ShortText | None = None
    branch: ShortText | None = None
    reason: Reason = ""


async def list_page(request: ApiRequest, paging: Paging) -> BlockPage:
    await request.record_list("/blocks")
    limit, after = paging.limit, paging.after(datetime, UUID)
    with problems():
        blocks = await list_current_blocks(request.booking(), after, limit)
    following = next_cursor(blocks[-1].starts_at, blocks[-1].id) if len(blocks) == limit else None
    return BlockPage([_to_entry(block, request) for block in blocks], following, request.zone.key)


async def show(request: ApiRequest, beginning: str) -> BlockDetail:
    """Return the block whose id begins with `beginning`. Raises `Problem` 404 if no id does, 409 if several do."""
    first, last = parse_id_range(beginning)
    with problems():
        found, appointments = await show_block(request.booking(), first, last)
    block = only(found)
    if block is None:
        raise _not_found()
    return await _to_detail(block, appointments, request)


async def preview(request: ApiRequest, given: Parameters) -> BlockPreview:
    """Return the span, people and appointments of a block; the parameters are the fields of `NewBlock`."""
    zone, booking = request.zone, request.booking()
    first, last, staff_name, branch = (given.text(name) for name in ("from", "to", "staff", "branch"))
    with problems():
        span = _parse_span(request, first or "", last)
        whose = _whose(staff_name, everyone=given.flag("everyone"))
        staff, found = await preview_block(booking, whose, branch, span)
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    appointments = [_to_move(appointment, request) for appointment in found]
    offers = await _list_offers(request, staff, span)
    return BlockPreview(staff, start, end, appointments, offers, zone.key, is_booked_remotely(booking, staff))


async def add(request: ApiRequest, body: NewBlock) -> AddedBlock:
    request.access.require(Right.BLOCK, "block a time")
    with problems():
        span = _parse_span(request, body.first, body.last)
        whose = _whose(body.staff, everyone=body.everyone)
        block, appointments = await add_block(
            request.booking(), body.desk, whose, body.branch, span, body.reason, request.correlation_id
        )
    return await _to_added(block, appointments, body, request)


async def pause(request: ApiRequest, body: NewPause) -> AddedBlock:
    request.access.require(Right.BLOCK, "pause bookings")
    booking = request.booking()
    with problems():
        until = None
        if body.last is not None:
            until = _parse_span(request, booking.clock.now().isoformat(), body.last).end
        block, appointments = await pause_bookings(
            booking, body.desk, body.branch, until, body.reason, request.correlation_id
        )
    return await _to_added(block, appointments, body, request)


async def list_pauses(request: ApiRequest) -> PauseList:
    with problems():
        pauses = await list_current_pauses(request.booking())
    entries = [PauseEntry(_to_entry(pause.block, request), list(pause.branches)) for pause in pauses]
    return PauseList(entries, request.zone.key)


async def _to_added(
    block: Block, appointments: Iterable[BlockedAppointment], body: DeskBody, request: ApiRequest
) -> AddedBlock:
    added, detail = block.id == body.request_id, await _to_detail(block, appointments, request)
    log.info("block.added" if added else "block.existed", block=str(block.id), appointments=len(detail.appointments))
    at_calcom = is_booked_remotely(request.booking(), block.staff)
    return AddedBlock(detail.block, detail.appointments, detail.offers, detail.zone, added, at_calcom)


async def remove(request: ApiRequest, block_id: UUID, body: DeskBody) -> RemovedBlock:
    request.access.require(Right.BLOCK, "remove a block")
    with problems():
        block = await remove_block(request.booking(), body.desk, block_id, request.correlation_id)
    if block is None:
        raise _not_found()
    log.info("block.removed", block=str(block.id))
    others = [_to_entry(other, request) for other in await list_blocks_within(request.booking(), block)]
    entry = msgspec.structs.replace(_to_entry(block, request), in_force=False)
    return RemovedBlock(**msgspec.structs.asdict(entry), still_blocked_by=others)


async def _to_detail(block: Block, appointments: Iterable[BlockedAppointment], request: ApiRequest) -> BlockDetail:
    moves = [_to_move(appointment, request) for appointment in appointments]
    span = Span(block.starts_at, block.ends_at)
    offers = await _list_offers(request, block.staff, span) if block.in_force else []
    return BlockDetail(_to_entry(block, request), moves, offers, request.zone.key)


async def _list_offers(request: ApiRequest, staff: Sequence[str], span: Span) -> list[WaitingEntry]:
    with problems():
        found = await list_offers_within(request.booking(), staff, span)
    return [to_waiting_entry(entry, request) for entry in found]


def _whose(staff: str | None, *, everyone: bool) -> str | None:
    """Return the id or name in `staff`, or None with `everyone`. Raises `Problem` 400 if both or neither of them are set."""
    if everyone == bool(staff):
        raise bad_request("name a person as staff, or set everyone to true")
    return staff


def _parse_span(request: ApiRequest, first: str, last: str | None) -> Span:
    """Return the span of a block: from `first` to `last`, or without `last` the day or part of a day that `first` names.

    Raises `InvalidBlock`.
    """
    now, zone = request.now, request.zone
    if last is None and (part := part_of_day(first, now, zone)):
        return resolve_span(*part, zone)
    return resolve_span(to_iso(first, now, zone), last and to_iso(last, now, zone), zone)


def _not_found() -> Problem:
    text = "There is no such block; `askproai blocks list` lists those in force"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_FOUND.members)


def _to_entry(block: Block, request: ApiRequest) -> BlockEntry:
    return request.entry(BlockEntry, block, {"reason"}, start=block.starts_at, end=block.ends_at)


def _to_move(found: BlockedAppointment, request: ApiRequest) -> AppointmentToMove:
    personal = {"customer_name", "phone", "notes"}
    return request.entry(AppointmentToMove, found, personal, start=found.starts_at, end=found.ends_at)


_PREVIEW = (
    Param("staff", "The person: id or name"),
    Param("everyone", "true: instead of a person everybody, in the branch or in all", ("true", "false")),
    Param("from", "A day, a local time or an instant, also in German words", required=True),
    Param(
        "to", "The last day, or a time; when absent, the end of the first day or of the part of it that `from` names"
    ),
    Param("branch", "Where two people have one id; with everyone, whose staff"),
)
ENDPOINTS = (
    Endpoint(
        "GET", "/block-preview", "What a block would be", BlockPreview, preview, _PREVIEW,
    ),
    Endpoint(
        "GET", "/blocks", "Blocks in force that are not over, by start", BlockPage,
        lambda request, given: list_page(request, given.paging()), PAGE,
    ),
    Endpoint(
        "GET", "/blocks/{id}", "One block, by the beginning of its id", BlockDetail,
        lambda request, given: show(request, given.path["id"]),
    ),
    Endpoint(
        "POST", "/blocks", "Take a time from a person", AddedBlock, lambda request, given: add(request, given.body(NewBlock)),
        body=NewBlock,
    ),
    Endpoint(
        "GET", "/pauses", "Which branches book nothing now, by which block", PauseList, lambda request, _: list_pauses(request)
    ),
    Endpoint(
        "POST", "/pauses", "Book nothing from now on", AddedBlock, lambda request, given: pause(request, given.body(NewPause)),
        body=NewPause,
    ),
    Endpoint(
        "POST", "/blocks/{id}/remove", "Offer the time again", RemovedBlock,
        lambda request, given: remove(request, parse_id(given.path["id"]), given.body(DeskBody)), body=DeskBody,
    ),
)  # fmt: skip
