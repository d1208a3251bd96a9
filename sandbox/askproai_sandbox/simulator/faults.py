"""Faults to switch on, each for one operation (or `*`) and a number of times."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

Item = TypeVar("Item")


class FaultKind(StrEnum):
    """What can go wrong at a provider."""

    TIMEOUT_AFTER_COMMIT = "timeout-after-commit"  # done, but no answer: the connection closes after `seconds`
    ERROR_BEFORE_COMMIT = "error-before-commit"  # 500, nothing done
    ERROR_AFTER_COMMIT = "error-after-commit"  # 500, but done
    RATE_LIMITED = "rate-limited"  # 429
    SLOW = "slow"  # answers after `ms`
    LAGGING_LIST = "lagging-list"  # new objects miss from this list for `seconds`, or for `requests` of it
    WEBHOOK_BEFORE_ANSWER = "webhook-before-answer"
    DROP_WEBHOOK = "drop-webhook"  # the operation is the event's name
    DUPLICATE_WEBHOOK = "duplicate-webhook"


@dataclass(slots=True)
class Fault:
    """One fault that is switched on; `count` None means until it is switched off."""

    operation: str
    kind: FaultKind
    count: int | None
    since: datetime
    seconds: float = 0
    ms: float = 0
    requests: int = 0

    @classmethod
    def parse(cls, body: Any, now: datetime) -> "Fault":
        """Read `{"operation", "fault", "count"?, "seconds"?, "ms"?, "requests"?}`; raises ValueError."""
        if not isinstance(body, dict) or "fault" not in body:
            raise ValueError(f"a fault is an object with a key `fault`, one of {', '.join(FaultKind)}")
        unknown = body.keys() - {"operation", "fault", "count", "seconds", "ms", "requests"}
        if unknown:
            raise ValueError(f"unknown keys of a fault: {', '.join(sorted(unknown))}")
        kind = FaultKind(body["fault"])
        count = body.get("count", None if kind is FaultKind.LAGGING_LIST else 1)
        seconds = body.get("seconds", 30 if kind is FaultKind.TIMEOUT_AFTER_COMMIT else 0)
        requests = body.get("requests", 0)
        return cls(body.get("operation", "*"), kind, count, now, seconds, body.get("ms", 0), requests)


class Faults:
    """The faults that are switched on now."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._misses: dict[tuple[int, str], int] = {}

    def clear(self) -> None:
        self.active.clear()
        self._misses.clear()

    def _find(self, operation: str, kind: FaultKind) -> Fault | None:
        return next((f for f in self.active if f.kind is kind and f.operation in {operation, "*"}), None)

    def take(self, operation: str, kind: FaultKind) -> Fault | None:
        """Give the fault if it is on for `operation`, and count it as used once."""
        fault = self._find(operation, kind)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.active.remove(fault)
        return fault

    def visible(
        self, operation: str, items: Iterable[Item], identity: Callable[[Item], tuple[str, datetime]], now: datetime
    ) -> list[Item]:
        """Leave out what a lagging list does not show yet: objects born after the fault was switched on."""
        fault = self._find(operation, FaultKind.LAGGING_LIST)
        if fault is None:
            return list(items)
        return [item for item in items if not self._lags(fault, *identity(item), now)]

    def _lags(self, fault: Fault, name: str, born: datetime, now: datetime) -> bool:
        if born < fault.since:
            return False
        if fault.requests:
            key = (id(fault), name)
            self._misses[key] = self._misses.get(key, 0) + 1
            return self._misses[key] <= fault.requests
        return now < born + timedelta(seconds=fault.seconds)

    def dump(self) -> list[dict[str, Any]]:
        return [
            {"operation": f.operation, "fault": f.kind, "count": f.count, "seconds": f.seconds, "ms": f.ms,
             "requests": f.requests}
            for f in self.active
        ]  # fmt: skip
