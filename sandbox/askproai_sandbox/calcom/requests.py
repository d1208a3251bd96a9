"""The bodies and queries of Cal.com's API, and their parser, which refuses invalid ones with Cal.com's messages."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import phonenumbers
from msgspec import UNSET, Meta, Struct, UnsetType

from askproai_sandbox.calcom.booking_fields import PHONE_FIELDS
from askproai_sandbox.calcom.event_types import EventType
from askproai_sandbox.calcom.hosts import Reason
from askproai_sandbox.simulator import Refusal

PAYLOAD_VERSION = "2021-10-20"  # of webhooks; there is no other
Language = Literal[
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he", "hr",
    "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sr", "sv",
    "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
]  # fmt: skip
Trigger = Literal[
    "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED",
    "BOOKING_PAID", "BOOKING_PAYMENT_INITIATED", "BOOKING_NO_SHOW_UPDATED", "MEETING_STARTED", "MEETING_ENDED",
    "RECORDING_READY", "RECORDING_TRANSCRIPTION_GENERATED", "OOO_CREATED", "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", "WRONG_ASSIGNMENT_REPORT", "BOOKING_REASSIGNED",
]  # fmt: skip


class _Strict(Struct, rename="camel", forbid_unknown_fields=True):
    """A body in which an unknown key is refused, as by Cal.com (`forbidNonWhitelisted`), and a key that is not simulated, too."""


class Attendee(_Strict):
    name: Annotated[str, Meta(min_length=1)]
    time_zone: str
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")] | None = None
    phone_number: str | None = None
    language: Language = "en"


class BookingBody(_Strict):
    start: datetime
    attendee: Attendee
    event_type_id: int
    length_in_minutes: Annotated[int, Meta(ge=1)] | None = None  # only of an event type with several lengths
    booking_fields_responses: dict[str, Any] = {}
    rr_host_subset_ids: list[int] = []  # the hosts of a round robin who count, all by default
    metadata: Annotated[
        dict[Annotated[str, Meta(max_length=40)], bool | int | float | Annotated[str, Meta(max_length=500)]],
        Meta(max_length=50),
    ] = {}


class ResponsesV1(_Strict):
    name: Annotated[str, Meta(min_length=1)]
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
    location: dict[str, str]


class BookingBodyV1(_Strict):
    """The body of a new booking in API v1, which requires every field."""

    event_type_id: int
    start: datetime
    end: datetime
    responses: ResponsesV1
    time_zone: str
    language: Language
    metadata: dict[str, str]

    def as_v2(self) -> BookingBody:
        attendee = Attendee(self.responses.name, self.time_zone, self.responses.email, None, self.language)
        return BookingBody(self.start, attendee, self.event_type_id, metadata={**self.metadata})


class BookingsQueryV1(Struct, rename="camel"):
    date_from: datetime | None = None
    date_to: datetime | None = None


class Page(_Strict):
    take: Annotated[int, Meta(ge=1, le=250)] = 250
    skip: Annotated[int, Meta(ge=0)] = 0


Order = Literal["asc", "desc"]


class BookingsQuery(Page):
    """The filters of the list of bookings that we use; others are refused. Cal.com has no cursor."""

    take: Annotated[int, Meta(ge=1, le=250)] = 100
    event_type_id: int | None = None
    event_type_ids: str | None = None  # separated by commas
    after_start: datetime | None = None
    before_end: datetime | None = None
    after_created_at: datetime | None = None
    after_updated_at: datetime | None = None
    sort_start: Order | None = None
    sort_updated_at: Order | None = None


class SlotsQuery(_Strict):
    """The query of free slots. Event types by their slugs, and dynamic events, are not simulated."""

    start: str
    end: str
    event_type_id: int | None = None
    time_zone: str | None = None
    duration: int | None = None
    format: str = "time"
    booking_uid_to_reschedule: str | None = None
    rr_host_subset_ids: str | None = None  # separated by commas


_UTC_INSTANT = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$")]


class AbsenceBody(Struct, rename="camel"):
    """The fields of an absence; unknown keys are dropped."""

    start: _UTC_INSTANT
    end: _UTC_INSTANT
    reason: Reason = "unspecified"
    notes: str | None = None


class CancelBody(_Strict):
    cancellation_reason: str = ""
    seat_uid: str | None = None


class MoveBody(_Strict):
    start: datetime
    rescheduling_reason: str = ""
    rescheduled_by: str | None = None


class Presence(_Strict):
    email: str
    absent: bool


class AbsentBody(_Strict):
    attendees: Annotated[list[Presence], Meta(min_length=1)]


class WebhookBody(Struct, rename="camel"):
    """The body of a webhook to create or change. Unknown keys are dropped (`whitelist`). Templates are not simulated."""

    # A self-hosted server accepts http and private addresses, but not that of the cloud's metadata service.
    subscriber_url: Annotated[str, Meta(pattern=r"^https?://(?!169\.254\.169\.254)")] | UnsetType = UNSET
    triggers: list[Trigger] | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    secret: str | UnsetType | None = UNSET
    payload_template: UnsetType | None = UNSET
    version: Literal["2021-10-20"] | UnsetType = UNSET


Body = TypeVar("Body", bound=Struct)


def invalid(name: str, constraint: str) -> Refusal:
    return Refusal(400, f"{name} property is wrong,{constraint} ")


def parse(body_type: type[Body], values: Any) -> Body:
    """Parse a JSON body or a query as `body_type`. All values of a query are texts. Raises Refusal with status 400."""
    try:
        return msgspec.convert(dict(values), body_type, strict=isinstance(values, dict))
    except msgspec.ValidationError as error:
        unknown = re.search(r"unknown field `(\w+)`", str(error))
        name, constraint = (unknown[1], f"property {unknown[1]} should not exist") if unknown else ("body", str(error))
        raise invalid(name, constraint) from None


def utc(value: datetime) -> datetime:
    """Return an instant in UTC; like Cal.com, take a value without a zone for UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def instant_of(name: str, value: str) -> datetime:
    """Return the instant that a text names; a date means its first moment. Raises Refusal for any other text."""
    try:
        return utc(datetime.fromisoformat(value))
    except ValueError:
        raise invalid(name, f"{name} must be a valid ISO 8601 date string") from None


