"""The state machine of one circuit breaker: closed, open after repeated failures, half-open while a probe is running.

Pure: time comes in as milliseconds. `circuit_breaker.lua` implements the same rules on Redis's clock; this module serves a
process that has no Redis or cannot reach it. The same tests check both (`tests/integration/redis/test_circuit_breakers.py`).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

MILLISECOND = timedelta(milliseconds=1)


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitCommand(StrEnum):
    """A command to a circuit: the question for a permit, or the report of an outcome. Values are arguments of the Lua script."""

    PEEK = "look"
    ALLOW = "allow"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IGNORED = "ignored"  # cancelled: the call proves nothing about the provider
    SLOWED = "slowed"  # the provider answered, and asked us to wait
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """The rules for opening and closing a circuit. A success clears the failures before it."""

    failures: int = 5
    window: timedelta = timedelta(seconds=60)  # failures further apart than this do not add up
    open_for: timedelta = timedelta(seconds=60)
    permits: int = 1  # probes at the same time
    probe_for: timedelta = timedelta(seconds=15)  # a probe of a process that died expires after this
    # An open circuit closes when no request was tried for so long: its state is outdated.
    forget: timedelta = timedelta(minutes=10)

    def milliseconds(self) -> tuple[int, int, int, int, int, int]:
        """Return the rules in the order in which the Lua script takes them, durations in milliseconds."""
        window, open_for, probe_for, forget = (
            each // MILLISECOND for each in (self.window, self.open_for, self.probe_for, self.forget)
        )
        return self.failures, window, open_for, self.permits, probe_for, forget


@dataclass(frozen=True, slots=True)
class CircuitStepResult:
    """A circuit after one command. `wait` 0: the request may be sent. `probe`: it tests whether the provider works."""

    state: CircuitState
    failures: int
    wait: timedelta
    probe: bool


@dataclass(slots=True)
class Circuit:
    """A circuit of this process alone. Instants are milliseconds of its monotonic clock."""

    rules: CircuitRules
    state: CircuitState = CircuitState.CLOSED
    retry_at: int = 0
    slow_until: int = 0
    failures: list[int] = field(default_factory=list)
    probes: dict[str, int] = field(default_factory=dict)  # token to its expiry

    def step(self, command: CircuitCommand, token: str, now: int, slow_for: int = 0) -> CircuitStepResult:
        """Apply one command at `now`. `slow_for` is for SLOWED: how many milliseconds the provider asked us to wait."""
        max_failures, window, open_for, _, probe_for, forget = self.rules.milliseconds()
        if self.state is not CircuitState.CLOSED and now >= self.retry_at + forget:
            self.state, self.failures = CircuitState.CLOSED, []
        self.failures = [failed_at for failed_at in self.failures if failed_at > now - window]
        self.probes = {name: expiry for name, expiry in self.probes.items() if expiry > now}
        counts = token in self.probes or self.state is CircuitState.CLOSED
        is_probe = False
        match command:
            case CircuitCommand.PEEK:
                pass
            case CircuitCommand.ALLOW:
                is_probe = self.state is not CircuitState.CLOSED and not self._wait(now)
                if is_probe:
                    self.state = CircuitState.HALF_OPEN
                    self.probes[token] = now + probe_for
            case CircuitCommand.RESET:
                self.state, self.failures, self.probes, self.slow_until = CircuitState.CLOSED, [], {}, 0
            case CircuitCommand.SUCCEEDED if counts:
                self.state, self.failures, self.probes = CircuitState.CLOSED, [], {}
            case CircuitCommand.FAILED if counts:
                self.failures.append(now)
                if self.state is not CircuitState.CLOSED or len(self.failures) >= max_failures:
                    self.state, self.retry_at, self.probes = CircuitState.OPEN, now + open_for, {}
            case _:  # ignored, slowed, or too late: only a probe's permit is returned
                self.probes.pop(token, None)
                if command is CircuitCommand.SLOWED:
                    self.slow_until = max(self.slow_until, now + slow_for)
        wait = 0 if is_probe else self._wait(now)
        return CircuitStepResult(self.state, len(self.failures), wait * MILLISECOND, is_probe)

    def _wait(self, now: int) -> int:
        instants = [self.slow_until, now]
        if self.state is CircuitState.OPEN:
            instants.append(self.retry_at)
        elif self.state is CircuitState.HALF_OPEN and len(self.probes) >= self.rules.permits:
            instants.append(min(self.probes.values()))
        return max(instants) - now

    def follow(self, shared: CircuitStepResult, now: int) -> None:
        """Copy the state of the shared circuit, so that an outage of Redis does not forget an outage of the provider."""
        until = now + shared.wait // MILLISECOND
        if shared.state is CircuitState.CLOSED:
            self.state, self.failures, self.probes, self.slow_until = CircuitState.CLOSED, [], {}, until
        else:
            self.state, self.retry_at = CircuitState.OPEN, until
