"""The languages in which callers are answered, and notifications and the page written."""

from enum import StrEnum
from typing import Self


class Language(StrEnum):
    """A language with words of its own: its value is the name of its files of words and of its grammar's package."""

    DE = "de"
    EN = "en"

    @classmethod
    def of(cls, locale: str) -> Self | None:
        """Return the language of a locale such as `en-GB`; None for a language without words of its own."""
        primary = locale.partition("-")[0]
        return cls(primary) if primary in set(cls) else None
