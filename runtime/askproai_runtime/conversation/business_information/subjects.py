"""Patterns, in each language, for subjects of questions that no topic answers, and for questions about preparation."""

import re
from collections.abc import Mapping
from typing import Final

from askproai_core.languages import Language
from askproai_runtime.sentences import present_language
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_WORDS: Final = UNDERSTOOD.subjects
_SUBJECTS: Final = ("parking", "age", "payment", "access", "own_number", "online_address", "reductions", "fasting")
# No word means `working_days`: a day is read from the date, too.
_OF_ALL: Final = {"working_days": r"(?!)", "online_address": _WORDS.online_address}
_OF_CALLS: Final = {
    language: {
        subject: "|".join(
            dict.fromkeys(getattr(UNDERSTOOD_IN[each].subjects, subject) for each in (language, Language.EN))
        )
        for subject in _SUBJECTS
    }
    | _OF_ALL
    for language in UNDERSTOOD_IN
}
_NO_WAY_OF_PAYING: Final = re.compile(_WORDS.no_way_of_paying)
_DECLARED: Final = {
    subject: re.compile(rf"\b(?:{getattr(UNDERSTOOD.declared_subjects, subject)})\b")
    for subject in UNDERSTOOD.declared_subjects.keys
}
_PREPARATION: Final = {language: re.compile(words.subjects.preparation) for language, words in UNDERSTOOD_IN.items()}


def subject_patterns() -> Mapping[str, str]:
    """Return the patterns for calls in the present language. Their keys are those of `Sentences.subjects_not_known`.

    Callers of German calls also ask in English. German words ("alter", "bar") mean something else in an English question.
    """
    return _OF_CALLS[present_language()]


def find_subjects(folded: str) -> dict[str, list[str]]:
    """Return the known subjects in folded words, each with its matches. "Does my insurance pay?" is not the subject
    payment, nor is the cost of a cancellation.
    """
    words = _NO_WAY_OF_PAYING.sub(" ", folded)
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
