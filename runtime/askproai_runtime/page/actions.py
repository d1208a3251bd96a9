"""The actions of the page: who may do it, and each action by its endpoint of the private API, as the command line does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api import (
    AddedBlock,
    Change,
    ChangeObstacle,
    EndedSession,
    MessageDetail,
    NewStart,
    PauseList,
    PrivateApi,
    RedrivenNotifications,
    RedriveResult,
    RemovedBlock,
    Right,
)
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.desk.blocks import BlockObstacle
from askproai_runtime.page.views import FORMS, VIEWS, Asking, View

T = TypeVar("T", bound=msgspec.Struct)


class Notice(StrEnum):
    """The completed action: the parameter `done` of the view that is shown then."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    NO_SHOW = "no_show"
    ATTENDED = "attended"
    BLOCKED = "blocked"
    BLOCKED_AT_CALCOM = "blocked_at_calcom"
    EXISTED = "existed"
    PAUSED = "paused"
    PAUSED_AT_CALCOM = "paused_at_calcom"
    RESUMED = "resumed"
    UNBLOCKED = "unblocked"
    UNBLOCKED_PARTLY = "unblocked_partly"
    DONE = "done"
    REDRIVEN = "redriven"
    SESSION_ENDED = "session_ended"
    SESSION_WAS_OVER = "session_was_over"


DONE_BEFORE: Final = "done_before"  # the `reason` of the only refusal that is the page's own
EXPIRED: Final = "expired"


def obstacle_of(problem: Problem) -> str:
    """Return by which word the page says why something was not done."""
    reason = problem.members.get("reason") or problem.members.get("outcome")
    if reason is None and problem.status == HTTPStatus.BAD_REQUEST:
        reason = ChangeObstacle.INVALID
    return str(reason or "")


@dataclass(frozen=True, slots=True)
class Action:
    """The act of a POST: `carry_out` returns where to go then. `view` is shown again, with the reason, where it is not done."""

    right: Right
    carry_out: Callable[[PrivateApi, Asking], Awaitable[str]]
    view: View


async def _cancel(api: PrivateApi, asking: Asking) -> str:
    fields = _given(asking, "reason")
    await _change(api, Change, "/appointments/{id}/cancel", asking, fields)
    return _to(f"/appointments/{asking.path['id']}", Notice.CANCELLED)


async def _move(api: PrivateApi, asking: Asking) -> str:
    """Move to a day and time, which mean what they mean to `askproai appointments move`."""
    staff = _given(asking, "staff")
    query = {"text": f"{_require(asking, 'day')}T{_require(asking, 'time')}", **staff}
    found = await api.get(
        NewStart,
        "/appointments/{id}/new-start",
        asking.access,
        asking.correlation_id,
        asking.name,
        query=query,
        **asking.path,
    )
    await _change(api, Change, "/appointments/{id}/move", asking, {"start": found.start.isoformat(), **staff})
    return _to(f"/appointments/{asking.path['id']}", Notice.MOVED)


async def _mark(api: PrivateApi, asking: Asking) -> str:
    no_show = asking.form.get("no_show") == "true"
    await _change(api, Change, "/appointments/{id}/attendance", asking, {"no_show": no_show})
    return _to(f"/appointments/{asking.path['id']}", Notice.NO_SHOW if no_show else Notice.ATTENDED)


async def _block(api: PrivateApi, asking: Asking) -> str:
    branch, _, staff = asking.form.get("who", "").partition("/")
    day, time = _require(asking, "day"), asking.form.get("time", "")
    last_day, last_time = asking.form.get("last_day", ""), asking.form.get("last_time", "")
    whose: dict[str, str | bool] = {"everyone": True} if branch and not staff else {"staff": staff}
    fields = whose | {"branch": branch, "from": _moment(day, time), "reason": asking.form.get("reason", "")}
    if last_day or last_time:
        fields["to"] = _moment(last_day or day, last_time)
    added = await _change(api, AddedBlock, "/blocks", asking, fields)
    notice = Notice.BLOCKED_AT_CALCOM if added.at_calcom else Notice.BLOCKED
    return _to(f"/blocks/{added.block.id}", notice if added.added else Notice.EXISTED)


async def _pause(api: PrivateApi, asking: Asking) -> str:
    last_day, last_time = asking.form.get("last_day", ""), asking.form.get("last_time", "")
    fields = {**_given(asking, "branch"), "reason": asking.form.get("reason", "")}
    if last_day or last_time:
        fields["to"] = _moment(_require(asking, "last_day"), last_time)
    added = await _change(api, AddedBlock, "/pauses", asking, fields)
    return _to("/", Notice.PAUSED_AT_CALCOM if added.at_calcom else Notice.PAUSED)


