"""The booking fields of an event type: the answers that a booking must have, and the answers' types (docs/vendors/calcom.md)."""

from collections.abc import Mapping
from typing import Any

from askproai_sandbox.calcom.event_types import EventType
from askproai_sandbox.simulator import Refusal

PHONE_FIELDS = ("attendeePhoneNumber", "smsReminderNumber")  # filled from the attendee's number
# Filled from elsewhere.
_OF_BODY = frozenset({"name", "email", "location", "guests", "rescheduleReason", *PHONE_FIELDS})
_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "phone": ("string", str), "address": ("string", str), "text": ("string", str), "textarea": ("string", str),
    "url": ("string", str), "number": ("number", (int, float)), "boolean": ("boolean", bool),
    "multiemail": ("array", list), "multiselect": ("array", list), "checkbox": ("array", list),
    "select": ("string or number", (str, int, float)), "radio": ("string or number", (str, int, float)),
}  # fmt: skip


def responses_of(given: Mapping[str, Any], event_type: EventType) -> dict[str, Any]:
    """Return the answers to the event type's booking fields. Raises Refusal if an answer is missing or has a wrong type.

    Custom fields are checked first, with the messages of Cal.com's API; then the default fields, with those of Cal.com itself.
    """
    responses = {name: "" if value is None else value for name, value in given.items()}
    fields = [each for each in event_type.fields["bookingFields"] if each["slug"] not in _OF_BODY]
    for each in fields:
        if not each.get("isDefault"):
            _check_own(each, responses)
    for each in fields:
        if each.get("isDefault") and each["required"] and not each.get("hidden") and not responses.get(each["slug"]):
            raise Refusal(400, f"responses - {{{each['slug']}}}error_required_field")
    return responses


def _check_own(booking_field: Mapping[str, Any], responses: Mapping[str, Any]) -> None:
    slug, kind = booking_field["slug"], booking_field["type"]
    if slug not in responses:
        if booking_field["required"]:
            raise Refusal(400, f"Missing required booking field response: {slug} - it is required by the event type "
                               "booking fields, but missing in the bookingFieldsResponses.")  # fmt: skip
        return
    value, (expected, types) = responses[slug], _TYPES.get(kind, ("", object))
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
        raise Refusal(400, f"Invalid type for booking field '{slug}'. Expected type {expected} (compatible with field type "
                           f"'{kind}'), but received {type(value).__name__}.")  # fmt: skip
    options = [option if isinstance(option, str) else option["value"] for option in booking_field.get("options") or ()]
    if options and not {str(one) for one in (value if isinstance(value, list) else [value])} <= set(options):
        raise Refusal(400, f"Invalid option '{value}' for booking field '{slug}'. Allowed options are: "
                           f"{', '.join(options)}.")  # fmt: skip
