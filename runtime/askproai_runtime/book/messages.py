"""Messages of callers, as values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A caller's message, before it is stored. `caller` is the calling number in E.164, `phone` the number that was named.

    `call_back` has the words for the time of a call back. `any_time`: they name no time. `withdraws`: no call back is wanted.
    `call_back_from` and `call_back_until` are the understood time; `call_back_until` is None for an exact time.
    """

    call_id: str
    key: str
    branch: str
    caller: str | None
    name: str
    phone: str | None
    recipient: str | None
    text: str
    call_back: str | None
    call_back_from: datetime | None
    call_back_until: datetime | None
    correlation_id: str
    any_time: bool
    withdraws: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A row of `messages`. `done_at` is None while nobody has dealt with it."""

    id: UUID
    call_id: str
    branch: str | None
    caller: str | None
    name: str
    phone: str | None
    recipient: str | None
    text: str
    call_back: str | None
    call_back_from: datetime | None
    call_back_until: datetime | None
    correlation_id: str
    created_at: datetime
    done_at: datetime | None
    done_by: str | None
    note: str | None
