"""Faults to switch on, each for one operation (or `*`) and a number of times."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct, convert, field

Item = TypeVar("Item")


class FaultKind(StrEnum):
    """What can go wrong at a provider."""

    TIMEOUT_AFTER_COMMIT = "timeout-after-commit"  # done, but no answer: the connection closes after `seconds` (30)
    ERROR_BEFORE_COMMIT = "error-before-commit"  # 500, nothing done
    ERROR_AFTER_COMMIT = "error-after-commit"  # 500, but done
    RATE_LIMITED = "rate-limited"  # 429
    DOWN = "down"  # 503 by whatever stands in front of the servers, nothing done
    NO_ROUTE = "no-route"  # 404: this server has no such endpoint
    SLOW = "slow"  # answers after `ms`
    LAGGING_LIST = "lagging-list"  # new objects miss from this list for `seconds`, or for `requests` of it


_NEEDS = {FaultKind.SLOW: ("ms",), FaultKind.LAGGING_LIST: ("seconds", "requests")}  # one of them, or nothing happens


class Fault(Struct, forbid_unknown_fields=True):
    """One fault that is switched on; `count` None means until it is switched off, as a lagging list always is."""

    kind: FaultKind = field(name="fault")
    operation: str = "*"
    count: int | None = 1
    seconds: float | None = None
    ms: float = 0
    requests: int = 0
    since: datetime | None = None

    @classmethod
    def parse(cls, body: Any, now: datetime) -> "Fault":
        """Read `{"fault", "operation"?, "count"?, "seconds"?, "ms"?, "requests"?}`; raises ValueError, ValidationError."""
        fault = convert(body, cls)
        if fault.kind in _NEEDS and not any(getattr(fault, name) for name in _NEEDS[fault.kind]):
            raise ValueError(f"{fault.kind} does nothing without {' or '.join(_NEEDS[fault.kind])}")
        fault.since = now
        return fault


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
        return [item for item in items if fault is None or not self._lags(fault, *identity(item), now)]

    def _lags(self, fault: Fault, name: str, born: datetime, now: datetime) -> bool:
        if fault.since is None or born < fault.since:
            return False
        if fault.requests:
            key = (id(fault), name)
            self._misses[key] = self._misses.get(key, 0) + 1
            return self._misses[key] <= fault.requests
        return now < born + timedelta(seconds=fault.seconds or 0)
