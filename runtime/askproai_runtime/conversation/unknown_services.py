"""Ask a caller whose words name no service, an unknown service, or several services by a general word ("Haare"). Pure.

Only bookable services are declared, under one name each, so no service is denied: the caller hears that none was found by this
name, with an offer to ask the team. A known question of the tenant may be about it ("Bekomme ich ein Leihrad?").
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.conversation.types import ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.phrases import join_list, sayable
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import compose_visit

_WORDS: Final = UNDERSTOOD.asked_services
_FOR_PEOPLE = re.compile(rf"\b(?:{_WORDS.for_people})\b")
MOST_NAMED = 3  # a listener keeps no more in mind; the others are in the fields
_MIN_LETTERS = 4  # of a word that says what a question is about
_LONGEST_ENDING = 2  # letters: "Gutschein", "Gutscheine", "Gutscheinen"


def find_known_questions(said: str, branch: Branch, config: TenantConfig) -> list[str]:
    """Return the tenant's declared questions that share a word with the caller's words for a service."""
    words = list_telling_words(said)
    forms = _forms(words)
    known = dict.fromkeys(each.question for each in (*branch.knowledge, *config.knowledge))
    declared = {each: _words_of_declared(each) for each in known}
    # Two texts share a word up to two last letters.
    return [each for each, (own, theirs) in declared.items() if words & theirs or forms & own]


def refuse_unknown(
    requested: str | None, offered: Sequence[Service], branch: Branch, config: TenantConfig
) -> ClarificationNeeded:
    """Return the sentence that the requested service was not found, with a question for one of `offered` (at least one)."""
    known = find_known_questions(requested or "", branch, config)
    named = sayable(requested or "")
    if known:
        said = say().no_appointment.format(requested=named or say().that_service)
    else:
        said = say().service_not_found.format(requested=named) if named else say().no_service_found
    can_book = say().can_book if len(offered) <= MOST_NAMED else say().can_book_some
    choice = can_book.format(services=_join_some(offered, say().and_word))
    question = f"{said[0].upper()}{said[1:]} {choice} {say().want_that if len(offered) == 1 else say().want_which}"
    ids: list[str] = [service.name for service in offered]
    why: dict[str, Any] = {"questions": known} if known else {"not_offered": True}
    if len(offered) == 1:
        why["heard"] = requested or ""
    return ClarificationNeeded(question, outcome=FunctionOutcome.UNKNOWN_SERVICE, services=ids, **why)


def ask_service(offered: Sequence[Service]) -> ClarificationNeeded:
    """Return the question for one of the `offered` services (at least two), for a caller who has named none."""
    question = say().what_to_book if len(offered) <= MOST_NAMED else say().what_to_book_of_many
    ids: list[str] = [service.name for service in offered]
    return ClarificationNeeded(question.format(services=_join_some(offered)), services=ids)


def ask_meant(
    said: str, meant: Sequence[Service], *, for_one: bool = False, has_rest: bool = False
) -> ClarificationNeeded:
    """Return the question which service of `meant` (at least one) is meant. A single one can be confirmed by a yes, so that its
    question also stores the caller's words `said`.

    `has_rest`: it adds that other words were not understood. `for_one`: it says that a single service is for one person.
    """
    choices = _join_some(meant)
    choices = say().for_one_person.format(services=choices) if for_one and len(meant) == 1 else choices
    question = say().do_you_mean.format(choices=choices)
    question = f"{question} {say().rest_not_understood}" if has_rest else question
    ids: list[str] = [service.name for service in meant]
    heard = {"heard": said} if len(meant) == 1 else {}
    return ClarificationNeeded(question, outcome=FunctionOutcome.UNKNOWN_SERVICE, services=ids, **heard)


def ask_joined(
    said: str,
    joined: Sequence[Sequence[Service]],
    config: TenantConfig,
    *,
    for_one: bool = False,
    has_rest: bool = False,
) -> ClarificationNeeded:
    """Return the question which visit in `joined` is meant, each of several services; or, if people are mentioned, who gets
    which service.
    """
    visits = [compose_visit(config, each) for each in joined[:MOST_NAMED]]
    if _FOR_PEOPLE.search(fold(said)) and len(visits) == 1:
        question = say().which_for_whom.format(services=visits[0].display_name)
        return ClarificationNeeded(question, services=[each.name for each in joined[0]])
    return ask_meant(said, visits, for_one=for_one, has_rest=has_rest)


def _join_some(services: Sequence[Service], last: str | None = None) -> str:
    """Return the names of the first three services as one text."""
    names = [service.display_name for service in services[:MOST_NAMED]]
    return join_list(names, last)


@lru_cache(maxsize=1024)
def _words_of_declared(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the significant words of a declared question, and these words with their shorter forms (`_forms`)."""
    words = list_telling_words(question)
    return words, _forms(words)


def list_telling_words(text: str) -> frozenset[str]:
    """Return the folded words of a text that name its subject."""
    words = frozenset(word for word in re.findall(r"\w+", fold(text)) if len(word) >= _MIN_LETTERS)
    return words.difference(_WORDS.of_any_question)


def _forms(words: frozenset[str]) -> frozenset[str]:
    """Return folded words as they are and without one or two last letters."""
    return frozenset(word[: len(word) - cut] for word in words for cut in range(_LONGEST_ENDING + 1))
