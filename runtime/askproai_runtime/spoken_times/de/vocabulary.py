"""The German words of dates and times that the rules share, and the numbers, which German composes to one word.

Keys are folded (`grammar.fold`): lower case, ä ö ü ß as ae oe ue ss.
"""

from askproai_core.languages import Language
from askproai_runtime.understood import UNDERSTOOD_IN

WORDS = UNDERSTOOD_IN[Language.DE]
WEEKDAYS: dict[str, int] = WORDS.counted.weekdays
MONTHS: dict[str, int] = WORDS.grammar.months

# Regular expressions of any of these words; abbreviations of weekdays are no words of a rewritten phrase.
ANY_WEEKDAY = "|".join(name for name in WEEKDAYS if len(name) > 2)  # noqa: PLR2004
ANY_MONTH = "|".join(MONTHS)

_UNITS = ["null", "eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwoelf",
          "dreizehn", "vierzehn", "fuenfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"]  # fmt: skip
_TENS = {
    20: "zwanzig", 30: "dreissig", 40: "vierzig", 50: "fuenfzig", 60: "sechzig", 70: "siebzig", 80: "achtzig", 90: "neunzig",
}  # fmt: skip
_LAST_ORDINAL = 99


def _numbers() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_UNITS)}
    words |= {"zwo": 2, "fuffzehn": 15, "fuffzig": 50}
    words |= {
        f"{word}e": words[word] for word in ("zwei", "drei", "vier", "fuenf", "sechs", "neun", "zehn", "elf", "zwoelf")
    }
    for tens, word in _TENS.items():
        words[word] = tens
        for unit in range(1, 10):
            words[f"{'ein' if unit == 1 else _UNITS[unit]}und{word}"] = tens + unit
    return words


# Without "ein": before a noun it is the article, and the rules that count name it themselves.
NUMBERS = _numbers()


def _ordinals() -> dict[str, int]:
    irregular = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
    by_value: dict[int, str] = {}
    for word, value in NUMBERS.items():
        by_value.setdefault(value, word)
    ordinals: dict[str, int] = {}
    for value in range(1, _LAST_ORDINAL + 1):
        stem = irregular.get(value, by_value[value] + ("t" if value < 20 else "st"))  # noqa: PLR2004 (zwanzigSTe)
        for ending in ("e", "en", "er", "em"):
            ordinals[stem + ending] = value
            ordinals["zwot" + ending] = 2
    return ordinals


ORDINALS = _ordinals()
