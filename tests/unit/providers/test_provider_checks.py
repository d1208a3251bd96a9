"""Pure checks before a key is used, and of a Cal.com event type."""

import base64
from typing import Any

import pytest

from askproai_core.providers import find_host_problem
from askproai_operator.api.conditions import Reason
from askproai_operator.providers import (
    CredentialProblem,
    EventTypeNeeds,
    find_event_type_problems,
    hash_key,
    secret_value,
)

HOSTS = ("api.retellai.com", "*.cal.example", "127.0.0.1:*", "cal.internal:5555")


@pytest.mark.parametrize(
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
def test_hosts(url: str, allowed: bool) -> None:
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
    ],
)
def test_secret_values(secret: dict[str, Any] | None, found: Any) -> None:
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


@pytest.mark.parametrize(
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
        ({"confirmationPolicy": {"type": "always"}}, "confirmation"),
        ({"seats": {"seatsPerTimeSlot": 4}}, "4 seats"),
        ({"bookingFields": [{"type": "email", "slug": "email", "hidden": True}]}, "hidden"),
        ({"bookingFields": [{"type": "text", "slug": "wunsch", "required": True}]}, "'wunsch'"),
        ({"requiresBookerEmailVerification": True}, "verified"),
    ],
)
def test_event_types(change: dict[str, Any], text: str | None) -> None:
    problems = list(find_event_type_problems(FITS | change, NEEDS))
    assert (text is None and problems == []) or (text is not None and len(problems) == 1 and text in problems[0]), (
        problems
    )
