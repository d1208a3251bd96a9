"""The differences between the senders of webhooks: how each signs a body, what identifies its events, how large its bodies are.

Pure functions over the raw body; the rules are the senders' own: docs/vendors/retell.md, calcom.md and stripe.md.

Signatures are verified before anything is parsed. Every key is compared, in constant time, so that neither the answer's time nor
its text reveals which key or which byte was wrong.

An event's id makes a second delivery recognisable. Retell and Cal.com send no delivery id. Retell's events get
`<call_id>:<event>`, plus a hash of the body where an event repeats within a call. Cal.com's id is derived from the booking and
from the fields that distinguish its events. Stripe's events have ids of their own.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec

from askproai_core.former_keys import FORMER_KEYS, PRESENT_KEYS, accepted_former_keys, decode_present_keys
from askproai_runtime.intake.shapes import hint_of_body
from askproai_runtime.lenient_json import read_json
from askproai_runtime.watched_files import Credentials

MIB = 1024 * 1024

# Printable ASCII, so that an id is safe in a text column, an index and a log line. Not `$`, which matches before a final newline.
ProviderId = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,200}\Z")]


# Where the runtime's work comes from: the senders of webhooks, and our own calendar-sync jobs, which the private API lists
# beside the events. A comment, because a docstring would become part of the private API's OpenAPI document.
class Source(StrEnum):
    RETELL = "retell"
    CALCOM = "calcom"
    STRIPE = "stripe"
    CALENDAR_SYNC = "calendar-sync"


WebhookSource: TypeAlias = Literal[Source.RETELL, Source.CALCOM, Source.STRIPE]


def find_webhook_source(name: str) -> WebhookSource | None:
    """Return the sender whose webhooks arrive under this name; None for any other name."""
    sources: tuple[WebhookSource, ...] = get_args(WebhookSource)
    return next((source for source in sources if source == name), None)


def body_limit(source: WebhookSource) -> int:
    """Return how many bytes a body may have. A Retell call contains its transcript three times."""
    return 8 * MIB if source is Source.RETELL else MIB


# Signatures

WINDOW_MS = 300_000  # Retell's and Stripe's
# Cal.com signs no time. `createdAt` is part of the signed body, but a queued delivery may be retried after 5 minutes or more:
# hence 15 minutes plus that slack. The unique key of stored events catches duplicates inside the window.
CALCOM_WINDOW = timedelta(minutes=30)

_RETELL = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Verdict(StrEnum):
    """The result of verifying a signature; anything but `VALID` is answered 401."""

    VALID = "valid"
    NO_KEY = "no_key"  # we hold no key of this sender, so nothing can be accepted
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    OUTSIDE_WINDOW = "outside_window"


RETELL_SIGNATURE = "x-retell-signature"
SIGNATURE_HEADERS: Mapping[WebhookSource, str] = {
    Source.RETELL: RETELL_SIGNATURE,
    Source.CALCOM: "X-Cal-Signature-256",
    Source.STRIPE: "Stripe-Signature",
}


@dataclass(frozen=True, slots=True)
class _Signature:
    """The claim of a header: HMAC-SHA256(key, prefix + body + suffix) is one of the digests, made at a time in milliseconds."""

    digests: tuple[str, ...]
    prefix: bytes = b""
    suffix: bytes = b""
    signed_at: int | None = None
    unit: int = 1  # milliseconds; the sender cuts its time to these

    def is_within_window(self, now: datetime) -> bool:
        """Return whether the time is at most five minutes away, in either direction; true if the sender signs none."""
        if self.signed_at is None:
            return True
        return abs(_milliseconds(now) // self.unit * self.unit - self.signed_at) <= WINDOW_MS


def read_keys(source: WebhookSource, credentials: Credentials, now: datetime) -> tuple[str, ...]:
    """Return the keys that the sender may use now: those of the tenant, and for an hour those that they replaced.

    A Secret may be mounted before the operator has seen its change: what it saw last is accepted until then.

    Once for each request: it looks whether the mounted files have changed.
    """
    # Retell signs with the workspace's API key.
    name = "retell-api-key" if source is Source.RETELL else f"{source}-webhook-secret"
    prefixes = (name, "retell-webhook-key-") if source is Source.RETELL else (name,)
    present = decode_present_keys(credentials.get(PRESENT_KEYS)).get(name)
    former = accepted_former_keys(credentials.get(FORMER_KEYS), name, now)
    return tuple(dict.fromkeys((*credentials.all(*prefixes), *filter(None, (present,)), *former)))


def check_header(source: WebhookSource, headers: Mapping[str, str], keys: Sequence[str], now: datetime) -> Verdict:
    """Return why no body can make this signature valid: its shape, or a time outside the window. `VALID` if some body can.

    It costs nothing, whereas a body takes memory until it is whole.
    """
    parsed = _parse_for(source, headers.get(SIGNATURE_HEADERS[source]), keys)
    if isinstance(parsed, Verdict):
        return parsed
    return Verdict.VALID if parsed.is_within_window(now) else Verdict.OUTSIDE_WINDOW


def verify(
    source: WebhookSource, body: bytes, headers: Mapping[str, str], keys: Sequence[str], now: datetime
) -> Verdict:
    """Verify a request's signature with each of the keys."""
    return _verify(source, body, headers.get(SIGNATURE_HEADERS[source]), keys, now)


