"""The interface of a calendar, the closed list of its outcomes, and the local calendar.

Changes (`create`, `move`, `cancel`) always return an outcome, as a value. Look-ups (`find`, `get_booking`, `read_free_times`)
return what they found, or raise the package's only exception, `CalendarUnavailable`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CalendarRequest:
    """An appointment to book in a calendar. `request_id` is the appointment's id, by which the booking is found again.

    With `made_after` the booking is looked for among all bookings made since then, at any time. If `caller_waits`, a request
    that the calendar refused a moment ago may be refused without asking it; a job always asks, since its answer is final.
    `service` and `staff` are names in the config.
    """

    request_id: UUID
    event_type_id: int
    starts_at: datetime
    ends_at: datetime
    name: str
    phone: str | None  # E.164
    email: str | None
    call_id: str
    correlation_id: str
    made_after: datetime | None = None
    caller_waits: bool = False
    service: str = ""
    staff: str = ""
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The calendar has made the change. `pending`: a person has yet to confirm the booking there, so it is only requested.

    `ends_at` is the booking's end there, if the answer has it: the calendar may use another length than we asked for. `host_id`
    is the calendar's id of the host.
    """

    uid: str | None
    pending: bool = False
    changed_at: datetime | None = None  # by the calendar's own clock
    ends_at: datetime | None = None
    host_id: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The staff member is not free at that time."""

    message: str


@dataclass(frozen=True, slots=True)
class MustRevert(Taken):
    """The change cannot be as requested, but the calendar has made a part of it, which must be undone there."""


class RefusalCause(StrEnum):
    """The cause of a refusal, which decides which other requests will be refused."""

    CREDENTIALS = "credentials"  # the key or the address: every request
    EVENT_TYPE = "event_type"  # gone, or somebody else's: every booking of this staff member and service
    REQUEST = "request"  # this booking: a required field, a limit of the event type


@dataclass(frozen=True, slots=True)
class Refused:
    """The calendar does not accept the request, and would not accept it if it were repeated: a person must look.

    `cause` None: the cause is not known, so bookings with every staff member count as refused.
    """

    message: str
    cause: RefusalCause | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The change may or may not have been made: look it up before any second try."""

    message: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The change was certainly not made: the calendar could not be reached, or asked us to wait (`slow`).

    `retry_after` is the time after which a retry makes sense; None if unknown. Unless `slow`, another version of the API may be
    tried.
    """

    message: str
    retry_after: timedelta | None = None
    slow: bool = False


CalendarOutcome = Confirmed | Taken | Refused | Unknown | Unavailable


@dataclass(frozen=True, slots=True)
class RemoteBooking:
    """A booking as the remote calendar has it now, made by us or by somebody else.

    A booking that is moved gets a new uid: `uids` has the current uid, then the known earlier ones, the oldest last. If a list
    shows the booking from before a move, `moved_to` is the uid after it.
    """

    uids: tuple[str, ...]
    event_type_id: int
    starts_at: datetime
    ends_at: datetime
    live: bool
    changed_at: datetime | None  # by the calendar's own clock, if it says
    request_id: UUID | None = None
    pending: bool = False
    absent: bool = False
    name: str = ""
    phone: str | None = None
    email: str | None = None
    moved_to: str | None = None
    cancel_reason: str | None = None
    host_id: int | None = None
    created_at: datetime | None = None  # by the calendar's own clock, if it says; of a moved one, when it was moved

    @property
    def uid(self) -> str:
        return self.uids[0]

    @property
    def confirmed(self) -> Confirmed:
        return Confirmed(self.uid, self.pending, self.changed_at, self.ends_at, self.host_id)


class Bookable(NamedTuple):
    """An event type, or one host of a team's round robin, with its own free times. `host_id` is 0 for a whole event type."""

    event_type_id: int
    host_id: int = 0


