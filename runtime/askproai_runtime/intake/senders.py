"""The senders of webhooks, one `Sender` each: its signatures, the identity of its events, and its limit for bodies.

Pure functions over the raw body. The rules are the senders' own: docs/vendors/retell.md, calcom.md and stripe.md.

An event's id makes a second delivery recognizable. Retell and Cal.com send no delivery id. Retell's events get
`<call_id>:<event>`, plus a hash of the body where an event repeats within a call. Cal.com's id is derived from the booking and
from the fields that distinguish its events. Stripe's events have ids of their own.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from askproai_runtime.lenient_json import read_json

MIB = 1024 * 1024

# Printable ASCII, so that an id is safe in a text column, an index and a log line. Not `$`, which matches before a final newline.
ProviderId = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,200}\Z")]


# The sources of work: the senders of webhooks, and our calendar-sync jobs, which the private API lists beside events. This is a
# comment, since a docstring would become part of the OpenAPI document.
class Source(StrEnum):
    RETELL = "retell"
    CALCOM = "calcom"  # also changes that the poll finds, in whichever remote calendar
    STRIPE = "stripe"
    CALENDAR_SYNC = "calendar-sync"


WebhookSource: TypeAlias = Literal[Source.RETELL, Source.CALCOM, Source.STRIPE]


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender, whose webhooks arrive at `/webhooks/<source>`.

    `keys` are the names of the mounted files with its keys, or their prefixes; former keys are kept under the first name.
    `identify` takes a body, the tenant and the time, and returns the event's id, its type and the body to store.
    """

    source: WebhookSource
    keys: tuple[str, ...]
    signature_header: str
    parse_signature: "Callable[[str], Signature | None]"
    identify: Callable[[bytes, str, datetime], tuple[str, str, bytes]]
    top_keys: frozenset[str]  # at the top of its bodies; they identify a body at another sender's path
    body_limit: int = MIB


# Signatures

WINDOW_MS = 300_000  # Retell's and Stripe's
# Cal.com signs no time. `createdAt` is part of the signed body, but a queued delivery may be retried after 5 minutes or more:
# hence 15 minutes plus that slack. The unique key of stored events catches duplicates inside the window.
CALCOM_WINDOW = timedelta(minutes=30)

_RETELL = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


RETELL_SIGNATURE = "x-retell-signature"


@dataclass(frozen=True, slots=True)
class Signature:
    """The content of a signature header: HMAC-SHA256(key, prefix + body + suffix) is in `digests`, signed at `signed_at`."""

    digests: tuple[str, ...]
    prefix: bytes = b""
    suffix: bytes = b""
    signed_at: int | None = None
    unit: int = 1  # milliseconds; the sender cuts its time to these

    def is_within_window(self, now: datetime) -> bool:
        """Return True if the signed time is at most five minutes before or after `now`, or if the header has no time."""
        if self.signed_at is None:
            return True
        return abs(_milliseconds(now) // self.unit * self.unit - self.signed_at) <= WINDOW_MS

    def seconds_ahead(self, now: datetime) -> int | None:
        """Return by how many seconds the signed time is after `now`; negative if it is before, None if the header has no time."""
        return None if self.signed_at is None else (self.signed_at - _milliseconds(now)) // 1000


def _parse_retell(header: str) -> Signature | None:
    """Parse the header `v=<unix ms>,d=<hex>`, where d is HMAC-SHA256(key, body + decimal v)."""
    match = _RETELL.fullmatch(header)
    return match and Signature((match[2],), suffix=match[1].encode(), signed_at=int(match[1]))


def _parse_calcom(header: str) -> Signature | None:
    """Parse the header, which is the hex HMAC-SHA256 of the body. The literal `no-secret-provided` is no signature."""
    return Signature((header,)) if _HEX_SHA256.fullmatch(header) else None


def _parse_stripe(header: str) -> Signature | None:
    """Parse the header `t=<unix s>,v1=<hex>[,v1=…]`: v1 is HMAC-SHA256(secret, "t.body"). Any v1 may match; others are ignored.

    Stripe's own library accepts a time far in the future; here the window applies both ways.
    """
    items = [item.strip().partition("=") for item in header.split(",")]
    timestamps = [value for name, _, value in items if name == "t"]
    digests = tuple(value for name, _, value in items if name == "v1" and _HEX_SHA256.fullmatch(value))
    if len(timestamps) != 1 or _UNIX_SECONDS.fullmatch(timestamps[0]) is None or not digests:
        return None
    signed_at = int(timestamps[0]) * 1000
    return Signature(digests, prefix=timestamps[0].encode() + b".", signed_at=signed_at, unit=1000)


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp()) * 1000 + now.microsecond // 1000