def verify_retell(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Verify `v=<unix ms>,d=<hex>`: HMAC-SHA256(key, body + decimal v), up to and including five minutes both ways."""
    return _verify(Source.RETELL, body, header, keys, now)


def verify_calcom(body: bytes, header: str | None, keys: Sequence[str]) -> Verdict:
    """Verify the bare hex HMAC-SHA256 of the body. The literal `no-secret-provided` is no signature: malformed."""
    return _verify(Source.CALCOM, body, header, keys, datetime.now(UTC))


def verify_stripe(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Verify `t=<unix s>,v1=<hex>[,v1=…]`: HMAC-SHA256(secret, "t.body"). Any v1 may match; other schemes do not count.

    Stripe's own library accepts a time far in the future; here the window applies both ways.
    """
    return _verify(Source.STRIPE, body, header, keys, now)


def _verify(source: WebhookSource, body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    parsed = _parse_for(source, header, keys)
    if isinstance(parsed, Verdict):
        return parsed
    if not _any_key_signs(parsed, body, keys):
        return Verdict.MISMATCH
    return Verdict.VALID if parsed.is_within_window(now) else Verdict.OUTSIDE_WINDOW


def _parse_for(source: WebhookSource, header: str | None, keys: Sequence[str]) -> _Signature | Verdict:
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    return _parse(source, header) or Verdict.MALFORMED


def _parse(source: WebhookSource, header: str) -> _Signature | None:
    match source:
        case Source.RETELL:
            match = _RETELL.fullmatch(header)
            return match and _Signature((match[2],), suffix=match[1].encode(), signed_at=int(match[1]))
        case Source.CALCOM:
            return _Signature((header,)) if _HEX_SHA256.fullmatch(header) else None
        case Source.STRIPE:
            items = [item.strip().partition("=") for item in header.split(",")]
            timestamps = [value for name, _, value in items if name == "t"]
            digests = tuple(value for name, _, value in items if name == "v1" and _HEX_SHA256.fullmatch(value))
            if len(timestamps) != 1 or _UNIX_SECONDS.fullmatch(timestamps[0]) is None or not digests:
                return None
            signed_at = int(timestamps[0]) * 1000
            return _Signature(digests, prefix=timestamps[0].encode() + b".", signed_at=signed_at, unit=1000)


def _any_key_signs(signature: _Signature, body: bytes, keys: Sequence[str]) -> bool:
    """Compare every key with every digest, without stopping at the first match."""
    matches = False
    for key in keys:
        message = hmac.new(key.encode(), signature.prefix, hashlib.sha256)
        message.update(body)  # not joined: a body may have 8 MiB
        message.update(signature.suffix)
        for digest in signature.digests:
            matches |= hmac.compare_digest(message.hexdigest(), digest)
    return matches


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp()) * 1000 + now.microsecond // 1000


# Identity

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z")]


class MalformedEvent(Exception):
    """The body is no event of its sender. The message says what is missing, without quoting the body."""


class StaleEvent(Exception):
    """The body is signed, but its own time lies outside the window: a replay."""


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """A verified event that is not stored yet. `received_at` is None for one that comes right now.

    `payload` is the raw body; only the used fields of an absence. `traceparent` is the trace that its job belongs to.
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


def identify(source: WebhookSource, body: bytes, *, tenant: str, correlation_id: str, now: datetime) -> IncomingEvent:
    """Return the event with its id and type. Raises `MalformedEvent`, and `StaleEvent` for a replayed Cal.com body."""
    try:
        match source:
            case Source.RETELL:
                event_id, event_type = _identify_retell(body)
            case Source.CALCOM:
                event_id, event_type, body = _identify_calcom(body, tenant, now)
            case Source.STRIPE:
                event = read_json(body, _StripeEnvelope)
                event_id, event_type = event.id, event.type
    except msgspec.ValidationError as error:
        raise MalformedEvent(
            f"The body is no {source} event: {error}{hint_of_body(body, f'/webhooks/{source}')}"
        ) from error
    except msgspec.DecodeError as error:
        raise MalformedEvent("The body is not valid JSON in UTF-8") from error
    return IncomingEvent(source, event_id, event_type, body, correlation_id)


def _identify_retell(body: bytes) -> tuple[str, str]:
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
    return event_id, envelope.event


def _identify_calcom(body: bytes, tenant: str, now: datetime) -> tuple[str, str, bytes]:
    """Return the id, the trigger, and the body that is kept."""
    envelope = read_json(body, _CalcomEnvelope)
    _refuse_stale(envelope.createdAt, now)
    fields = _calcom_fields(body, envelope)
    kept = _cut_absence(envelope, fields) if envelope.triggerEvent == "OOO_CREATED" else body
    subject = _text(fields, "uid") or _text(fields, "bookingUid") or _text(_values(fields, "oooEntry"), "uuid")
    if subject:
        parts = (tenant, envelope.triggerEvent, subject, *_distinguishing_values(envelope, fields))
        digest = hashlib.sha256("|".join(parts).encode())
    else:  # PING and forms name no booking: equal bodies are the same event
        digest = hashlib.sha256(tenant.encode() + b"|" + body)
    return digest.hexdigest(), envelope.triggerEvent, kept


def _cut_absence(envelope: _CalcomEnvelope, fields: dict[str, Any]) -> bytes:
    """Return the body of an absence with only whose it is and when: it names an employee, and the reason, maybe an illness."""
    entry = _values(fields, "oooEntry")
    kept: dict[str, Any] = {name: entry[name] for name in _USED_OF_ABSENCE if isinstance(entry.get(name), str | int)}
    user_id = _values(entry, "user").get("id")
    kept["user"] = {"id": user_id} if isinstance(user_id, int) else {}
    head = {"triggerEvent": envelope.triggerEvent, "createdAt": envelope.createdAt}
    return msgspec.json.encode(head | {"payload": {"oooEntry": kept}})


def _calcom_fields(body: bytes, envelope: _CalcomEnvelope) -> dict[str, Any]:
    """Return what the event is about. MEETING_* events and rendered templates are flat: their fields lie beside `triggerEvent`."""
    return envelope.payload if envelope.payload is not None else read_json(body, dict[str, Any])


def _distinguishing_values(envelope: _CalcomEnvelope, fields: dict[str, Any]) -> tuple[str, ...]:
    """Return what distinguishes two events of one booking with the same trigger.

    `createdAt` does not: a Cal.com job that runs again stamps a new one.
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
        case "BOOKING_NO_SHOW_UPDATED":  # the time too: a no-show can be set, taken back and set again
            marks = sorted(f"{_text(a, 'email')}:{str(a.get('noShow')).lower()}" for a in attendees)
            return *marks, envelope.createdAt
        case "BOOKING_REASSIGNED":  # a booking can be given back to its former host: the time of the event, too
            organizer = _values(fields, "organizer")
            return _text(organizer, "id"), _text(fields, "startTime"), envelope.createdAt
        case "OOO_CREATED":  # sent again, with the same uuid, when the absence is changed
            entry = _values(fields, "oooEntry")
            return tuple(_text(entry, name) for name in ("start", "end", "updatedAt"))
        case _:
            return (_text(fields, "startTime"),)


def _refuse_stale(created_at: str, now: datetime) -> None:
    """Refuse a replay. Flat bodies carry no time: only the unique key of stored events protects against their replay."""
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
