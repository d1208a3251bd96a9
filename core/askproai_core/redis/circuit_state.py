"""One circuit: closed, open after repeated failures, half open while a probe is out. Pure: time comes in as milliseconds.

`circuit.lua` has the same rules on Redis's clock; this one is for a process whose Redis is away, or that needs none.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

MILLISECOND = timedelta(milliseconds=1)


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verb(StrEnum):
    """What can be asked of a circuit, or told to it."""

    LOOK = "look"
    ALLOW = "allow"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IGNORED = "ignored"  # says nothing about the provider: a cancelled call
    SLOWED = "slowed"  # it answered, and asked us to wait
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a circuit opens, and how it closes again. A success forgets the failures before it."""

    failures: int = 5
    window: timedelta = timedelta(seconds=60)  # failures further apart than this do not add up
    open_for: timedelta = timedelta(seconds=60)
    permits: int = 1  # probes at the same time
    probe_for: timedelta = timedelta(seconds=15)  # a probe whose process died is out no longer
    # Nobody tried it for so long: it says nothing about the provider any more
    forget: timedelta = timedelta(minutes=10)

    def milliseconds(self) -> tuple[int, int, int, int, int, int]:
        """Give them as the script takes them."""
        window, open_for, probe_for, forget = (
            each // MILLISECOND for each in (self.window, self.open_for, self.probe_for, self.forget)
        )
        return self.failures, window, open_for, self.permits, probe_for, forget


@dataclass(frozen=True, slots=True)
class Answer:
    """How the circuit stands after a step. `wait` 0: the call may go, and `probe` says that all depends on it."""

    state: State
    failures: int
    wait: timedelta
    probe: bool


@dataclass(slots=True)
class Circuit:
    """A circuit of this process."""

    rules: Rules
    state: State = State.CLOSED
    retry_at: int = 0
    slow_until: int = 0
    failures: list[int] = field(default_factory=list)
    probes: dict[str, int] = field(default_factory=dict)  # token to end

    def step(self, verb: Verb, token: str, now: int, more: int = 0) -> Answer:
        """Take one step at `now`. `more`: for ALLOW until when the coordinator says no, for SLOWED for how long."""
        most, window, open_for, _, probe_for, forget = self.rules.milliseconds()
        if self.state is not State.CLOSED and now >= self.retry_at + forget:
            self.state, self.failures = State.CLOSED, []
        self.failures = [at for at in self.failures if at > now - window]
        self.probes = {name: ends for name, ends in self.probes.items() if ends > now}
        counts = token in self.probes or self.state is State.CLOSED
        no_until = more if verb in {Verb.ALLOW, Verb.LOOK} else 0
        probe = False
        match verb:
            case Verb.LOOK:
                pass
            case Verb.ALLOW:
                probe = self.state is not State.CLOSED and not self._wait(now, no_until)
                if probe:
                    self.state = State.HALF_OPEN
                    self.probes[token] = now + probe_for
            case Verb.RESET:
                self.state, self.failures, self.probes, self.slow_until = State.CLOSED, [], {}, 0
            case Verb.SUCCEEDED if counts:
                self.state, self.failures, self.probes = State.CLOSED, [], {}
            case Verb.FAILED if counts:
                self.failures.append(now)
                if self.state is not State.CLOSED or len(self.failures) >= most:
                    self.state, self.retry_at, self.probes = State.OPEN, now + open_for, {}
            case _:  # ignored, slowed, and what comes late: at most a probe is given back
                self.probes.pop(token, None)
                if verb is Verb.SLOWED:
                    self.slow_until = max(self.slow_until, now + more)
        wait = 0 if probe else self._wait(now, no_until)
        return Answer(self.state, len(self.failures), wait * MILLISECOND, probe)

    def _wait(self, now: int, no_until: int) -> int:
        ends = [self.slow_until, no_until, now]
        if self.state is State.OPEN:
            ends.append(self.retry_at)
        elif self.state is State.HALF_OPEN and len(self.probes) >= self.rules.permits:
            ends.append(min(self.probes.values()))
        return max(ends) - now

    def follow(self, shared: Answer, now: int) -> None:
        """Take over how the shared circuit stands, so that an outage of Redis does not forget an outage of the provider."""
        until = now + shared.wait // MILLISECOND
        if shared.state is State.CLOSED:
            self.state, self.failures, self.probes, self.slow_until = State.CLOSED, [], {}, until
        else:
            self.state, self.retry_at = State.OPEN, until
