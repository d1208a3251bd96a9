"""How the keys of one kind are processed. A controller states it; the control loop acts by it."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from askproai_operator.api import Key


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delays after failures in a row: `first`, doubled each time, at most `longest`; `jitter` is the random share of each."""

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    jitter: float = 0.5

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> timedelta:
        """Return the delay after the n-th failure in a row. By default 1 s, 2 s, 4 s … 5 min, less up to a half."""
        full = min(self.first * float(2 ** min(failures - 1, 20)), self.longest)
        return full * (1 - self.jitter + self.jitter * chance())


@dataclass(frozen=True, slots=True)
class Options:
    """How the keys of one kind are processed; controller-runtime's controller.Options.

    `workers` are workers of the kind's own, and so its greatest concurrency; with None it uses the shared ones. A run is
    cancelled after `timeout`; with None it is never cancelled, and a long one does not fail the liveness probe. `while_paused` is
    called with the loop's context in place of, or after, a reconcile that changes nothing because the object is paused.
    """

    backoff: Backoff = field(default_factory=Backoff)
    workers: int | None = None
    timeout: timedelta | None = timedelta(minutes=2)
    while_paused: Callable[[Key, Any], Awaitable[None]] | None = None
