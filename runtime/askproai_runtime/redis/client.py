"""The tenant's Redis: it speeds up work, may be unavailable at any time, and then makes no caller wait.

After a failure every call raises `RedisUnavailable` at once. A second later the next call starts a reconnection in the
background, and still raises `RedisUnavailable`: no caller ever waits for a server that may hang.
"""

import asyncio
import contextlib
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
from askproai_core.provider_limits import Argument, RedisUnavailable, Script
from askproai_core.redis import connect, send

log = structlog.get_logger(__name__)

CALL_TIMEOUT = timedelta(milliseconds=100)
RECONNECT_TIMEOUT = timedelta(seconds=1)  # a reconnection may ask several Sentinels, each for up to the call's timeout
RECONNECT_DELAY = timedelta(seconds=1)
PROBE_INTERVAL = timedelta(seconds=5)
# A thousand tenants share one server's `maxclients`; one connection carries some thousand calls per second.
CONNECTIONS = 4

_UNAVAILABLE = (
    redis.exceptions.ConnectionError,  # also MasterNotFoundError, wrong passwords and LOADING
    redis.exceptions.TimeoutError, redis.exceptions.NoPermissionError, redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError, redis.exceptions.ClusterError, redis.exceptions.TryAgainError, OSError, TimeoutError,
)  # fmt: skip
_UNAVAILABLE_PREFIXES = ("MISCONF", "NOREPLICAS", "BUSY", "ACL failure in script")  # redis-py has no class for these


class RedisMetrics(Protocol):
    """The metric `redis_degraded`."""

    def redis_degraded(self, degraded: bool) -> None:
        """Set the metric: True while a configured Redis is unavailable."""


class _Silent:
    def redis_degraded(self, degraded: bool) -> None:
        pass


