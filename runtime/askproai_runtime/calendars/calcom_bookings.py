"""Bookings of Cal.com's API v2: the request body, and the meaning of the replies (`docs/vendors/calcom.md`). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from askproai_core.phone_numbers import NO_REGION, e164_or_none
from askproai_core.providers import CredentialMissing, Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars.booking_fields import field_responses, usable_phone
from askproai_runtime.calendars.calcom_http import was_never_reached
from askproai_runtime.calendars.types import (
    CalendarOutcome,
    CalendarRequest,
    Confirmed,
    RefusalCause,
    Refused,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)
from askproai_runtime.input_values import YEARS, read_instant

_GAVE_UP_WAITING = frozenset({HTTPStatus.REQUEST_TIMEOUT, 499})  # 499: nginx, when its client has gone
_REDIRECTS = frozenset(
    {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
)
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, 498})  # 498: Cal.com, for a key that has expired
_EVENT_TYPE_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_MINUTE, _LONGEST = timedelta(minutes=1), timedelta(days=1)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]  # without an offset it is none
_MAX_METADATA_LENGTH = 500
_MAX_NAME_LENGTH = 200
_MAX_REASON_LENGTH = 500
_TAKEN_TEXTS = (
    "already has booking at this time",
    "event type can't be booked at the",
    "attempting to book a meeting in the past",
)
# The event type's limits for a day, week, month or year, in number and in time: 403, although other days are free.
_LIMIT_TEXTS = ("booking_limit_reached", "duration_limit_reached")
_LANGUAGES = (
    "ar az bg bn ca cs da de el en es es-419 et eu fi fr he hr hu id it iw ja km ko lv nl no pl pt pt-BR ro ru sk sr sv ta th tr"
    " uk vi zh-CN zh-TW"
)


def booking_body(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Return the body of POST /v2/bookings. Cal.com refuses unknown fields.

    The body has no end, which follows from the event type. It has a length only if the event type has several: else it is
    refused.
    """
    attendee = {"name": request.name, "timeZone": config.time_zone, "language": language(config.locale)}
    if request.email:
        attendee["email"] = request.email
    if phone := usable_phone(request.phone):
        attendee["phoneNumber"] = phone
    metadata = {"requestId": str(request.request_id), "callId": request.call_id, "tenant": config.tenant}
    body: dict[str, Any] = {
        "start": format_utc(request.starts_at),
        "eventTypeId": request.event_type_id,
        "attendee": attendee,
        "metadata": {key: value[:_MAX_METADATA_LENGTH] for key, value in metadata.items()},
    }
    if config.default_minutes(request.event_type_id) is not None:
        body["lengthInMinutes"] = (request.ends_at - request.starts_at) // _MINUTE
    if (host_id := config.host_id(request.event_type_id, request.staff)) is not None:
        body["rrHostSubsetIds"] = [host_id]
    if responses := field_responses(request, config):
        body["bookingFieldsResponses"] = responses
    return body


def attendee_email(email: str | None, phone: str | None, request_id: str, domain: str) -> str | None:
    """Return the customer's e-mail address, or a made-up one under the tenant's domain: most event types require an address."""
    if email or not domain:
        return email
    return f"anruf-{phone.lstrip('+') if phone else request_id}@{domain}"


def language(locale: str) -> str:
    """Return the language accepted by Cal.com that is nearest to `locale`. Cal.com refuses `de-AT` with 400, for example."""
    short = locale.split("-", maxsplit=1)[0]
    return next((known for known in (locale, short) if known in _LANGUAGES.split()), "en")


def format_utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def lookup_span(request: CalendarRequest) -> tuple[datetime, datetime]:
    """Return the earliest start and the latest end between which a request's booking is looked for.

    The span exceeds our own end by a day: the event type may have another length by now, and no booking is longer than a day.
    """
    return request.starts_at - _MINUTE, request.ends_at + _LONGEST + _MINUTE


