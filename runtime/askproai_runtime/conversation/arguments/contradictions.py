"""Values of one argument that contradict each other: the question names all of them, and the caller's answer chooses one. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final

from askproai_core.phone_numbers import e164_or_none
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.phone_argument import spell_phone
from askproai_runtime.language.answer_words import is_question, says_nothing_beside, words_of
from askproai_runtime.language.declines import list_clauses
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.kept_times import DOUBTS
from askproai_runtime.language.phrases import join_list, sayable
from askproai_runtime.language.places_among import holds_place, list_places
from askproai_runtime.language.spoken_numbers import list_dictated, read_spoken_number
from askproai_runtime.language.spoken_services import JOINING
from askproai_runtime.person_names import drop_titles, fold
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.agreement import may_agree

_NAMED: Final = frozenset({"branch", "customer_name", "phone", "service", "staff"})
_COUNTED: Final = frozenset({"customer_name", "phone"})  # "der erste" of other arguments may be an appointment
_TIMES: Final = frozenset({"date", "time"})
_FEWEST_DIGITS = _FEWEST_LETTERS = 3  # of the part by which one number or name differs


def ask_between(argument: str, values: Sequence[Any], known: KnownNames) -> str | None:
    """Return the question which of an argument's values is meant; None for times, and if two values would sound alike."""
    spoken = _say_values(argument, values, known)
    if len({each for each in spoken if each}) < max(len(spoken), 2):
        return None
    return say().do_you_mean.format(choices=join_list([each or "" for each in spoken]))


def find_answer(argument: str, values: Sequence[Any], known: KnownNames, asked: str, said: Sequence[str]) -> Any:
    """Return the value that the caller's latest words about them (`said`, turn by turn) choose; None if they choose no single one.

    A clause chooses that is nothing but a value, or a position ("die erste Nummer") in the question `asked`; so does an
    introduction. A question, a doubt, and a clause with any other word ("Mehmet ist mein Bruder") choose nothing.
    """
    spoken, names = _say_values(argument, values, known), [known.list_names(argument, str(each)) for each in values]
    for words in reversed(said if all(spoken) and argument in _NAMED | _TIMES else ()):
        chosen, is_named = set[int](), False
        introduced = read_introduction(words) if argument == "customer_name" else ""
        for clause in [*(each for each, _ in list_clauses(words)), introduced]:
            found, rest = _find_values(argument, clause, values, names)
            if argument in _COUNTED and all(str(each) in asked for each in spoken):
                order = sorted(range(len(spoken)), key=lambda at: asked.find(str(spoken[at])))
                found |= {order[place] for place in list_places(clause) if place < len(order)}
            chosen |= found if all(says_nothing_beside(each) or holds_place(each) for each in rest) else set()
            is_named = is_named or bool(found)
        if is_named:
            is_open = "?" in words or is_question(words) or DOUBTS.search(words_of(words)) or len(chosen) != 1
            return None if is_open else values[chosen.pop()]
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


def _find_values(
    argument: str, clause: str, values: Sequence[Any], names: Sequence[Sequence[str]]
) -> tuple[set[int], list[str]]:
    """Return the indexes of the values that a clause names, and its other words. A clause that names a time has no others."""
    if argument in _TIMES:
        found = {at for at, each in enumerate(values) if may_agree(str(each), clause, Argument(argument))}
        return (found if len(found) == 1 else set()), []
    return (_find_numbers(clause, values), []) if argument == "phone" else _find_names(clause, names)


def _find_numbers(clause: str, values: Sequence[str]) -> set[int]:
    """Return the indexes of the numbers that a clause names by digits that no other number has: "die mit eins sieben null"."""
    numbers, found = [_digits(each) for each in values], set[int]()
    for part in filter(lambda part: len(part) >= _FEWEST_DIGITS, map(_digits, list_dictated(clause))):
        holding = {at for at, number in enumerate(numbers) if part in number or number in part}
        found |= holding if len(holding) == 1 else set()
    return found


def _digits(said: str) -> str:
    return re.sub(r"\D", "", read_spoken_number(said) or "").lstrip("0")


def _find_names(clause: str, names_of: Sequence[Sequence[str]]) -> tuple[set[int], list[str]]:
    """Return the indexes of the values that a clause names by a whole name, the longest first, or a word that no other has; and
    its other words, without titles and prepositions.
    """
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
    others = {*drop_titles(said).split()}
    return found, [word for word in clause.split() if not others.isdisjoint(fold(word).split())]
