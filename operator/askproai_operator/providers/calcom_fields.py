"""Booking fields of an event type at Cal.com: the fields that our bookings answer, and their texts. Pure.

Cal.com refuses a booking that lacks an answer to a required field, or has an answer of a wrong type.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from askproai_core.providers import Json
from askproai_core.tenant_config import services
from askproai_core.tenant_config.vocabulary import FieldSource
from askproai_operator.api.offering import BookingField

# Cal.com fills these itself, or from the attendee whom the pods always send.
_FILLED: Final = frozenset({"name", "email", "location", "guests", "rescheduleReason"})
_NOTHING_SAID: Final = "telefonisch gebucht"  # an answer to required notes where the caller has none
_KNOWN: Final[Mapping[str, services.BookingField]] = MappingProxyType({
    "notes": services.BookingField(slug="notes", source=FieldSource.NOTES, value=_NOTHING_SAID),
    "title": services.BookingField(slug="title", source=FieldSource.SERVICE),
})  # fmt: skip
# Cal.com fills these from the number of the attendee; the pods send no answer to them.
_OF_ATTENDEE: Final = frozenset({"attendeePhoneNumber", "smsReminderNumber"})
_OPTIONS: Final = frozenset({"select", "radio", "multiselect", "checkbox"})
_LISTS: Final = frozenset({"multiselect", "checkbox", "multiemail"})
_UNREADABLE: Final[Mapping[str, str]] = MappingProxyType({"number": "no number", "boolean": "no true or false"})
# The values of fields that no text of an appointment answers.
_TAKES: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(_OPTIONS, "one of its options")
    | {"multiemail": "e-mail addresses", "boolean": "true or false", "number": "a number"}
)


def find_answered_fields(event_type: Json, declared: Iterable[BookingField]) -> Iterator[tuple[str, str]]:
    """Yield slug and type of each visible booking field that is required or declared, unless every booking fills it anyway."""
    slugs = {each.slug for each in declared}
    for slug, entry in _fields(event_type):
        if slug not in _FILLED and not entry.get("hidden") and (entry.get("required") or slug in slugs):
            yield slug, str(entry.get("type"))


def find_optional_notes(event_type: Json, declared: Iterable[BookingField]) -> str | None:
    """Return the type of the event type's own field `notes` if it is optional and no manifest declares it; else None.

    A caller's further requests are written there; without any, the field stays empty.
    """
    answered = {slug for slug, _ in find_answered_fields(event_type, declared)}
    entry = dict(_fields(event_type)).get("notes")
    return None if entry is None or entry.get("hidden") or "notes" in answered else str(entry.get("type"))


def find_field_problems(event_type: Json, declared: Iterable[BookingField]) -> Iterator[str]:
    """Yield each booking field of an event type whose answer Cal.com would refuse, and so every booking."""
    by_slug = {each.slug: each for each in declared}
    entries = dict(_fields(event_type))
    for slug, kind in find_answered_fields(event_type, by_slug.values()):
        answer = by_slug.get(slug)
        if compile_field(slug, kind, answer) is None:
            options = _options(entries[slug])
            shown = f"{kind}: {', '.join(options)}" if options else kind
            text = "which nothing answers: make it optional there, or add it to calcom.bookingFields with a value"
            yield f"it requires the field {slug!r} ({shown}), {text}"
        elif answer is not None and (problem := _source_problem(entries[slug], kind, answer)):
            yield f"calcom.bookingFields answers {slug!r} with {problem}"
        elif answer is not None and answer.value is not None:
            yield from _value_problems(slug, kind, answer.value, _options(entries[slug]))


def find_unknown_fields(event_types: Iterable[Json], declared: Iterable[BookingField]) -> list[str]:
    """Return the declared slugs that none of the event types has."""
    known = {slug for event_type in event_types for slug, _ in _fields(event_type)}
    return [each.slug for each in declared if each.slug not in known]


def compile_field(
    slug: str, kind: str, declared: BookingField | None, *, optional: bool = False
) -> services.BookingField | None:
    """Return how the pods answer a booking field of Cal.com's type `kind`; None if they have no answer.

    A manifest's declaration takes precedence. Otherwise, a phone field gets the caller's number, and Cal.com's own fields get
    their usual values. An `optional` notes field gets the caller's requests, or nothing.
    """
    if declared is None and optional:
        return services.BookingField(slug=slug, source=FieldSource.NOTES) if kind in {"text", "textarea"} else None
    if declared is None:
        phone = services.BookingField(slug=slug, source=FieldSource.PHONE)
        return phone if kind == "phone" else _KNOWN.get(slug)
    value = None if declared.value is None else _read_value(kind, declared.value)
    if declared.value is None and slug in _KNOWN and declared.source is _KNOWN[slug].source:
        return _KNOWN[slug]
    return services.BookingField(slug=slug, source=declared.source, value=value)


def _read_value(kind: str, text: str) -> str | float | bool | tuple[str, ...] | None:
    """Return a declared value in Cal.com's form for this type; None if it cannot be read as that type."""
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.casefold())
    return (_split(text) or None) if kind in _LISTS else text


def _source_problem(entry: Json, kind: str, answer: BookingField) -> str | None:
    """Return why the declared source of a field's answer does not fit the field; None if it fits."""
    if answer.slug in _OF_ATTENDEE and (answer.value is not None or answer.source is not FieldSource.PHONE):
        shown = answer.source.value if answer.value is None and answer.source else repr(answer.value)
        return f"{shown}, but Cal.com takes it from the caller's number: declare source Phone and no value"
    if answer.source is None:
        return None
    if kind in _TAKES:
        return f"{answer.source.value}, but a {kind} takes {_TAKES[kind]}: declare a value and no source"
    if kind == "phone" and answer.source is not FieldSource.PHONE:
        return f"{answer.source.value}, but a phone takes a number: declare source Phone"
    may_be_empty = answer.source is FieldSource.NOTES and answer.value is None and answer.slug != "notes"
    if may_be_empty and entry.get("required"):
        return "Notes, which a caller may leave empty: add a value"
    return None


def _value_problems(slug: str, kind: str, text: str, options: list[str]) -> Iterator[str]:
    where = f"calcom.bookingFields answers {slug!r} with {text!r}"
    if _read_value(kind, text) is None:
        yield f"{where}, which is {_UNREADABLE.get(kind, 'empty')}"
    elif options and (wrong := [one for one in (_split(text) if kind in _LISTS else (text,)) if one not in options]):
        yield f"{where}, but {', '.join(wrong)} is none of its options: {', '.join(options)}"


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _fields(event_type: Json) -> Iterator[tuple[str, Json]]:
    for entry in event_type.get("bookingFields") or []:
        yield str(entry.get("slug") or entry.get("type")), entry


def _options(entry: Mapping[str, Any]) -> list[str]:
    options = (entry.get("options") or ()) if entry.get("type") in _OPTIONS else ()
    return [str(each.get("value") if isinstance(each, dict) else each) for each in options]
