"""What is said of a service that a caller names and that cannot be booked. Pure.

Only what can be booked is declared, so it is not denied that the business has it; a known question of the tenant may be about it
("Bekomme ich ein Leihrad?").
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.booking.phrases import fold, join_list, sayable
from askproai_runtime.booking.types import ClarificationNeeded, FunctionOutcome
from askproai_runtime.sentences import say

_MIN_LETTERS = 4  # of a word that says what a question is about
_LONGEST_ENDING = 2  # letters: "Gutschein", "Gutscheine", "Gutscheinen"
_OF_ANY_QUESTION = frozenset({  # folded; of German and English
    "appointment", "auch", "bekomme", "bekommen", "bieten", "bitte", "brauche", "does", "eine", "einem", "einen", "einer", "fuer",
    "gibt", "haben", "have", "ihnen", "kann", "kommen", "koennen", "machen", "mein", "meine", "meinen", "moechte", "need", "noch",
    "please", "sind", "some", "termin", "termine", "what", "wann", "with", "your",
})  # fmt: skip


def find_known_questions(said: str, branch: Branch, config: TenantConfig) -> list[str]:
    """Return the tenant's known questions that have one of the words of what a caller calls a service."""
    words = _telling_words(said)
    forms = _forms(words)
    known = dict.fromkeys(each.question for each in (*branch.knowledge, *config.knowledge))
    return [each for each in known if _have_a_form_of_one_word(words, forms, *_words_of_declared(each))]


def refuse_unknown(
    requested: str | None, offered: Sequence[Service], branch: Branch, config: TenantConfig
) -> ClarificationNeeded:
    """Return the question for one of the `offered` services, at least one, in place of what was requested."""
    names = [service.display_name for service in offered]
    said = sayable(requested or "") or say().that_service
    if len(names) == 1:
        question = say().not_bookable_but_one.format(requested=said, service=names[0])
    else:
        question = say().not_bookable_but.format(requested=said, services=join_list(names, say().and_word))
    known = find_known_questions(requested or "", branch, config)
    ids: list[str] = [service.name for service in offered]
    questions: dict[str, Any] = {"questions": known} if known else {}
    return ClarificationNeeded(question, outcome=FunctionOutcome.UNKNOWN_SERVICE, services=ids, **questions)


@lru_cache(maxsize=1024)
def _words_of_declared(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of a question, and their forms."""
    words = _telling_words(question)
    return words, _forms(words)


def _telling_words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", fold(text)) if len(word) >= _MIN_LETTERS) - _OF_ANY_QUESTION


def _forms(words: frozenset[str]) -> frozenset[str]:
    """Return folded words with and without a short ending."""
    return frozenset(word[: len(word) - cut] for word in words for cut in range(_LONGEST_ENDING + 1))


def _have_a_form_of_one_word(
    words: frozenset[str], forms: frozenset[str], of_declared: frozenset[str], forms_of_declared: frozenset[str]
) -> bool:
    """Return whether a word of both differs by a short ending only. By sets: a caller's words and the questions can be many."""
    return not (words.isdisjoint(forms_of_declared) and forms.isdisjoint(of_declared))
