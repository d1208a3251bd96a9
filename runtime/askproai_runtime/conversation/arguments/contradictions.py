"""Values of one argument that contradict each other: the question names all of them, and the caller's answer chooses one. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final

from askproai_core.phone_numbers import e164_or_none
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.arguments.known_names import NEGATIONS, KnownNames
from askproai_runtime.conversation.phone_argument import spell_phone
from askproai_runtime.language.answer_words import is_question, words_of
from askproai_runtime.language.declines import list_clauses, rejects_times
from askproai_runtime.language.kept_times import DOUBTS
from askproai_runtime.language.phrases import join_list, sayable
from askproai_runtime.language.places_among import list_places
from askproai_runtime.language.spoken_numbers import list_dictated, read_spoken_number
from askproai_runtime.language.spoken_services import JOINING
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import decline_name, say

_NAMED: Final = frozenset({"branch", "customer_name", "phone", "service", "staff"})
_COUNTED: Final = frozenset({"customer_name", "phone"})  # "der erste" of other arguments may be an appointment
_FEWEST_DIGITS = _FEWEST_LETTERS = 3  # of the part by which one number or name differs


def ask_between(argument: str, values: Sequence[Any], known: KnownNames) -> str | None:
    """Return the question which of an argument's values is meant; None for times, and if two values would sound alike."""
    spoken = _say_values(argument, values, known)
    if len({each for each in spoken if each}) < max(len(spoken), 2):
        return None
    return say().do_you_mean.format(choices=join_list([each or "" for each in spoken]))


def find_answer(argument: str, values: Sequence[Any], known: KnownNames, asked: str, said: Sequence[str]) -> Any:
    """Return the value that the caller's latest words about them (`said`, turn by turn) choose; None if they choose no single one.

    A position ("die erste Nummer") is that in the question `asked`. A question, a doubt and a refusal choose nothing.
    """
    spoken, names = _say_values(argument, values, known), [known.list_names(argument, str(each)) for each in values]
    for words in reversed(said if spoken and all(spoken) else ()):
        chosen, refused = set[int](), set[int]()
        for clause, _ in list_clauses(words):
            found = _find_numbers(clause, values) if argument == "phone" else _find_names(clause, names)
            if argument in _COUNTED and all(str(each) in asked for each in spoken):
                order = sorted(range(len(spoken)), key=lambda at: asked.find(str(spoken[at])))
                found |= {order[place] for place in list_places(clause) if place < len(order)}
            is_negated = rejects_times(clause) or not NEGATIONS.isdisjoint(fold(clause).split())
            (refused if is_negated else chosen).update(found)
        if chosen or refused:
            is_open = is_question(words) or DOUBTS.search(words_of(words)) or len(chosen) > 1
            return None if is_open or not chosen - refused else values[chosen.pop()]
    return None


def _say_values(argument: str, values: Sequence[Any], known: KnownNames) -> list[str | None]:
    """Return the values in words, None for one that cannot be said; [] for an argument whose values other modules say."""
    if argument not in _NAMED:
        return []
    if argument == "phone":
        region = region_of(known.config)
        numbers = [read_spoken_number(each) for each in values]
        return [each and spell_phone(e164_or_none(each, region) or each, region) for each in numbers]
    names = [sayable(known.list_names(argument, each)[0]) for each in values]
    return [each and decline_name(each) for each in names] if argument == "staff" else names


def _find_numbers(clause: str, values: Sequence[str]) -> set[int]:
    """Return the indexes of the numbers that a clause names by digits that no other number has: "die mit eins sieben null"."""
    numbers, found = [_digits(each) for each in values], set[int]()
    for part in filter(lambda part: len(part) >= _FEWEST_DIGITS, map(_digits, list_dictated(clause))):
        holding = {at for at, number in enumerate(numbers) if part in number or number in part}
        found |= holding if len(holding) == 1 else set()
    return found


def _digits(said: str) -> str:
    return re.sub(r"\D", "", read_spoken_number(said) or "").lstrip("0")


def _find_names(clause: str, names_of: Sequence[Sequence[str]]) -> set[int]:
    """Return the indexes of the values that a clause names by a whole name, the longest first, or a word that no other has."""
    names = [{*map(fold, each)} for each in names_of]
    words = [{word for word in " ".join(each).split() if len(word) >= _FEWEST_LETTERS} - JOINING for each in names]
    forms = {
        form: at
        for group in (words, names)
        for at, each in enumerate(group)
        for form in each
        if sum(form in other for other in group) == 1
    }
    found, said = set[int](), f" {fold(clause)} "
    for form in sorted(forms, key=len, reverse=True):
        if f" {form} " in said:
            found.add(forms[form])
            said = said.replace(f" {form} ", "  ")
    return found
