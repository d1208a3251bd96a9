"""The one interface to the books that appointments stand in, the closed list of what they answer, and our own book."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CalendarRequest:
    """An appointment to make elsewhere. `request_id` is our appointment's id: by it the booking is found again."""

    request_id: UUID
    event_type_id: int
    starts_at: datetime
    ends_at: datetime
    name: str
    phone: str | None  # E.164
    email: str | None
    call_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """It stands there. `pending`: somebody there has yet to say yes, so it is requested, not booked."""

    uid: str | None
    pending: bool = False
    at: datetime | None = None  # the calendar's own time of it


@dataclass(frozen=True, slots=True)
class Taken:
    """The person is not free there at that time."""

    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """They will not do it as asked, and would not if asked again: a person must look."""

    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether it was done: look it up before any second try."""

    message: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It was certainly not done: the calendar could not be reached, or asked us to wait (`slow`).

    `retry_after`: when to come again, if that is known. Unless it is slow, another version of the API may be asked.
    """

    message: str
    retry_after: timedelta | None = None
    slow: bool = False


Outcome = Confirmed | Taken | Refused | Unknown | Unavailable


@dataclass(frozen=True, slots=True)
class RemoteBooking:
    """A booking as it is in the calendar now, whoever made it.

    A moved booking gets a new uid there: `uids` are its own, and then those that we know it had before.
    """

    uids: tuple[str, ...]
    event_type_id: int
    starts_at: datetime
    ends_at: datetime
    live: bool
    at: datetime | None  # of its last change, if the calendar tells
    request_id: UUID | None = None
    pending: bool = False
    absent: bool = False
    name: str = ""
    phone: str | None = None
    email: str | None = None

    @property
    def uid(self) -> str:
        return self.uids[0]

    @property
    def confirmed(self) -> Confirmed:
        return Confirmed(self.uid, self.pending, self.at)


class CalendarUnreachable(Exception):
    """A look-up gave no answer; ask again later. `plainly`: nobody was there to ask, as in `Unavailable`."""

    def __init__(self, message: str, retry_after: timedelta | None = None, *, plainly: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.plainly = retry_after, plainly


class Calendar(Protocol):
    """A book of appointments."""

    @property
    def remote(self) -> bool:
        """Say whether appointments must be made there, too, before they are confirmed."""

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:
        """Make the appointment, and give an outcome within the time, whatever happens."""

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Outcome:
        """Put the booking elsewhere; its uid changes."""

    async def cancel(self, uid: str, *, reason: str, correlation_id: str, within: timedelta) -> Outcome:
        """Take back a booking. `Confirmed`: it stands there no longer."""

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        """Look for the live booking with our request id within the request's time. Raises `CalendarUnreachable`."""

    async def look(self, uid: str, *, correlation_id: str) -> RemoteBooking | None:
        """Give what has become of a booking, wherever it was moved; None: it is not known there. Raises `CalendarUnreachable`."""


class LocalCalendar:
    """What stands in our `claims` is all there is: nothing is to be made elsewhere, so everything is confirmed."""

    remote = False

    async def create(self, _request: CalendarRequest, *, within: timedelta) -> Outcome:  # noqa: ARG002  the protocol's names
        return Confirmed(uid=None)

    async def move(
        self, _uid: str, _starts_at: datetime, *, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> Outcome:  # fmt: skip
        return Confirmed(uid=None)

    async def cancel(
        self, _uid: str, *, reason: str, correlation_id: str, within: timedelta  # noqa: ARG002
    ) -> Outcome:  # fmt: skip
        return Confirmed(uid=None)

    async def find(self, _request: CalendarRequest) -> RemoteBooking | None:
        return None

    async def look(self, _uid: str, *, correlation_id: str) -> RemoteBooking | None:  # noqa: ARG002
        return None
