"""The name with which a caller begins: "Hier ist Petra Lange". Pure."""

import re
from typing import Final

from askproai_runtime.booking.customer_names import is_plain_name, read_customer_name
from askproai_runtime.booking.name_words import FIRM, GENDERS, RELATIVES
from askproai_runtime.booking.names_alone import drop_around
from askproai_runtime.booking.phrases import fold

# A dot behind any other word ends the sentence.
_WORD: Final = r"(?:(?:von|van|de|der|den|zu) )*(?:(?:[A-ZÄÖÜ]|Dr|Prof|Dipl|Mr|Mrs|Ms|Hr|Fr|Ing|St)\.|[A-ZÄÖÜ][\w'’-]*)"
_NAME: Final = rf"(?-i:{_WORD}(?: {_WORD}){{0,4}})"
_NAMES: Final = rf"(?-i:{_WORD}(?: {_WORD}){{1,4}})"  # "hier ist" alone may be followed by any noun
_INTRODUCTION: Final = re.compile(
    r"\b(?:hier spricht|mein name ist|ich hei(?:ß|ss)e|my name(?: is|['’]s))(?: (?:die|der))?:? "
    rf"(?P<before>{_NAME})|\b(?:hier ist|this is)(?: (?:die|der))? (?P<names>{_NAMES})"
    rf"|\b(?P<behind>{_NAME}),? (?:mein name(?! (?:ist|lautet))|am apparat|am telefon|speaking)\b",
    re.IGNORECASE,
)


def read_introduction(utterance: str) -> str:
    """Return the name of an introduction ("Hier ist Petra Lange"); "" without one. A firm is no person."""
    for found in _INTRODUCTION.finditer(utterance):
        name = drop_around(found["before"] or found["names"] or found["behind"])
        first, _, rest = name.partition(" ")
        is_relative = bool(rest) and fold(first) in RELATIVES - GENDERS.keys()  # "die Tochter von Otto Lange" is not he
        if read_customer_name(name) and is_plain_name(name) and not FIRM.search(name) and not is_relative:
            return name
    return ""
