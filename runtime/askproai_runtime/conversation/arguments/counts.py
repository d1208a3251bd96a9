"""How many people come, if a model passes a number in place of the people. Pure."""

import re
from typing import Any, Final

from askproai_runtime.conversation.arguments.table import fold_key

_WORDS: Final = {
    "ein": 1, "eine": 1, "one": 1, "zwei": 2, "zweit": 2, "two": 2, "drei": 3, "dritt": 3, "three": 3, "vier": 4, "viert": 4,
    "four": 4,
}  # fmt: skip
_NUMBER: Final = rf"(?P<number>{'|'.join(_WORDS)}|\d{{1,2}})"
_PEOPLE: Final = r"personen?|pers\b\.?|leute|people|persons?|erwachsene|adults"
_COUNT = re.compile(rf"{_NUMBER}(?: (?:weitere[nr]?|andere|more|other))?(?: (?:{_PEOPLE}))?", re.IGNORECASE)
_IN_WORDS = re.compile(
    rf"\b{_NUMBER} ?(?:{_PEOPLE})\b|\bzu (?P<together>zweit|dritt|viert)\b|\bwir sind (?P<we>zwei|drei|vier|[2-4])\b(?! \w)"
    r"|\b(?:party|group) of (?P<party>two|three|four|\d)\b",
    re.IGNORECASE,
)
_HOW_MANY: Final = r"anzahl|count|quantity|qty"
_OF_WHOM: Final = (
    r"people|persons?|personen|leute|guests?|gäste|gaeste|customers?|clients?|kunden|attendees|participants|teilnehmer|party|group"
    r"|gruppe|gruppen|seats?|heads?|appointments?|bookings?|termine?"
)
_KEY = re.compile(
    rf"(?:(?:{_HOW_MANY}|number|num|nr|total|how|many)+(?:of|der|an)?)?(?:{_OF_WHOM})(?:{_HOW_MANY}|number|size|zahl|größe|groesse)?"
    rf"|{_HOW_MANY}|pax"
)
_SEVERAL: Final = 2


def read_count(value: Any) -> int | None:
    """Return the number of people that a value means, in digits or words; None for any other value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    found = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    return _number(found["number"]) if found else None


def counts_people(key: str, value: Any) -> bool:
    """Return whether the key is one for the number of all who come, and the value is at least 2."""
    return _KEY.fullmatch(fold_key(key)) is not None and (read_count(value) or 0) >= _SEVERAL


def count_in_words(text: str) -> int:
    """Return the number of people that a text mentions, such as "für zwei Personen" or "zu dritt"; 1 if it mentions no number."""
    found = _IN_WORDS.search(text)
    return _number(next(filter(None, found.groups()))) if found else 1


def _number(text: str) -> int:
    return _WORDS.get(text.casefold(), 0) or int(text)
