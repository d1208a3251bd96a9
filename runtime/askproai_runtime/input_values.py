"""Check values from outside: storable values, characters that no terminal shows, names and e-mail addresses."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

V = TypeVar("V")

# In a character class of a regular expression, also of a JSON schema: what controls a terminal, or turns the direction of a line.
INVISIBLE: Final = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
# An offset or a day more than a year at the edge would leave the years that Python knows.
YEARS: Final = range(1970, 3000)
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]  # without an offset it is none

# In a name: what could make it a link or markup in the mails and pages that show it. A dot stays only as in "Dr. Müller".
_NOT_IN_A_NAME: Final = re.compile(r"[^\w\s.,'’&()+-]|_|\.(?=\S)")
_MAX_NAME_LENGTH: Final = 80
# ASCII, as Cal.com checks it: what a voice model writes down ("kündin@müller.de", "anna@@x.de", "a@x,de") is not always one.
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
    """Return a name as one line of at most 80 characters, without characters that no name has: it goes into mails."""
    return " ".join(_NOT_IN_A_NAME.sub(" ", text).split())[:_MAX_NAME_LENGTH].rstrip()


def is_email(text: str) -> bool:
    """Return whether a text is an e-mail address that Cal.com accepts."""
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None
