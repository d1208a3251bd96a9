"""What the calls room hands to the booking room, what comes back, and what the room works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.redis import SlotLock
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars import Calendar
from askproai_runtime.metrics import Metrics

BUSY = "Das dauert gerade länger als sonst. Einen Moment bitte, ich versuche es gleich noch einmal."
TWIN_POLL = timedelta(milliseconds=100)
LEAST_FOR_PROVIDER = timedelta(seconds=1)  # less is no chance for an answer


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call that asks, already verified and routed. `branch` is a branch's name in the config; "" where none is needed.

    `started_at` anchors relative dates ("morgen"), not the time of processing. `caller` is E.164, None when withheld.
    """

    call_id: str
    branch: str
    caller: str | None
    started_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call function answers: always HTTP 200, since Retell shows the model no other body."""

    success: bool
    message: str  # a German sentence to say
    fields: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"success": self.success, "message": self.message, **self.fields}


class BookingOutcome(StrEnum):
    """How an attempt to book ended: the label of `askproai_bookings_total`."""

    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    ALREADY_BOOKED = "already_booked"
    NOT_FREE = "not_free"
    ASKED_BACK = "asked_back"
    IN_FLIGHT = "in_flight"
    BUSY = "busy"
    FAILED = "failed"


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
class BookingContext:
    """Everything that checking and booking need, wired once per process."""

    pool: Pool
    config: Callable[[], TenantConfig]
    calendar: Calendar
    clock: Clock
    metrics: Metrics
    settings: BookingSettings
    faults: FaultPoints
    slots: SlotLock

    @property
    def tenant(self) -> str:
        return self.config().tenant
