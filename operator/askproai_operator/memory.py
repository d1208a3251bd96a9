"""What one process remembers between reconciles. After a restart it is read or measured anew."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from askproai_operator.api import EventType, Key
from askproai_operator.providers import CredentialProblem, Json, ProviderError

_KEPT: Final = timedelta(
    minutes=30
)  # longer than a reading is used; an older one is of a service that is gone or paused

_VERIFIED: Final = timedelta(minutes=10)

EventTypes = Sequence[tuple[EventType, Json | CredentialProblem | None]]


@dataclass(frozen=True, slots=True)
class EventTypesReading:
    """What Cal.com answered about the event types of a service. `source` is all that the requests were made from."""

    source: Hashable
    answer: EventTypes | ProviderError
    at: float  # monotonic seconds


@dataclass(slots=True)
class EventTypesReadings:
    """The newest reading of each service."""

    _by_service: dict[Key, EventTypesReading] = field(default_factory=dict)  # oldest first

    def find(self, service: Key, source: Hashable) -> EventTypesReading | None:
        """Return the reading of a service; None if there is none, or it was made from something else."""
        reading = self._by_service.get(service)
        return reading if reading is not None and reading.source == source else None

    def keep(self, service: Key, reading: EventTypesReading) -> None:
        """Remember a reading, and forget those that nobody uses any more."""
        self._by_service.pop(service, None)
        self._by_service[service] = reading
        while (oldest := next(iter(self._by_service))) and self._by_service[
            oldest
        ].at < reading.at - _KEPT.total_seconds():
            del self._by_service[oldest]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """A prompt that differs from the published one by what can be booked only. The times are monotonic seconds."""

    prompt: str
    since: float  # of the first difference
    last: float  # of the last change


@dataclass(slots=True)
class VerifiedLogins:
    """Which database URLs PostgreSQL has accepted, by Tenant, and when."""

    _by_tenant: dict[Key, tuple[bytes, float]] = field(default_factory=dict)  # hash of the URL, monotonic seconds

    def has(self, tenant: Key, url: str, now: float) -> bool:
        """Return whether this URL was accepted in the last ten minutes."""
        known = self._by_tenant.get(tenant)
        return known is not None and known[0] == _digest(url) and now - known[1] < _VERIFIED.total_seconds()

    def keep(self, tenant: Key, url: str, now: float) -> None:
        """Remember a URL that was accepted just now."""
        self._by_tenant[tenant] = (_digest(url), now)

    def forget(self, tenant: Key) -> None:
        self._by_tenant.pop(tenant, None)


def _digest(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()


@dataclass(slots=True)
class Memory:
    """Everything that is remembered, by the controller that uses it."""

    logins: VerifiedLogins = field(default_factory=VerifiedLogins)
    event_types: EventTypesReadings = field(default_factory=EventTypesReadings)
    catalogues: dict[Key, CatalogueChange] = field(default_factory=dict)  # by agent; only of those that wait
