"""Endpoints for the waiting list: its entries, and the freed time that is offered to an entry now."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.desk import DeskBody, only, parse_id, parse_id_range, problems
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, Param, next_cursor
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.waitlist import WaitlistEntry
from askproai_runtime.desk.waitlist import decline_offer, find_waitlist_entries, list_waitlist, remove_from_waitlist

log = structlog.get_logger(__name__)

_SHOWN = ("waiting", "ended")
_Change = Callable[[BookingContext, DeskRequest, UUID, str], Awaitable[WaitlistEntry | None]]


class WaitingState(StrEnum):
    """The state of an entry of the waiting list."""

    WAITING = "waiting"
    OFFERED = "offered"  # waiting, with an open offer
    BOOKED = "booked"
    REMOVED = "removed"
    OVER = "over"  # the requested time is over


class OfferedTime(msgspec.Struct, frozen=True):
    """A freed time that is offered to one entry of the waiting list only. It is not held: another caller may book it first."""

    id: int
    staff: str
    start: datetime
    end: datetime
    expires_at: datetime


class WaitingEntry(msgspec.Struct, frozen=True):
    """A waiting list entry. `staff` is null for anybody, `requested` is the time in words; a reader gets `…` as name and phone."""

    id: str
    created_at: datetime
    call_id: str
    branch: str
    service: str
    staff: str | None
    requested: str
    until: datetime
    name: str
    phone: str
    state: WaitingState
    offer: OfferedTime | None
    ended_at: datetime | None


class WaitlistPage(msgspec.Struct, frozen=True):
    entries: list[WaitingEntry]
    next: str | None
    zone: str


class WaitlistDetail(msgspec.Struct, frozen=True):
    entry: WaitingEntry
    zone: str


async def list_page(request: ApiRequest, paging: Paging, *, waiting: bool = True) -> WaitlistPage:
    """Return the entries that wait for a time, or with `waiting=False` the entries that have ended."""
    await request.record_list("/waitlist")
    limit, after = paging.limit, paging.after(datetime, UUID)
    with problems():
        found = await list_waitlist(request.booking(), waiting=waiting, after=after, limit=limit)
    following = next_cursor(found[-1].created_at, found[-1].id) if len(found) == limit else None
    return WaitlistPage([to_waiting_entry(entry, request) for entry in found], following, request.zone.key)


async def show(request: ApiRequest, beginning: str) -> WaitlistDetail:
    """Return the entry whose id begins with `beginning`. Raises `Problem` 404 if no id does, 409 if several do."""
    first, last = parse_id_range(beginning)
    with problems():
        found = await find_waitlist_entries(request.booking(), first, last)
    return _to_detail(only(found), request)


class DeclineBody(DeskBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The offer to decline. If this offer is not open any more, nothing changes, and the answer shows the present offer."""

    offer: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


async def decline(request: ApiRequest, entry_id: UUID, body: DeclineBody) -> WaitlistDetail:
    async def change(ctx: BookingContext, desk: DeskRequest, entry: UUID, correlation_id: str) -> WaitlistEntry | None:
        return await decline_offer(ctx, desk, entry, body.offer, correlation_id)

    return await _change(request, change, entry_id, body)


async def remove(request: ApiRequest, entry_id: UUID, body: DeskBody) -> WaitlistDetail:
    return await _change(request, remove_from_waitlist, entry_id, body)


async def _change(request: ApiRequest, change: _Change, entry_id: UUID, body: DeskBody) -> WaitlistDetail:
    request.access.require(Right.ADMINISTER, "change the waiting list")
    with problems():
        entry = await change(request.booking(), body.desk, entry_id, request.correlation_id)
    log.info("waitlist.changed", entry=str(entry_id))
    return _to_detail(entry, request)


def _to_detail(entry: WaitlistEntry | None, request: ApiRequest) -> WaitlistDetail:
    if entry is None:
        raise Problem(404, "Not Found", "Nobody waits under this id; `askproai waitlist list` lists who waits")
    return WaitlistDetail(to_waiting_entry(entry, request), request.zone.key)


def to_waiting_entry(entry: WaitlistEntry, request: ApiRequest) -> WaitingEntry:
    """Return an entry as the private API shows it. Name and phone are `…` for a reader."""
    if entry.offer is None:
        return request.entry(WaitingEntry, entry, {"name", "phone"})
    offer = request.entry(OfferedTime, entry.offer, start=entry.offer.starts_at, end=entry.offer.ends_at)
    return request.entry(WaitingEntry, entry, {"name", "phone"}, state=WaitingState.OFFERED, offer=offer)


_LISTED = Param("shown", "waiting, or ended for those who wait no more; waiting when absent", _SHOWN)
ENDPOINTS = (
    Endpoint(
        "GET", "/waitlist", "Who waits, by the time of joining", WaitlistPage,
        lambda request, given: list_page(request, given.paging(), waiting=given.choice("shown") != "ended"), (_LISTED, *PAGE),
    ),
    Endpoint(
        "GET", "/waitlist/{id}", "One entry, by the beginning of its id", WaitlistDetail,
        lambda request, given: show(request, given.path["id"]),
    ),
    Endpoint(
        "POST", "/waitlist/{id}/decline", "Pass the offered time on to the next one", WaitlistDetail,
        lambda request, given: decline(request, parse_id(given.path["id"]), given.body(DeclineBody)), body=DeclineBody,
    ),
    Endpoint(
        "POST", "/waitlist/{id}/remove", "Take somebody off the list", WaitlistDetail,
        lambda request, given: remove(request, parse_id(given.path["id"]), given.body(DeskBody)), body=DeskBody,
    ),
)  # fmt: skip
