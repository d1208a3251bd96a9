"""Faults of a simulated provider. Each is activated for one operation (or `*`) and a number of requests."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct, convert, field

Item = TypeVar("Item")


class FaultKind(StrEnum):
    """The kinds of faults that a simulated provider can have."""

    TIMEOUT_AFTER_COMMIT = "timeout-after-commit"
    ERROR_BEFORE_COMMIT = "error-before-commit"
    ERROR_AFTER_COMMIT = "error-after-commit"
    RATE_LIMITED = "rate-limited"
    DOWN = "down"
    NO_ROUTE = "no-route"
    SLOW = "slow"
    LAGGING_LIST = "lagging-list"


DESCRIPTIONS: Mapping[FaultKind, str] = {
    FaultKind.TIMEOUT_AFTER_COMMIT: "the change is made, but the connection closes unanswered after SECONDS (30)",
    FaultKind.ERROR_BEFORE_COMMIT: "500, nothing was changed",
    FaultKind.ERROR_AFTER_COMMIT: "500, but the change was made",
    FaultKind.RATE_LIMITED: "429",
    FaultKind.DOWN: "503 of a load balancer before the servers, nothing was changed",
    FaultKind.NO_ROUTE: "404: this server does not have the endpoint",
    FaultKind.SLOW: "answers after MS milliseconds",
    FaultKind.LAGGING_LIST: "lists omit new objects for SECONDS, or for the next REQUESTS of them",
}


_REQUIRED = {
    FaultKind.SLOW: ("ms",),
    FaultKind.LAGGING_LIST: ("seconds", "requests"),
}  # one of them: else it does nothing


class Fault(Struct, forbid_unknown_fields=True):
    """One active fault. With `count` None it stays until it is removed, as a lagging list always does."""

    kind: FaultKind = field(name="fault")
    operation: str = "*"
    count: int | None = 1
    seconds: float | None = None
    ms: float = 0
    requests: int = 0
    since: datetime | None = None

    @classmethod
    def parse(cls, body: Any, now: datetime) -> "Fault":
        """Parse `{"fault", "operation"?, "count"?, "seconds"?, "ms"?, "requests"?}`.

        Raises ValidationError for another shape, and ValueError for a fault that would do nothing.
        """
        fault = convert(body, cls)
        if fault.kind in _REQUIRED and not any(getattr(fault, name) for name in _REQUIRED[fault.kind]):
            raise ValueError(f"{fault.kind} does nothing without {' or '.join(_REQUIRED[fault.kind])}")
        fault.since = now
        return fault


class Faults:
    """The active faults of one simulator."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._omitted: dict[tuple[int, str], int] = {}  # by fault and object: the lists that did not show it

    def clear(self) -> None:
        self.active.clear()
        self._omitted.clear()

    def _find(self, operation: str, kind: FaultKind) -> Fault | None:
        return next((f for f in self.active if f.kind is kind and f.operation in {operation, "*"}), None)

    def take(self, operation: str, kind: FaultKind) -> Fault | None:
        """Return the active fault of this kind for `operation`, and use up one of its requests; None if there is no such fault."""
        fault = self._find(operation, kind)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.active.remove(fault)
        return fault

    def visible(
        self, operation: str, items: Iterable[Item], identity: Callable[[Item], tuple[str, datetime]], now: datetime
    ) -> list[Item]:
        """Return the items that a lagging list shows: those created before the fault was activated. Without it, return all.

        `identity` returns an item's name and creation time.
        """
        fault = self._find(operation, FaultKind.LAGGING_LIST)
        return [item for item in items if fault is None or not self._is_omitted(fault, *identity(item), now)]

    def _is_omitted(self, fault: Fault, name: str, created: datetime, now: datetime) -> bool:
        if fault.since is None or created < fault.since:
            return False
        if fault.requests:
            key = (id(fault), name)
            self._omitted[key] = self._omitted.get(key, 0) + 1
            return self._omitted[key] <= fault.requests
        return now < created + timedelta(seconds=fault.seconds or 0)
