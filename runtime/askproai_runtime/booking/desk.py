"""What the booking room works with, and its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from askproai_runtime.calendars import Calendar
from askproai_runtime.config import TenantConfig
from askproai_runtime.seams import Clock, FaultPoints
from askproai_runtime.store import Pool


class BookingOutcome(StrEnum):
    """How an attempt to book ended: the label of `askproai_bookings_total`."""

    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    ALREADY_BOOKED = "already_booked"
    NOT_FREE = "not_free"
    ASKED_BACK = "asked_back"
    IN_FLIGHT = "in_flight"


class BookingMetrics(Protocol):
    """The part of `watch.Metrics` that is used here."""

    def booking(self, outcome: str) -> None: ...

    def booking_seconds(self, seconds: float) -> None: ...

    def offered_but_lost(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BookingSettings:
    """The waits and bounds. `budget` leaves the caller's 8 s tool timeout some air; `lease` outlives the budget."""

    hold: timedelta = timedelta(seconds=90)
    holds_per_person_and_day: int = 6  # so that callers who only ask cannot empty a day
    holds_per_caller: int = 2
    offers: int = 3
    look_ahead: timedelta = timedelta(days=14)
    refusal: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=15)
    budget: timedelta = timedelta(seconds=6)
    provider_timeout: timedelta = timedelta(seconds=4)
    sync_delay: timedelta = timedelta(seconds=300)
    quiet: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that checking and booking need, wired once per process."""

    pool: Pool
    config: Callable[[], TenantConfig]
    calendar: Calendar
    clock: Clock
    metrics: BookingMetrics
    settings: BookingSettings
    faults: FaultPoints

    @property
    def tenant(self) -> str:
        return self.config().tenant
