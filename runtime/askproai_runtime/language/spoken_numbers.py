"""Telephone numbers as callers dictate them, in German or English: `null eins fünf eins …`, `plus vier neun`, `double seven`.

A recognizer or a model writes the heard words in digits, in words or mixed. A text that can mean two numbers is not read.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_WORDS: Final = UNDERSTOOD.digits
_BY_LANGUAGE: Final = [words.digits for words in UNDERSTOOD_IN.values()]
_COMPOUNDS: Final = {
    unit + word: tens + digit
    for words in _BY_LANGUAGE
    for word, tens in words.tens.items()
    for unit, digit in words.before_tens.items()
}
# Number words of a language that says the tens before the units.
_TENS_BEFORE_UNITS: Final = {
    word: tens for words in _BY_LANGUAGE if not words.before_tens for word, tens in words.tens.items()
}
_TENS: Final = {word: f"{tens}0" for word, tens in _WORDS.tens.items()}
NUMBER_WORDS: Final = {**_WORDS.units, **_WORDS.teens, **_COMPOUNDS, **_TENS}
_PLUS: Final = _WORDS.plus | {"+"}
_WORD = re.compile(
    "|".join(sorted(map(re.escape, [*NUMBER_WORDS, *_WORDS.repeats, *_WORDS.plus]), key=len, reverse=True))
)
_COMPOUND = re.compile(f"(?:{_WORD.pattern})+")
_TOKEN = re.compile(r"\d+|[^\W\d_]+|\+|[^\s,;:./()_'’-]")
_TIME = re.compile(r":|^\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})$|^\d{4}-\d\d-\d\d$")  # of a day, too
_LONE_SIGN = re.compile(r"(?<=\s)[/–-](?=\s)")
_WHOLE_NUMBER = re.compile(r"(\d+)\.0")  # a number of JSON, as text


def read_spoken_number(text: str) -> str | None:
    """Return the digits that a text says, with a leading + for "plus"; None if it says anything else, or may mean two numbers."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    for written, letter in (("ae", "ä"), ("oe", "ö"), ("ue", "ü")):
        plain = re.sub(rf"(?<=[fwh]){written}(?=nf|lf|hm?\b)", letter, plain)
    if whole := _WHOLE_NUMBER.fullmatch(plain):
        return whole[1]
    plain = "".join("-" if unicodedata.category(c) == "Pd" else c for c in plain if unicodedata.category(c) != "Cf")
    # The words of a compound such as `nulleinsfünf` or `doppelsieben`, else the token.
    found = (_WORD.findall(each) if _COMPOUND.fullmatch(each) else [each] for each in _TOKEN.findall(plain))
    tokens = [part for parts in found for part in parts]
    said = list(_read_all(tokens))
    if not said or None in said:
        return None
    written = "".join(each for each in said if each is not None)
    return written if re.fullmatch(r"\+?\d+", written) else None


def _read_all(tokens: list[str]) -> Iterator[str | None]:
    """Yield the digits of each word, "" for a filler; None for any other word, and for an ambiguous one."""
    rest = tokens[::-1]
    previous = ""
    while rest:
        token = rest.pop()
        following = rest[-1] if rest else ""
        if token in _PLUS:
            yield "+"
        elif token in _WORDS.repeats:
            yield _repeat(_WORDS.repeats[token], rest)
        elif following in _WORDS.times and (count := _read_unit(token)) is not None:
            rest.pop()
            yield _repeat(int(count), rest)
        elif token in _TENS_BEFORE_UNITS and (unit := _WORDS.units.get(following, "0")) != "0":
            rest.pop()
            yield _TENS_BEFORE_UNITS[token] + unit
        elif token in _WORDS.conjunction:
            # "vier und vierzig" is 44, or 4 and 40.
            yield None if _read_unit(previous) is not None and following in _TENS else ""
        elif token in _WORDS.aside:
            yield ""
        else:
            yield token if token.isdecimal() else {**NUMBER_WORDS, **_WORDS.alone}.get(token)
        previous = token


def _repeat(count: int, rest: list[str]) -> str | None:
    """Take the digit that follows, and return it `count` times; None if no single digit follows."""
    while rest and rest[-1] in _WORDS.aside:
        rest.pop()
    digit = _read_unit(rest.pop()) if rest else None
    return digit and digit * count


def _read_unit(token: str) -> str | None:
    """Return the one digit that a word says."""
    return token if token.isdecimal() and len(token) == 1 else {**_WORDS.units, **_WORDS.alone}.get(token)


def list_dictated(text: str) -> list[str]:
    """Return the pieces of a text that consist only of digits and number words: `(0171) 2345678`, `null eins sieben`. Dates and
    clock times are left out.
    """
    parts, is_open = list[str](), False
    for word in _LONE_SIGN.sub(" ", text).split():
        plain = word.casefold().strip("(),.;!?")
        is_said = (
            plain in _PLUS
            or plain in _WORDS.repeats
            or (read_spoken_number(plain) is not None and not _TIME.search(plain))
        )
        if is_said and is_open:
            parts[-1] = f"{parts[-1]} {word}"
        elif is_said:
            parts.append(word)
        is_open = is_said
    return parts