class _EventType(msgspec.Struct, frozen=True):
    id: int


class _Essentials(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields that a booking of Cal.com must have: status, event type, start and end. A list's row without them is skipped."""

    status: Literal["accepted", "pending", "cancelled", "rejected"]
    event_type: _EventType
    start: _Instant
    end: _Instant


def read_rows(rows: Iterable[Any]) -> list[RemoteBooking]:
    """Return the bookings of a list of API v2; rows that cannot be read are left out."""
    named = ((row, row["uid"]) for row in rows if isinstance(row, dict) and isinstance(row.get("uid"), str))
    return [found for row, uid in named if (found := parse_remote_booking(row, (uid,))) is not None]


def parse_remote_booking(booking: Mapping[str, Any], uids: Sequence[str]) -> RemoteBooking | None:
    """Parse a booking object of API v2. `uids` are its known uids, its own first.

    Returns None without a certain time, status and event type: an unknown status is no cancellation. Other fields of a wrong
    type count as missing: the booking takes its time all the same.
    """
    try:
        essentials = msgspec.convert(booking, _Essentials)
    except msgspec.ValidationError:
        return None
    if essentials.start.year not in YEARS or essentials.end.year not in YEARS or essentials.end <= essentials.start:
        return None
    created_at = read_instant(booking.get("createdAt"))
    attendees = _objects(booking.get("attendees"))
    attendee = attendees[0] if attendees else {}
    old_uid = _text(booking.get("rescheduledFromUid"))
    return RemoteBooking(
        uids=(*uids, *([old_uid] if old_uid and old_uid not in uids else ())),
        event_type_id=essentials.event_type.id,
        starts_at=essentials.start,
        ends_at=essentials.end,
        live=essentials.status in ("accepted", "pending"),
        changed_at=read_instant(booking.get("updatedAt")) or created_at,
        created_at=created_at,
        request_id=request_id_of(booking),
        pending=essentials.status == "pending",
        absent=any(each.get("absent") is True for each in attendees),
        name=(_text(attendee.get("name")) or "")[:_MAX_NAME_LENGTH],
        phone=e164_or_none(_text(attendee.get("phoneNumber")), NO_REGION),
        email=_text(attendee.get("email")),
        host_id=_host_id(booking),
        cancel_reason=(_text(booking.get("cancellationReason")) or "")[:_MAX_REASON_LENGTH] or None,
        moved_to=_text(booking.get("rescheduledToUid")),
    )


def request_id_of(booking: Mapping[str, Any]) -> UUID | None:
    """Return our request id in the metadata of a booking object of Cal.com; None if somebody else made the booking."""
    metadata = booking.get("metadata")
    return _parse_uuid(metadata.get("requestId")) if isinstance(metadata, dict) else None


def _host_id(booking: Mapping[str, Any]) -> int | None:
    """Return the user id of the only host; None if there are several, or the booking does not say."""
    ids = [each.get("id") for each in _objects(booking.get("hosts"))]
    return ids[0] if len(ids) == 1 and type(ids[0]) is int else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def parse_confirmation(booking: Any) -> Confirmed | None:
    """Parse the booking that a create or a move returned. None if it has no uid."""
    if not isinstance(booking, dict) or not isinstance(booking.get("uid"), str):
        return None
    parsed = parse_remote_booking(booking, (booking["uid"],))
    pending = booking.get("status") == "pending"
    return parsed.confirmed if parsed else Confirmed(booking["uid"], pending=pending)


def classify_create(reply: Reply, request_id: UUID | None = None) -> CalendarOutcome:
    """Return the outcome that the reply to a POST of a booking means. "Taken" is a 400 far more often than a 409, so its text
    decides.

    If the event type needs confirmation, Cal.com answers a second booking of the same attendee and time with the existing one.
    So if the request id in the reply is another than `request_id`, our booking was not made.

    A request is certainly not done if Cal.com refuses it with a message of its own, or redirects it. Cal.com's API never
    redirects after it has made a booking; a redirect comes from another server (docs/decisions/0036-refusals-and-limits.md).
    Any other failure is unknown.
    """
    if reply.status in _REDIRECTS and not reply.message:
        text = f"redirected ({reply.status}): baseUrl is not the address of Cal.com's API"
        return Refused(text, RefusalCause.CREDENTIALS)
    outcome = classify_change(reply)
    made_for = request_id_of(_booking_of(reply))
    if isinstance(outcome, Confirmed) and request_id is not None and made_for not in {None, request_id}:
        return Taken("Cal.com has another booking of this attendee at that time")
    return outcome


def _booking_of(reply: Reply) -> dict[str, Any]:
    """Return the booking object of a reply, or an empty one."""
    data = reply.body.get("data") if isinstance(reply.body, dict) else None
    return data if isinstance(data, dict) else {}


def classify_change(reply: Reply) -> CalendarOutcome:
    """Return the outcome that the reply to a change of a booking means."""
    reason, body = reply.reason, reply.body
    if was_never_reached(reply) or reply.asks_to_wait:
        return Unavailable(f"Cal.com cannot be used now: {reason}", reply.retry_after, slow=reply.asks_to_wait)
    match reply.status:
        case None if isinstance(reply.error, CredentialMissing):
            return Refused(reason, RefusalCause.CREDENTIALS)
        case None:
            return Unknown(f"no answer from Cal.com: {reason}")
        case HTTPStatus.OK | HTTPStatus.CREATED:
            booking = body.get("data") if isinstance(body, dict) else None
            return parse_confirmation(booking) or Unknown("an answer without uid")
        case _ if not _is_refusal(reply):
            return Unknown(reason)
        case HTTPStatus.CONFLICT:
            return Taken(reason)
        case _ if any(text in reason.lower() for text in _LIMIT_TEXTS):
            return Taken(reason)
        case HTTPStatus.BAD_REQUEST if any(text in reason.lower() for text in _TAKEN_TEXTS):
            return Taken(reason)
        case _:
            return Refused(reason, _refusal_cause(reply.status))


def _refusal_cause(status: int | None) -> RefusalCause:
    if status in _KEY_REFUSED:
        return RefusalCause.CREDENTIALS
    return RefusalCause.EVENT_TYPE if status in _EVENT_TYPE_REFUSED else RefusalCause.REQUEST


def _is_refusal(reply: Reply) -> bool:
    """Return whether Cal.com itself refuses the request, so that nothing was done.

    A redirect, a timeout and an error page may come from a proxy in front of Cal.com, after the request has passed it.
    """
    is_client_error = HTTPStatus.BAD_REQUEST <= (reply.status or 0) < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_client_error and reply.status not in _GAVE_UP_WAITING and bool(reply.message)


def classify_move(reply: Reply) -> CalendarOutcome:
    """Return the outcome that the reply to a POST of a move means. If the booking is gone or was moved before, the outcome is
    not a refusal: the booking must be looked up. So must a booking whose move was redirected: its caller must hear where it
    is.
    """
    is_gone = any(text in reply.message.lower() for text in ("cancelled", "rescheduled"))
    not_found = reply.status == HTTPStatus.NOT_FOUND and not was_never_reached(reply)
    if not_found or (reply.status == HTTPStatus.BAD_REQUEST and is_gone):
        return Unknown(reply.reason)
    return classify_change(reply)


def classify_cancel(uid: str, reply: Reply) -> CalendarOutcome:
    """Classify the reply to a cancellation. A booking that is cancelled already may have been moved: it must be looked up."""
    not_found = reply.status == HTTPStatus.NOT_FOUND and not was_never_reached(reply)
    if reply.status in {HTTPStatus.OK, HTTPStatus.CREATED} or (not_found and reply.message):
        return Confirmed(uid)
    if "already been cancelled" in reply.message:
        return Unknown(reply.reason)
    return classify_change(reply)


def _parse_uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
