"""What a booking may ask for (reference §4): every check with the words that Cal.com answers."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from askproai_sandbox.calcom.account import EventType
from askproai_sandbox.calcom.answers import fields_of
from askproai_sandbox.simulator import Refusal

LANGUAGES = {
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he", "hr",
    "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sr", "sv",
    "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
}  # fmt: skip
BOOKING = {
    "start", "attendee", "eventTypeId", "eventTypeSlug", "username", "teamSlug", "organizationSlug", "lengthInMinutes",
    "bookingFieldsResponses", "guests", "location", "metadata", "emailVerificationCode", "recurrenceCount",
    "meetingUrl", "routing", "rrHostSubsetIds",
}  # fmt: skip
_ATTENDEE = {"name", "timeZone", "email", "phoneNumber", "language"}
_FILLED = {"name", "email", "title", "attendeePhoneNumber"}  # from the attendee, or by the server
_PYTHON = {"number": (int, float), "boolean": (bool,), "checkbox": (bool, list), "multiselect": (list,),
           "multiemail": (list,)}  # fmt: skip


def only(given: Mapping[str, Any], allowed: AbstractSet[str]) -> None:
    """Refuse unknown keys, as `forbidNonWhitelisted` does."""
    for name in given:
        if name not in allowed:
            raise Refusal(400, f"{name} property is wrong,property {name} should not exist ")


def wrong(name: str, constraint: str) -> Refusal:
    return Refusal(400, f"{name} property is wrong,{constraint} ")


def zone(name: Any, field: str = "timeZone") -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise wrong(field, f"{field} must be a valid IANA time-zone") from None


def attendee_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Check the attendee by itself; which of mail and phone is needed, the event type says."""
    attendee = body.get("attendee")
    if not isinstance(attendee, dict):
        raise wrong("attendee", "attendee should not be null or undefined,attendee must be an object")
    only(attendee, _ATTENDEE)
    if not isinstance(attendee.get("name"), str) or not attendee["name"]:
        raise wrong("attendee.name", "name must be a string")
    zone(attendee.get("timeZone"), "attendee.timeZone")
    if attendee.get("language", "en") not in LANGUAGES:
        raise wrong(
            "attendee.language", f"language must be one of the following values: {', '.join(sorted(LANGUAGES))}"
        )
    email, phone = attendee.get("email"), attendee.get("phoneNumber")
    if not email and not phone:
        raise wrong("attendee", "At least one contact method (email or phoneNumber) must be provided")
    if email is not None and (not isinstance(email, str) or "@" not in email or "." not in email.split("@")[-1]):
        raise wrong("attendee.email", "email must be an email")
    if phone is not None and not _valid_phone(phone):
        raise wrong("attendee.phoneNumber", "phoneNumber must be a valid phone number in E.164")
    return {"language": "en", **attendee}


def _valid_phone(phone: Any) -> bool:
    try:
        return isinstance(phone, str) and phonenumbers.is_valid_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return False


def metadata_of(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = body.get("metadata", {})
    good = (
        isinstance(metadata, dict) and len(metadata) <= 50 and all(len(name) <= 40 for name in metadata)
        and all(isinstance(v, bool | int | float) or (isinstance(v, str) and len(v) <= 500) for v in metadata.values())
    )  # fmt: skip
    if not good:
        raise wrong("metadata", "Metadata must have at most 50 keys of 40 characters, string values of 500 characters")
    return dict(metadata)


def settle_mail(fields: Mapping[str, Any], attendee: dict[str, Any]) -> None:
    """Settle the attendee's mail address as the event type wants it: required, made up, or replaced."""
    phone, mail = fields.get("attendeePhoneNumber", {}), next(f for f in fields.values() if f["type"] == "email")
    if phone.get("required") and not attendee.get("phoneNumber"):
        raise Refusal(
            400,
            "Missing attendee phone number - it is required by the event type. "
            'Pass it as "attendee.phoneNumber" in the request.',
        )
    if mail["required"] and not attendee.get("email"):
        raise Refusal(400, "responses - {email}error_required_field")
    made_up = mail.get("hidden") or not attendee.get("email")  # a hidden field loses even a real address (#25432)
    if made_up and attendee.get("phoneNumber"):
        attendee["email"] = f"{attendee['phoneNumber'].removeprefix('+')}@sms.cal.com"


def answers_of(kind: EventType, body: Mapping[str, Any], attendee: dict[str, Any]) -> dict[str, Any]:
    """Check the booking fields, and settle the attendee's mail address."""
    responses = body.get("bookingFieldsResponses", {})
    if not isinstance(responses, dict):
        raise wrong("bookingFieldsResponses", "bookingFieldsResponses must be an object")
    responses = {name: "" if value is None else value for name, value in responses.items()}
    fields = {field["slug"]: field for field in fields_of(kind)}
    settle_mail(fields, attendee)
    for slug, field in fields.items():
        if slug in responses:
            _check_answer(field, responses[slug])
        elif field["required"] and slug not in _FILLED:
            raise Refusal(
                400,
                f"Missing required booking field response: {slug} - it is required by the event type booking fields, "
                "but missing in the bookingFieldsResponses.",
            )
    return responses


def _check_answer(field: Mapping[str, Any], answer: Any) -> None:
    slug, kind = field["slug"], field["type"]
    if not isinstance(answer, _PYTHON.get(kind, (str,))):
        raise Refusal(400, f"Invalid type for booking field '{slug}'. Expected type {kind}.")
    if kind in {"select", "radio"} and answer not in field.get("options", [answer]):
        raise Refusal(400, f"Invalid option '{answer}' for booking field '{slug}'.")


def location_of(kind: EventType, body: Mapping[str, Any]) -> str:
    """Give the place: one of the event type's locations, without one the first."""
    offered = kind.fields.get("locations") or [{"type": "integration", "integration": "cal-video"}]
    wanted = body.get("location")
    if wanted is None:
        wanted = offered[0]
    elif not isinstance(wanted, dict) or wanted.get("type") not in {place["type"] for place in offered}:
        raise Refusal(400, "Booking location is not one of the event type's locations.")
    value = next((str(v) for k, v in wanted.items() if k not in {"type", "public"}), wanted["type"])
    return "integrations:daily" if value == "cal-video" else value
