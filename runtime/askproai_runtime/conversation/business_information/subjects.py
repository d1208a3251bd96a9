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
# A card, an invoice and an "Überweisung", which also is a referral, are ways of paying beside a word of paying only.
_GERMAN_PAYMENT: Final = (
    r"\b(?:be)?zahl\w*(?:(?: (?!und\b|oder\b|sowie\b)\w+){0,4}? (?:karten?|rechnung|\w*ueberweisung)\b)?"
    r"|\b(?:karten?|rechnung|\w*ueberweisung)(?= (?:(?!und\b|oder\b)\w+ ){0,3}(?:be)?zahl)"
    r"|\b(?!zu|an|nach|ein)\w*zahlung\w*|\bbar\b|bargeld"
    r"|\b(?:(?:giro|bank|geld|debit|kredit|master|ec|visa) ?karten?|ec|visa|mastercard|amex|american express|paypal)\b|kredit"
    r"|\b(?:mit|per|auch|nur|oder) karten?\b|\bkarten? (?:moeglich|oder|geh\w*|nehm\w*|akzeptier\w*)\b"
    r"|\b(?:nehm\w*|nimmt|akzeptier\w*|geht|gehen)(?: (?:sie|ihr|man|auch|noch|nur|bei|ihnen|euch|denn|eigentlich|die|alle)){0,4} "
    r"karten?\b"
    r"|\b(?:auf|per|gegen) rechnung\b|\b(?:per|bank) ?ueberweisung\b"
    r"|\b(?:geld|betrag|euro|summe|rechnung|preis)(?: (?!und\b|oder\b)\w+){0,3} ueberweis\w*"
)
_ENGLISH_PAYMENT: Final = (
    r"\bpay(?:ing|ments?|pal)?\b(?:(?: (?!and\b|or\b)\w+){0,4}? (?:cards?|invoice|transfer)\b)?|\bcash\b"
    r"|\b(?:(?:credit|debit|bank) cards?|visa|mastercard|amex|american express|contactless|cheques?|bank transfers?)\b"
    r"|\bcards? (?:reader|machine|terminal|payment|accepted)s?\b"
    r"|\b(?:take|accept|by|with|only|or)(?: (?:all|any|a|bank)){0,2} cards?\b|\buse (?:my |a )?cards?\b"
    r"|\b(?:by|via) (?:invoice|transfer)\b"
)
# Who pays is no way of paying.
_INSURER_PAYS: Final = re.compile(
    r"\b(?:be)?zahl\w*(?: (?!und\b|oder\b)\w+){0,2} \w*(?:kassen?|versicherung)\b"
    r"|\b\w*(?:kassen?|versicherung)(?: (?!und\b|oder\b)\w+){0,4} (?:be)?zahlt?(?:en)?\b"
    r"|\binsur\w+(?: (?!and\b|or\b)\w+){0,3} pays?\b"
)
_ONLINE_ADDRESS: Final = (
    r"\b(?:e )?\w*(?:mail|web|internet|online) ?add?ress\w*"
    r"|\badd?ress\w*(?: (?:der|ihrer|eurer|von|of|your|the|for)){1,3} (?:homepage|web\w*|internet\w*)"
)
_NOTHING: Final = r"(?!)"  # of `working_days`: a day is read from the date, too

_PATTERNS: Final = {
    Language.DE: {
        "parking": r"\bpark(?!ett)\w*|parkplaetz|parkplatz|parkhaus|stellpl|tiefgarage|\bgarage",
        "age": rf"\b(?:mindest|hoechst)?alters?\b|altersgrenze|wie alt|\bjahre alt|wie viele?n? jahre|\bu1[68]\b|{_GERMAN_CHILD}",
        "payment": _GERMAN_PAYMENT,
        "access": r"barriere|rollstuhl|rollator|aufzug|fahrstuhl|\blift\b|stufen|treppe",
        "own_number": _GERMAN_OWN_NUMBER,
        "working_days": _NOTHING,
        "online_address": _ONLINE_ADDRESS,
        "reductions": r"rabatt|ermaessig|nachlass|studentenpreis",
    },
    Language.EN: {
        "parking": r"\bpark(?:ing|s|ed)?\b|car park|garage",
        "age": rf"\bages?\b|how old|years old|\bold enough\b|{_ENGLISH_CHILD}",
        "payment": _ENGLISH_PAYMENT,
        "access": r"wheelchair|step free|\bsteps\b|\bstairs\b|elevator|\blift\b|accessib",
        "own_number": _ENGLISH_OWN_NUMBER,
        "working_days": _NOTHING,
        "online_address": _ONLINE_ADDRESS,
        "reductions": r"discount|reduction|reduced|concession",
    },
}
_OF_CALLS: Final = {
    Language.DE: {
        subject: f"{pattern}|{_PATTERNS[Language.EN][subject]}" for subject, pattern in _PATTERNS[Language.DE].items()
    },
    Language.EN: _PATTERNS[Language.EN],
}
_DECLARED: Final = {
    "age": re.compile(r"\b(?:kind\w*|bab(?:y|ies|ys)|children|kids)\b"),
    "online_address": re.compile(r"\b(?:e ?)?mail\b|\b(?:internet|web) ?(?:seite|site|page)\b|\bhomepage\b|\bonline\b"),
    "reductions": re.compile(r"\b(?:studenten?|schueler|senioren|rentner)\w*\b|\bstudents?\b"),
}
_PREPARATION: Final = {
    Language.DE: re.compile(r"\b(?:was|etwas)\b.*mit(?:zu)?bring|vorbereit|beacht|nuechtern|\bessen\b|fruehstueck"),
    Language.EN: re.compile(
        r"\b(?:what|anything|something)\b.*\bbring|bring (?:along|anything|something)|prepar|empty stomach|fasting|\beat\b"
    ),
}


def subject_patterns() -> Mapping[str, str]:
    """Return the patterns for calls in the present language. Their keys are those of `Sentences.subjects_not_known`.

    Callers of German calls also ask in English. German words ("alter", "bar") mean something else in an English question.
    """
    return _OF_CALLS[present_language()]


def find_subjects(folded: str) -> dict[str, list[str]]:
    """Return the subjects in folded words, each with its matches. Whether an insurer pays is not the subject payment."""
    words = _INSURER_PAYS.sub(" ", folded)
    found = {
        subject: [each[0] for each in re.finditer(pattern, words)] for subject, pattern in subject_patterns().items()
    }
    return {subject: each for subject, each in found.items() if each}


def find_declared_subjects(folded: str) -> frozenset[str]:
    """Return the subjects of a declared question in folded words. Fewer words are enough than in a caller's question."""
    return frozenset(find_subjects(folded)) | {
        subject for subject, pattern in _DECLARED.items() if pattern.search(folded)
    }


def list_payment_words(folded: str) -> frozenset[str]:
    """Return the words of paying in folded words."""
    return frozenset(word for each in find_subjects(folded).get("payment", ()) for word in each.split())


def asks_preparation(words: str) -> bool:
    """Return whether folded words ask which preparation a service needs, such as things to bring."""
    return _PREPARATION[present_language()].search(words) is not None
