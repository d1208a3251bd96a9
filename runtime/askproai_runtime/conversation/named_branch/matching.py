"""The branches that a caller's words may mean: by name, place, postal code or digit.

Branches keep the order of the config, which is by name: the first is "eins" in the menu, even if a question leaves others out.
All words are compared folded, so that case, umlauts and punctuation do not matter.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from askproai_core.tenant_config import Branch
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.understood import UNDERSTOOD

_MIN_POSTAL_CODE_DIGITS = 4  # Austria and Switzerland have four, Germany five
_MIN_SHARED_DIGITS = 2  # leading digits of two postal codes; one alone covers a quarter of the country
_LONGEST_DAY = 4  # words
_MAX_MENU_BRANCHES = 9  # one key chooses, so a tenth branch cannot have one


_WORDS: Final = UNDERSTOOD.branches
_ORDINAL_ENDS = ("", "n", "r")  # of "erste"; no English word has them
_DIGITS = (
    {fold(word): str(number) for words in SENTENCES.values() for number, word in enumerate(words.digits)}
    | {fold(word) + end: digit for word, digit in _WORDS.ordinals.items() for end in _ORDINAL_ENDS}
    | _WORDS.more_digits
)
_SAYS_NOTHING = _WORDS.fillers | _WORDS.says_nothing
_NOT_A_NAME: Final[frozenset[str]] = _WORDS.fillers | _WORDS.parts_of_names
_FEWEST_LETTERS = 4  # of a word that names a street
# Words of an answer beside the names of branches.
_OF_ANSWER = (
    _SAYS_NOTHING
    | _WORDS.beside_digit
    | _WORDS.kinds
    | _WORDS.yes
    | _WORDS.no
    | _WORDS.beside_names
    | _DIGITS.keys()
    | set("123456789")
)
_AS_ALWAYS = re.compile(rf"\b(?:{_WORDS.as_always})")


def names_something(phrase: str) -> bool:
    """Return whether the phrase has a word that could distinguish branches."""
    return bool(set(fold(phrase).split()) - _SAYS_NOTHING)


def means_main_branch(phrase: str) -> bool:
    """Return whether the phrase only means the main one of any business's branches: "main", "Hauptfiliale"."""
    return bool(set(fold(phrase).split()) <= _SAYS_NOTHING | _WORDS.kinds | _WORDS.main)


def refuses(phrase: str) -> bool:
    """Return True if the phrase contains a no or a negation, whatever part of the phrase it negates."""
    return bool(set(fold(phrase).split()) & (_WORDS.no | _WORDS.negations))


def says_no(phrase: str) -> bool:
    return bool(set(fold(phrase).split()) & _WORDS.no)


def is_answer(branches: Sequence[Branch], words: str, suggested_branch: str | None) -> bool:
    """Return True if words are nothing but an answer to the question which branch is meant: a branch, "wie immer", a yes or a
    no.

    "Mitte nächster Woche" is a day, and "Pankow ist mir zu weit" is more than an answer.
    """
    *before, last = fold(words).split() or [""]
    said = {*before, last}
    streets = (_street_words(branch.address.street) for branch in branches)
    if "?" in words or not said <= _OF_ANSWER.union(*map(_name_words, branches), *streets):
        return False
    # "Nach Pankow? Nein.", "Okay, zwei."
    if (before and last in _WORDS.no) or (said & _WORDS.yes and said & _DIGITS.keys()):
        return False
    return bool(said & (_WORDS.yes | _WORDS.no)) or bool(
        match_branches(branches, words, branches[0].name, suggested_branch)
    )


def find_named_branch(branches: Sequence[Branch], words: str, names_day: Callable[[str], bool]) -> Branch | None:
    """Return the only branch whose name or street has a word in the text; else None. "Mitte Dezember" is a day (`names_day`)."""
    if len(branches) == 1 or refuses(words):
        return None
    said = fold(words).split()
    shared = _WORDS.kinds.union(set.intersection(*map(_name_words, branches)))
    found = set[str]()
    for branch in branches:
        for at, word in enumerate(said):
            phrases = (" ".join(said[at : at + length]) for length in range(2, _LONGEST_DAY + 1))
            of_branch = _name_words(branch) | _street_words(branch.address.street)
            if word in of_branch - shared and not any(map(names_day, phrases)):
                found.add(branch.name)
    return next((branch for branch in branches if found == {branch.name}), None)


def names_only_branches(branches: Sequence[Branch], words: str) -> bool:
    """Return whether words are nothing but the names or places of one or more of several branches: "in der Filiale Mitte"."""
    said, names = set(fold(words).split()), set[str]().union(*map(_words_of, branches))
    return (
        len(branches) > 1
        and said <= _SAYS_NOTHING | _WORDS.kinds | _WORDS.of_streets | names
        and not said.isdisjoint(names - _WORDS.kinds)
    )


