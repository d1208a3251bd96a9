"""Telephone numbers as callers dictate them, in German or English: `null eins fünf eins …`, `plus vier neun`, `double seven`.

A recognizer or a model writes the heard words in digits, in words or mixed. A text that can mean two numbers is none.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_UNITS: Final = {
    "null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7",
    "acht": "8", "neun": "9",
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9",
}  # fmt: skip
_ALONE: Final = {"o": "0", "oh": "0", "nought": "0", "nil": "0"}  # parts of other words, too
_TEENS: Final = {
    "zehn": "10", "elf": "11", "zwölf": "12", "dreizehn": "13", "vierzehn": "14", "fünfzehn": "15", "sechzehn": "16",
    "siebzehn": "17", "achtzehn": "18", "neunzehn": "19",
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_GERMAN_TENS: Final = {
    "zwanzig": "2", "dreissig": "3", "vierzig": "4", "fünfzig": "5", "sechzig": "6", "siebzig": "7", "achtzig": "8",
    "neunzig": "9",
}  # fmt: skip
_ENGLISH_TENS: Final = {
    "twenty": "2", "thirty": "3", "forty": "4", "fourty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8",
    "ninety": "9",
}  # fmt: skip
_BEFORE_TENS: Final = {
    "ein": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8",
    "neun": "9",
}  # fmt: skip
_COMPOUNDS: Final = {
    f"{unit}und{word}": tens + digit for word, tens in _GERMAN_TENS.items() for unit, digit in _BEFORE_TENS.items()
}
_TENS: Final = {word: f"{tens}0" for word, tens in (_GERMAN_TENS | _ENGLISH_TENS).items()}
NUMBER_WORDS: Final = _UNITS | _TEENS | _COMPOUNDS | _TENS
_REPEATS: Final = {
    "doppel": 2, "doppelt": 2, "doppelte": 2, "double": 2, "twice": 2, "zweimal": 2, "zwomal": 2, "triple": 3, "treble": 3,
    "dreifach": 3, "dreifache": 3, "dreimal": 3, "thrice": 3, "viermal": 4, "fünfmal": 5,
}  # fmt: skip
_BEFORE_DIGITS: Final = frozenset({"+", "plus", *_REPEATS})
_TIMES: Final = frozenset({"mal", "times", "x"})
_JOINS: Final = frozenset({"und", "and"})
# Words beside the digits that change none of them.
_ASIDE: Final = frozenset({
    "also", "area", "auf", "bindestrich", "bitte", "büro", "code", "country", "dank", "danke", "dann", "dash", "der", "die",
    "festnetz", "first", "geschäftlich", "handy", "handynr", "handynummer", "hm", "hmm", "home", "hyphen", "is", "ist", "it",
    "its", "land", "landesvorwahl", "landline", "lautet", "leerzeichen", "mein", "meine", "mobil", "mobile", "mobilnummer", "my",
    "nr", "number", "nummer", "office", "ok", "okay", "on", "pause", "phone", "please", "privat", "private", "rufnummer", "s",
    "schrägstrich", "slash", "space", "strich", "tel", "telefon", "telefonnummer", "telephone", "thank", "thanks", "the", "then",
    "uh", "um", "under", "unter", "vielen", "vorne", "vorwahl", "work", "you", "zuerst", "äh", "ähm",
})  # fmt: skip
_WORD = re.compile("|".join(sorted(map(re.escape, {**NUMBER_WORDS, **_REPEATS, "plus": ""}), key=len, reverse=True)))
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
    tokens = [part for token in _TOKEN.findall(plain) for part in _split(token)]
    said = list(_read_all(tokens))
    if not said or None in said:
        return None
    written = "".join(each for each in said if each is not None)
    return written if re.fullmatch(r"\+?\d+", written) else None


def _split(token: str) -> list[str]:
    """Return the words of a compound such as `nulleinsfünf` or `doppelsieben`, else the token."""
    return _WORD.findall(token) if _COMPOUND.fullmatch(token) else [token]


def _read_all(tokens: list[str]) -> Iterator[str | None]:
    """Yield the digits of each word, "" for a filler; None for any other word, and for an ambiguous one."""
    rest = tokens[::-1]
    previous = ""
    while rest:
        token = rest.pop()
        following = rest[-1] if rest else ""
        if token in {"+", "plus"}:
            yield "+"
        elif token in _REPEATS:
            yield _repeat(_REPEATS[token], rest)
        elif following in _TIMES and (count := _read_unit(token)) is not None:
            rest.pop()
            yield _repeat(int(count), rest)
        elif token in _ENGLISH_TENS and (unit := _UNITS.get(following, "0")) != "0":
            rest.pop()
            yield _ENGLISH_TENS[token] + unit
        elif token in _JOINS:
            # "vier und vierzig" is 44, or 4 and 40.
            yield None if _read_unit(previous) is not None and following in _TENS else ""
        elif token in _ASIDE:
            yield ""
        else:
            yield token if token.isdecimal() else (NUMBER_WORDS | _ALONE).get(token)
        previous = token


def _repeat(count: int, rest: list[str]) -> str | None:
    """Take the digit that follows, and return it `count` times; None if no single digit follows."""
    while rest and rest[-1] in _ASIDE:
        rest.pop()
    digit = _read_unit(rest.pop()) if rest else None
    return digit and digit * count


def _read_unit(token: str) -> str | None:
    """Return the one digit that a word says."""
    return token if token.isdecimal() and len(token) == 1 else (_UNITS | _ALONE).get(token)


def list_dictated(text: str) -> list[str]:
    """Return the parts of a text that are only digits and their words: `(0171) 2345678`, `null eins sieben`. A date and a clock
    time are none.
    """
    parts, is_open = list[str](), False
    for word in _LONE_SIGN.sub(" ", text).split():
        plain = word.casefold().strip("(),.;!?")
        is_said = plain in _BEFORE_DIGITS or (read_spoken_number(plain) is not None and not _TIME.search(plain))
        if is_said and is_open:
            parts[-1] = f"{parts[-1]} {word}"
        elif is_said:
            parts.append(word)
        is_open = is_said
    return parts
