"""Read JSON that deviates from the standard, and that a strict reader refuses."""

import json
import math
import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

REPEATED = "repeated"
_MOST_DIGITS = 300  # digits of a number; Python refuses to convert thousands
_MOST_LEVELS = 100
_MOST_BYTES = 1024 * 1024  # to read them all token by token takes half a second, in which nothing else is answered
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# An escaped backslash is matched, too: what follows it is no escape.
_SURROGATES = re.compile(
    rb"\\(?:(?P<kept>\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_NUL = re.compile(rb"\\(?:(?P<kept>\\)|u0000)")
# A text, with the colon behind a name; a number or word; a bracket.
_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+")(?P<colon>\s*+:)?|(?P<plain>[^\s{}\[\],:"]++)|(?P<opens>[{\[])|(?P<closes>[}\]])',
    re.DOTALL,
)


def read_json(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`. Raises `msgspec.ValidationError` for a wrong shape, `msgspec.DecodeError` for invalid JSON.

    JavaScript that cuts a text in the middle of an emoji writes half a surrogate pair, which is legal JSON but not legal UTF-8.
    It is read as a question mark, since refusing such a body would lose a genuine event. `to_strict_json` has the rest, for
    bodies up to 1 MiB.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except _REFUSED:
        repaired = _SURROGATES.sub(lambda found: found[0] if found["kept"] else b"?", body)
    try:
        return msgspec.json.decode(repaired, type=kind)
    except _REFUSED as error:
        if isinstance(error, msgspec.ValidationError) and len(body) > _MOST_BYTES:
            raise
        return msgspec.json.decode(to_strict_json(repaired), type=kind)


def drop_nul(body: bytes) -> bytes:
    """Return a body without NUL in its texts: JSON permits it, and PostgreSQL's text does not."""
    return _NUL.sub(lambda found: found[0] if found["kept"] else b"", body)


def to_strict_json(body: bytes) -> bytes:
    """Return a body as JSON that a strict reader takes. Raises `msgspec.DecodeError` for a body over 1 MiB or that is no JSON.

    A number beyond every bound, `NaN` and `Infinity` become texts. Two values for one name are both kept, in an object with the
    name `REPEATED`. A value nested too deeply is replaced by one text that joins the texts in it; half a surrogate pair is
    replaced by a question mark.
    """
    if len(body) > _MOST_BYTES:
        raise msgspec.DecodeError("not valid JSON for a strict reader, and too large for a lenient one")
    try:
        value = _load(_flatten(body.decode("utf-8", "surrogatepass")))
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError("not valid JSON in UTF-8") from error
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _load(text: str) -> Any:
    return json.loads(
        text, parse_int=_read_integer, parse_float=_read_float, parse_constant=str, object_pairs_hook=_join_repeated
    )


def _read_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _read_float(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _join_repeated(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(members)) == len(members):
        return dict(members)
    values = dict[str, dict[str, Any]]()
    for name, value in members:
        # A list would be searched again for each repetition.
        values.setdefault(name, {}).setdefault(json.dumps(value), value)
    return {
        name: next(iter(given.values())) if len(given) == 1 else {REPEATED: [*given.values()]}
        for name, given in values.items()
    }


def _flatten(text: str) -> str:
    """Return a JSON text in which each value nested deeper than `_MOST_LEVELS` is one text."""
    parts, deep, level, kept_to = list[str](), list[str](), 0, 0
    for token in _TOKEN.finditer(text):
        if token["opens"]:
            level += 1
            if level == _MOST_LEVELS + 1:
                parts.append(text[kept_to : token.start()])
        elif token["closes"]:
            level -= 1
            if level == _MOST_LEVELS:
                parts.append(json.dumps(", ".join(deep)))
                deep, kept_to = [], token.end()
        elif level > _MOST_LEVELS and not token["colon"]:
            deep.append(json.loads(token["text"]) if token["text"] else token["plain"])
    if level != 0:
        raise ValueError("brackets are not closed")
    return "".join(parts) + text[kept_to:]
