"""Endpoints for the messages that callers have left for the tenant."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.desk import ChangeObstacle, DeskBody, Reason, only, parse_id, parse_id_range, problems
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, Param, next_cursor
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.book.messages import Message
from askproai_runtime.desk.messages import find_messages, list_messages_for_desk, mark_message_done

log = structlog.get_logger(__name__)

_STATES = ("open", "done")


class MessageEntry(msgspec.Struct, frozen=True):
    """One message. `phone` is the number to call back, or else the caller's. `recipient` and `call_back` are as spoken.

    `call_back_from` and `call_back_until` are the understood time to call back; `call_back_until` is null for an exact time.
    For a reader the caller's name, number and words are `…`. `done_by` is the name that the sender claimed.
    """

    id: str
    created_at: datetime
    call_id: str
    branch: str | None
    name: str
    phone: str | None
    recipient: str | None
    text: str
    call_back: str | None
    call_back_from: datetime | None
    call_back_until: datetime | None
    done_at: datetime | None
    done_by: str | None
    note: str | None


class MessagePage(msgspec.Struct, frozen=True):
    messages: list[MessageEntry]
    next: str | None
    zone: str


class MessageDetail(msgspec.Struct, frozen=True):
    message: MessageEntry
    zone: str


class Done(DeskBody, frozen=True, kw_only=True):
    """The body of a request that marks a message as dealt with. `note` is for colleagues."""

    note: Reason = ""


async def list_page(
    request: ApiRequest, paging: Paging, *, done: bool = False, since: datetime | None = None
) -> MessagePage:
    """Return open messages that were left since `since`, or with `done` messages that were marked as done since `since`."""
    await request.record_list("/messages")
    limit, after = paging.limit, paging.after(datetime, UUID)
    with problems():
        found = await list_messages_for_desk(request.booking(), done=done, since=since, after=after, limit=limit)
    last = found[-1] if len(found) == limit else None
    following = next_cursor(last.done_at if done else last.created_at, last.id) if last else None
    return MessagePage([_to_entry(message, request) for message in found], following, request.zone.key)


async def show(request: ApiRequest, beginning: str) -> MessageDetail:
    """Return the message whose id begins with `beginning`. Raises `Problem` 404 if no id does, 409 if several do."""
    first, last = parse_id_range(beginning)
    with problems():
        found = await find_messages(request.booking(), first, last)
    return _to_detail(only(found), request)


async def mark_done(request: ApiRequest, message_id: UUID, body: Done) -> MessageDetail:
    request.access.require(Right.ANSWER, "deal with a message")
    with problems():
        found = await mark_message_done(request.booking(), body.desk, message_id, body.note, request.correlation_id)
    log.info("message.done", message=str(message_id))
    return _to_detail(found, request)


def _to_detail(message: Message | None, request: ApiRequest) -> MessageDetail:
    if message is None:
        text = "There is no such message; `askproai messages list` lists those that are open"
        raise Problem(404, "Not Found", text, members=ChangeObstacle.NOT_FOUND.members)
    return MessageDetail(_to_entry(message, request), request.zone.key)


def _to_entry(message: Message, request: ApiRequest) -> MessageEntry:
    personal = {"name", "phone", "recipient", "text", "call_back", "note"}
    return request.entry(MessageEntry, message, personal, phone=message.phone or message.caller)


_FILTERS = (
    Param("state", "open, which nobody has dealt with, or done; open when absent", _STATES),
    Param("since", "Left then or later, or for those that are done: done then or later; a day or a local time"),
)
ENDPOINTS = (
    Endpoint(
        "GET", "/messages", "Messages, the oldest first; of those that are done the last", MessagePage,
        lambda request, given: list_page(
            request, given.paging(), done=given.choice("state") == "done", since=given.instant("since")
        ),
        (*_FILTERS, *PAGE),
    ),
    Endpoint(
        "GET", "/messages/{id}", "One message, by the beginning of its id", MessageDetail,
        lambda request, given: show(request, given.path["id"]),
    ),
    Endpoint(
        "POST", "/messages/{id}/done", "Record that somebody has dealt with it", MessageDetail,
        lambda request, given: mark_done(request, parse_id(given.path["id"]), given.body(Done)), body=Done,
    ),
)  # fmt: skip
