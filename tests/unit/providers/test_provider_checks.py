"""Pure checks before a key is used, and of a Cal.com event type."""

import base64
from typing import Any

import pytest

from askproai_core.providers import find_host_problem
from askproai_core.tenant_config.vocabulary import FieldSource
from askproai_operator.api.conditions import Reason
from askproai_operator.api.offering import BookingField
from askproai_operator.providers import (
    CredentialProblem,
    EventTypeNeeds,
    compile_field,
    find_coarse_interval,
    find_event_type_notes,
    find_event_type_problems,
    find_optional_notes,
    hash_key,
    is_booked_by_host,
    secret_value,
)
from askproai_operator.providers.calcom import _keep_compared
from tests.worlds.rows import each_row

HOSTS = ("api.retellai.com", "*.cal.example", "127.0.0.1:*", "cal.internal:5555")


@each_row(
    ("url", "allowed"),
    [
        ("https://api.retellai.com", True),
        ("https://api.retellai.com:443/", True),
        ("https://API.RetellAI.com", True),
        ("http://api.retellai.com", False),
        ("https://api.retellai.com:8443", False),
        ("https://api.retellai.com.evil.example", False),
        ("https://evil.example/api.retellai.com", False),
        ("https://api.retellai.com@evil.example", False),
        ("https://eu.cal.example/v2", True),
        ("http://127.0.0.1:4711", True),
        ("http://127.0.0.2:4711", False),
        ("http://cal.internal:5555", True),
        ("http://cal.internal:80", False),
        ("https://[::1", False),
        ("ftp://127.0.0.1:1", False),
    ],
)
def test_only_allowed_hosts_are_accepted(url: str, allowed: bool) -> None:
    assert (find_host_problem(url, HOSTS) is None) is allowed


def test_a_key_hash_depends_on_the_installation() -> None:
    assert hash_key("a", "key_1") == hash_key("a", "key_1")
    assert hash_key("a", "key_1") != hash_key("b", "key_1")


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        (None, Reason.SECRET_NOT_FOUND),
        ({}, Reason.SECRET_KEY_MISSING),
        ({"data": {"key": base64.b64encode(b" key_1\n").decode()}}, "key_1"),
        ({"data": {"key": ""}}, Reason.SECRET_KEY_MISSING),
        ({"data": {"key": base64.b64encode(b"a\nb").decode()}}, Reason.SECRET_KEY_MISSING),
        ({"data": {"key": base64.b64encode("schlüssel".encode()).decode()}}, Reason.SECRET_KEY_MISSING),
        ({"data": {"key": "%%%"}}, Reason.SECRET_KEY_MISSING),
        (
            {"data": {"key": base64.b64encode(b"ENC[AES256_GCM,data:YJoJ,iv:C9oB,type:str]").decode()}},
            Reason.SECRET_KEY_MISSING,
        ),
    ],
)
def test_secret_value_is_returned_or_its_problem_named(secret: dict[str, Any] | None, found: Any) -> None:
    value = secret_value(secret, "providers", "key")
    assert (value.reason if isinstance(value, CredentialProblem) else value) == found


NEEDS = EventTypeNeeds(duration_minutes=45, buffer_after_minutes=10)
FITS: dict[str, Any] = {
    "lengthInMinutes": 45,
    "afterEventBuffer": 10,
    "confirmationPolicy": {"disabled": True},
    "seats": {"disabled": True},
    "bookingFields": [
        {"type": "name", "slug": "name", "required": True},
        {"type": "email", "slug": "email", "required": True},
        {"type": "phone", "slug": "attendeePhoneNumber", "required": True},
        {"type": "text", "slug": "wunsch", "required": False},
    ],
}


@each_row(
    ("change", "text"),
    [
        ({}, None),
        ({"afterEventBuffer": 0, "seats": None, "confirmationPolicy": None, "bookingFields": None}, None),
        ({"seats": {"seatsPerTimeSlot": 1}}, None),
        ({"lengthInMinutes": 30}, "lasts 30"),
        ({"lengthInMinutes": 30, "lengthInMinutesOptions": [30, 45]}, None),
        ({"lengthInMinutesOptions": [45]}, None),
        ({"lengthInMinutes": 30, "lengthInMinutesOptions": [30, 60]}, "offers 30, 60 minutes"),
        ({"afterEventBuffer": 15}, "afterEventBuffer"),
        ({"beforeEventBuffer": 5}, "beforeEventBuffer"),
        ({"confirmationPolicy": {"type": "always"}}, "blockUnconfirmedBookingsInBooker"),
        ({"confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": True}}, None),
        ({"seats": {"seatsPerTimeSlot": 4}}, "switch seats off there, or set capacity to 4 and remove calcom"),
        ({"bookingFields": [{"type": "email", "slug": "email", "hidden": True}]}, "hidden"),
        ({"bookingFields": [{"type": "text", "slug": "wunsch", "required": True}]}, "'wunsch'"),
        ({"requiresBookerEmailVerification": True}, "verified"),
        ({"schedulingType": "roundRobin", "teamId": 7}, "belongs to a team"),
    ],
)
def test_event_type_problems_are_named(change: dict[str, Any], text: str | None) -> None:
    problems = list(find_event_type_problems(_keep_compared(FITS | change), NEEDS))
    assert (text is None and problems == []) or (text is not None and len(problems) == 1 and text in problems[0]), (
        problems
    )


