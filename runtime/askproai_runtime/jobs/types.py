"""The types of the queue: kinds, priorities, one claimed job, the settings, and the errors by which a handler steers its job.

The names of error classes are part of `last_error`, which people read and search.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Priority(StrEnum):
    """The priority of a job. Jobs are claimed in the order of these members, the most urgent first."""

    CRITICAL = "critical"
    HIGH = "high"
    DEFAULT = "default"
    LOW = "low"
    MAINTENANCE = "maintenance"


class JobKind(StrEnum):
    WEBHOOK_EVENT = "webhook-event"
    CALENDAR_SYNC = "calendar-sync"


class JobOutcome(StrEnum):
    """The end of a job: its work is done, or it is a dead letter that waits for a redrive."""

    DONE = "done"
    DEAD = "dead"


@dataclass(slots=True)
class Job:
    """One claim of a job. `claim_no` is the fence: once another worker has claimed the job, this claim can finish nothing."""

    id: int
    kind: JobKind
    priority: Priority
    attempts: int  # including this one
    claim_no: int
    event_id: int | None
    appointment_id: UUID | None
    correlation_id: str
    traceparent: str | None = None  # the job's trace, if it is recorded
    age: timedelta = timedelta()  # since it was queued, at this claim
    finished: bool = False  # set by `finish`: a handler that forgets to call it must not count as a success


@dataclass(frozen=True, slots=True)
class JobSettings:
    """The settings of the queue. The defaults are for production; tests shorten them."""

    slots: int = 36
    reserved: int = 4  # slots that critical, high and default leave to low and maintenance, and vice versa
    timeout: timedelta = timedelta(seconds=120)  # of one attempt
    retries: tuple[timedelta, ...] = (timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=300))
    database_wait: timedelta = timedelta(seconds=10)  # before the next attempt, if the database was slow or restarted
    database_patience: timedelta = timedelta(hours=1)  # younger jobs lose no attempt to a slow database
    lease: timedelta = timedelta(seconds=30)
    renew_every: timedelta = timedelta(seconds=10)
    poll: timedelta = timedelta(seconds=15)
    poll_busy: timedelta = timedelta(seconds=1)
    busy_for: timedelta = timedelta(minutes=10)  # after this process last had a job
    grace: timedelta = timedelta(seconds=15)  # for running jobs at shutdown


class JobError(Exception):
    """The root of the errors that the queue raises or accepts from handlers.

    Its text is written by us, quotes no data and is stored in `last_error`.

    JobError
    ├── StaleClaim       another worker has claimed the job: the transaction must roll back
    ├── DeadNow          no retry can help: the job becomes a dead letter at once
    ├── RunAgain         too early, nothing failed: the job is put back, the attempt is not counted
    ├── FinishForgotten  the handler returned without `finish`: a failed attempt
    └── TooLong          the handler exceeded its timeout: a failed attempt
    """


class StaleClaim(JobError):
    """Another worker has since claimed the job. The transaction that detects this must roll back."""


class DeadNow(JobError):
    """Raised by a handler if no retry can help. The reason is stored with the job and its event."""


class RunAgain(JobError):
    """Raised by a handler if it is too early to go on and nothing has failed. The attempt is not counted."""

    def __init__(self, at: datetime, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class FinishForgotten(JobError):
    """Raised if the handler returned without `finish`: its effects and the job's completion were not one transaction."""


class TooLong(JobError):
    """The handler was cancelled at its timeout."""
