"""Read words that choose an item of a list by its position: "der zweite", "the first one". Pure."""

import re
from typing import Final

from askproai_runtime.spoken_times import ALL_MONTHS, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.days
PLACES: Final = _WORDS.places
# A stem, without its ending; "lieber später" and "later" are no places.
PLACE: Final = _WORDS.place
ENDING: Final = rf"(?:(?:{_WORDS.place_ending})\b)?+"  # possessive: a month after it is seen
OF_THEM: Final = _WORDS.of_them
_MONTHS: Final = "|".join(sorted(ALL_MONTHS))
_OF_NO_MONTH: Final = rf"(?! (?:(?:{_WORDS.of_month}) )?(?:{_MONTHS})\b)"
_SAID: Final = re.compile(rf"(?:\b(?:{_WORDS.article}) |^(?=\w+\W*$))(?P<place>{PLACE}){ENDING}{_OF_NO_MONTH}")
_HELD: Final = re.compile(
    rf"\b(?:(?:{PLACE}){ENDING}|[1-4](?:{_WORDS.ordinal_ending})?\.? (?:{_WORDS.day})\b){_OF_NO_MONTH}"
)


def list_places(words: str) -> set[int]:
    """Return the list positions that an utterance names after an article, or alone ("der zweite", "letzteres"), counted from 0; -1
    is the last item.
    """
    return {PLACES[found["place"]] for found in _SAID.finditer(fold(words))}


def holds_place(words: str) -> bool:
    """Return True if folded words may choose an item by its position ("der zweite"), or name a day of the month."""
    return _HELD.search(words) is not None
