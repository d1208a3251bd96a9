"""What one reconcile found. Only the engine turns it into conditions, events, metrics and the next run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from askproai_operator.api.conditions import Condition


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Warn:
    """One event for the user, about something that happened and that no condition keeps; a warning unless `type` says else."""

    reason: str
    message: str
    type: EventType = EventType.WARNING
    lasting: bool = True  # worth telling from the operator's namespace when its own is going and takes no events


@dataclass(frozen=True, slots=True)
class Result:
    """Conditions besides Ready (the engine derives that one), status fields, events, and when to look again.

    `after=None` is the usual resync. `retry=True` asks for the key's exponential backoff instead, and counts as an error.
    `gone=True`: the object is gone, or its finalizer was just removed; no status is written, but `warnings` are told.
    """

    conditions: tuple[Condition, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta | None = None
    retry: bool = False
    warnings: tuple[Warn, ...] = ()
    gone: bool = False


GONE = Result(gone=True)
