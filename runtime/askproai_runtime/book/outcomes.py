"""The outcomes of commands: a closed list of values, without a word for callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.requests import BookingRequest


@dataclass(frozen=True, slots=True)
class Booked:
    """The appointments of a booking, and those that the caller had before and keeps. `again`: it was booked before."""

    appointments: Sequence[Appointment]
    kept: Sequence[Appointment]
    again: bool = False


@dataclass(frozen=True, slots=True)
class NotFree:
    """The time is not free under the lock, or at the calendar."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The calendar refuses every booking of this kind, until a person has corrected the cause that it names."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another transaction holds the lock of the staff member for longer than `lock_timeout`."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A concurrent request does the same, and is not done. `of_other`: it is for another appointment of the person."""

    of_other: bool = False


class Limit(StrEnum):
    """How much callers may book: the tenant's `bookingLimits`."""

    CALL = "call"
    CALLER = "caller"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The call, the caller, or all anonymous callers together have booked as much as the tenant allows. One more booking, for so
    many `people`, is too many.
    """

    limit: Limit
    most: int
    people: int = 1


@dataclass(frozen=True, slots=True)
class PhoneNeeded:
    """The calendar refuses a booking without a number, and none is known that it accepts."""


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
class PartBooked:
    """The call has an appointment at this time for a part of the requested visit."""

    request: BookingRequest
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class GroupPartlyBooked:
    """Only some of a group are booked."""

    booked: Sequence[Appointment]
    missing: Sequence[BookingRequest]


@dataclass(frozen=True, slots=True)
class NameUnclear:
    """A name may correct that of an appointment, or be another person's."""

    name: str
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class OneMoreOrInstead:
    """The request may be one more appointment, or be meant in place of this one. `in_group`: it is for several people."""

    request: BookingRequest
    appointment: Appointment
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class OneMoreOrWhich:
    """The request may be one more appointment of a person who has several, or be meant in place of one of these."""

    request: BookingRequest
    appointments: Sequence[Appointment]


@dataclass(frozen=True, slots=True)
class OneMoreForEach:
    """The request of a group may be one more appointment for each, or be meant in place of these."""

    request: BookingRequest
    appointments: Sequence[Appointment]


@dataclass(frozen=True, slots=True)
class PersonBooked:
    """The person of a request has this appointment at that time. `in_group`: the request is for several people."""

    request: BookingRequest
    appointment: Appointment
    in_group: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """An appointment at its new time. `again`: it was there already."""

    appointment: Appointment
    again: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An appointment that is cancelled, now or before."""

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
    """The calendar refuses the move: the appointment is as it was `before`."""

    before: Appointment


@dataclass(frozen=True, slots=True)
class PersonElsewhere:
    """The person of an appointment has another one at its new time, and nobody has said that this is meant."""

    beside: Appointment


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the waiting list; `by_message`: offers come by message."""

    entry_id: UUID
    by_message: bool


@dataclass(frozen=True, slots=True)
class ListFull:
    """The waiting list, or the caller's part of it, is full."""


NeedsChoice: TypeAlias = (
    WhichBooked
    | OtherNameBooked
    | PartBooked
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
