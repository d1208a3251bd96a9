"""JSON as senders really write it."""

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read_json(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`. Raises `msgspec.ValidationError` for a wrong shape, `msgspec.DecodeError` for no JSON.

    JavaScript that cuts a text in the middle of an emoji writes half a surrogate pair. It is legal JSON and no legal UTF-8;
    such a body is read with a question mark in its place, since refusing it would lose a genuine event.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            lenient: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise msgspec.DecodeError("not valid JSON in UTF-8") from error
        return msgspec.json.decode(json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace"), type=kind)
