"""Appointments, holds included, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from askproai_runtime.availability.slots import ServiceRules, Slot, Span
from askproai_runtime.book.actor import DESK_CALL, Actor


class Status(StrEnum):
    """The states of an appointment. Only `confirmed` and `pending_sync` are promised to a customer (`Appointment.live`)."""

    HELD = "held"
    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    FAILED = "failed"


class CancelledBy(StrEnum):
    """Where an appointment was cancelled. `CALLER`: in our book, by a caller or the desk; the remote calendar follows. Only the
    desk's cancellations are in the audit log. `CALENDAR`: in the remote calendar, where it may become live again.
    """

    CALLER = "caller"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Appointment:
    """A row of `appointments`, with the customer's phone number.

    `names_of_number` has the customer names of all appointments of the calling phone number and of the call, past ones
    included. Only `list_upcoming_appointments` sets it.

    While the calendar has not accepted a move, `was_starts_at` and `was_ends_at` are the time before the move, and `was_place`
    is the number of the placement before it (`store/claims.py`). `actions` are the keys of the actions by which the call has
    booked the appointment. `settled`: no request is working on the appointment. `read_at` is when the row was read, by the
    database's clock; `age` is the time since the row was created. `updated_at` never changes after a cancellation.
    """

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: str
    call_id: str
    correlation_id: str
    customer_name: str = ""
    phone: str | None = None
    attendee_email: str | None = None
    event_type_id: int | None = None
    external_id: str | None = None
    external_updated_at: datetime | None = None
    was_starts_at: datetime | None = None
    was_ends_at: datetime | None = None
    was_place: int | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    error: str | None = None
    caller: str | None = None
    version: int = 1
    actions: Sequence[str] = ()
    settled: bool = True
    read_at: datetime | None = None
    age: timedelta = timedelta()
    updated_at: datetime | None = None
    notes: str | None = None
    offers: str | None = None  # of a hold: JSON of `Offers`
    names_of_number: Sequence[str] = ()
    # Written, but not read from the rows:
    customer_id: UUID | None = None
    generation: int = 1

    @property
    def live(self) -> bool:
        return self.status in {Status.CONFIRMED, Status.PENDING_SYNC}

    @property
    def is_beside(self) -> bool:
        """True if the call asked for this appointment in addition to its earlier ones (argument `another`)."""
        return any("|another:" in key for key in self.actions)

    @property
    def cancelled_at(self) -> datetime | None:
        return self.updated_at if self.status == Status.CANCELLED else None

    @property
    def spans(self) -> list[Span]:
        """Return the appointment's time, and the time before a move that the calendar has not accepted yet."""
        was = [Span(self.was_starts_at, self.was_ends_at)] if self.was_starts_at and self.was_ends_at else []
        return [Span(self.starts_at, self.ends_at), *was]

    @property
    def in_remote_calendar(self) -> bool:
        """Return whether the appointment also needs a booking in the remote calendar."""
        return self.event_type_id is not None

    @property
    def by_desk(self) -> bool:
        """Return whether the desk booked this appointment; False for a caller and for the remote calendar."""
        return self.call_id.startswith(DESK_CALL)

    @property
    def awaits_confirmation(self) -> bool:
        """Return whether the remote calendar has the booking as desired, but a person still has to accept it there."""
        return self.status == Status.PENDING_SYNC and self.external_id is not None and self.was_starts_at is None


def build_appointment(
    appointment_id: UUID, actor: Actor, rules: ServiceRules, slot: Slot, status: Status, **fields: Any
) -> Appointment:
    """Return the appointment for a slot that is to be held or booked. `fields` are its other attributes."""
    return Appointment(
        appointment_id, rules.branch.name, rules.service.name, slot.staff, slot.start, slot.end, status, actor.call_id,
        actor.correlation_id, caller=actor.caller, **fields,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamedSlot:
    """A slot that was named to the caller. `branch`, `service` and `staff` are names in the config; `service` may be a visit."""

    branch: str
    service: str
    staff: str
    start: datetime
