"""Patterns, in each language, for subjects of questions that no topic answers, and for questions about preparation."""

import re
from collections.abc import Mapping
from typing import Final

from askproai_runtime.language.understood import UNDERSTOOD, UNDERSTOOD_IN
from askproai_runtime.sentences import present_language

_SUBJECTS: Final = ("parking", "age", "payment", "access", "own_number", "online_address", "reductions")
# Of `working_days` none: a day is read from the date, too.
_OF_ALL: Final = {"working_days": r"(?!)", "online_address": UNDERSTOOD.subjects.online_address}
_PATTERNS: Final = {
    language: {subject: getattr(words.subjects, subject) for subject in _SUBJECTS} | _OF_ALL
    for language, words in UNDERSTOOD_IN.items()
}
_PREPARATION: Final = {language: re.compile(words.subjects.preparation) for language, words in UNDERSTOOD_IN.items()}


def subject_patterns() -> Mapping[str, str]:
    """Return the patterns of the present call's language. Their keys are those of `Sentences.subjects_not_known`."""
    return _PATTERNS[present_language()]


def asks_preparation(words: str) -> bool:
    """Return whether folded words ask which preparation a service needs, such as things to bring."""
    return _PREPARATION[present_language()].search(words) is not None
