"""What the queue is made of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Priority(StrEnum):
    """In the order in which they go first."""

    CRITICAL = "critical"
    HIGH = "high"
    DEFAULT = "default"
    LOW = "low"
    MAINTENANCE = "maintenance"


class JobKind(StrEnum):
    WEBHOOK_EVENT = "webhook-event"
    CALENDAR_SYNC = "calendar-sync"


@dataclass(slots=True)
class Job:
    """One claim of a job. `claim_no` is the fence: whoever claims it after us has a higher one, and we can finish no more."""

    id: int
    kind: JobKind
    priority: Priority
    attempts: int  # this one included
    claim_no: int
    event_id: int | None
    appointment_id: UUID | None
    correlation_id: str
    finished: bool = False  # set by `finish`: a handler that forgets it must not pass for a success


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How the queue behaves. The defaults are design §3.2; tests shorten them."""

    slots: int = 10
    reserved: int = 2  # slots that critical, high and default leave to low and maintenance, and the other way round
    timeout: timedelta = timedelta(seconds=120)
    retries: tuple[timedelta, ...] = (timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=300))
    lease: timedelta = timedelta(seconds=30)
    renew_every: timedelta = timedelta(seconds=10)
    poll: timedelta = timedelta(seconds=15)
    poll_busy: timedelta = timedelta(seconds=1)
    busy_for: timedelta = timedelta(minutes=10)  # after this process last saw work
    grace: timedelta = timedelta(seconds=15)  # for running jobs at shutdown


class JobError(Exception):
    """The root of what the queue raises, or takes from handlers. Its text is ours, quotes nobody, and is kept in `last_error`."""


class StaleClaim(JobError):
    """Somebody else has the job by now: the transaction that finds this out must roll back."""


class DeadNow(JobError):
    """Raised by a handler: no retry can help. The reason stands in the job and its event."""


class RunAgain(JobError):
    """Raised by a handler: nothing failed, but it is too early. The try is not counted."""

    def __init__(self, at: datetime, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class FinishForgotten(JobError):
    """The handler returned without `finish`, so its effects and the job's end were not one transaction."""


class TooLong(JobError):
    """The handler was cut at its timeout."""
