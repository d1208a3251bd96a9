"""The content words of questions, and comparisons of them: closed lists of folded German and English words. Pure."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from askproai_runtime.conversation.business_information.question_parts import is_same_word
from askproai_runtime.conversation.business_information.topics import ASKS_NOTHING, NO_NOUNS
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.declared
_MIN_LETTERS: Final = 3
_LONGEST_ENDING: Final = 2
_ANY_FORM: Final = 4  # letters at the beginning of two forms: "Karte", "Kartenzahlung"
_MEANINGS: Final = tuple(map(re.compile, UNDERSTOOD.meanings))
_TWO_WORDS: Final = re.compile(rf"\b(?:{_WORDS.two_words})\b")
_NEEDS: Final = re.compile(rf"\b(?:{_WORDS.needs})\b")
_TAKES: Final = re.compile(rf"\b(?:{_WORDS.takes})\b")
_SELLS: Final = re.compile(rf"\b(?:{_WORDS.sells})\b")
_PAYS: Final = re.compile(_WORDS.pays)
_DENIES: Final = re.compile(rf"\b(?:{_WORDS.denies})\b")


def content_words(text: str) -> frozenset[str]:
    """Return the folded content words of a text: without the words of any question."""
    folded = _TWO_WORDS.sub(lambda found: found[0].replace(" ", ""), fold(text))
    words = frozenset(word for word in folded.split() if len(word) >= _MIN_LETTERS and not word.isdecimal())
    return words.difference(ASKS_NOTHING, NO_NOUNS, _WORDS.says_little, _WORDS.open_questions)


def share_word(words: Collection[str], others: Collection[str]) -> bool:
    """Return True if any word of `words` is a form, a synonym or a kind of any of the `others`: `Neupatienten`, `Patienten`."""
    return any(_is_one_word(word, other) for word in words for other in others)


@lru_cache(maxsize=65536)
def _is_one_word(said: str, declared: str) -> bool:
    """Return True if two words are forms of one word, synonyms, or one is a kind of the other: `Patienten`, `Neupatienten`."""
    return is_same_word(said, declared) or is_same_word(declared, said) or _have_one_meaning(said, declared)


def is_form(said: str, declared: str) -> bool:
    """Return True if two words are forms of one word, or synonyms: `zahlen`, `bezahlen`."""
    return _have_one_meaning(said, declared) or (
        abs(len(said) - len(declared)) <= _LONGEST_ENDING and _is_one_word(said, declared)
    )


def _have_one_meaning(said: str, declared: str) -> bool:
    return any(each.fullmatch(said) and each.fullmatch(declared) for each in _MEANINGS)


def share_form(word: str, covered: Collection[str]) -> bool:
    """Return True if a word is a form, synonym or kind of a word in `covered`, or has the same first letters."""
    return any(_is_one_word(word, each) or word[:_ANY_FORM] == each[:_ANY_FORM] for each in covered)


def asks_the_same(asked: str, question: str) -> bool:
    """Return True if a declared question has all content words of `asked`, and both or neither has a "wie" or a "nicht"."""
    ours, theirs = fold(asked), fold(question)
    asked_words, words = content_words(asked), content_words(question)
    is_covered = all(any(is_form(word, each) for each in words) for word in asked_words)
    is_covered &= any(not _PAYS.fullmatch(word) for word in asked_words)  # "Muss ich zahlen?" names no way of it
    is_as_open = _WORDS.open_questions.isdisjoint(ours.split()) is _WORDS.open_questions.isdisjoint(theirs.split())
    is_of_one_sense = all(
        (pattern.search(ours) is None) is (pattern.search(theirs) is None) for pattern in (_DENIES, _NEEDS)
    ) and not (_TAKES.search(ours) and _SELLS.search(theirs))
    return is_covered and is_as_open and is_of_one_sense and ours.split()[0] not in _WORDS.caller