@pytest.mark.parametrize(
    ("switch", "notes"), [({"rrHostSubsetEnabled": False}, 1), ({"rrHostSubsetEnabled": True}, 0), ({}, 0)]
)
def test_round_robin_that_ignores_requested_host_is_named(switch: dict[str, Any], notes: int) -> None:
    """A server whose answer lacks the setting causes no warning."""
    found = list(
        find_event_type_notes(
            _keep_compared(FITS | TEAM | switch), EventTypeNeeds(45, buffer_after_minutes=10, user_id=17)
        )
    )
    assert len(found) == notes, found
    assert all("switch it on by Cal.com's API" in note for note in found)
    assert is_booked_by_host(_keep_compared(FITS | TEAM | switch)) is bool(switch.get("rrHostSubsetEnabled"))
    assert not is_booked_by_host(FITS | switch)


LENGTH = {"type": "select", "slug": "haarlaenge", "required": True, "options": ["kurz", "lang"]}
MANY = {"type": "multiselect", "slug": "extras", "required": True, "options": ["Waschen", "Kur"]}
AGE = {"type": "number", "slug": "alter", "required": True}
YES = {"type": "boolean", "slug": "agb", "required": True}
WISH = {"type": "text", "slug": "wunsch", "required": True}
NUMBER = {"type": "phone", "slug": "attendeePhoneNumber", "required": True}


TEAM = {
    "schedulingType": "roundRobin",
    "teamId": 7,
    "hosts": [{"userId": 17, "name": "Anna"}, {"userId": 18, "name": "Ben"}],
}


@pytest.mark.parametrize(
    ("change", "user_id", "text"),
    [
        (TEAM, 17, None),
        (TEAM, None, "name this person's userId, or an own event type (17 Anna, 18 Ben)"),
        (TEAM, 19, "user 19 is none of its hosts: correct the userId (17 Anna, 18 Ben)"),
        (TEAM | {"schedulingType": "collective"}, 17, "is not booked with one person"),
        ({}, 17, "it belongs to no team: remove userId"),
    ],
)
def test_team_event_type_fits_any_of_its_hosts(change: dict[str, Any], user_id: int | None, text: str | None) -> None:
    problems = list(
        find_event_type_problems(
            _keep_compared(FITS | change), EventTypeNeeds(45, buffer_after_minutes=10, user_id=user_id)
        )
    )
    assert (text is None and problems == []) or (text is not None and len(problems) == 1 and text in problems[0]), (
        problems
    )


@each_row(
    ("field", "answer", "text"),
    [
        (LENGTH, {}, "it requires the field 'haarlaenge' (select: kurz, lang), which nothing answers"),
        (LENGTH, {"value": "kurz"}, None),
        (LENGTH, {"value": "mittel"}, "mittel is none of its options: kurz, lang"),
        (LENGTH | {"options": [{"label": "Kurz", "value": "kurz"}]}, {"value": "kurz"}, None),
        (MANY, {"value": "Waschen, Kur"}, None),
        (MANY, {"value": "Waschen, Farbe"}, "Farbe is none of its options"),
        (AGE, {"value": "18"}, None),
        (AGE, {"value": "viele"}, "'viele', which is no number"),
        (YES, {"value": "true"}, None),
        (YES, {"value": "ja"}, "which is no true or false"),
        (WISH, {"source": "Name"}, None),
        ({"type": "phone", "slug": "telefon", "required": True}, {}, None),
        ({"type": "textarea", "slug": "notes", "required": True}, {}, None),
        ({"type": "text", "slug": "title", "required": True}, {}, None),
        ({"type": "text", "slug": "versteckt", "required": True, "hidden": True}, {}, None),
        (NUMBER, {}, None),
        (NUMBER, {"source": "Phone"}, None),
        (
            NUMBER,
            {"source": "Phone", "value": "+4930901820"},
            "'+4930901820', but Cal.com takes it from the caller's number",
        ),
        (NUMBER, {"value": "+4930901820"}, "'+4930901820', but Cal.com takes it from the caller's number"),
        ({"type": "textarea", "slug": "notes", "required": True}, {"source": "Notes"}, None),
        (WISH, {"source": "Notes"}, "'wunsch' with Notes, which a caller may leave empty: add a value"),
        (WISH | {"slug": "title"}, {"source": "Notes"}, "'title' with Notes, which a caller may leave empty"),
        (WISH | {"required": False}, {"source": "Notes"}, None),
        (WISH, {"source": "Notes", "value": "keiner"}, None),
        (
            LENGTH,
            {"source": "Notes", "value": "kurz"},
            "'haarlaenge' with Notes, but a select takes one of its options",
        ),
        (YES, {"source": "Name"}, "'agb' with Name, but a boolean takes true or false"),
        (AGE, {"source": "Notes", "value": "18"}, "'alter' with Notes, but a number takes a number"),
        (MANY, {"value": ","}, "with ',', which is empty"),
        (AGE, {"value": "nan"}, "'nan', which is no number"),
        (AGE, {"value": "inf"}, "'inf', which is no number"),
    ],
)
def test_required_booking_field_needs_an_accepted_answer(
    field: dict[str, Any], answer: dict[str, Any], text: str | None
) -> None:
    declared = (BookingField.model_validate({"slug": field["slug"], **answer}),) if answer else ()
    needs = EventTypeNeeds(45, buffer_after_minutes=10, booking_fields=declared)
    problems = list(find_event_type_problems(_keep_compared(FITS | {"bookingFields": [field]}), needs))
    assert (text is None and problems == []) or (text is not None and len(problems) == 1 and text in problems[0]), (
        problems
    )


