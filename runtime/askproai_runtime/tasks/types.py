"""The vocabulary of periodic tasks: one run, what it returns, the settings, and the errors by which a handler steers its task."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from askproai_core.database import Connection

# The state of a task between runs: JSON, of up to 200,000 characters.
Watermark: TypeAlias = dict[str, Any]


async def _unchecked(_conn: Connection) -> None:
    """Check nothing: no other worker runs the task."""


@dataclass(slots=True)
class TaskRun:
    """One run of a task. `watermark` is the one that the last run returned or saved; empty at first.

    `check`, in a transaction of the run, raises `StaleRun` if another worker runs the task by now; none does before it ends.
    """

    name: str
    watermark: Watermark
    correlation_id: str
    save_watermark: Callable[[Watermark], Awaitable[None]]
    check: Callable[[Connection], Awaitable[None]] = _unchecked

    async def save(self, watermark: Watermark) -> None:
        """Store what this run has done so far, so that the next one goes on from there, whatever ends this one.

        Raises `StaleRun` if another worker runs the task by now; let it propagate.
        """
        await self.save_watermark(watermark)
        self.watermark = watermark


@dataclass(frozen=True, slots=True)
class Next:
    """When a task that has run is due again, and what the next run begins with."""

    after: timedelta
    watermark: Watermark


TaskHandler: TypeAlias = Callable[[TaskRun], Awaitable[Next]]


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """How tasks are run. The defaults are those of production; tests shorten them."""

    look_every: timedelta = timedelta(seconds=30)
    first_within: timedelta = timedelta(seconds=30)  # for a new task: a thousand tenants are upgraded together
    timeout: timedelta = timedelta(minutes=10)  # of one run
    lease: timedelta = timedelta(seconds=30)
    renew_every: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=30)  # after the first failure; twice as long after each further one
    longest_retry: timedelta = timedelta(minutes=30)
    grace: timedelta = timedelta(seconds=5)  # at shutdown: a task goes on elsewhere from its saved state

    def retry_after(self, failures: int) -> timedelta:
        """Return the wait after so many failures, one at least."""
        return min(self.retry * 2.0 ** min(failures - 1, 20), self.longest_retry)


class TaskError(Exception):
    """The root of the errors that tasks raise. Its text is written by us, quotes no data and is stored in `last_error`.

    TaskError
    ├── PutOff    it cannot go on now: run it again after `after`, which a growing number of failures does not change
    └── StaleRun  another worker runs the task by now: this run must end
    """


class PutOff(TaskError):
    """Raised by a handler that cannot go on before a time that it knows, and is not to blame for it."""

    def __init__(self, after: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.after = after


class StaleRun(TaskError):
    """Another worker runs the task by now."""
