"""Who may see the fleet: ways to log in, sessions, and the end of a session at every pod."""

import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

import structlog

from askproai_core.clock import Clock
from askproai_core.redis import RedisClient, RedisUnavailable, Window
from askproai_runtime.admin_api import printable
from askproai_runtime.page.sessions import LIFETIME, Session

log = structlog.get_logger(__name__)

_LOGINS_PER_SECOND: Final = 5  # of one pod


class LoginMethod(Protocol):
    """One way to log in by a form of this page."""

    name: str

    def accept(self, form: Mapping[str, str]) -> str | None:
        """Return what the person is called, perhaps ""; None for a form that opens no session."""


class TokenLogin:
    """Whoever has the platform token. The name is what they claim."""

    name = "token"

    def __init__(self, token: Callable[[], str | None]) -> None:
        self._token = token

    def accept(self, form: Mapping[str, str]) -> str | None:
        token, presented = self._token(), form.get("token", "").strip()
        if token is None or not hmac.compare_digest(token.encode(), presented.encode("utf-8", "surrogateescape")):
            return None
        return printable(form.get("name", "").strip())


class LoginLimit:
    """How many logins a pod answers in a second: in the pod alone, since a guess at the token is hopeless at any number of pods."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._window = clock, Window()

    def admits(self) -> bool:
        if self._window.weight(self._clock.monotonic()) + 1 > _LOGINS_PER_SECOND:
            return False
        self._window.count += 1
        return True


class EndedSessions:
    """Sessions that were logged out, until their cookies expire: in Redis, for all pods; without it in this one."""

    def __init__(self, shared: RedisClient) -> None:
        self._shared = shared
        self._here: set[str] = set()

    async def add(self, session: Session) -> None:
        self._here.add(session.id)
        try:
            await self._shared.execute("SET", self._key(session), 1, "PX", int(LIFETIME / timedelta(milliseconds=1)))
        except RedisUnavailable:
            log.warning("fleet_page.logout_here_only", session=session.id, consequence="until the cookie expires")

    async def has(self, session: Session) -> bool:
        if session.id in self._here:
            return True
        try:
            return await self._shared.execute("GET", self._key(session)) is not None
        except RedisUnavailable:
            return False

    def _key(self, session: Session) -> str:
        return self._shared.key("fleet-logout", session.id)
