"""The result of a controller, and the options by which the keys of a kind are processed.

Only the engine turns a result into conditions, events, metrics and the next run.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from askproai_operator.api import Key
from askproai_operator.api.conditions import Condition


class EventType(StrEnum):
    """The two types of Kubernetes Events."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One Kubernetes Event to create, about an incident that no condition shows afterwards."""

    reason: str
    message: str
    type: EventType = EventType.WARNING
    # A namespace that is being deleted takes no events: one that stays important is created in the operator's namespace then.
    outlives_object: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one reconcile. The fields of the next run have controller-runtime's names.

    `conditions` are all but Ready, which the engine derives. `status` holds further status fields in the API's camelCase; None
    removes a field. Without `requeue_after` and `requeue` the key is due again after the usual resync, or after `resync_after`.
    `requeue` asks for the key's exponential backoff instead, and counts as a failure. Both need a `requeue_reason`. `gone`
    means that the object does not exist or that its finalizer was just removed: no status is written, but `events` are created.
    `paused` is a condition Paused: nothing was looked at or changed, and all other conditions stay as they are. `edit_held` is
    also a condition Paused: all was judged as declared, but an edit has no effect while another object is paused.

    Raises ValueError for a requeue without a reason.
    """

    conditions: tuple[Condition, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    requeue_after: timedelta | None = None
    requeue: bool = False
    requeue_reason: str = ""
    resync_after: timedelta | None = None  # watches report all else that the controller reads
    events: tuple[EventRecord, ...] = ()
    gone: bool = False
    paused: Condition | None = None
    edit_held: Condition | None = None

    def __post_init__(self) -> None:
        if (self.requeue or self.requeue_after is not None) and not self.requeue_reason:
            raise ValueError("a requeue needs a requeue_reason: why is the key due before the usual resync?")


GONE = Result(gone=True)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays after failures in a row: `first`, doubled each time, at most `longest`. `jitter` is the share that is random."""

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    jitter: float = 0.5

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> timedelta:
        """Return the delay after this number of failures in a row: by default 1 s, 2 s, 4 s … 5 min, each less up to a half."""
        full = min(self.first * float(2 ** min(failures - 1, 20)), self.longest)
        return full * (1 - self.jitter + self.jitter * chance())


@dataclass(frozen=True, slots=True)
class Options:
    """The options by which keys of one kind are processed; controller-runtime's controller.Options.

    `workers` is the kind's own number of workers, its greatest concurrency; with None, it uses the shared workers. A run is
    cancelled after `timeout`; with None it is never cancelled, and a long run does not fail the liveness probe. `while_paused`
    is called with the loop's context in place of, or after, a reconcile that changes nothing because the object is paused.
    """

    backoff: Backoff = field(default_factory=Backoff)
    workers: int | None = None
    timeout: timedelta | None = timedelta(minutes=2)
    while_paused: Callable[[Key, Any], Awaitable[None]] | None = None
