"""Read words that choose one of several by its place: "der zweite", "the first one". Pure."""

import re
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.spoken_times import MONTHS, fold

PLACES: Final = {
    "erst": 0, "first": 0, "zweit": 1, "second": 1, "dritt": 2, "third": 2, "viert": 3, "fourth": 3, "letzt": -1, "last": -1,
    "frueher": 0, "earlier": 0, "spaeter": -1, "later": -1,
}  # fmt: skip
# A stem, without its ending; "lieber später" and "later" are no places.
PLACE: Final = (
    r"(?:erst|zweit|dritt|viert|letzt|frueher|spaeter)(?=e[nmrs]?\b)"
    r"|(?:first|second|third|fourth|last)\b|(?:earlier|later)(?= one\b)"
)
ENDING: Final = r"(?:e[nmrs]?\b)?"
OF_THEM: Final = r"davon|(?:der|von|von den) (?:beiden|tagen?|drei(?:en)?)|of (?:them|those|these|the (?:two|days))"
_MONTHS: Final = "|".join([*MONTHS, *map(fold, SENTENCES[Language.EN].months)])
_OF_NO_MONTH: Final = rf"(?! (?:of )?(?:{_MONTHS})\b)"
_SAID: Final = re.compile(rf"\b(?:der|die|das|den|dem|the) (?P<place>{PLACE}){ENDING}{_OF_NO_MONTH}")
_HELD: Final = re.compile(rf"\b(?:(?:{PLACE}){ENDING}|[1-4](?:st|nd|rd|th)?\.? (?:tag|day)\b){_OF_NO_MONTH}")


def list_places(words: str) -> set[int]:
    """Return the places, counted from 0, that an utterance names after an article; the last one is -1."""
    return {PLACES[found["place"]] for found in _SAID.finditer(fold(words))}


def holds_place(words: str) -> bool:
    """Return whether folded words may name one of several, or a day of the month."""
    return _HELD.search(words) is not None
