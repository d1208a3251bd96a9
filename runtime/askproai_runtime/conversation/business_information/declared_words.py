"""The content words of questions, and comparisons of them: closed lists of folded German and English words. Pure."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from askproai_runtime.conversation.business_information.question_parts import is_same_word
from askproai_runtime.conversation.business_information.topics import ASKS_NOTHING, NO_NOUNS
from askproai_runtime.person_names import fold

_MIN_LETTERS: Final = 3
_LONGEST_ENDING: Final = 2
_ANY_FORM: Final = 4  # letters at the beginning of two forms: "Karte", "Kartenzahlung"
# Each pattern is of the forms of words with one meaning, folded, in German and English.
_MEANINGS: Final = tuple(
    map(
        re.compile,
        (
            r"(?:folge|wiederholungs|privat|kassen)?rezepte?[ns]?|verordnung(?:en)?|prescriptions?",
            r"ueberweisung(?:en|sscheine?)?|referrals?",
            (
                r"notf(?:all|aelle)\w*|notruf\w*|notdienst\w*|brustschmerz\w*|herzinfarkt\w*|schlaganfall\w*|atemnot|bewusstlos\w*"
                r"|emergenc(?:y|ies)|chest|heart|stroke|unconscious"
            ),
            r"(?:neu)?patient(?:en|in|innen|s)?",
            r"(?:geschenk|wert)?gutschein(?:e[ns]?|s)?|geschenkkarten?|vouchers?|gift",
            r"hunde?n?|haustiere?n?|vierbeiner|welpen?|dogs?|pets?|puppy",
            r"wlan|wifi|internet(?:zugang)?",
            r"karten?|cards?",
            r"park(?:en|platz|plaetze|ing)?",
            r"krankmeldung(?:en)?|krankschreib\w*|krankschreiben|krankenschein\w*|sick",
            r"\w*toiletten?|wc|klo|toilets?|restrooms?|bathrooms?",
        ),
    )
)
# Folded verbs and adjectives of questions about anything.
_SAYS_LITTLE: Final = frozenset({
    "accept", "accepted", "accepting", "akzeptieren", "akzeptiert", "allowed", "als", "anbieten", "angeboten",
    "annehmen", "aufgenommen", "aufnehmen", "available", "bekam", "bekomme", "bekommen", "bekommt", "benoetige",
    "benoetigt", "bestellen", "bleiben", "braeuchte", "brauch", "brauche", "brauchen", "braucht", "bring",
    "bringen", "bringt", "buy", "come", "darueber", "einfach", "erhalte", "erhalten", "erlaubt", "gehen",
    "genommen", "get", "gibts", "happens", "haus", "hause", "hole", "holen", "home", "house", "kaufen", "komme",
    "kommen", "kriege", "kriegen", "lassen", "let", "mache", "make", "mitbringen", "mitnehmen", "moeglich",
    "necessary", "neu", "neue", "neuen", "neuer", "neues", "new", "noetig", "notwendig", "offen", "open", "order",
    "passiert", "pay", "paying", "possible", "required", "sell", "stellen", "taking", "tun", "tut", "use",
    "verkaufen", "verkauft", "vorher", "wanted", "zugelassen",
})  # fmt: skip
_OPEN: Final = frozenset({
    "how", "wann", "warum", "was", "welche", "welchem", "welchen", "welcher", "welches", "wem", "wen", "wer", "weshalb",
    "what", "when", "where", "which", "who", "why", "wie", "wieso", "wieviel", "wo", "wohin", "womit",
})  # fmt: skip
# A yes to the one is no yes to the other: "Do I need a prescription?", "Can I get a prescription?".
_NEEDS: Final = re.compile(
    r"\b(?:brauch\w*|braeucht\w*|benoetig\w*|muss|muessen|noetig|notwendig|need|must|have\W+to|required|necessary)\b"
)
_TAKES: Final = re.compile(r"\b(?:nehm\w*|annehm\w*|nimmt|akzeptier\w*|einloes\w*|take|accept\w*|redeem)\b")
_SELLS: Final = re.compile(r"\b(?:ver)?kauf\w*|\b(?:sell|buy)\b")
_I: Final = frozenset({"i", "ich"})
_PAYS: Final = re.compile(r"(?:be)?zahl\w*")
_DENIES: Final = re.compile(r"\b(?:nicht|kein\w*|ohne|nur|not|no|without|only|cannot)\b|n\Wt\b")


def content_words(text: str) -> frozenset[str]:
    """Return the folded content words of a text: without the words of any question."""
    words = frozenset(
        word
        for word in fold(text).replace("wi fi", "wifi").split()
        if len(word) >= _MIN_LETTERS and not word.isdecimal()
    )
    return words - ASKS_NOTHING - NO_NOUNS - _SAYS_LITTLE - _OPEN


def share_word(words: Collection[str], others: Collection[str]) -> bool:
    """Return whether one word of each is the same word, or a kind of the other."""
    return any(_is_one_word(word, other) for word in words for other in others)


@lru_cache(maxsize=65536)
def _is_one_word(said: str, declared: str) -> bool:
    """Return whether two words are forms of one, have one meaning, or one is a kind of the other: `Patienten`, `Neupatienten`."""
    return is_same_word(said, declared) or is_same_word(declared, said) or _have_one_meaning(said, declared)


def is_form(said: str, declared: str) -> bool:
    """Return whether two words are forms of one or have one meaning: `zahlen`, `bezahlen`."""
    return _have_one_meaning(said, declared) or (
        abs(len(said) - len(declared)) <= _LONGEST_ENDING and _is_one_word(said, declared)
    )


def _have_one_meaning(said: str, declared: str) -> bool:
    return any(each.fullmatch(said) and each.fullmatch(declared) for each in _MEANINGS)


def share_form(word: str, covered: Collection[str]) -> bool:
    """Return whether a word is one of the covered words, or begins as one of them does."""
    return any(_is_one_word(word, each) or word[:_ANY_FORM] == each[:_ANY_FORM] for each in covered)


def asks_the_same(asked: str, question: str) -> bool:
    """Return whether all content words of `asked` are those of a declared question, and both ask in one way."""
    ours, theirs = fold(asked), fold(question)
    asked_words, words = content_words(asked), content_words(question)
    is_covered = all(any(is_form(word, each) for each in words) for word in asked_words)
    is_covered &= any(not _PAYS.fullmatch(word) for word in asked_words)  # "Muss ich zahlen?" names no way of it
    is_as_open = _OPEN.isdisjoint(ours.split()) is _OPEN.isdisjoint(theirs.split())
    is_of_one_sense = all(
        (pattern.search(ours) is None) is (pattern.search(theirs) is None) for pattern in (_DENIES, _NEEDS)
    ) and not (_TAKES.search(ours) and _SELLS.search(theirs))
    return is_covered and is_as_open and is_of_one_sense and ours.split()[0] not in _I
