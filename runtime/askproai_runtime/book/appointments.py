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
    """The place of a cancellation. `CALLER`: here, by a caller or by the desk (only the desk's are in the audit log); it is
    cancelled in the calendar, too. `CALENDAR`: in the calendar, where the appointment may become live again.
    """

    CALLER = "caller"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Appointment:
    """A row of `appointments`, with its customer's phone number.

    `names_of_number` has the customers' names of the calling number and of the call, past ones included. Only
    `list_upcoming_appointments` sets it.

    `was_…` is set while the calendar has not agreed to a move: the time before the move, and the number of its placement.
    `actions`: the keys under which its call has booked it. `settled`: no request is working on it now. `read_at` is the time of the
    reading by the database's clock, `age` the time since the row was made. `updated_at` of a cancelled one never changes.
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
        """Return whether its call has requested it with `another`."""
        return any("|another:" in key for key in self.actions)

    @property
    def cancelled_at(self) -> datetime | None:
        return self.updated_at if self.status == Status.CANCELLED else None

    @property
    def spans(self) -> list[Span]:
        """Return its time, and the time before a move to which the calendar has not agreed."""
        was = [Span(self.was_starts_at, self.was_ends_at)] if self.was_starts_at and self.was_ends_at else []
        return [Span(self.starts_at, self.ends_at), *was]

    @property
    def in_remote_calendar(self) -> bool:
        """Return whether it also belongs into the remote calendar."""
        return self.event_type_id is not None

    @property
    def by_desk(self) -> bool:
        """Return whether the desk has booked it."""
        return self.call_id.startswith(DESK_CALL)

    @property
    def awaits_confirmation(self) -> bool:
        """Return whether the calendar has it as desired, but somebody has yet to accept it there."""
        return self.status == Status.PENDING_SYNC and self.external_id is not None and self.was_starts_at is None


def build_appointment(
    appointment_id: UUID, actor: Actor, rules: ServiceRules, slot: Slot, status: Status, **fields: Any
) -> Appointment:
    """Return the row of a slot that is held or booked. `fields` has its other columns."""
    return Appointment(
        appointment_id, rules.branch.name, rules.service.name, slot.staff, slot.start, slot.end, status, actor.call_id,
        actor.correlation_id, caller=actor.caller, **fields,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamedSlot:
    """A slot that an answer has named, by the names in the config; `service` may be a visit's. `start` is in UTC."""

    branch: str
    service: str
    staff: str
    start: datetime