@dataclass(frozen=True, slots=True)
class FreeTimesQuery:
    """A query for free times on the local days from `first` to `last`, both included, in the zone `time_zone`."""

    bookable: Bookable
    first: date
    last: date
    time_zone: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """The free times of a bookable: for each local day the union of the slots [start, end) that begin on it, UTC, sorted.

    A day without free times has an empty union; a day that could not be read is absent. `slot_length` is the length of a
    booking in the calendar, None if there is no slot.
    """

    days: Mapping[date, tuple[tuple[datetime, datetime], ...]]
    slot_length: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BookingPage:
    """A page of a list of bookings. `rows` is the number of its rows, unreadable ones included. The last page is not `full`."""

    bookings: tuple[RemoteBooking, ...]
    rows: int
    full: bool


@runtime_checkable
class BookingList(Protocol):
    """The listed bookings of one account. Both lists include bookings at `since`, and raise `CalendarUnavailable`."""

    async def list_changed(self, since: datetime, *, skip: int, correlation_id: str) -> BookingPage:
        """Return the bookings that changed from `since` on, by the calendar's clock, in the order of their last change."""

    async def list_starting(
        self, event_type_ids: Collection[int], since: datetime, *, skip: int, correlation_id: str
    ) -> BookingPage:
        """Return the bookings of these event types that start from `since` on, by start, whatever their state."""


@dataclass(frozen=True, slots=True)
class CalendarAccount:
    """A user of the remote calendar, and the event types of services that this user owns. `name` is empty for the tenant's own
    account, else the name of the key's file. `owner` describes the account in messages.
    """

    name: str
    owner: str
    event_types: frozenset[int]
    bookings: BookingList


class CalendarUnavailable(Exception):
    """The error of a look-up without an answer, which can be repeated later. `never_reached`: no server received the request."""

    def __init__(self, message: str, retry_after: timedelta | None = None, *, never_reached: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.never_reached = retry_after, never_reached


class BookingUnreadable(CalendarUnavailable):
    """The error of a look-up of one booking that the calendar shows in a form that cannot be read. Other bookings can be read."""


class Calendar(Protocol):
    """A calendar that appointments are booked in. The `event_type_id` of a booking decides the account that is asked."""

    @property
    def remote(self) -> bool:
        """Return whether an appointment is confirmed only after this calendar has booked it, too."""

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        """Book an appointment. Returns an outcome in time, whatever happens."""

    async def move(
        self, uid: str, starts_at: datetime, *, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        """Move a booking to another time. Its uid changes."""

    async def cancel(
        self, uid: str, *, reason: str, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        """Cancel a booking. `Confirmed`: the calendar no longer has it."""

    async def mark_attendance(
        self, booking: RemoteBooking, *, event_type_id: int | None, correlation_id: str, within: timedelta
    ) -> CalendarOutcome:
        """Mark in the calendar whether the customer of a booking that has begun came; `booking.absent` means no."""

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Return the live booking with our request id at its time, or made since `made_after`. Raises `CalendarUnavailable`."""

    async def get_booking(self, uid: str, *, event_type_id: int | None, correlation_id: str) -> RemoteBooking | None:
        """Return a booking as it is now, wherever it was moved; None if unknown. Raises `CalendarUnavailable`."""

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        """Return the free times of a bookable. Raises `CalendarUnavailable`."""


class LocalCalendar:
    """The calendar of a tenant without a remote one. Our table `claims` is the whole truth, so everything is confirmed at once."""

    remote = False

    async def create(self, _request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:  # noqa: ARG002  the protocol's names
        return Confirmed(uid=None)

    async def move(
        self, _uid: str, _starts_at: datetime, *, event_type_id: int | None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        return Confirmed(uid=None)

    async def cancel(
        self, _uid: str, *, reason: str, event_type_id: int | None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        return Confirmed(uid=None)

    async def mark_attendance(
        self, _booking: RemoteBooking, *, event_type_id: int | None, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> CalendarOutcome:  # fmt: skip
        return Confirmed(uid=None)

    async def find(self, _request: CalendarRequest) -> RemoteBooking | None:
        return None

    async def get_booking(
        self, _uid: str, *, event_type_id: int | None, correlation_id: str  # noqa: ARG002
    ) -> RemoteBooking | None:  # fmt: skip
        return None

    async def read_free_times(self, _query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:  # noqa: ARG002
        raise CalendarUnavailable("the local calendar has no event types")
