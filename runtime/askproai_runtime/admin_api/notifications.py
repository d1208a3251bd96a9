"""Notifications: to read, to redrive once their cause is mended, and who wants no reminders."""

from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_runtime.admin_api.desk import ChangeObstacle, DeskBody, request_used
from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, Param, next_cursor
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.notifications.recipients import real_email
from askproai_runtime.notifications.store import (
    list_notifications,
    list_opt_outs,
    redrive_notifications,
    set_opt_out,
)
from askproai_runtime.notifications.types import State
from askproai_runtime.process import Process

log = structlog.get_logger(__name__)

_MAX_REDRIVEN = 1000


class NotificationEntry(msgspec.Struct, frozen=True):
    """One notification. It holds no address: that is the appointment's, or the Tenant's. `due_at`: when it is tried next."""

    id: str
    kind: str
    recipient: str
    channel: str
    state: State
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    appointment_id: str | None
    correlation_id: str


class NotificationPage(msgspec.Struct, frozen=True):
    notifications: list[NotificationEntry]
    next: str | None
    zone: str


class RedrivenNotifications(msgspec.Struct, frozen=True):
    redriven: list[str]


class OptOutBody(DeskBody, frozen=True):
    """Whose reminders end, or with `reminders: true` begin again: an e-mail address or a telephone number."""

    address: str
    reminders: bool = False


class OptOut(msgspec.Struct, frozen=True):
    address: str
    reminders: bool


class OptOutEntry(msgspec.Struct, frozen=True):
    """The people without reminders, since when; to a reader the address is `…`."""

    address: str
    since: datetime
    changed_by: str


class OptOutList(msgspec.Struct, frozen=True):
    opt_outs: list[OptOutEntry]
    zone: str


class NotificationEndpoints:
    """The endpoints of one tenant's notifications."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def endpoints(self) -> tuple[Endpoint, ...]:
        states = (Param("state", "Only these", tuple(State)), *PAGE)
        newest, again = "Mails and messages, newest first", "Send a dead one again, with all its attempts"
        all_dead = f"Send all dead ones again, {_MAX_REDRIVEN} at a time"
        stop = "Stop somebody's reminders, or begin them again"
        return (
            Endpoint("GET", "/notifications", newest, NotificationPage, self.list_page, states),
            Endpoint(
                "POST", "/notifications/{id}/redrive", again, RedrivenNotifications, self.redrive, right=Right.REDRIVE
            ),
            Endpoint("POST", "/notifications/redrive", all_dead, RedrivenNotifications, self.redrive_all),
            Endpoint("GET", "/reminder-opt-outs", "Who wants no reminders", OptOutList, self.list_opt_outs),
            Endpoint("POST", "/reminder-opt-outs", stop, OptOut, self.opt_out, body=OptOutBody),
        )

    async def list_page(self, request: ApiRequest) -> NotificationPage:
        after, limit = request.cursor(datetime, UUID), request.limit()
        rows = await list_notifications(
            self._process.pool, self._process.tenant, state=request.choice("state"), after=after, limit=limit
        )
        entries = [msgspec.convert(dict(row), NotificationEntry) for row in rows]
        following = next_cursor(entries[-1].created_at, entries[-1].id) if len(entries) == limit else None
        return NotificationPage(entries, following, request.zone.key)

    async def redrive(self, request: ApiRequest) -> RedrivenNotifications:
        try:
            only = UUID(request.path["id"])
        except ValueError:
            raise _not_dead() from None
        result = await self._redrive(request, only)
        if str(only) not in result.redriven:
            raise request_used() if result.redriven else _not_dead()
        return result

    async def redrive_all(self, request: ApiRequest) -> RedrivenNotifications:
        return await self._redrive(request, None)

    async def list_opt_outs(self, request: ApiRequest) -> OptOutList:
        rows = await list_opt_outs(self._process.pool, self._process.tenant, _MAX_REDRIVEN)
        return OptOutList(
            [OptOutEntry(request.hide(row["address"]), row["since"], row["changed_by"]) for row in rows],
            request.zone.key,
        )

    async def opt_out(self, request: ApiRequest) -> OptOut:
        """Keep it by the address, so that it also holds for appointments to come. Safe to repeat."""
        body = request.body(OptOutBody)
        address = _parse_address(body.address, region_of(self._process.config.current))
        await set_opt_out(
            self._process.pool, self._process.tenant, address, wants_none=not body.reminders, changed_by=body.by,
            request_id=body.request_id, correlation_id=request.correlation_id,
        )  # fmt: skip
        return OptOut(address, body.reminders)

    async def _redrive(self, request: ApiRequest, only: UUID | None) -> RedrivenNotifications:
        redriven = await redrive_notifications(
            self._process.pool, self._process.tenant, only, _MAX_REDRIVEN, request.correlation_id, request.claimed_by,
            request.in_place_of_call,
        )  # fmt: skip
        log.warning("notification.redriven", count=len(redriven))
        return RedrivenNotifications(redriven)


def _parse_address(text: str, region: str) -> str:
    """Return an address as it is kept. Raises `Problem` 400."""
    if email := real_email(text.strip()):
        return email.lower()
    try:
        return to_e164(text, region)
    except InvalidNumber:
        raise Problem(400, "Bad Request", f"{text!r} is neither an e-mail address nor a telephone number") from None


def _not_dead() -> Problem:
    text = "There is no dead notification of this id; `askproai notifications list --state dead` lists them"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_DEAD.members)