# Identity

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z")]


class MalformedEvent(Exception):
    """The body is not an event of its sender. The message names the missing part without quoting the body."""


class StaleEvent(Exception):
    """The body is correctly signed, but its own time is outside the five-minute window, so it is a replay."""


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """A verified event that is not stored yet. `received_at` is None for an event that arrives now.

    `payload` is the raw body; for an absence it has only the fields that are used. `traceparent` is the job's trace.
    """

    source: WebhookSource
    event_id: str
    event_type: str
    payload: bytes
    correlation_id: str
    received_at: datetime | None = None
    traceparent: str | None = None


class _Call(msgspec.Struct):
    call_id: ProviderId


class _Chat(msgspec.Struct):
    chat_id: ProviderId


class _RetellEnvelope(msgspec.Struct):
    event: _Name
    call: _Call | None = None
    data: _Call | None = None  # the deprecated name of `call`
    chat: _Chat | None = None


class _StripeEnvelope(msgspec.Struct):
    id: ProviderId
    type: _Name


_USED_OF_ABSENCE = ("uuid", "start", "end", "updatedAt")


class _CalcomEnvelope(msgspec.Struct):
    triggerEvent: _Name  # noqa: N815 - Cal.com's spelling
    createdAt: str = ""  # noqa: N815 - Cal.com's spelling
    payload: dict[str, Any] | None = None


def _identify_retell(body: bytes, _tenant: str, _now: datetime) -> tuple[str, str, bytes]:
    envelope = read_json(body, _RetellEnvelope)
    call = envelope.call or envelope.data
    if call is not None:
        subject = call.call_id
    elif envelope.chat is not None:
        subject = envelope.chat.chat_id
    else:
        hint = hint_of_body(body, "/webhooks/retell")
        raise MalformedEvent(f"The body is no retell event: it names neither call.call_id nor chat.chat_id{hint}")
    event_id = f"{subject}:{envelope.event}"
    if envelope.event == "transcript_updated" or envelope.event.startswith("transfer_"):
        event_id += f":{hashlib.sha256(body).hexdigest()[:32]}"
    return event_id, envelope.event, body


def _identify_stripe(body: bytes, _tenant: str, _now: datetime) -> tuple[str, str, bytes]:
    envelope = read_json(body, _StripeEnvelope)
    return envelope.id, envelope.type, body


def _identify_calcom(body: bytes, tenant: str, now: datetime) -> tuple[str, str, bytes]:
    envelope = read_json(body, _CalcomEnvelope)
    _refuse_stale(envelope.createdAt, now)
    # for MEETING_* and templates the envelope's own
    fields = envelope.payload if envelope.payload is not None else read_json(body, dict[str, Any])
    kept = _cut_absence(envelope, fields) if envelope.triggerEvent == "OOO_CREATED" else body
    subject = _text(fields, "uid") or _text(fields, "bookingUid") or _text(_values(fields, "oooEntry"), "uuid")
    if subject:
        parts = (tenant, envelope.triggerEvent, subject, *_distinguishing_values(envelope, fields))
        digest = hashlib.sha256("|".join(parts).encode())
    else:  # PING and forms name no booking: equal bodies are the same event
        digest = hashlib.sha256(tenant.encode() + b"|" + body)
    return digest.hexdigest(), envelope.triggerEvent, kept


def _cut_absence(envelope: _CalcomEnvelope, fields: dict[str, Any]) -> bytes:
    """Return the body of an absence with only its user and dates. The full body has a name and a reason, maybe an illness."""
    entry = _values(fields, "oooEntry")
    kept: dict[str, Any] = {name: entry[name] for name in _USED_OF_ABSENCE if isinstance(entry.get(name), str | int)}
    user_id = _values(entry, "user").get("id")
    kept["user"] = {"id": user_id} if isinstance(user_id, int) else {}
    head = {"triggerEvent": envelope.triggerEvent, "createdAt": envelope.createdAt}
    return msgspec.json.encode(head | {"payload": {"oooEntry": kept}})


