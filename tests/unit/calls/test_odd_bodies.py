"""Bodies that no strict JSON reader accepts: as much as possible is read, so that the caller still hears an answer."""

from typing import Any

import msgspec
import pytest

from askproai_runtime.calls.payload import decode_request
from askproai_runtime.conversation.arguments.reading import read_arguments

DEEP = b"[" * 50_000 + b'"Fenster"' + b"]" * 50_000
DEEP_OBJECT = b'{"a":' * 20_000 + b'"Fenster"' + b"}" * 20_000


def _read(args: bytes) -> tuple[dict[str, Any], set[str]]:
    body = b'{"name":"book_appointment","call":{"call_id":"c"},"args":' + args + b"}"
    read = read_arguments("book_appointment", decode_request(body).args)
    return read.values, {name.partition(".")[0] for name in read.unread}


@pytest.mark.parametrize(
    ("value", "unread"),
    [
        (b"1e400", {"odd"}), (b"-1e400", {"odd"}), (b"NaN", set()), (b"Infinity", {"odd"}), (b"-Infinity", {"odd"}),
        (b"9" * 5_000, {"odd"}), (b"9" * 30, {"odd"}), (b'"\\ud800x"', {"odd"}), (b'"\xed\xa0\x80x"', {"odd"}),
        (DEEP, {"odd"}), (DEEP_OBJECT, {"odd"}), (b'"a\\u0000b"', {"odd"}), (b'"a","odd":"b"', {"odd"}),
    ],
    ids=range(13),
)  # fmt: skip
def test_invalid_json_value_does_not_affect_the_day(value: bytes, unread: set[str]) -> None:
    assert _read(b'{"date":"2026-12-11","odd":' + value + b"}") == ({"date": "2026-12-11"}, unread)


def test_deeply_nested_text_is_still_read() -> None:
    assert _read(b'{"service":' + DEEP + b"}") == ({"service": "Fenster"}, set())


def test_day_given_twice_becomes_alternatives() -> None:
    assert _read(b'{"date":"2026-12-11","date":"2026-12-12"}') == ({"date": "2026-12-11 oder 2026-12-12"}, set())
    assert _read(b'{"date":"2026-12-11","date":"2026-12-11"}') == ({"date": "2026-12-11"}, set())
    assert _read(b'{"start":"2026-12-11","start":"2026-12-12","odd":NaN}') == (
        {"start": "2026-12-11 oder 2026-12-12"},
        set(),
    )


def test_service_argument_given_twice_is_reported_unread() -> None:
    assert _read(b'{"service":"Haarschnitt","service":"Coloring"}') == ({}, {"service"})


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name":"f","call":{"call_id":"c"},"args":' + b"[" * 9_000, b"[]", b"NaN"]
)
def test_body_without_request_is_malformed(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_request(body)
