"""The outcomes of the book's commands: a closed list of values. They contain no words for callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.book.waitlist import WaitlistEntry


@dataclass(frozen=True, slots=True)
class Booked:
    """The appointments of a booking. `again`: an earlier request booked them. `kept`: the caller's appointments that stay."""

    appointments: Sequence[Appointment]
    kept: Sequence[Appointment]
    again: bool = False


@dataclass(frozen=True, slots=True)
class NotFree:
    """The time is not free any more, in our book under the lock or in the remote calendar."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The calendar refuses every booking of this kind until a person corrects the cause, which the calendar names."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another transaction holds the lock of the staff member for longer than `lock_timeout`."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another request of the call is still running. `of_other`: that request works on another appointment of the person."""

    of_other: bool = False


class Limit(StrEnum):
    """The kinds of limits on callers' bookings, by the tenant's `bookingLimits`."""

    CALL = "call"
    CALLER = "caller"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class LimitReached:
    """One more booking, for `people` persons, exceeds what the tenant allows to the call, the caller, or all anonymous callers
    together. `most` is the limit.
    """

    limit: Limit
    most: int
    people: int = 1


@dataclass(frozen=True, slots=True)
class PhoneNeeded:
    """The calendar requires a phone number for the booking, and no number that it accepts is known."""


@dataclass(frozen=True, slots=True)
class WhichBooked:
    """Several appointments at this time may be the requested one."""

    request: BookingRequest
    appointments: Sequence[Appointment]


@dataclass(frozen=True, slots=True)
class OtherNameBooked:
    """The call has an appointment at this time for a clearly different name."""

    request: BookingRequest
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class GroupPartlyBooked:
    """Only some persons of a group are booked; `missing` are the requests of the others."""

    booked: Sequence[Appointment]
    missing: Sequence[BookingRequest]


@dataclass(frozen=True, slots=True)
class NameUnclear:
    """The requested name may correct the appointment's name, or be another person's."""

    name: str
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class OneMoreOrInstead:
    """The request may be one more appointment, or replace `appointment`. `in_group`: the request is for several people."""

    request: BookingRequest
    appointment: Appointment
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class OneMoreOrWhich:
    """The request may be one more appointment, or be meant to replace one of the person's several `appointments`."""

    request: BookingRequest
    appointments: Sequence[Appointment]


@dataclass(frozen=True, slots=True)
class OneMoreForEach:
    """The request of a group may be one more appointment for each person, or be meant to replace these `appointments`."""

    request: BookingRequest
    appointments: Sequence[Appointment]


@dataclass(frozen=True, slots=True)
class PersonBooked:
    """The person of the request already has this appointment at that time. `in_group`: the request is for several people."""

    request: BookingRequest
    appointment: Appointment
    in_group: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """An appointment at its new time. `again`: it was at this time before the request."""

    appointment: Appointment
    again: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An appointment that is cancelled, by this request or an earlier one."""

    appointment: Appointment


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """The appointment was changed by somebody else since this request was first sent, or since it was found."""

    appointment: Appointment


@dataclass(frozen=True, slots=True)
class Gone:
    """The appointment cannot be changed any more: it is cancelled or over by now."""

    appointment: Appointment


@dataclass(frozen=True, slots=True)
class MoveRefused:
    """The calendar refuses the move: the appointment keeps its state from `before`."""

    before: Appointment


@dataclass(frozen=True, slots=True)
class PersonElsewhere:
    """The person has another appointment (`beside`) at the new time of a move, and the caller has not accepted both."""

    beside: Appointment


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the waiting list. `by_message`: its person gets offers by message.

    `renamed` is the entry's new customer name, "" if the name has not changed. `removed` are the former entries that this entry
    replaces; `kept` are the call's other entries for the same person and service.
    """

    entry_id: UUID
    by_message: bool
    renamed: str = ""
    removed: Sequence[WaitlistEntry] = ()
    kept: Sequence[WaitlistEntry] = ()


@dataclass(frozen=True, slots=True)
class ListFull:
    """The waiting list, or the caller's part of it, is full."""


NeedsChoice: TypeAlias = (
    WhichBooked
    | OtherNameBooked
    | GroupPartlyBooked
    | NameUnclear
    | OneMoreOrInstead
    | OneMoreOrWhich
    | OneMoreForEach
    | PersonBooked
)
NotBooked: TypeAlias = NotFree | Refused | Busy | InFlight | LimitReached | PhoneNeeded | NeedsChoice
NotMoved: TypeAlias = NotFree | Busy | InFlight | Gone | MoveRefused | PersonElsewhere


class Undecided(Exception):
    """A booking is not made, and its transaction rolled back; `outcome` says why."""

    def __init__(self, outcome: InFlight | LimitReached | PhoneNeeded | NeedsChoice) -> None:
        super().__init__()
        self.outcome = outcome


class NotMovable(Exception):
    """A move is not made, and its transaction rolled back, or it is reverted; `outcome` says why."""

    def __init__(self, outcome: Gone | MoveRefused | PersonElsewhere) -> None:
        super().__init__()
        self.outcome = outcome