async def _unblock(api: PrivateApi, asking: Asking) -> str:
    removed = await _change(api, RemovedBlock, "/blocks/{id}/remove", asking, {})
    if asking.form.get("resume") == "true":  # blocks of single people in a year's time are no news then
        pauses = (await api.get(PauseList, "/pauses", asking.access, asking.correlation_id, asking.name)).pauses
        return _to("/", Notice.UNBLOCKED_PARTLY if pauses else Notice.RESUMED)
    return _to("/blocks", Notice.UNBLOCKED_PARTLY if removed.still_blocked_by else Notice.UNBLOCKED)


async def _answer(api: PrivateApi, asking: Asking) -> str:
    note = asking.form.get("note", "")
    answered = await _change(api, MessageDetail, "/messages/{id}/done", asking, {"note": note})
    if (answered.message.done_by, answered.message.note or "") != (asking.name, note):
        raise Problem(
            409, "Done Before", "It was dealt with before: nothing was stored", members={"reason": DONE_BEFORE}
        )
    return _to("/messages", Notice.DONE)


async def _redrive_event(api: PrivateApi, asking: Asking) -> str:
    await _change(api, RedriveResult, "/events/{id}/redrive", asking, {})
    return _to("/dead-letters", Notice.REDRIVEN)


async def _redrive_notification(api: PrivateApi, asking: Asking) -> str:
    await _change(api, RedrivenNotifications, "/notifications/{id}/redrive", asking, {})
    return _to("/dead-letters", Notice.REDRIVEN)


async def _end_session(api: PrivateApi, asking: Asking) -> str:
    answer = await _change(api, EndedSession, "/sessions/{id}/end", asking, {})
    return _to("/sessions", Notice.SESSION_ENDED if answer.ended else Notice.SESSION_WAS_OVER)


async def _change(api: PrivateApi, kind: type[T], path: str, asking: Asking, fields: Mapping[str, str | bool]) -> T:
    """Carry out a change. Its id is that of the form, so that a form that is sent twice acts once."""
    try:
        request = DeskRequest(UUID(asking.form.get("request_id", "")), asking.name)
    except ValueError:
        raise Problem(400, "Bad Request", "The form has no id", members={"reason": EXPIRED}) from None
    return await api.change(kind, path, asking.access, asking.correlation_id, request, fields, **asking.path)


def _given(asking: Asking, name: str) -> dict[str, str]:
    """Return a field of the form by its name, nothing where it was left empty."""
    return {name: value} if (value := asking.form.get(name, "")) else {}


def _require(asking: Asking, name: str) -> str:
    """Return a day or time that the form must have: without a day the grammar would choose one."""
    value = asking.form.get(name, "")
    if not value:
        raise Problem(400, "Bad Request", f"{name} is missing", members={"reason": BlockObstacle.NO_TIME.value})
    return value


def _moment(day: str, time: str) -> str:
    return f"{day}T{time}" if time else day


def _to(path: str, notice: Notice) -> str:
    return f"{quote(path)}?done={notice}"


ACTIONS: Final[Mapping[str, Action]] = {
    "/appointments/{id}/cancel": Action(Right.CANCEL, _cancel, FORMS["/appointments/{id}/cancel"]),
    "/appointments/{id}/move": Action(Right.MOVE, _move, FORMS["/appointments/{id}/move"]),
    "/appointments/{id}/attendance": Action(Right.MARK, _mark, VIEWS["/appointments/{id}"]),
    "/blocks/new": Action(Right.BLOCK, _block, FORMS["/blocks/new"]),
    "/pause": Action(Right.BLOCK, _pause, FORMS["/pause"]),
    "/blocks/{id}/remove": Action(Right.BLOCK, _unblock, VIEWS["/blocks/{id}"]),
    "/messages/{id}/done": Action(Right.ANSWER, _answer, FORMS["/messages/{id}/done"]),
    "/dead-letters/events/{id}/redrive": Action(Right.REDRIVE, _redrive_event, VIEWS["/dead-letters"]),
    "/dead-letters/notifications/{id}/redrive": Action(Right.REDRIVE, _redrive_notification, VIEWS["/dead-letters"]),
    "/sessions/{id}/end": Action(Right.ADMINISTER, _end_session, VIEWS["/sessions"]),
}
