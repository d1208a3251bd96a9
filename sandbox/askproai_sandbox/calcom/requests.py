"""What a request may ask for (reference §1, §4, §5), and reading it; what does not fit is refused as Cal.com does."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import phonenumbers
from msgspec import UNSET, Meta, Struct, UnsetType

from askproai_sandbox.simulator import Refusal

VERSION = "2021-10-20"  # of webhooks' payloads; the only one
Language = Literal[
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he", "hr",
    "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sr", "sv",
    "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
]  # fmt: skip
Trigger = Literal[
    "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED",
    "BOOKING_PAID", "BOOKING_PAYMENT_INITIATED", "BOOKING_NO_SHOW_UPDATED", "MEETING_STARTED", "MEETING_ENDED",
    "RECORDING_READY", "RECORDING_TRANSCRIPTION_GENERATED", "OOO_CREATED", "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", "WRONG_ASSIGNMENT_REPORT",
]  # fmt: skip


class _Strict(Struct, rename="camel", forbid_unknown_fields=True):
    """A body whose unknown keys are refused (`forbidNonWhitelisted`); so are those that we do not simulate."""


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
    metadata: Annotated[
        dict[Annotated[str, Meta(max_length=40)], bool | int | float | Annotated[str, Meta(max_length=500)]],
        Meta(max_length=50),
    ] = {}


class AnswersV1(_Strict):
    name: Annotated[str, Meta(min_length=1)]
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
    location: dict[str, str]


class BookingBodyV1(_Strict):
    """Everything is required (§7)."""

    event_type_id: int
    start: datetime
    end: datetime
    responses: AnswersV1
    time_zone: str
    language: Language
    metadata: dict[str, str]

    def as_v2(self) -> BookingBody:
        who = Attendee(self.responses.name, self.time_zone, self.responses.email, None, self.language)
        return BookingBody(self.start, who, self.event_type_id, {**self.metadata})


class BookingsQueryV1(Struct, rename="camel"):
    date_from: datetime | None = None
    date_to: datetime | None = None


class Page(_Strict):
    take: Annotated[int, Meta(ge=1, le=250)] = 250
    skip: Annotated[int, Meta(ge=0)] = 0


class BookingsQuery(Page):
    """The filters of the list that are kept to."""

    take: Annotated[int, Meta(ge=1, le=250)] = 100
    event_type_id: int | None = None
    after_start: datetime | None = None
    before_end: datetime | None = None


class CancelBody(_Strict):
    cancellation_reason: str = ""


class MoveBody(_Strict):
    start: datetime
    rescheduling_reason: str = ""
    rescheduled_by: str | None = None


class WebhookBody(Struct, rename="camel"):
    """Unknown keys are dropped without a word (`whitelist`). Templates are not simulated."""

    # Self-hosted: http and private addresses pass, cloud metadata does not.
    subscriber_url: Annotated[str, Meta(pattern=r"^https?://(?!169\.254\.169\.254)")] | UnsetType = UNSET
    triggers: list[Trigger] | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    secret: str | UnsetType | None = UNSET
    payload_template: UnsetType | None = UNSET
    version: Literal["2021-10-20"] | UnsetType = UNSET


Body = TypeVar("Body", bound=Struct)


def wrong(name: str, constraint: str) -> Refusal:
    return Refusal(400, f"{name} property is wrong,{constraint} ")


def read(kind: type[Body], given: Any) -> Body:
    """Read a body, or a query, whose values are all texts; raises Refusal."""
    try:
        return msgspec.convert(dict(given), kind, strict=isinstance(given, dict))
    except msgspec.ValidationError as error:
        unknown = re.search(r"unknown field `(\w+)`", str(error))
        name, why = (unknown[1], f"property {unknown[1]} should not exist") if unknown else ("body", str(error))
        raise wrong(name, why) from None


def utc(value: datetime) -> datetime:
    """Take no zone for UTC, as Cal.com does."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def attendee_of(body: BookingBody) -> dict[str, Any]:
    """Give the attendee as it is kept: a known zone, a valid number, and an address, which the event types ask for."""
    who = body.attendee
    try:
        ZoneInfo(who.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong("attendee.timeZone", "timeZone must be a valid IANA time-zone") from None
    try:
        valid = who.phone_number is None or phonenumbers.is_valid_number(phonenumbers.parse(who.phone_number))
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        raise wrong("attendee.phoneNumber", "phoneNumber must be a valid phone number in E.164")
    if not who.email and not who.phone_number:
        raise wrong("attendee", "At least one contact method (email or phoneNumber) must be provided")
    if not who.email:
        raise Refusal(400, "responses - {email}error_required_field")
    return {name: value for name, value in msgspec.to_builtins(who).items() if value is not None}