def _distinguishing_values(envelope: _CalcomEnvelope, fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the values that distinguish two events of one booking with the same trigger.

    `createdAt` alone does not: a Cal.com job that runs again sets a new one.
    """
    listed = fields.get("attendees")
    attendees = [attendee for attendee in listed if isinstance(attendee, dict)] if isinstance(listed, list) else []
    match envelope.triggerEvent:
        case "BOOKING_RESCHEDULED":
            return _text(fields, "rescheduleUid"), _text(fields, "startTime")
        case "BOOKING_CANCELLED" if fields.get("seatsPerTimeSlot"):  # each seat is cancelled separately
            return _text(fields, "endTime"), *sorted(_text(attendee, "email") for attendee in attendees)
        case "BOOKING_CANCELLED":
            return (_text(fields, "endTime"),)
        case "BOOKING_PAID" | "BOOKING_PAYMENT_INITIATED":
            return (_text(fields, "paymentId"),)
        case "BOOKING_NO_SHOW_UPDATED":  # with the time: a no-show can be set, removed and set again
            marks = sorted(f"{_text(a, 'email')}:{str(a.get('noShow')).lower()}" for a in attendees)
            return *marks, envelope.createdAt
        case "BOOKING_REASSIGNED":  # with the time: a booking can return to its former host
            organizer = _values(fields, "organizer")
            return _text(organizer, "id"), _text(fields, "startTime"), envelope.createdAt
        case "OOO_CREATED":  # sent again, with the same uuid, when the absence is changed
            entry = _values(fields, "oooEntry")
            return tuple(_text(entry, name) for name in ("start", "end", "updatedAt"))
        case _:
            return (_text(fields, "startTime"),)


def _refuse_stale(created_at: str, now: datetime) -> None:
    """Raise `StaleEvent` if `created_at` is outside the window. Without it (flat bodies) only the event id stops a replay."""
    if not created_at:
        return
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError as error:
        raise MalformedEvent("The body is no calcom event: createdAt is no ISO time") from error
    if created.tzinfo is None:
        raise MalformedEvent("The body is no calcom event: createdAt has no zone")
    if abs(now - created) > CALCOM_WINDOW:
        raise StaleEvent("createdAt is outside the window")


def _values(fields: dict[str, Any], name: str) -> dict[str, Any]:
    values = fields.get(name)
    return values if isinstance(values, dict) else {}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return str(value) if isinstance(value, str | int) else ""


# In the order in which the top keys of a body are compared with theirs.
_SENDERS = (
    Sender(
        source=Source.CALCOM,
        keys=("calcom-webhook-secret",),
        signature_header="X-Cal-Signature-256",
        parse_signature=_parse_calcom,
        identify=_identify_calcom,
        top_keys=frozenset({"triggerEvent"}),
    ),
    Sender(
        source=Source.STRIPE,
        keys=("stripe-webhook-secret",),
        signature_header="Stripe-Signature",
        parse_signature=_parse_stripe,
        identify=_identify_stripe,
        top_keys=frozenset({"id", "type", "object"}),
    ),
    Sender(
        source=Source.RETELL,
        keys=("retell-api-key", "retell-webhook-key-"),  # it signs with the workspace's API key
        signature_header=RETELL_SIGNATURE,
        parse_signature=_parse_retell,
        identify=_identify_retell,
        top_keys=frozenset({"event"}),
        body_limit=8 * MIB,  # a call contains its transcript three times
    ),
)
SENDERS: Mapping[WebhookSource, Sender] = {sender.source: sender for sender in _SENDERS}


# The keys at the top of all bodies that come to us, by their paths; the first match counts.
_TOP_KEYS: Mapping[str, frozenset[str]] = {
    "/retell/inbound": frozenset({"call_inbound"}),
    "/retell/functions/<name>": frozenset({"name", "args"}),
} | {f"/webhooks/{sender.source}": sender.top_keys for sender in SENDERS.values()}


def find_webhook_source(name: str) -> WebhookSource | None:
    """Return the source whose webhooks arrive at `/webhooks/<name>`; None if there is no such source."""
    return next((source for source in SENDERS if source == name), None)


def hint_of_body(body: bytes, path: str) -> str:
    """Return a sentence that names the right path for a body; "" if `path` is right, or the body has no known shape.

    The sentence quotes nothing of the body. It is only a hint: signatures and shapes decide which requests a path accepts.
    """
    try:
        values = read_json(body, dict[str, Any])
    except msgspec.DecodeError:
        return ""
    found = next((place for place, keys in _TOP_KEYS.items() if keys <= values.keys()), path)
    return "" if found == path else f". Such a body belongs at …{found}"


def identify(source: WebhookSource, body: bytes, *, tenant: str, correlation_id: str, now: datetime) -> IncomingEvent:
    """Return the event with its id and type. Raises `MalformedEvent`, or `StaleEvent` if a body of Cal.com's is a replay."""
    try:
        event_id, event_type, kept = SENDERS[source].identify(body, tenant, now)
    except msgspec.ValidationError as error:
        raise MalformedEvent(
            f"The body is no {source} event: {error}{hint_of_body(body, f'/webhooks/{source}')}"
        ) from error
    except msgspec.DecodeError as error:
        raise MalformedEvent("The body is not valid JSON in UTF-8") from error
    return IncomingEvent(source, event_id, event_type, kept, correlation_id)
