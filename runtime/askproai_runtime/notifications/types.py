"""The types of notifications: rows, the content for a channel, and the outcome of sending."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import msgspec

from askproai_core.tenant_config import NotificationChannel


class Kind(StrEnum):
    """The kind of a notification: the change or news that it is about."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REMINDER = "reminder"
    DAILY_LIST = "daily_list"
    TEXT = "text"  # its title and its text are in the row's `content`
    OFFER = "offer"  # a freed time for a waiting caller, as a `FreedOffer` in the row's `content`


class Recipient(StrEnum):
    CUSTOMER = "customer"
    BUSINESS = "business"


class State(StrEnum):
    """A notification's state. `sending` is committed first: a row that stays so has an unknown outcome and is sent again."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DROPPED = "dropped"  # not needed any more; `error` says why
    DEAD = "dead"  # given up; waits for a redrive


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification to write. There is at most one for each tenant, `kind`, `subject`, `recipient` and `channel`."""

    kind: Kind
    subject: str
    recipient: Recipient
    channel: NotificationChannel
    correlation_id: str
    appointment_id: UUID | None = None
    starts_at: datetime | None = None
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AppointmentFacts:
    """An appointment as it is now, with its customer's addresses.

    `work` are the spans [start, end) in which the staff member works, if they were read; the customer waits between them.
    """

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: str
    version: int
    customer_name: str
    email: str | None
    phone: str | None
    notes: str | None = None
    work: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def live(self) -> bool:
        return self.status in {"confirmed", "pending_sync"}


class FreedOffer(msgspec.Struct, frozen=True):
    """A freed time that is offered to a waiting caller. `offer` is the id of the row in `waitlist_offers`."""

    offer: int
    name: str
    phone: str
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredNotification:
    """A notification with its appointment. `overtaken`: a later notification announces the same start to the same recipient.

    `offer_open`: the freed time is still offered to this person. `unannounced`: the booking before this change was to be
    announced to the same recipient, but no message that names the appointment was ever attempted.
    """

    id: UUID
    kind: str
    recipient: Recipient
    channel: str
    starts_at: datetime | None
    content: dict[str, Any]
    state: State
    attempts: int
    created_at: datetime
    correlation_id: str
    appointment: AppointmentFacts | None
    overtaken: bool = False
    opted_out: bool = False
    offer_open: bool = False
    unannounced: bool = False

    @property
    def told(self) -> bool:
        """Return True if the customer already knows of the change, having made it in a conversation with us."""
        return self.content.get("told") is True

    @property
    def freed(self) -> FreedOffer | None:
        """Return the freed time that is offered; None for another kind of notification, or after retention has deleted it."""
        if self.kind != Kind.OFFER:
            return None
        try:
            return msgspec.convert(self.content, FreedOffer)
        except msgspec.ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """An iCalendar object and its METHOD."""

    method: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """The content of a notification for a channel. `short` is one line for a text message, `fields` are for programs."""

    title: str
    text: str
    html: str
    short: str
    fields: dict[str, Any]
    stop_line: bool = False  # the mail explains how to stop reminders
    stop_url: str | None = None  # the link that stops reminders


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail server or webhook has accepted the notification."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The mail server or webhook refuses the notification for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The mail server or webhook answers, but does not accept this notification now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Away:
    """The mail server or webhook is down or accepts nothing: this run sends it nothing more. The outcome may be unknown."""

    reason: str


SendOutcome: TypeAlias = Sent | Rejected | Deferred | Away


class Channel(Protocol):
    """A channel that sends notifications. To add a channel, write a class with this method and an entry in `task.py`."""

    async def send(self, notification: StoredNotification, rendered: Rendered, to: tuple[str, ...]) -> SendOutcome:
        """Send the notification once, within a minute. Never raises: every error is an outcome. A `reason` quotes no person."""
        ...
