"""Values that come from outside: which of them the database can hold, and which characters no terminal shows."""

from datetime import date
from typing import Final, TypeVar

V = TypeVar("V")

# In a character class of a regular expression, also of a JSON schema: what controls a terminal, or turns the direction of a line.
INVISIBLE: Final = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_YEARS: Final = range(
    1970, 3000
)  # an offset or a day more than a year at the edge would leave the years that Python knows


def require_storable(value: V) -> V:
    """Return a value that the database can hold, and every time zone. Raises `ValueError` for any other."""
    if (isinstance(value, date) and value.year not in _YEARS) or (isinstance(value, str) and "\0" in value):
        raise ValueError("no year from 1970 to 2999, or the character NUL")
    return value
