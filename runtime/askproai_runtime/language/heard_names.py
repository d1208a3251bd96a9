"""Find the declared names that a word sounds like, by the Kölner Phonetik (Postel, 1969). Pure.

The caller is asked "Meinen Sie Mehmet?", because many names share a code, such as Anna and Jana.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeVar

from askproai_core.tenant_config import Service
from askproai_runtime.person_names import fold

T = TypeVar("T")

_CODES = {
    **dict.fromkeys("aeijouy", "0"), "b": "1", "p": "1", **dict.fromkeys("dt", "2"), **dict.fromkeys("fvw", "3"),
    **dict.fromkeys("gkq", "4"), "l": "5", **dict.fromkeys("mn", "6"), "r": "7", **dict.fromkeys("sz", "8"),
}  # fmt: skip
_K_AT_THE_BEGINNING, _K_INSIDE = frozenset("ahkloqrux"), frozenset("ahkoqux")  # what follows a C that sounds like K
_MOST_WORDS, _FEWEST_LETTERS = 6, 3
_PART_LETTERS = 5  # of a part of a compound; too many words contain shorter ones
_LEAST_ALIKE = 0.6  # of the letters that must agree; Emma and Anna have one code


def cologne_code(word: str) -> str:
    """Return the code of a folded word: digits by the sounds of its consonants, a 0 only for a vowel at the beginning."""
    digits = "".join(_digits(word[at - 1 : at], letter, word[at + 1 : at + 2]) for at, letter in enumerate(word))
    once = "".join(digit for digit, _ in groupby(digits))
    return once[:1] + once[1:].replace("0", "")


def _digits(before: str, letter: str, after: str) -> str:
    match letter:
        case "d" | "t" if after and after in "csz":
            return "8"
        case "p" if after == "h":
            return "3"
        case "c" if not before:
            return "4" if after in _K_AT_THE_BEGINNING and after else "8"
        case "c":
            return "4" if after and after in _K_INSIDE and before not in {"s", "z"} else "8"
        case "x":
            return "8" if before and before in "ckq" else "48"
        case _:
            return _CODES.get(letter, "")


class _Heard(NamedTuple):
    """A folded word, and its code of the Kölner Phonetik."""

    word: str
    code: str


def list_heard(
    said: str, among: Iterable[T], names_of: Callable[[T], Sequence[str]], *, by_parts: bool = False
) -> list[T]:
    """Return the items of `among` that have a name, or a word of a name, that sounds like the caller's words `said`; [] if none
    has.

    `by_parts`: a word that is a long part of a compound also counts ("Klavier" for Klavierstunde). If the caller said a number
    and some names found contain it, only these are returned: "60 Minuten Klavier".
    """
    spoken = fold(said).split()
    words = [_hear(word) for word in spoken if len(word) >= _FEWEST_LETTERS and not word.isdecimal()]
    if not 0 < len(words) <= _MOST_WORDS:
        return []
    joined, numbers = _hear("".join(each.word for each in words)), {word for word in spoken if word.isdecimal()}
    found = [
        each for each in among if any(_is_heard(words, joined, name, by_parts=by_parts) for name in names_of(each))
    ]
    of_number = [
        each
        for each in found
        if any(word.word in numbers for name in names_of(each) for word in _hear_name(name).words)
    ]
    return of_number or found


def are_alike(first: str, second: str) -> bool:
    """Return whether two folded words sound alike and have most of their letters in common."""
    return _sounds_alike(_hear(first), _hear(second))


def list_heard_services(said: str, offered: Iterable[Service]) -> list[Service]:
    """Return the services with a name that sounds like the text `said`, as a whole or in a long part."""
    return list_heard(said, offered, lambda each: [each.display_name, *each.spoken_names], by_parts=True)


class _Name(NamedTuple):
    """The words of a declared name, these words joined to one, and the codes of the words."""

    words: tuple[_Heard, ...]
    whole: _Heard
    codes: frozenset[str]


@lru_cache(maxsize=8192)
def _hear_name(name: str) -> _Name:
    """Return the sound of a declared name. Only declared names are cached, and no words of callers."""
    words = tuple(_hear(word) for word in fold(name).split())
    return _Name(words, _hear("".join(each.word for each in words)), frozenset(each.code for each in words))


def _hear(word: str) -> _Heard:
    return _Heard(word, cologne_code(word))


def _is_heard(words: Sequence[_Heard], joined: _Heard, name: str, *, by_parts: bool) -> bool:
    """Return whether each said word sounds like a word of the name, or all words joined sound like the whole name."""
    known = _hear_name(name)
    for said in words:
        by_sound = said.code in known.codes and any(_sounds_alike(said, word) for word in known.words)
        by_part = (
            by_parts
            and said.word in known.whole.word
            and len(said.word) >= _PART_LETTERS
            and any(each.word.startswith(said.word) or each.word.endswith(said.word) for each in known.words)
        )
        if not (by_sound or by_part):
            return _sounds_alike(joined, known.whole)  # "Haar Schnitt"
    return True


def _sounds_alike(first: _Heard, second: _Heard) -> bool:
    return first.code == second.code and SequenceMatcher(None, first.word, second.word).ratio() >= _LEAST_ALIKE
