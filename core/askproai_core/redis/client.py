"""The tenant's Redis: an accelerator that may be away at any time, and that then costs nobody a wait (design §3.7).

After a failure every call is answered `RedisAway` at once. A second later the next one starts a try in the background, and
still gets `RedisAway`: no caller ever waits for a server that may hang.
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import redis.exceptions
import structlog
from redis.asyncio import Redis

from askproai_core.clock import Clock
from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.redis.connection import connect, send

log = structlog.get_logger(__name__)

CALL_TIMEOUT = timedelta(milliseconds=100)
TRY_TIMEOUT = timedelta(seconds=1)  # a try may ask several Sentinels, each up to the call's timeout
REST = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=5)
# A thousand tenants share one server's `maxclients`; one connection carries some thousand calls per second.
CONNECTIONS = 4

_AWAY = (
    redis.exceptions.ConnectionError,  # MasterNotFoundError, wrong passwords and LOADING, too
    redis.exceptions.TimeoutError, redis.exceptions.NoPermissionError, redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError, redis.exceptions.ClusterError, redis.exceptions.TryAgainError, OSError, TimeoutError,
)  # fmt: skip
_AWAY_WORDS = ("MISCONF", "NOREPLICAS", "BUSY", "ACL failure in script")  # redis-py has no class for these


class RedisAway(Exception):
    """Redis cannot be asked now: none is configured, it does not answer, or it refuses this user. Go on without it."""


class TellsRedis(Protocol):
    """Where it is shown whether Redis is away."""

    def redis_degraded(self, away: bool) -> None:
        """Show it."""


class Script:
    """A Lua script. It is sent by its hash; a server that does not know it yet (new, failed over) gets the text."""

    def __init__(self, name: str, lua: str) -> None:
        self.name = name
        self.lua = lua
        self.sha = hashlib.sha1(lua.encode(), usedforsecurity=False).hexdigest()


class Shared:
    """What all pods of a tenant share. `url` is asked before each call, so that a rotated password needs no restart."""

    def __init__(
        self,
        url: Callable[[], str | None],
        tenant: str,
        clock: Clock,
        metrics: TellsRedis,
        *,
        ca_file: Path | None = None,
        timeout: timedelta = CALL_TIMEOUT,
    ) -> None:
        self.url, self._tenant, self._clock, self._metrics = url, tenant, clock, metrics
        self._ca_file, self._timeout = ca_file, timeout
        self._url_in_use: str | None = None
        self._client: Redis | None = None
        self._well = True
        self._try_at = float("-inf")
        self._trial: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(CONNECTIONS)

    @property
    def configured(self) -> bool:
        return self.url() is not None

    @property
    def degraded(self) -> bool:
        """Whether there should be a Redis and there is none: everything goes on, more slowly and per pod."""
        return self.configured and not self._well

    def key(self, *parts: object) -> str:
        """Give the name of a key or channel that is this tenant's. `parts` are ours: no names, no numbers of people."""
        return ":".join(("askproai", self._tenant, *map(str, parts)))

    async def do(self, *command: str | float) -> Any:
        """Send one command and give its answer, within a tenth of a second. Raises `RedisAway`."""
        client = self._ask()
        try:
            async with asyncio.timeout(self._timeout.total_seconds()), self._room:
                return await send(client, *command)
        except (*_AWAY, redis.exceptions.ResponseError) as error:
            if not _is_away(error):
                raise  # a command or script that is wrong is our mistake
            self._lost(client, error)
            raise RedisAway(type(error).__name__) from error

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        """Run a script and give its answer. Raises `RedisAway`."""
        try:
            return await self.do("EVALSHA", script.sha, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            return await self.do("EVAL", script.lua, len(keys), *keys, *args)

    def subscriber(self, url: str) -> Redis:
        """Give a client of one's own that may wait for ever. Raises `ValueError` for a URL that cannot be read."""
        return connect(url, None, self._ca_file)

    async def watch(self, stop: asyncio.Event) -> None:
        """Look at Redis now and then until `stop`, so that health and metrics are true without traffic, too."""
        while not stop.is_set():
            with contextlib.suppress(RedisAway):
                await self.do(*self._probe())
            await sleep_until_stopped(stop, (LOOK_EVERY if self._well else REST).total_seconds())

    async def close(self) -> None:
        """End the connections. No call may come after it."""
        tasks = [*self._closing, *([self._trial] if self._trial else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _ask(self) -> Redis:
        """Give the client of the URL that is mounted now. Raises `RedisAway` when it is better not asked."""
        url = self.url()
        if url != self._url_in_use:
            self._replace(url)
        if url is None or self._client is None:
            raise RedisAway("no REDIS_URL that can be used")
        if self._well:
            return self._client
        if self._clock.monotonic() >= self._try_at and (self._trial is None or self._trial.done()):
            self._trial = asyncio.create_task(self._try(self._client), name="redis-try")
        raise RedisAway("it did not answer a moment ago")

    def _replace(self, url: str | None) -> None:
        if self._client is not None:
            closing = asyncio.create_task(self._client.aclose(), name="redis-close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        if self._url_in_use is not None:
            log.info("redis.url_changed")
        self._url_in_use, self._client = url, None
        try:
            self._client = connect(url, self._timeout, self._ca_file) if url else None
        except ValueError:
            log.error("redis.url_unreadable", todo="mount REDIS_URL as redis://user:password@host:port")  # noqa: TRY400  the error quotes it
        self._set_well(url is None or self._client is not None)

    async def _try(self, client: Redis) -> None:
        """Write something: a server that only answers, or only reads, is no help."""
        try:
            async with asyncio.timeout(TRY_TIMEOUT.total_seconds()):
                await send(client, *self._probe())
        except (*_AWAY, redis.exceptions.ResponseError) as error:
            self._lost(client, error)
        else:
            if client is self._client:
                log.info("redis.back")
                self._set_well(True)

    def _probe(self) -> tuple[str | int, ...]:
        return "SET", self.key("probe"), 1, "PX", 60_000

    def _lost(self, client: Redis, error: Exception) -> None:
        if client is not self._client:  # its URL is no longer the one
            return
        self._try_at = self._clock.monotonic() + REST.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311  no secret
        if self._well:
            log.warning("redis.away", error=type(error).__name__, consequence="each pod goes on by itself")
        self._set_well(False)

    def _set_well(self, well: bool) -> None:
        self._well = well
        self._metrics.redis_degraded(not well)


def _is_away(error: Exception) -> bool:
    return isinstance(error, _AWAY) or str(error).startswith(_AWAY_WORDS)
