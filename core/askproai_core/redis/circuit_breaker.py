"""The circuits of a tenant: whether a provider is worth a call now. Shared by its pods, cached, and never a reason to fail.

    permit = await circuits.allow(Provider.CALCOM)      # raises CircuitOpen
    async with permit:                                  # left without a word, it is given back
        ...
        await permit.answered(status)                   # or failed(): nothing came

Timeouts, broken connections and 5xx count. Any other answer is one, our own mistakes (4xx) included; 429 slows down.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from typing import Protocol, Self
from uuid import uuid4

import structlog

from askproai_core.clock import Clock
from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.redis.circuit_state import MILLISECOND, Answer, Circuit, Rules, State, Verb
from askproai_core.redis.client import RedisAway, Script, Shared

log = structlog.get_logger(__name__)

TRUST_CLOSED_SECONDS = 0.5  # for so long a closed circuit without failures is not asked again
SHOW_EVERY_SECONDS = 30.0
_SCRIPT = Script("circuit", files(__package__).joinpath("circuit_breaker.lua").read_text("utf-8"))
_TOO_MANY, _REQUEST_TIMEOUT, _SERVER_ERRORS = 429, 408, 500
_EPOCH_LIKE = 1_000_000_000  # Cal.com's reset header is seconds to wait in its source, a Unix time in its docs


class CircuitMetrics(Protocol):
    """Where a circuit's state is shown."""

    def circuit(self, provider: str, state: str) -> None:
        """Show the state of a provider's circuit."""


class Provider(StrEnum):
    RETELL = "retell"
    CALCOM = "calcom"


class CircuitOpen(Exception):
    """The provider is better not called now, so nothing was sent. `slow`: it works, but asked us to wait."""

    def __init__(self, provider: Provider, retry_after: timedelta, *, slow: bool = False) -> None:
        why = "asked us to slow down" if slow else "fails again and again, its circuit is open"
        super().__init__(f"{provider} {why}; next try in {retry_after.total_seconds():.0f} s")
        self.provider, self.retry_after, self.slow = provider, retry_after, slow


@dataclass(frozen=True, slots=True)
class CircuitView:
    """How a circuit stands. `everywhere`: the coordinator says so for all tenants; `shared`: read from Redis."""

    state: State
    failures: int
    retry_after: timedelta
    everywhere: bool
    shared: bool


@dataclass(slots=True)
class Permit:
    """The right to make one call. Say how it went, once; `token` is set when it is the probe of an open circuit."""

    circuits: "Circuits"
    provider: Provider
    token: str = ""
    settled: bool = field(default=False, init=False)

    async def succeeded(self) -> None:
        await self._tell(Verb.SUCCEEDED)

    async def failed(self) -> None:
        await self._tell(Verb.FAILED)

    async def ignored(self) -> None:
        """Give it back: the call says nothing about the provider."""
        await self._tell(Verb.IGNORED)

    async def answered(self, status: int, slow_for: timedelta = timedelta()) -> None:
        """Say what came back. `slow_for`: how long a 429 asks us to wait."""
        if status == _TOO_MANY:
            await self._tell(Verb.SLOWED, slow_for)
        else:
            await (self.failed() if status == _REQUEST_TIMEOUT or status >= _SERVER_ERRORS else self.succeeded())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.settled:
            await self.ignored()

    async def _tell(self, verb: Verb, slow_for: timedelta = timedelta()) -> None:
        self.settled = True
        await self.circuits.tell(self, verb, slow_for)