def match_branches(
    branches: Sequence[Branch], phrase: str, last_branch: str | None, suggested_branch: str | None
) -> list[Branch]:
    """Return the branches that the phrase may mean: by full name, postal code, words of name, street and city, digit, "wie immer"
    or yes. Words that all branches share, such as the chain's name, count only if the phrase has nothing else.
    """
    whole, words = fold(phrase), set(fold(phrase).split())
    if words & _WORDS.negations:
        return []
    if exact := [branch for branch in branches if whole in {fold(branch.name), fold(branch.display_name)}]:
        return exact
    number = digits_in(phrase)
    if postal := [b for b in branches if number and number == fold(b.address.postal_code).replace(" ", "")]:
        return postal
    hits = {branch.name: words & _words_of(branch) for branch in branches}
    best = [b for b in branches if hits[b.name] and not any(hits[b.name] < other for other in hits.values())]
    if best and len(best) < len(branches):
        return best
    if digit := _menu_digit(branches, whole):
        return [branches[int(digit) - 1]]
    accepted = suggested_branch if words & _WORDS.yes and not words & _WORDS.no else None
    referred = last_branch if _AS_ALWAYS.search(whole) else accepted
    return [branch for branch in branches if branch.name == referred] or best


def nearest_branch(branches: Sequence[Branch], phrase: str) -> Branch | None:
    """Return the branch whose postal code begins with the most digits of the phrase's postal code, if no branch has that code;
    None if several begin so. The branch is probably near, but not certainly: suggest it, never choose it.
    """
    number = digits_in(phrase)
    if len(number) < _MIN_POSTAL_CODE_DIGITS:
        return None
    shared = {branch.name: _shared_prefix(number, branch.address.postal_code) for branch in branches}
    longest = max(shared.values())
    nearest = [branch for branch in branches if shared[branch.name] == longest]
    return nearest[0] if longest >= _MIN_SHARED_DIGITS and len(nearest) == 1 else None


def indistinguishable(branches: Sequence[Branch], phrase: str) -> bool:
    """Return whether the same words of the phrase match all these branches, such as the name of a city or of the chain."""
    return len({frozenset(set(fold(phrase).split()) & _words_of(branch)) for branch in branches}) == 1


def named_by_name(branch: Branch, phrase: str) -> bool:
    """Return whether the phrase has a word of the branch's own name, not only of its place, postal code or digit."""
    return bool(set(fold(phrase).split()) & _name_words(branch))


def has_menu(branches: Sequence[Branch]) -> bool:
    """Return True if a digit chooses a branch. If names contain numbers ("Filiale 3"), a digit would have two meanings."""
    named_by_number = any(word.isdecimal() for branch in branches for word in _name_words(branch))
    return len(branches) <= _MAX_MENU_BRANCHES and not named_by_number


def digits_in(phrase: str) -> str:
    """Return all digits in the phrase as one text, spoken ("eins null eins eins neun") or written; "" if there are none."""
    return "".join(word if word.isdecimal() else _DIGITS.get(word, "") for word in fold(phrase).split())


def _menu_digit(branches: Sequence[Branch], whole: str) -> str:
    """Return the digit that chooses a branch in the menu; "" if the phrase has any other words ("die erste, die frei ist")."""
    shared = frozenset[str].intersection(*(frozenset(_name_words(branch)) for branch in branches))
    words = [word for word in whole.split() if word not in (_WORDS.fillers | _WORDS.beside_digit) | shared]
    number = digits_in(words[0]) if len(words) == 1 and has_menu(branches) else ""
    return number if number.isdecimal() and 1 <= int(number) <= len(branches) else ""


def _name_words(branch: Branch) -> set[str]:
    return {*fold(branch.name).split(), *fold(branch.display_name).split()} - _NOT_A_NAME


def _words_of(branch: Branch) -> set[str]:
    return (
        _name_words(branch)
        | _street_words(branch.address.street)
        | (set(fold(branch.address.city).split()) - _NOT_A_NAME)
    )


@lru_cache(maxsize=4096)
def _street_words(street: str) -> frozenset[str]:
    """Return the folded words of a street without its number, also abbreviated: `torstrasse`, `torstr`."""
    words = {word for word in fold(street).split() if word.isalpha() and len(word) >= _FEWEST_LETTERS}
    words -= _WORDS.of_streets | _NOT_A_NAME
    return frozenset(words | {f"{word.removesuffix('strasse')}str" for word in words if word.endswith("strasse")})


def _shared_prefix(first: str, second: str) -> int:
    return next(
        (n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(second)),
    )
