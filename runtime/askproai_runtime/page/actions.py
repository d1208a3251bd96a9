"""The actions of the page. Each needs a right, and calls the function of a private API endpoint."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypedDict
from urllib.parse import quote
from uuid import UUID

from askproai_core.http_server import Problem
from askproai_runtime.admin_api import (
    Right,
    appointments,
    blocks,
    events,
    messages,
    notifications,
    require_valid,
    sessions,
)
from askproai_runtime.admin_api.desk import ChangeObstacle, DeskBody, parse_id
from askproai_runtime.desk.blocks import BlockObstacle
from askproai_runtime.page.views import FORMS, VIEWS, Asking, View


class Notice(StrEnum):
    """The success message of an action. The URL of the next view names it in the parameter `done`."""

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


DONE_BEFORE: Final = "done_before"  # the `reason` of the only refusal that is not the private API's
EXPIRED: Final = "expired"


def obstacle_of(problem: Problem) -> str:
    """Return the key of the page's sentence about a refused action; "" if the page has no sentence for it."""
    reason = problem.members.get("reason") or problem.members.get("outcome")
    if reason is None and problem.status == HTTPStatus.BAD_REQUEST:
        reason = ChangeObstacle.INVALID
    return str(reason or "")


@dataclass(frozen=True, slots=True)
class Action:
    """The handler of a POST: `carry_out` returns the URL to redirect to. After a refusal, `view` is shown with the reason."""

    right: Right
    carry_out: Callable[[Asking], Awaitable[str]]
    view: View


async def _cancel(asking: Asking) -> str:
    body = appointments.Cancellation(**_sent(asking), reason=asking.form.get("reason") or None)
    await appointments.cancel(asking.request, parse_id(asking.path["id"]), require_valid(body))
    return _to(f"/appointments/{asking.path['id']}", Notice.CANCELLED)


async def _move(asking: Asking) -> str:
    """Move an appointment to the entered day and time, parsed as by `askproai appointments move`. Return the next URL."""
    text, staff = f"{_require(asking, 'day')}T{_require(asking, 'time')}", asking.form.get("staff") or None
    found = await appointments.new_start(asking.request, asking.path["id"], text, staff)
    body = require_valid(appointments.Move(**_sent(asking), start=found.start, staff=staff))
    await appointments.move(asking.request, parse_id(asking.path["id"]), body)
    return _to(f"/appointments/{asking.path['id']}", Notice.MOVED)


async def _mark(asking: Asking) -> str:
    no_show = asking.form.get("no_show") == "true"
    body = require_valid(appointments.Attendance(**_sent(asking), no_show=no_show))
    await appointments.mark(asking.request, parse_id(asking.path["id"]), body)
    return _to(f"/appointments/{asking.path['id']}", Notice.NO_SHOW if no_show else Notice.ATTENDED)


async def _block(asking: Asking) -> str:
    branch, _, staff = asking.form.get("who", "").partition("/")
    day, time = _require(asking, "day"), asking.form.get("time", "")
    last_day, last_time = asking.form.get("last_day", ""), asking.form.get("last_time", "")
    everyone, reason = bool(branch) and not staff, asking.form.get("reason", "")
    body = blocks.NewBlock(
        **_sent(asking), staff=None if everyone else staff, everyone=everyone, branch=branch, first=_moment(day, time),
        last=_moment(last_day or day, last_time) if last_day or last_time else None, reason=reason,
    )  # fmt: skip
    added = await blocks.add(asking.request, require_valid(body))
    notice = Notice.BLOCKED_AT_CALCOM if added.at_calcom else Notice.BLOCKED
    return _to(f"/blocks/{added.block.id}", notice if added.added else Notice.EXISTED)


async def _pause(asking: Asking) -> str:
    last_day, last_time = asking.form.get("last_day", ""), asking.form.get("last_time", "")
    last = _moment(_require(asking, "last_day"), last_time) if last_day or last_time else None
    branch, reason = asking.form.get("branch") or None, asking.form.get("reason", "")
    body = blocks.NewPause(**_sent(asking), last=last, branch=branch, reason=reason)
    added = await blocks.pause(asking.request, require_valid(body))
    return _to("/", Notice.PAUSED_AT_CALCOM if added.at_calcom else Notice.PAUSED)


async def _unblock(asking: Asking) -> str:
    body = require_valid(DeskBody(**_sent(asking)))
    removed = await blocks.remove(asking.request, parse_id(asking.path["id"]), body)
    if asking.form.get("resume") == "true":  # a resumed business needs no list of other blocks
        pauses = (await blocks.list_pauses(asking.request)).pauses
        return _to("/", Notice.UNBLOCKED_PARTLY if pauses else Notice.RESUMED)
    return _to("/blocks", Notice.UNBLOCKED_PARTLY if removed.still_blocked_by else Notice.UNBLOCKED)


async def _answer(asking: Asking) -> str:
    body = require_valid(messages.Done(**_sent(asking), note=asking.form.get("note", "")))
    answered = (await messages.mark_done(asking.request, parse_id(asking.path["id"]), body)).message
    if (answered.done_by, answered.note or "") != (body.by, body.note):
        raise Problem(
            409, "Done Before", "It was dealt with before: nothing was stored", members={"reason": DONE_BEFORE}
        )
    return _to("/messages", Notice.DONE)


async def _redrive_event(asking: Asking) -> str:
    await events.redrive(asking.request, asking.path["id"], _sent(asking)["request_id"])
    return _to("/dead-letters", Notice.REDRIVEN)


async def _redrive_notification(asking: Asking) -> str:
    await notifications.redrive(asking.request, asking.path["id"], _sent(asking)["request_id"])
    return _to("/dead-letters", Notice.REDRIVEN)


async def _end_session(asking: Asking) -> str:
    answer = await sessions.end(asking.request, asking.path["id"], require_valid(DeskBody(**_sent(asking))))
    return _to("/sessions", Notice.SESSION_ENDED if answer.ended else Notice.SESSION_WAS_OVER)


class _Sent(TypedDict):
    """The fields that every change sends to the private API: its request id and its sender's name."""

    request_id: UUID
    by: str


def _sent(asking: Asking) -> _Sent:
    """Return request id and sender of a change. The id comes from the form, so a form that is sent twice changes only once."""
    try:
        return {"request_id": UUID(asking.form.get("request_id", "")), "by": asking.request.name}
    except ValueError:
        raise Problem(400, "Bad Request", "The form has no id", members={"reason": EXPIRED}) from None


def _require(asking: Asking, name: str) -> str:
    """Return the form's text for a day or time. Raises `Problem` 400 if it is empty: the grammar would choose a day."""
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