class RedisClient:
    """A process's connections to its tenant's Redis. Each command calls `url`: a rotated password needs no restart."""

    def __init__(
        self,
        url: Callable[[], str | None],
        tenant: str,
        clock: Clock,
        metrics: RedisMetrics,
        *,
        ca_file: Path | None = None,
        timeout: timedelta = CALL_TIMEOUT,
        binary: bool = False,
    ) -> None:
        """Store the settings; the first command connects. With `binary`, replies are bytes, otherwise texts."""
        self.url, self._tenant, self._clock, self._metrics = url, tenant, clock, metrics
        self._ca_file, self._timeout, self._binary = ca_file, timeout, binary
        self._url_in_use: str | None = None
        self._connection: Redis | None = None
        self._available = True
        self._reconnect_at = float("-inf")
        self._reconnecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONNECTIONS)

    @property
    def configured(self) -> bool:
        return self.url() is not None

    @property
    def degraded(self) -> bool:
        """Return True if a configured Redis is unavailable. Pods then work without it, more slowly and each alone."""
        return self.configured and not self._available

    def key(self, *parts: object) -> str:
        """Return the name of a key or channel of this tenant. `parts` must not contain names or numbers of people."""
        return ":".join(("askproai", self._tenant, *map(str, parts)))

    async def execute(self, *command: Argument) -> Any:
        """Send one command and return its reply within the timeout (a tenth of a second). Raises `RedisUnavailable`."""
        return (await self.execute_all(command))[0]

    async def execute_all(self, *commands: Sequence[Argument]) -> list[Any]:
        """Send commands on one connection, without waiting between them, and return their replies.

        They are no transaction. Raises `RedisUnavailable` if one of them finds Redis unavailable.
        """
        connection = self._current_connection()
        try:
            async with asyncio.timeout(self._timeout.total_seconds()), self._slots:
                return await _send_all(connection, commands)
        except (*_UNAVAILABLE, redis.exceptions.ResponseError) as error:
            if not (isinstance(error, _UNAVAILABLE) or str(error).startswith(_UNAVAILABLE_PREFIXES)):
                raise  # a wrong command or script is our mistake
            self._mark_lost(connection, error)
            raise RedisUnavailable(type(error).__name__) from error

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        """Run a script and return its reply. Raises `RedisUnavailable`."""
        try:
            return await self.execute("EVALSHA", script.sha, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            return await self.execute("EVAL", script.lua, len(keys), *keys, *args)

    def patient_twin(self, timeout: timedelta) -> "RedisClient":
        """Return another client of the same server, with a longer timeout and replies in bytes.

        The other client sets no metric.
        """
        return RedisClient(
            self.url, self._tenant, self._clock, _Silent(), ca_file=self._ca_file, timeout=timeout, binary=True
        )

    def open_subscriber(self, url: str) -> Redis:
        """Return a separate redis-py client, without a timeout, to subscribe with. Raises `ValueError` for an invalid URL."""
        return connect(url, None, self._ca_file)

    async def watch(self, stop: asyncio.Event) -> None:
        """Probe Redis regularly until `stop`, so that health and metrics are current without traffic, too."""
        while not stop.is_set():
            with contextlib.suppress(RedisUnavailable):
                await self.execute(*self._probe())
            await sleep_until_stopped(stop, (PROBE_INTERVAL if self._available else RECONNECT_DELAY).total_seconds())

    async def close(self) -> None:
        """Close the connections. No method may be called afterward."""
        tasks = [*self._closing, *([self._reconnecting] if self._reconnecting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    def _current_connection(self) -> Redis:
        """Return the connection for the URL that is mounted now. Raises `RedisUnavailable` without a URL or after a failure."""
        url = self.url()
        if url != self._url_in_use:
            self._replace_connection(url)
        if url is None or self._connection is None:
            raise RedisUnavailable("no REDIS_URL that can be used")
        if self._available:
            return self._connection
        is_due = self._clock.monotonic() >= self._reconnect_at
        if is_due and (self._reconnecting is None or self._reconnecting.done()):
            self._reconnecting = asyncio.create_task(self._reconnect(self._connection), name="redis-try")
        raise RedisUnavailable("it did not answer a moment ago")

    def _replace_connection(self, url: str | None) -> None:
        if self._connection is not None:
            closing = asyncio.create_task(self._connection.aclose(), name="redis-close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        if self._url_in_use is not None:
            log.info("redis.url_changed")
        self._url_in_use, self._connection = url, None
        try:
            self._connection = connect(url, self._timeout, self._ca_file, binary=self._binary) if url else None
        except ValueError:
            log.error("redis.url_unreadable", todo="mount REDIS_URL as redis://user:password@host:port")  # noqa: TRY400  the error quotes it
        self._set_available(url is None or self._connection is not None)

    async def _reconnect(self, connection: Redis) -> None:
        """Test a new connection by writing a key: a server that answers but refuses writes cannot be used."""
        try:
            async with asyncio.timeout(RECONNECT_TIMEOUT.total_seconds()):
                await send(connection, *self._probe())
        except (*_UNAVAILABLE, redis.exceptions.ResponseError) as error:
            self._mark_lost(connection, error)
        else:
            if connection is self._connection:
                log.info("redis.back")
                self._set_available(True)

    def _probe(self) -> tuple[str | int, ...]:
        return "SET", self.key("probe"), 1, "PX", 60_000

    def _mark_lost(self, connection: Redis, error: Exception) -> None:
        if connection is not self._connection:  # its URL is no longer in use
            return
        delay = RECONNECT_DELAY.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311  no secret
        self._reconnect_at = self._clock.monotonic() + delay
        if self._available:
            log.warning("redis.away", error=type(error).__name__, consequence="each pod goes on by itself")
        self._set_available(False)

    def _set_available(self, available: bool) -> None:
        self._available = available
        self._metrics.redis_degraded(not available)


async def _send_all(client: "Redis", commands: Sequence[Sequence[Argument]]) -> list[Any]:
    if len(commands) == 1:
        return [await send(client, *commands[0])]
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    # redis-py would quote the command, even an event's body, in its error.
    replies: list[Any] = await pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies
