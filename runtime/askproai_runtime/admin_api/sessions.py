"""Endpoints for the owner that list the logins to the page and end a single session."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec
import structlog

from askproai_core.clock import Clock
from askproai_core.http_server import Problem
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.admin_api.desk import ChangeObstacle, DeskBody
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import require_text
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right, Role
from askproai_runtime.admin_api.store.sessions import find_login, list_open_logins, record_end
from askproai_runtime.redis.client import RedisClient

log = structlog.get_logger(__name__)

SESSION_LIFETIME: Final = timedelta(hours=12)  # a working day; a session is not prolonged
_SEEN_EVERY: Final = 60.0  # seconds between two notes of one session in one process
_MOST_NOTED: Final = 1_000
_ROLE_OF_TOKEN: Final = {"admin": Role.OWNER, "reader": Role.READER}


class SessionEntry(msgspec.Struct, frozen=True):
    """One login of the last twelve hours whose session nobody has ended.

    `name` is the claimed name, or the issuer's if `by_issuer`. `last_seen` is when a page was last requested or open, to the
    minute; null if unknown, as without Redis. A session that ended because the admin token or the issuer's settings changed
    stays listed for its twelve hours.
    """

    id: str
    role: Role
    name: str | None
    by_issuer: bool
    since: datetime
    until: datetime
    last_seen: datetime | None


class SessionList(msgspec.Struct, frozen=True):
    sessions: list[SessionEntry]
    zone: str


class EndedSession(msgspec.Struct, frozen=True):
    """The answer to ending a session. `ended` is false if the session had been ended before."""

    id: str
    ended: bool


class SeenSessions:
    """The time at which each session was last seen, in any pod. The times are kept in Redis; without Redis they are unknown."""

    def __init__(self, shared: RedisClient, clock: Clock) -> None:
        self._shared, self._clock = shared, clock
        self._noted: dict[str, float] = {}

    async def note(self, session: str) -> None:
        """Note that a session is seen now, at most once a minute. Never raises."""
        at = self._clock.monotonic()
        if at - self._noted.get(session, -_SEEN_EVERY) < _SEEN_EVERY or not self._shared.configured:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[session] = at
        try:
            seconds = int(self._clock.now().timestamp())
            milliseconds = int(SESSION_LIFETIME / timedelta(milliseconds=1))
            await self._shared.execute("SET", self._key(session), seconds, "PX", milliseconds)
        except RedisUnavailable as error:
            log.debug("page.session_not_noted", error=str(error))

    async def list_seen(self, sessions: Sequence[str]) -> list[datetime | None]:
        """Return when each of the sessions was last seen, or None where it is unknown."""
        if not sessions or not self._shared.configured:
            return [None] * len(sessions)
        try:
            found = await self._shared.execute_all(*(("GET", self._key(each)) for each in sessions))
        except RedisUnavailable:
            return [None] * len(sessions)
        return [None if each is None else datetime.fromtimestamp(int(each), UTC) for each in found]

    def _key(self, session: str) -> str:
        return self._shared.key("page-seen", session)


async def list_open(request: ApiRequest) -> SessionList:
    request.access.require(Right.ADMINISTER, "see who is logged in")
    process = request.process
    rows = await list_open_logins(process.pool, process.tenant, request.now - SESSION_LIFETIME)
    seen = await SeenSessions(process.shared, process.clock).list_seen([row["id"] for row in rows])
    entries = [_to_entry(row, at, request) for row, at in zip(rows, seen, strict=True)]
    return SessionList(entries, request.zone.key)


async def end(request: ApiRequest, session: str, body: DeskBody) -> EndedSession:
    request.access.require(Right.ADMINISTER, "end a session")
    pool, tenant = request.process.pool, request.process.tenant
    row = await find_login(pool, tenant, require_text(session))
    if row is None:
        raise Problem(404, "Not Found", "There is no such session", members=ChangeObstacle.NOT_FOUND.members)
    role, name, _ = _who(row)
    detail = {
        "token": "admin", "claimed_by": body.by, "request": str(body.request_id), "role": role, "session_of": name,
    }  # fmt: skip
    ended = await record_end(pool, tenant, session, detail)
    log.info("page.session_ended" if ended else "page.session_was_over", session=session)
    return EndedSession(session, ended)


def _who(row: asyncpg.Record) -> tuple[Role, str | None, bool]:
    """Return the role and name of the person in a login's audit entry, and True if the issuer has identified the person."""
    detail: dict[str, Any] = msgspec.json.decode(row["detail"])
    by_issuer = "token" not in detail
    role = Role(detail["role"]) if by_issuer else _ROLE_OF_TOKEN[detail["token"]]
    return role, detail.get("claimed_by"), by_issuer


def _to_entry(row: asyncpg.Record, seen: datetime | None, request: ApiRequest) -> SessionEntry:
    role, name, by_issuer = _who(row)
    since = row["at"].astimezone(request.zone)
    return SessionEntry(
        row["id"], role, name, by_issuer, since, since + SESSION_LIFETIME, seen and seen.astimezone(request.zone)
    )


ENDPOINTS = (
    Endpoint(
        "GET", "/sessions", "Who is logged in to the page, newest first", SessionList, lambda request, _: list_open(request)
    ),
    Endpoint(
        "POST", "/sessions/{id}/end", "End a session at once", EndedSession,
        lambda request, given: end(request, given.path["id"], given.body(DeskBody)), body=DeskBody,
    ),
)  # fmt: skip
