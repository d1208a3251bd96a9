"""The name with which a caller begins: "Hier ist Petra Lange". Pure."""

import re
from typing import Final

from askproai_runtime.language.customer_names import is_plain_name, read_customer_name
from askproai_runtime.language.name_words import FIRM, RELATIVES
from askproai_runtime.language.names_alone import drop_around
from askproai_runtime.person_names import TITLES, fold

# A dot behind any other word ends the sentence.
_WORD: Final = r"(?:(?:von|van|de|der|den|zu) )*(?:(?:[A-ZÄÖÜ]|Dr|Prof|Dipl|Mr|Mrs|Ms|Hr|Fr|Ing|St)\.|[A-ZÄÖÜ][\w'’-]*)"
_NAME: Final = rf"(?-i:{_WORD}(?: {_WORD}){{0,4}})"
_NAMES: Final = rf"(?-i:{_WORD}(?: {_WORD}){{1,4}})"  # "hier ist" alone may be followed by any noun
_GREETING: Final = (
    r"(?:(?:hallo|hello|hi|hey|ja|also|moin|servus|grüezi|grüß (?:gott|sie|dich)|mahlzeit"
    r"|(?:guten |good )?(?:tag|morgen|abend|morning|afternoon|evening))\b[\s,.!]*)"
)
_INTRODUCTION: Final = re.compile(
    r"\b(?:hier spricht|mein name ist|ich hei(?:ß|ss)e|my name(?: is|['’]s)|auf (?:den )?namen"
    r"|ich bin(?:['’]?s| es),?|(?:this is|it['’]s)(?! \w+day\b)|(?:hier ist|ich bin)(?= (?:die|der) ))(?: (?:die|der))?:? "
    rf"(?P<before>{_NAME})|\b(?:hier ist|this is)(?: (?:die|der))? (?P<names>{_NAMES})"
    rf"|(?:^|[.!?,]\s*){_GREETING}*(?P<here>{_NAME}) (?:hier|here)\b(?! (?:in|bei|im|am|at)\b)"
    rf"|\b(?P<behind>{_NAME}),? (?:(?:mein name(?! (?:ist|lautet))|ist mein name(?! \w))|am apparat|am telefon|speaking)\b",
    re.IGNORECASE,
)
_NO_NAMES: Final = frozenset({"anliegen", "frage", "friseur", "moment", "problem", "salon", "termin"})  # "Termin hier"
_RELATIVE_OF: Final = re.compile(
    rf"(?:{'|'.join(sorted(RELATIVES - TITLES))})\b|frau von (?-i:[A-ZÄÖÜ])\w+ (?-i:[A-ZÄÖÜ])", re.IGNORECASE
)


def read_introduction(utterance: str) -> str:
    """Return the name of an introduction ("Hier ist Petra Lange"); "" without one. A firm is no person."""
    for found in _INTRODUCTION.finditer(utterance):
        name = drop_around(found["before"] or found["names"] or found["here"] or found["behind"])
        if read_customer_name(name) and is_plain_name(name) and not _is_none(name):
            return name
    return ""


def _is_none(name: str) -> bool:
    """Return whether a text is a firm, a relative ("Tochter von Otto Lange"), or a thing."""
    return bool(FIRM.search(name) or _RELATIVE_OF.match(name)) or fold(name) in _NO_NAMES
