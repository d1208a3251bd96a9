"""The waiting list, as values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class WaitingName:
    """The name and the key of a waiting entry, and the call that has made it."""

    id: UUID
    key: str
    name: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait within a service, in which the staff member is free: [first, end), in minutes after the start of the service."""

    service: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to insert. `key` identifies the request and the person. `spans` is JSON; `since` and `until` are its bounds.

    `phone` and `caller` are E.164. `caller` is the calling number, None when withheld.
    """

    call_id: str
    key: str
    branch: str
    service: str
    staff: str | None
    spans: str
    requested: str
    since: datetime
    until: datetime
    name: str
    phone: str
    caller: str | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class EntryLimits:
    """The most waiting entries of a phone number and of the tenant, and the most new ones of a call and of a caller's hour."""

    per_phone: int
    per_tenant: int
    per_call: int
    per_hour: int


@dataclass(frozen=True, slots=True)
class WaitlistOffer:
    """An open offer of a freed time. The person can accept it until `expires_at`, unless somebody else books the time."""

    id: int
    staff: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WaitlistEntry:
    """A row of `waitlist`, with its open offer, if it has one."""

    id: UUID
    call_id: str
    branch: str
    service: str
    staff: str | None
    spans: str
    requested: str
    until: datetime
    name: str
    phone: str
    state: str
    correlation_id: str
    created_at: datetime
    ended_at: datetime | None
    offer: WaitlistOffer | None = None


@dataclass(frozen=True, slots=True)
class FreedTime:
    """A span of a resource that became free, buffers included. `freed_at` is by the database's clock, and `age` is since then.

    `appointment_id` is the appointment that had the span; None after a removed block or the end of a hold.
    """

    id: int
    resource_id: int
    starts_at: datetime
    ends_at: datetime
    freed_at: datetime
    age: timedelta
    appointment_id: UUID | None


@dataclass(frozen=True, slots=True)
class WaitingCandidate:
    """A waiting entry that wants a freed time. `is_free`: it has no open offer."""

    entry: WaitlistEntry
    is_free: bool


@dataclass(frozen=True, slots=True)
class ReachedEntry:
    """A waiting entry, and an appointment of its number. `is_one_of_several`: the number has more entries of this request."""

    entry: WaitlistEntry
    start: datetime
    booked_for: str
    is_one_of_several: bool
