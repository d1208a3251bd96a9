"""Pure checks before a key is used, and of a Cal.com event type."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.providers import find_host_problem
from askproai_operator.api.conditions import Reason
from askproai_operator.providers import (
    CredentialProblem,
    EventTypeNeeds,
    KeyHolder,
    find_event_type_problems,
    find_key_conflict,
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


OLD, YOUNG = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own", "others", "holder", "why"),
    [
        (("b.b", YOUNG, "k"), [("a.a", OLD, "k")], "a.a", "the younger one is refused"),
        (("a.a", OLD, "k"), [("b.b", YOUNG, "k")], None, "the older one keeps it"),
        (("b.b", OLD, "k"), [("a.a", OLD, "k")], "a.a", "of one age the first name keeps it"),
        (("b.b", YOUNG, "k"), [("a.a", OLD, "other")], None, "another key"),
        (("b.b", YOUNG, "k"), [("b.b", YOUNG, "k")], None, "ourselves"),
    ],
)
def test_a_shared_retell_key_belongs_to_the_oldest(own: Any, others: Any, holder: str | None, why: str) -> None:
    """Tenants that share a Retell workspace could sign webhooks for each other."""
    assert find_key_conflict(KeyHolder(*own), [KeyHolder(*other) for other in others]) == holder, why


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


def test_holders_are_not_distinguished_by_age_alone() -> None:
    a, b = KeyHolder("a.a", OLD, "k"), KeyHolder("b.b", OLD + timedelta(seconds=1), "k")
    assert find_key_conflict(a, [b]) is None
    assert find_key_conflict(b, [a]) == "a.a"