def check_zone(name: str, zone: str) -> ZoneInfo:
    """Return a time zone by its name. Raises Refusal if it does not exist."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(name, "timeZone must be a valid IANA time-zone") from None


def attendee_of(body: BookingBody, event_type: EventType) -> dict[str, Any]:
    """Return the attendee of a booking body in the stored form. Raises Refusal for an unknown zone, an invalid number, or a
    missing contact.

    The event type's booking fields say which contact is required: by default a mail address. If it is missing, or the mail
    field is hidden, Cal.com derives an address from the phone number.
    """
    attendee = body.attendee
    check_zone("attendee.timeZone", attendee.time_zone)
    try:
        number = attendee.phone_number
        valid = number is None or phonenumbers.is_valid_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        raise invalid("attendee.phoneNumber", "phoneNumber must be a valid phone number in E.164")
    if not attendee.email and not number:
        raise invalid("attendee", "At least one contact method (email or phoneNumber) must be provided")
    email = event_type.booking_field("email")
    if not number and any(event_type.booking_field(slug).get("required") for slug in PHONE_FIELDS):
        raise Refusal(400, "Missing attendee phone number - it is required by the event type. Pass it as "
                           '"attendee.phoneNumber" string in the request.')  # fmt: skip
    if email.get("required") and not attendee.email:
        raise Refusal(400, "responses - {email}error_required_field")
    stored = {name: value for name, value in msgspec.to_builtins(attendee).items() if value is not None}
    if number and (email.get("hidden") or not attendee.email):
        stored["email"] = f"{number.removeprefix('+')}@sms.cal.com"
    return stored
