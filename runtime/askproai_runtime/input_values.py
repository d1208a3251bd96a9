"""Check values from outside: storable values, characters that no terminal shows, names and e-mail addresses."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

V = TypeVar("V")

# A character class for regular expressions and JSON schemas: characters that control a terminal, or the direction of a line.
INVISIBLE: Final = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
# The edges leave room for an offset or a day more: Python knows the years 1 to 9999 only.
YEARS: Final = range(1970, 3000)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]  # without an offset it is none

# Characters that could make a name a link or markup in mails and pages. A dot stays only as in "Dr. Müller".
_NOT_IN_A_NAME: Final = re.compile(r"[^\w\s.,'’&()+-]|_|\.(?=\S)")
_MAX_NAME_LENGTH: Final = 80
# ASCII, as Cal.com checks it. Voice models also write "kündin@müller.de", "anna@@x.de" and "a@x,de".
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9_'+-]+(\.[A-Za-z0-9_'+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_LONGEST_EMAIL: Final = 254  # RFC 5321


def require_storable(value: V) -> V:
    """Return the value unchanged if the database and every time zone can represent it. Raises `ValueError` if not."""
    if (isinstance(value, date) and value.year not in YEARS) or (isinstance(value, str) and "\0" in value):
        raise ValueError("no year from 1970 to 2999, or the character NUL")
    return value


def read_instant(value: Any) -> datetime | None:
    """Return the instant that a decoded JSON value names; None without an offset, or in no year from 1970 to 2999."""
    try:
        instant = msgspec.convert(value, _Instant)
    except msgspec.ValidationError:
        return None
    return instant if instant.year in YEARS else None


def plain_name(text: str) -> str:
    """Return a name as one line of at most 80 characters, without characters that could harm a mail."""
    return " ".join(_NOT_IN_A_NAME.sub(" ", text).split())[:_MAX_NAME_LENGTH].rstrip()


def is_email(text: str) -> bool:
    """Return whether a text is an e-mail address that Cal.com accepts."""
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None
