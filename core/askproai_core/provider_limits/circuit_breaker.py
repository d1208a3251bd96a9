"""The circuit breakers of a tenant: they decide whether a provider may be called now. The tenant's pods share them in Redis; a
failure of Redis never fails a call.

    permit = await circuits.allow(Provider.RETELL)      # raises CircuitOpen
    async with permit:                                  # releases the permit if no outcome was recorded
        ...
        await permit.record_status(status)              # or record_failure(): no answer came

Timeouts, broken connections, 408 and 5xx count as failures. Any other status shows that the provider works: 4xx is our own
mistake, and 429 makes us wait without opening the circuit.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import Protocol, Self
from uuid import uuid4

import structlog

from askproai_core.clock import Clock
from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.provider_limits.circuit_rules import (
    MILLISECOND,
    Circuit,
    CircuitCommand,
    CircuitRules,
    CircuitState,
    CircuitStepResult,
)
from askproai_core.provider_limits.shared_redis import RedisUnavailable, Script, SharedRedis
from askproai_core.provider_names import Provider

log = structlog.get_logger(__name__)

TRUST_CLOSED_SECONDS = 0.5  # for this long, a closed circuit without failures is not read again
REFRESH_SECONDS = 30.0
_SCRIPT = Script(files(__package__).joinpath("circuit_breaker.lua").read_text("utf-8"))
_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 408, 429, 500


class CircuitMetrics(Protocol):
    """The metrics that publish the circuits' states."""

    def circuit(self, provider: str, state: str) -> None:
        """Publish the state of a provider's circuit as a metric."""


class CircuitOpen(Exception):
    """The provider should not be called now, so no request was sent. `slow`: the provider works, but asked us to wait."""

    def __init__(self, provider: Provider, retry_after: timedelta, *, slow: bool = False) -> None:
        why = "asked us to slow down" if slow else "fails again and again, its circuit is open"
        super().__init__(f"{provider} {why}; next try in {retry_after.total_seconds():.0f} s")
        self.provider, self.retry_after, self.slow = provider, retry_after, slow


@dataclass(frozen=True, slots=True)
class CircuitView:
    """The state of a circuit. `everywhere`: the coordinator opened it for all tenants; `shared`: this state is from Redis."""

    state: CircuitState
    failures: int
    retry_after: timedelta
    everywhere: bool
    shared: bool


