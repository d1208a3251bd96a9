"""The limit of login attempts in a pod, and the end of a session at every pod."""

from datetime import timedelta
from typing import Final

import structlog

from askproai_core.clock import Clock
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.page.sessions import LIFETIME, Session
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.rate_limiter import Window

log = structlog.get_logger(__name__)

_LOGINS_PER_SECOND: Final = 5  # of one pod


class LoginLimit:
    """The limit of login attempts per second in one pod. Even with many pods, guessing the token is hopeless."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._window = clock, Window()

    def admits(self) -> bool:
        if self._window.weight(self._clock.monotonic()) + 1 > _LOGINS_PER_SECOND:
            return False
        self._window.count += 1
        return True


class EndedSessions:
    """The sessions that were ended by a logout, until their cookies expire: in Redis for all pods, else in this pod alone."""

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
