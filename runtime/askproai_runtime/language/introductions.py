"""The name with which a caller begins: "Hier ist Petra Lange". Pure."""

import re
from typing import Final

from askproai_runtime.language.customer_names import is_plain_name, read_customer_name
from askproai_runtime.language.name_words import FIRM, PARTICLES, RELATIVES
from askproai_runtime.language.names_alone import drop_around
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.spoken_times.arguments import is_understood
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.introductions
_IN_NAMES: Final = UNDERSTOOD.names

# A dot behind any other word ends the sentence.
_WORD: Final = (
    rf"(?:(?:van|de|{_IN_NAMES.before_surname}) )*(?:(?:[A-ZÄÖÜ]|{_IN_NAMES.written_title})\.|[A-ZÄÖÜ][\w'’-]*)"
)
_NAME: Final = rf"(?-i:{_WORD}(?: {_WORD}){{0,4}})"
_NAMES: Final = rf"(?-i:{_WORD}(?: {_WORD}){{1,4}})"  # "hier ist" alone may be followed by any noun
_GREETING: Final = rf"(?:(?:{_WORDS.greeting})\b[\s,.!]*)"
_INTRODUCTION: Final = re.compile(
    rf"\b(?:{_WORDS.before_name})(?: (?:{_WORDS.article}))?:? (?P<before>{_NAME})"
    rf"|\b(?:{_WORDS.before_names})(?: (?:{_WORDS.article}))? (?P<names>{_NAMES})"
    rf"|(?:^|[.!?,]\s*){_GREETING}*(?P<here>{_NAME}) (?:{_WORDS.here})\b(?! (?:{_WORDS.at_place})\b)"
    rf"|\b(?P<behind>{_NAME}),? (?:{_WORDS.behind_name})\b",
    re.IGNORECASE,
)
_BEFORE: Final = rf"(?:\b(?:{_WORDS.before_name}|{_WORDS.before_names}|{_WORDS.calling}|{_WORDS.for_whom})\s+)?"
_RELATIVE_OF: Final = re.compile(
    rf"(?:{'|'.join(sorted(RELATIVES - TITLES))})\b|(?:{UNDERSTOOD.companions.wife_of}) (?-i:[A-ZÄÖÜ])\w+ (?-i:[A-ZÄÖÜ])",
    re.IGNORECASE,
)


def read_introduction(utterance: str) -> str:
    """Return the name of an introduction ("Hier ist Petra Lange"); "" without one. A firm is no person."""
    for found in _INTRODUCTION.finditer(utterance):
        name = drop_around(found["before"] or found["names"] or found["here"] or found["behind"])
        if read_customer_name(name) and is_plain_name(name) and not _is_no_name(name):
            return name
    return ""


def drop_name(utterance: str, name: str) -> str:
    """Return an utterance without a person's name, or single words of it, and the words that introduce it. A single word that may
    be a day or a time stays: "Freitag" of "Freitag, Jan Freitag".
    """
    words = re.findall(r"\w+", read_customer_name(name))
    alone = [each for each in words if fold(each) not in PARTICLES and not is_understood(each)]
    forms = [r"\W+".join(words), *alone] if len(words) > 1 else alone
    return re.sub(rf"{_BEFORE}\b(?:{'|'.join(forms)})\b", " ", utterance, flags=re.IGNORECASE) if forms else utterance


def _is_no_name(name: str) -> bool:
    """Return True if a text in place of a name is a firm, a relative ("Tochter von Otto Lange") or a thing, and so not a name."""
    return bool(FIRM.search(name) or _RELATIVE_OF.match(name)) or fold(name) in _IN_NAMES.things
