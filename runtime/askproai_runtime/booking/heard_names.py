"""Names as they are heard: which declared name a word sounds like, by the Kölner Phonetik (Postel, 1969). Pure.

Only to ask "Meinen Sie Mehmet?", never to choose: many names have one code, as Anna and Jana have.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import groupby
from typing import TypeVar

from askproai_runtime.booking.phrases import fold

T = TypeVar("T")

_CODES = {
    **dict.fromkeys("aeijouy", "0"), "b": "1", "p": "1", **dict.fromkeys("dt", "2"), **dict.fromkeys("fvw", "3"),
    **dict.fromkeys("gkq", "4"), "l": "5", **dict.fromkeys("mn", "6"), "r": "7", **dict.fromkeys("sz", "8"),
}  # fmt: skip
_K_AT_THE_BEGINNING, _K_INSIDE = frozenset("ahkloqrux"), frozenset("ahkoqux")  # what follows a C that sounds like K
_MOST_WORDS, _FEWEST_LETTERS = 6, 3
_PART_LETTERS = 5  # of a compound; shorter ones are in too many words
_LEAST_ALIKE = 0.6  # of the letters; Emma and Anna have one code


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


def list_heard(
    said: str, among: Iterable[T], names_of: Callable[[T], Sequence[str]], *, by_parts: bool = False
) -> list[T]:
    """Return what has a name that sounds like what was `said`, or a word of the name; nothing if each sounds different.

    With `by_parts` also a long part of a compound counts ("Klavier" of Klavierstunde). A number that some of the names have leaves
    out those without it: "60 Minuten Klavier".
    """
    words = tuple(word for word in fold(said).split() if len(word) >= _FEWEST_LETTERS and not word.isdecimal())
    if not 0 < len(words) <= _MOST_WORDS:
        return []
    found = [each for each in among if any(_is_heard(words, name, by_parts=by_parts) for name in names_of(each))]
    numbers = _numbers(said) if found else set()
    of_number = [each for each in found if numbers and any(numbers & _numbers(name) for name in names_of(each))]
    return of_number or found


def _numbers(text: str) -> set[str]:
    return {word for word in _fold_words(text) if word.isdecimal()}


@lru_cache(maxsize=8192)
def _fold_words(name: str) -> tuple[str, ...]:
    return tuple(fold(name).split())


@lru_cache(maxsize=8192)
def _is_heard(words: tuple[str, ...], name: str, *, by_parts: bool) -> bool:
    """Return whether each word that was said sounds like one of the name's, or all of them together like all of these.

    A question about a business of many branches is compared with the names in each of them.
    """
    known = _fold_words(name)
    each = all(
        any(_sounds_alike(word, other) or (by_parts and _is_part(word, other)) for other in known) for word in words
    )
    return each or _sounds_alike("".join(words), "".join(known))  # "Haar Schnitt"


def _is_part(word: str, compound: str) -> bool:
    return len(word) >= _PART_LETTERS and (compound.startswith(word) or compound.endswith(word))


def _sounds_alike(first: str, second: str) -> bool:
    is_same = cologne_code(first) == cologne_code(second)
    return is_same and SequenceMatcher(None, first, second).ratio() >= _LEAST_ALIKE