@dataclass(slots=True)
class Permit:
    """The right to send one request. Record its outcome once. `token` is set if the request is the probe of an open circuit."""

    circuits: "CircuitBreakers"
    provider: Provider
    token: str = ""
    used: bool = field(default=False, init=False)

    async def record_success(self) -> None:
        await self._record(CircuitCommand.SUCCEEDED)

    async def record_failure(self) -> None:
        await self._record(CircuitCommand.FAILED)

    async def record_status(self, status: int, slow_for: timedelta = timedelta()) -> None:
        """Record the outcome by the HTTP status of the response. `slow_for`: how long a 429 asks us to wait."""
        if status == _TOO_MANY_REQUESTS:
            await self._record(CircuitCommand.SLOWED, slow_for)
        elif status == _REQUEST_TIMEOUT or status >= _SERVER_ERRORS:
            await self.record_failure()
        else:
            await self.record_success()

    async def release(self) -> None:
        """Return the permit without an outcome: the request proves nothing about the provider."""
        await self._record(CircuitCommand.IGNORED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.used:
            await self.release()

    async def _record(self, command: CircuitCommand, slow_for: timedelta = timedelta()) -> None:
        self.used = True
        await self.circuits.record(self, command, slow_for)


class CircuitBreakers:
    """One circuit per provider. Without `redis`, or while Redis is unavailable, each process has its own circuits."""

    def __init__(
        self,
        redis: SharedRedis | None,
        clock: Clock,
        metrics: CircuitMetrics | None = None,
        rules: CircuitRules | None = None,
        *,
        base_url: Callable[[Provider], str | None] = lambda _: None,
    ) -> None:
        """`base_url` returns a provider's server, None if unknown: the coordinator opens a circuit for the users of one server."""
        self._redis, self._clock, self._metrics, self._rules = redis, clock, metrics, rules or CircuitRules()
        self._base_url = base_url
        self._local = {provider: Circuit(self._rules) for provider in Provider}
        closed = CircuitStepResult(CircuitState.CLOSED, 0, timedelta(), probe=False)
        self._last_result = dict.fromkeys(Provider, closed)
        self._trusted_until = dict.fromkeys(Provider, float("-inf"))
        self._published: dict[Provider, CircuitState] = {}
        for provider in Provider:
            self._publish(provider, CircuitState.CLOSED)

    async def allow(self, provider: Provider) -> Permit:
        """Return a permit for one request to a provider. Raises `CircuitOpen` if no request should be sent now."""
        if self._clock.monotonic() < self._trusted_until[provider]:
            return Permit(self, provider)
        token = uuid4().hex
        result, view = await self._evaluate(provider, CircuitCommand.ALLOW, token)
        if result.wait:
            slow = result.state is CircuitState.CLOSED and not view.everywhere
            raise CircuitOpen(provider, result.wait, slow=slow)
        if result.probe:
            log.info("circuit.probed", provider=provider.value)
        return Permit(self, provider, token if result.probe else "")

    async def record(self, permit: Permit, command: CircuitCommand, slow_for: timedelta) -> None:
        """Record the outcome of a permitted request. An outcome that would not change the circuit is not sent to Redis."""
        last = self._last_result[permit.provider]
        is_well = last.state is CircuitState.CLOSED and not last.failures
        changes_nothing = command is CircuitCommand.IGNORED or (command is CircuitCommand.SUCCEEDED and is_well)
        if changes_nothing and not permit.token:
            return
        await self._step(permit.provider, command, permit.token, slow_for // MILLISECOND)

    async def views(self) -> Mapping[Provider, CircuitView]:
        """Return the present state of every circuit."""
        return {provider: (await self._evaluate(provider, CircuitCommand.PEEK, ""))[1] for provider in Provider}

    def last_known_states(self) -> Mapping[Provider, CircuitState]:
        """Return each circuit's state as this process last saw it, at most half a minute ago, without asking Redis."""
        return dict(self._published)

    async def reset(self, provider: Provider) -> None:
        """Close the tenant's circuit by hand. A circuit that the coordinator has opened for all tenants stays open."""
        self._local[provider].step(CircuitCommand.RESET, "", self._now())
        await self._step(provider, CircuitCommand.RESET, "", 0)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the metric current until `stop`: another pod may have opened or closed a circuit."""
        while not stop.is_set():
            await self.views()
            await sleep_until_stopped(stop, REFRESH_SECONDS)

    async def _evaluate(
        self, provider: Provider, command: CircuitCommand, token: str
    ) -> tuple[CircuitStepResult, CircuitView]:
        down_until = await self._down_for_all_until(provider)
        result, shared = await self._step(provider, command, token, down_until)
        everywhere = down_until > self._clock.now().timestamp() * 1000
        state = CircuitState.OPEN if everywhere else result.state
        if everywhere:
            self._trusted_until[provider] = float("-inf")
        self._publish(provider, state)
        return result, CircuitView(state, result.failures, result.wait, everywhere, shared)

    async def _down_for_all_until(self, provider: Provider) -> int:
        """Return until when (Unix milliseconds) the coordinator keeps this circuit open for all tenants; 0 if it does not.

        The opening expires by itself: if the coordinator dies, it must not block a provider for everybody.
        """
        if self._redis is None:
            return 0
        fields = ("state", "retry_at", "base_url")
        try:
            state, retry_at, base_url = await self._redis.execute("HMGET", f"askproai:_:circuit:{provider}", *fields)
        except RedisUnavailable:
            return 0
        if base_url and self._base_url(provider) not in {None, base_url}:
            return 0  # the verdict is about the server that most tenants use, and this tenant uses another
        down = state in {CircuitState.OPEN, CircuitState.HALF_OPEN} and str(retry_at).isdecimal()
        return int(retry_at) if down else 0

    async def _step(
        self, provider: Provider, command: CircuitCommand, token: str, argument: int
    ) -> tuple[CircuitStepResult, bool]:
        """Apply a command to the shared circuit, or without Redis to our own. Return the result, and True if it was shared."""
        state_before = self._last_result[provider].state
        result = await self._shared_step(provider, command, token, argument)
        shared = result is not None
        if result is None:
            slow_for = argument if command is CircuitCommand.SLOWED else 0
            result = self._local[provider].step(command, token, self._now(), slow_for)
        else:
            self._local[provider].follow(result, self._now())
        self._last_result[provider] = result
        is_well = result.state is CircuitState.CLOSED and not result.wait and not result.failures
        self._trusted_until[provider] = self._clock.monotonic() + TRUST_CLOSED_SECONDS if is_well else float("-inf")
        if result.state is not state_before:
            log.warning("circuit.changed", provider=provider.value, state=result.state.value, failures=result.failures)
            self._publish(provider, result.state)
        return result, shared

    async def _shared_step(
        self, provider: Provider, command: CircuitCommand, token: str, argument: int
    ) -> CircuitStepResult | None:
        if self._redis is None:
            return None
        args = (command, token, argument, *self._rules.milliseconds())
        try:
            key = self._redis.key("circuit", provider)
            state, failures, wait, probe = await self._redis.run(_SCRIPT, [key], args)
        except RedisUnavailable:
            return None
        return CircuitStepResult(CircuitState(state), failures, wait * MILLISECOND, bool(probe))

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)

    def _publish(self, provider: Provider, state: CircuitState) -> None:
        self._published[provider] = state
        if self._metrics is not None:
            self._metrics.circuit(provider, state)
