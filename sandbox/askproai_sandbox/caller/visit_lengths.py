"""The length of a visit in a German sentence. Pure."""

import re

from askproai_runtime.german_dates import NUMBERS, fold

_HOURS = {"halbe": 30, "dreiviertel": 45, "ganze": 60, "volle": 60, "eine": 60, "anderthalb": 90, "eineinhalb": 90}
_LENGTH = re.compile(
    r"\b(?:(?P<number>\d{1,3}|[a-zäöüß]+)[ -]?minuten?"
    r"|(?P<hours>halben?|dreiviertel|ganzen?|vollen?|eine|anderthalb|eineinhalb)[ -]?stunden?)\b",
    re.IGNORECASE,
)


def find_lengths(text: str) -> dict[int, tuple[int, int]]:
    """Return the lengths of a visit that a text says, in minutes, and where: "eine halbe Stunde", "45 Minuten"."""
    found: dict[int, tuple[int, int]] = {}
    for length in _LENGTH.finditer(text):
        number = fold(length["number"] or "")
        minutes = int(number) if number.isdecimal() else NUMBERS.get(number)
        hours = _HOURS.get(fold(length["hours"] or "").removesuffix("n"))
        if value := minutes or hours:
            found[value] = length.span()
    return found
