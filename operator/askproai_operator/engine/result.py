"""What one reconcile found. Only the engine turns it into conditions, events, metrics and the next run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from askproai_operator.api.conditions import Condition
from askproai_operator.key import Key

__all__ = ["GONE", "Key", "Result", "Warn"]


@dataclass(frozen=True, slots=True)
class Warn:
    """A Warning event for the user, made when something happened that no condition keeps."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """Conditions besides Ready (the engine derives that one), status fields, and when to look again.

    `after=None` is the usual resync. `retry=True` asks for the key's exponential backoff instead, and counts as an error.
    """

    conditions: tuple[Condition, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta | None = None
    retry: bool = False
    warnings: tuple[Warn, ...] = ()


GONE = Result()  # the object is gone, or its finalizer was just removed: there is no status to write