class Circuits:
    """One circuit for each provider. Without `shared`, or while Redis is away, each process has its own."""

    def __init__(
        self,
        shared: Shared | None,
        clock: Clock,
        metrics: CircuitMetrics | None = None,
        rules: Rules | None = None,
        *,
        base_url: Callable[[Provider], str | None] = lambda _: None,
    ) -> None:
        """Take the server that is called, where it is known: the coordinator's word is about one of them."""
        self._shared, self._clock, self._metrics, self._rules = shared, clock, metrics, rules or Rules()
        self._base_url = base_url
        self._own = {provider: Circuit(self._rules) for provider in Provider}
        self._last = {provider: Answer(State.CLOSED, 0, timedelta(), probe=False) for provider in Provider}
        self._trusted_until = dict.fromkeys(Provider, float("-inf"))
        self._shown: dict[Provider, State] = {}
        for provider in Provider:
            self._show(provider, State.CLOSED)

    async def allow(self, provider: Provider) -> Permit:
        """Give a permit for one call. Raises `CircuitOpen`."""
        if self._clock.monotonic() < self._trusted_until[provider]:
            return Permit(self, provider)
        token = uuid4().hex
        answer, view = await self._ask(provider, Verb.ALLOW, token)
        if answer.wait:
            slow = answer.state is State.CLOSED and not view.everywhere
            raise CircuitOpen(provider, answer.wait, slow=slow)
        if answer.probe:
            log.info("circuit.probed", provider=provider.value)
        return Permit(self, provider, token if answer.probe else "")

    async def tell(self, permit: Permit, verb: Verb, slow_for: timedelta) -> None:
        """Pass on how a call went. What would change nothing costs no round trip."""
        last = self._last[permit.provider]
        dull = verb is Verb.IGNORED or (verb is Verb.SUCCEEDED and last.state is State.CLOSED and not last.failures)
        if dull and not permit.token:
            return
        await self._step(permit.provider, verb, permit.token, slow_for // MILLISECOND)

    async def states(self) -> Mapping[Provider, CircuitView]:
        """Look at every circuit."""
        return {provider: (await self._ask(provider, Verb.LOOK, ""))[1] for provider in Provider}

    def known(self) -> Mapping[Provider, State]:
        """Give each circuit's state as this process saw it last, half a minute ago at most; nobody is asked."""
        return dict(self._shown)

    async def reset(self, provider: Provider) -> None:
        """Close the tenant's circuit by hand. The coordinator's word over all tenants stays."""
        self._own[provider].step(Verb.RESET, "", self._now())
        await self._step(provider, Verb.RESET, "", 0)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep the metric true until `stop`: another pod may have opened or closed a circuit."""
        while not stop.is_set():
            await self.states()
            await sleep_until_stopped(stop, SHOW_EVERY_SECONDS)

    async def _ask(self, provider: Provider, verb: Verb, token: str) -> tuple[Answer, CircuitView]:
        word_until = await self._word(provider)
        answer, shared = await self._step(provider, verb, token, word_until)
        everywhere = word_until > self._clock.now().timestamp() * 1000
        state = State.OPEN if everywhere else answer.state
        if everywhere:
            self._trusted_until[provider] = float("-inf")
        self._show(provider, state)
        return answer, CircuitView(state, answer.failures, answer.wait, everywhere, shared)

    async def _word(self, provider: Provider) -> int:
        """Give until when (Unix milliseconds) the coordinator calls the provider down for all tenants; 0: it does not.

        It is true only as long as it says: a coordinator that dies must not keep a provider from everybody.
        """
        if self._shared is None:
            return 0
        fields = ("state", "retry_at", "base_url")
        try:
            state, retry_at, base_url = await self._shared.do("HMGET", f"askproai:_:circuit:{provider}", *fields)
        except RedisAway:
            return 0
        if base_url and self._base_url(provider) not in {None, base_url}:
            return 0  # it speaks of the server that most tenants use, and this one has another
        down = state in {State.OPEN, State.HALF_OPEN} and str(retry_at).isdecimal()
        return int(retry_at) if down else 0

    async def _step(self, provider: Provider, verb: Verb, token: str, more: int) -> tuple[Answer, bool]:
        """Take a step of the shared circuit, or of our own; says which."""
        before = self._last[provider].state
        answer = await self._shared_step(provider, verb, token, more)
        shared = answer is not None
        if answer is None:
            answer = self._own[provider].step(verb, token, self._now(), more if verb is Verb.SLOWED else 0)
        else:
            self._own[provider].follow(answer, self._now())
        self._last[provider] = answer
        good = answer.state is State.CLOSED and not answer.wait and not answer.failures
        self._trusted_until[provider] = self._clock.monotonic() + TRUST_CLOSED_SECONDS if good else float("-inf")
        if answer.state is not before:
            log.warning("circuit.changed", provider=provider.value, state=answer.state.value, failures=answer.failures)
            self._show(provider, answer.state)
        return answer, shared

    async def _shared_step(self, provider: Provider, verb: Verb, token: str, more: int) -> Answer | None:
        if self._shared is None:
            return None
        args = (verb, token, more, *self._rules.milliseconds())
        try:
            key = self._shared.key("circuit", provider)
            state, failures, wait, probe = await self._shared.run(_SCRIPT, [key], args)
        except RedisAway:
            return None
        return Answer(State(state), failures, wait * MILLISECOND, bool(probe))

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)

    def _show(self, provider: Provider, state: State) -> None:
        self._shown[provider] = state
        if self._metrics is not None:
            self._metrics.circuit(provider, state)


def asked_to_wait(headers: Mapping[str, str], now: datetime, unsaid: timedelta) -> timedelta:
    """Give how long a 429 asks us to wait: a second to an hour, `unsaid` when it does not say."""
    for header in ("Retry-After", "X-RateLimit-Reset-Default"):
        value = headers.get(header, "")
        if value.isdecimal():
            seconds = int(value)
            if seconds > _EPOCH_LIKE:
                seconds -= int(now.timestamp())
            return timedelta(seconds=min(max(seconds, 1), 3600))
    return unsaid
