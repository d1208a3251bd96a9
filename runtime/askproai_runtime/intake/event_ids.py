"""Which event is this? Event ids by which a second delivery is known (contract §3), read from a verified body.

Retell and Cal.com send no delivery id. Retell's is `call_id:event`, with a hash of the body for events that repeat within a
call; Cal.com's is derived as reference/calcom-stripe.md §5 says, Stripe's is its own.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from askproai_core.http_server import read_json
from askproai_runtime.intake.signatures import CALCOM_WINDOW

# Printable ASCII, so that an id is safe in a text column, an index and a log line. Not `$`, which lets a last newline pass.
_Id = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,200}\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z")]


class Source(StrEnum):
    RETELL = "retell"
    CALCOM = "calcom"
    STRIPE = "stripe"


class Malformed(Exception):
    """The body is no event of its sender; the message says what is missing, without quoting the body."""


class TooOld(Exception):
    """A signed body whose own time is outside the window: a replay."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A verified event on its way into the store."""

    source: Source
    event_id: str
    event_type: str
    payload: bytes
    correlation_id: str


class _Call(msgspec.Struct):
    call_id: _Id


class _Chat(msgspec.Struct):
    chat_id: _Id


class _Retell(msgspec.Struct):
    event: _Name
    call: _Call | None = None
    data: _Call | None = None  # the deprecated twin of `call`
    chat: _Chat | None = None


class _Stripe(msgspec.Struct):
    id: _Id
    type: _Name


class _Calcom(msgspec.Struct):
    triggerEvent: _Name  # noqa: N815 - Cal.com's spelling
    createdAt: str = ""  # noqa: N815 - Cal.com's spelling
    payload: dict[str, Any] | None = None


def identify(source: Source, body: bytes, *, tenant: str, correlation_id: str, now: datetime) -> Incoming:
    """Give the event's id and type. Raises `Malformed`, and `TooOld` for a replayed Cal.com body."""
    try:
        match source:
            case Source.RETELL:
                event_id, event_type = _retell(body)
            case Source.CALCOM:
                event_id, event_type = _calcom(body, tenant, now)
            case Source.STRIPE:
                event = read_json(body, _Stripe)
                event_id, event_type = event.id, event.type
    except msgspec.ValidationError as error:
        raise Malformed(f"The body is no {source} event: {error}") from error
    except msgspec.DecodeError as error:
        raise Malformed("The body is not valid JSON in UTF-8") from error
    return Incoming(source, event_id, event_type, body, correlation_id)


def _retell(body: bytes) -> tuple[str, str]:
    envelope = read_json(body, _Retell)
    call = envelope.call or envelope.data
    if call is not None:
        subject = call.call_id
    elif envelope.chat is not None:
        subject = envelope.chat.chat_id
    else:
        raise Malformed("The body is no retell event: it names neither call.call_id nor chat.chat_id")
    event_id = f"{subject}:{envelope.event}"
    if envelope.event == "transcript_updated" or envelope.event.startswith("transfer_"):
        event_id += f":{hashlib.sha256(body).hexdigest()[:32]}"
    return event_id, envelope.event


def _calcom(body: bytes, tenant: str, now: datetime) -> tuple[str, str]:
    envelope = read_json(body, _Calcom)
    _refuse_old(envelope.createdAt, now)
    # MEETING_* and rendered templates come flat, without `payload`
    payload = envelope.payload if envelope.payload is not None else read_json(body, dict[str, Any])
    entry = payload.get("oooEntry")
    out_of_office = _text(entry, "uuid") if isinstance(entry, dict) else ""
    subject = _text(payload, "uid") or _text(payload, "bookingUid") or out_of_office
    if subject:
        parts = (tenant, envelope.triggerEvent, subject, *_calcom_key(envelope, payload))
        derived = hashlib.sha256("|".join(parts).encode())
    else:  # PING and forms name no booking: equal bodies are the same event
        derived = hashlib.sha256(tenant.encode() + b"|" + body)
    return derived.hexdigest(), envelope.triggerEvent


def _calcom_key(envelope: _Calcom, payload: dict[str, Any]) -> tuple[str, ...]:
    """Give what tells a booking's events of one name apart. Not `createdAt`: a job that runs again stamps a new one."""
    given = payload.get("attendees")
    attendees = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    match envelope.triggerEvent:
        case "BOOKING_RESCHEDULED":
            return _text(payload, "rescheduleUid"), _text(payload, "startTime")
        case "BOOKING_CANCELLED" if payload.get("seatsPerTimeSlot"):  # each seat is cancelled alone
            return _text(payload, "endTime"), *sorted(_text(one, "email") for one in attendees)
        case "BOOKING_CANCELLED":
            return (_text(payload, "endTime"),)
        case "BOOKING_PAID" | "BOOKING_PAYMENT_INITIATED":
            return (_text(payload, "paymentId"),)
        case "BOOKING_NO_SHOW_UPDATED":  # the time too: a no-show can be set, taken back and set again
            marks = sorted(f"{_text(one, 'email')}:{str(one.get('noShow')).lower()}" for one in attendees)
            return *marks, envelope.createdAt
        case _:
            return (_text(payload, "startTime"),)


def _refuse_old(created_at: str, now: datetime) -> None:
    """Refuse a replay. Flat bodies carry no time: for them the unique key alone holds."""
    if not created_at:
        return
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError as error:
        raise Malformed("The body is no calcom event: createdAt is no ISO time") from error
    if created.tzinfo is None:
        raise Malformed("The body is no calcom event: createdAt has no zone")
    if abs(now - created) > CALCOM_WINDOW:
        raise TooOld("createdAt is outside the window")


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return str(value) if isinstance(value, str | int) else ""
