"""Odd and unsigned bodies occupy the event loop only briefly: a strict reader takes milliseconds, a lenient one seconds."""

import msgspec
import pytest

from askproai_core.tenant_config import Agent, Branch, TenantConfig
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_runtime.calls.payload import RetellEvent, decode, decode_request
from askproai_runtime.intake.signatures import names_own_call
from tests.worlds.rows import each_row

LONG = "Ja, das passt mir gut. " * 60_000  # over the limit of the lenient reader
OWN = b'{"call":{"agent_id":"agent_1","to_number":"+49301234567"'
CONFIG = TenantConfig(
    tenant="a.b",
    display_name="A",
    agents=(Agent(name="a", branch="mitte", agent_id="agent_1"),),
    branches=(
        Branch(
            name="mitte", display_name="Mitte", phone_numbers=(PhoneNumber(number="+49301234567", did="+49301234567"),)
        ),
    ),
)


@each_row(
    ("written", "read"),
    [
        ("gut \\ud83d", "gut ?"),
        ("\\ude42 gut", "? gut"),
        ("\\ud83d\\ud83d\\ude42", "?🙂"),
        ("\\uD83D\\uDE42\\uDE42", "🙂?"),
        ("C:\\\\ud83d", "C:\\ud83d"),
        ("C:\\\\\\ud83d", "C:\\?"),
        ("a\\u0000\\u0000b", "ab"),
        ("a\\\\u0000b", "a\\u0000b"),
    ],
)
def test_odd_escapes_of_large_events_are_repaired(written: str, read: str) -> None:
    body = f'{{"event":"call_ended","call":{{"call_id":"c","transcript":"{LONG}{written}"}}}}'
    event = decode(body.encode(), RetellEvent)
    assert event.call is not None
    assert event.call.transcript == LONG + read


def test_half_an_emoji_hides_no_repeated_argument() -> None:
    said = '"transcript":"gut \\ud83d"'
    request = decode_request(
        f'{{"name":"f","call":{{"call_id":"c",{said}}},"args":{{"date":"11.","date":"12."}}}}'.encode()
    )
    assert request.args == {"date": {"repeated": ["11.", "12."]}}


@each_row("value", ["NaN", "[" * 2_000 + "]" * 2_000])
def test_large_body_is_read_strictly_or_refused(value: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(f'{{"event":"{LONG}","call":{{"call_id":"c","metadata":{value}}}}}'.encode(), RetellEvent)


@each_row(
    ("rest", "is_own"),
    [
        (b"}}", True),
        (b'},"odd":NaN}', False),
        (b'},"odd":' + b"[" * 9_000 + b"]" * 9_000 + b"}", False),
        (b'},"odd":"' + b"x" * 300_000 + b'"}', False),
        (b'},"odd":"' + b"x" * 200_000 + b'"}', True),
    ],
)
def test_only_small_strict_json_is_a_hint(rest: bytes, is_own: bool) -> None:
    assert names_own_call(OWN + rest, CONFIG) is is_own