@pytest.mark.parametrize("answer", [None, BookingField(slug="notes", source=FieldSource.NOTES)])
def test_required_notes_get_a_fixed_answer(answer: BookingField | None) -> None:
    field = compile_field("notes", "textarea", answer)
    assert field is not None
    assert (field.source, field.value) == (FieldSource.NOTES, "telefonisch gebucht")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, None),
        ({"minimumBookingNotice": 60, "bookingWindow": {"type": "calendarDays", "value": 90, "rolling": True}}, None),
        ({"bookingWindow": {"disabled": True}, "bookingLimitsCount": {"disabled": True}}, None),
        ({"minimumBookingNotice": 120}, "minimumBookingNotice is 120 minutes, the offering's minimumNoticeMinutes 60"),
        ({"bookingWindow": {"type": "businessDays", "value": 30}}, "bookingWindow is 30 days"),
        ({"bookingWindow": {"type": "range", "value": ["2026-12-01", "2026-12-24"]}}, "a range of dates"),
        ({"bookingLimitsCount": {"day": 3}}, "bookingLimitsCount is set"),
        ({"bookingLimitsDuration": {"week": 600}}, "bookingLimitsDuration is set"),
        ({"bookerActiveBookingsLimit": {"maximumActiveBookings": 1}}, "bookerActiveBookingsLimit is set"),
    ],
)
def test_narrower_event_type_limits_are_notes_not_problems(change: dict[str, Any], text: str | None) -> None:
    needs = EventTypeNeeds(45, buffer_after_minutes=10, minimum_notice_minutes=60, booking_horizon_days=90)
    assert list(find_event_type_problems(_keep_compared(FITS | change), needs)) == []
    notes = list(find_event_type_notes(_keep_compared(FITS | change), needs))
    assert (text is None and notes == []) or (text is not None and len(notes) == 1 and text in notes[0]), notes


@pytest.mark.parametrize(
    ("interval", "step", "coarse"),
    [
        (15, 15, None), (5, 15, None), (30, 60, None), (45, 45, None), (None, 45, None), (None, 90, None),
        (None, 15, 45), (0, 15, 45), (30, 15, 30), (60, 15, 60),
        (10, 15, 10),  # Cal.com has no starts at 9:15 and 9:45
    ],
)  # fmt: skip
def test_slot_interval_without_a_grid_start_is_coarser(interval: int | None, step: int, coarse: int | None) -> None:
    needs = EventTypeNeeds(45, slot_step_minutes=step)
    assert find_coarse_interval(_keep_compared({"lengthInMinutes": 30, "slotInterval": interval}), needs) == coarse


@pytest.mark.parametrize(
    ("field", "declared", "kind"),
    [
        ({"type": "textarea", "slug": "notes", "required": False}, (), "textarea"),
        ({"type": "textarea", "slug": "notes", "required": True}, (), None),  # answered as every required field
        ({"type": "textarea", "slug": "notes", "hidden": True}, (), None),
        ({"type": "textarea", "slug": "notes"}, (BookingField(slug="notes", value="-"),), None),
        ({"type": "text", "slug": "wunsch"}, (), None),
    ],
)
def test_optional_notes_field_is_found_where_present(
    field: dict[str, Any], declared: tuple[BookingField, ...], kind: str | None
) -> None:
    assert find_optional_notes(_keep_compared({"bookingFields": [field]}), declared) == kind


def test_optional_notes_field_needs_no_fixed_value() -> None:
    field = compile_field("notes", "textarea", None, optional=True)
    assert field is not None
    assert (field.source, field.value) == (FieldSource.NOTES, None)
    assert compile_field("notes", "select", None, optional=True) is None
