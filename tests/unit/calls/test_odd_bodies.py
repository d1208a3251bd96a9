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


DAY = {"date": "2026-12-11"}


@pytest.mark.parametrize(
    ("args", "values", "unread"),
    [
        *((b'{"date":"2026-12-11","odd":' + odd + b"}", DAY, {"odd"}) for odd in (
            b"1e400", b"-1e400", b"Infinity", b"-Infinity", b"9" * 5_000, b"9" * 30, b'"\\ud800x"', b'"\xed\xa0\x80x"', DEEP,
            DEEP_OBJECT, b'"a\\u0000b"', b'"a","odd":"b"',
        )),
        (b'{"date":"2026-12-11","odd":NaN}', DAY, set()),
        (b'{"service":' + DEEP + b"}", {"service": "Fenster"}, set()),
        # Given twice: two days are alternatives, two services are not.
        (b'{"date":"2026-12-11","date":"2026-12-12"}', {"date": "2026-12-11 oder 2026-12-12"}, set()),
        (b'{"date":"2026-12-11","date":"2026-12-11"}', DAY, set()),
        (b'{"start":"2026-12-11","start":"2026-12-12","odd":NaN}', {"start": "2026-12-11 oder 2026-12-12"}, set()),
        (b'{"service":"Haarschnitt","service":"Coloring"}', {}, {"service"}),
    ],
    ids=range(18),
)  # fmt: skip
def test_odd_json_is_read_or_listed_unread(args: bytes, values: dict[str, Any], unread: set[str]) -> None:
    assert _read(args) == (values, unread)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name":"f","call":{"call_id":"c"},"args":' + b"[" * 9_000, b"[]", b"NaN"]
)
def test_body_without_request_is_malformed(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_request(body)
