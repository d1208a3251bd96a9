"""The types of periodic tasks: one run, its result, the settings, and the errors by which a handler steers its task."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from askproai_core.database import Connection

# The state of a task between runs: JSON, of up to 200,000 characters.
Watermark: TypeAlias = dict[str, Any]


async def _unchecked(_conn: Connection) -> None:
    """The default of `check`, for a run that no other worker can take over."""


@dataclass(slots=True)
class TaskRun:
    """One run of a task. `watermark` is the watermark last returned or saved; it is empty at first.

    `check` raises `StaleRun` if another worker has taken over the task. No worker can take it over until the transaction of
    `check` ends.
    """

    name: str
    watermark: Watermark
    correlation_id: str
    save_watermark: Callable[[Watermark], Awaitable[None]]
    check: Callable[[Connection], Awaitable[None]] = _unchecked

    async def save(self, watermark: Watermark) -> None:
        """Store a watermark as the progress of this run. The next run continues from it, even if this run fails.

        Raises `StaleRun` if another worker has taken over the task. Let it propagate.
        """
        await self.save_watermark(watermark)
        self.watermark = watermark


@dataclass(frozen=True, slots=True)
class Next:
    """The result of a successful run: the time until the task is due again, and the watermark for the next run."""

    after: timedelta
    watermark: Watermark


TaskHandler: TypeAlias = Callable[[TaskRun], Awaitable[Next]]


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The settings of periodic tasks. The defaults are for production; tests shorten them."""

    look_every: timedelta = timedelta(seconds=30)
    first_within: timedelta = timedelta(seconds=30)  # for a new task: a thousand tenants are upgraded together
    timeout: timedelta = timedelta(minutes=10)  # of one run
    lease: timedelta = timedelta(seconds=30)
    renew_every: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=30)  # after the first failure; twice as long after each further one
    longest_retry: timedelta = timedelta(minutes=30)
    grace: timedelta = timedelta(seconds=5)  # at shutdown: a task goes on elsewhere from its saved state

    def retry_after(self, failures: int) -> timedelta:
        """Return the wait before the next run after this number of failures in a row (at least one)."""
        return min(self.retry * 2.0 ** min(failures - 1, 20), self.longest_retry)


class TaskError(Exception):
    """The root of the errors that tasks raise. Its text is written by us, quotes no data and is stored in `last_error`.

    TaskError
    ├── PutOff    the task cannot go on now: it is due again after `after`, however often it has failed
    └── StaleRun  another worker has taken over the task: this run must end
    """


class PutOff(TaskError):
    """Raised by a handler that cannot continue before a known time, although it has not failed itself."""

    def __init__(self, after: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.after = after


class StaleRun(TaskError):
    """Another worker has taken over the task."""
