"""A booking's answers to the booking fields of its event type. Pure.

Cal.com refuses a booking without an answer to a required field. The operator reads the fields from Cal.com
(`EventType.booking_fields`).
"""

from typing import Any

import phonenumbers

from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.vocabulary import FieldSource
from askproai_runtime.calendars.types import CalendarRequest

# Cal.com fills these itself, from the number of the attendee.
_OF_ATTENDEE = frozenset({"attendeePhoneNumber", "smsReminderNumber"})


def field_responses(request: CalendarRequest, config: TenantConfig) -> dict[str, Any]:
    """Return the answers to booking fields, by slug. A field without an answer is left out."""
    sources = {
        FieldSource.PHONE: usable_phone(request.phone),
        FieldSource.NAME: request.name,
        FieldSource.NOTES: request.notes,
        FieldSource.SERVICE: next((s.display_name for s in config.services if s.name == request.service), None),
    }
    answers = {
        each.slug: (sources[each.source] if each.source else None) or each.value
        for each in config.booking_fields(request.service, request.event_type_id)
        if each.slug not in _OF_ATTENDEE
    }
    return {slug: value for slug, value in answers.items() if value is not None}


def needs_phone(service: Service) -> bool:
    """Return whether an event type of the service requires the attendee's phone number for a booking."""
    fields = (each for link in service.linked_event_types for each in link.booking_fields)
    return any(
        each.slug in _OF_ATTENDEE or (each.source is FieldSource.PHONE and each.value is None) for each in fields
    )


def usable_phone(phone: str | None) -> str | None:
    """Return the phone number if it is valid, else None: Cal.com refuses the whole booking for an invalid phone number."""
    return phone if phone and phonenumbers.is_valid_number(phonenumbers.parse(phone)) else None
