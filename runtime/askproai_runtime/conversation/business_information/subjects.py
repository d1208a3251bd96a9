"""Patterns, in each language, for subjects of questions that no topic answers, and for questions about preparation."""

import re
from collections.abc import Mapping
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import present_language

# A child is one with an age, or may be too young.
_GERMAN_CHILD: Final = (
    r"\bauch (?:an |bei |fuer )?kindern?\b|\b(?:tochter|sohn|kind|maedchen|junge|enkel\w*) (?:ist|wird) "
    r"(?:(?:erst|schon|gerade|jetzt) )?"
    r"(?:\d{1,2}|zwei|drei|vier|fuenf|sechs|sieben|acht|neun|elf|zwoelf|\w*zehn)\b"
)
_ENGLISH_CHILD: Final = (
    r"\b(?:children|kids) (?:too|as well)\b|\b(?:daughter|son|child|kid|boy|girl|grandson|granddaughter) is "
    r"(?:(?:only|just|now|already) )?"
    r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen)\b"
)
_GERMAN_OWN_NUMBER: Final = (
    r"\b(?:haben|habt|kennen|kennt|sehen|seht)(?: \w+){1,2} meine \w*nummer\b"
    r"|\w*nummer (?:haben|habt) (?:sie|ihr) (?:\w+ )?von mir\b"
)
_ENGLISH_OWN_NUMBER: Final = (
    r"\b(?:have|got|know|see) my (?:\w+ )?number\b|\bnumber (?:do|have) you (?:have|got) (?:there )?(?:for|of) me\b"
)
_NOT_PAYING: Final = "(?<!insurance )(?<!health )(?<!gift )(?<!loyalty )(?<!business )"  # cards
_ONLINE_ADDRESS: Final = (
    r"\b(?:e )?\w*(?:mail|web|internet|online) ?add?ress\w*"
    r"|\badd?ress\w*(?: (?:der|ihrer|eurer|von|of|your|the|for)){1,3} (?:homepage|web\w*|internet\w*)"
)
_NOTHING: Final = r"(?!)"  # of `working_days`: a day is read from the date, too

_PATTERNS: Final = {
    Language.DE: {
        "parking": r"\bpark(?!ett)\w*|parkplaetz|parkplatz|parkhaus|stellpl|tiefgarage|\bgarage",
        "age": rf"\b(?:mindest|hoechst)?alters?\b|altersgrenze|wie alt|\bjahre alt|wie viele?n? jahre|\bu1[68]\b|{_GERMAN_CHILD}",
        "payment": (
            r"\b(?:be)?zahl\w*|zahlung|\bbar\b|bargeld|\b(?:giro|bank|geld|debit)?karten?\b|kredit|paypal|rechnung|ueberweis"
        ),
        "access": r"barriere|rollstuhl|rollator|aufzug|fahrstuhl|\blift\b|stufen|treppe",
        "own_number": _GERMAN_OWN_NUMBER,
        "working_days": _NOTHING,
        "online_address": _ONLINE_ADDRESS,
        "reductions": r"rabatt|ermaessig|nachlass|studentenpreis",
    },
    Language.EN: {
        "parking": r"\bpark(?:ing|s|ed)?\b|car park|garage",
        "age": rf"\bages?\b|how old|years old|\bold enough\b|{_ENGLISH_CHILD}",
        "payment": rf"\bpay(?:ing|ments?|pal)?\b|\bcash\b|{_NOT_PAYING}\b(?:credit |debit )?cards?\b|invoice",
        "access": r"wheelchair|step free|\bsteps\b|\bstairs\b|elevator|\blift\b|accessib",
        "own_number": _ENGLISH_OWN_NUMBER,
        "working_days": _NOTHING,
        "online_address": _ONLINE_ADDRESS,
        "reductions": r"discount|reduction|reduced|concession",
    },
}
_PREPARATION: Final = {
    Language.DE: re.compile(r"\b(?:was|etwas)\b.*mit(?:zu)?bring|vorbereit|beacht|nuechtern"),
    Language.EN: re.compile(
        r"\b(?:what|anything|something)\b.*\bbring|bring (?:along|anything|something)|prepar|empty stomach"
    ),
}


def subject_patterns() -> Mapping[str, str]:
    """Return the patterns of the present call's language. Their keys are those of `Sentences.subjects_not_known`."""
    return _PATTERNS[present_language()]


def asks_preparation(words: str) -> bool:
    """Return whether folded words ask which preparation a service needs, such as things to bring."""
    return _PREPARATION[present_language()].search(words) is not None
