"""Normalize a phrase, so that the rules meet one spelling: numbers as digits, compounds in two words, a comma as a word."""

import re

from askproai_runtime.german_dates.vocabulary import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, fold

_LONG_WEEKDAYS = "|".join(name for name in WEEKDAYS if len(name) > 2)  # noqa: PLR2004 (the others are abbreviations)
_MONTH = "|".join(MONTHS)

# In this order. Each is (pattern, replacement) on the folded text.
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[?!\"„“()]|\.{2,}", " "),
        (r"(?<=[a-z])[.;]|(?<!\d)\.|(?<=:)\s|;", " "),  # "Do." and the end of a sentence; the dot of "27." stays
        (r",", " , "),
        (rf"\b({_LONG_WEEKDAYS})(morgen|frueh|vormittag|mittag|nachmittag|abend)(s?)\b", r"\1 \2\3"),
        (rf"\b({_LONG_WEEKDAYS}|heute|morgen) morgens?\b(?! frueh)", r"\1 frueh"),
        (r"\bgestern (?:frueh|morgen)\b", "gestern"),
        (rf"\b({_MONTH})(woche|haelfte)\b", r"\2 im \1"),
        (r"\bdrei viertel\b", "dreiviertel"),
        (r"\b(kalender)?woche kw\b", "kw"),
        (r"\bkalenderwoche\b", "kw"),
        (r"\bwerktage?s?\b", "werktag"),
        (r"\s+", " "),
    )
)
_WORD = re.compile(r"[a-z]+")
_ORDINAL_DIGITS = re.compile(r"\b(\d{1,2})\. ?(?=[a-z,]|$)")
# "am 7. oder 8. Dezember": the month belongs to both.
_SHARED_MONTH = re.compile(rf"\b(\d{{1,2}}\.) ((?:oder|bis|und)(?: zum)?(?: den| dem| am)?) (\d{{1,2}}\.) ({_MONTH})\b")


def normalize(text: str) -> str:
    """Return the phrase in the form that the rules are written for: `am siebten Zwölften, um drei` → `am 7. 12. , um 3`."""
    folded = fold(text)
    for pattern, replacement in _REWRITES:
        folded = pattern.sub(replacement, folded)
    folded = _WORD.sub(_digits, folded)
    folded = _ORDINAL_DIGITS.sub(r"\1. ", folded)
    folded = _SHARED_MONTH.sub(r"\1 \4 \2 \3 \4", folded)
    return " ".join(folded.split()).strip(" ,")


def _digits(match: re.Match[str]) -> str:
    word = match[0]
    if (number := NUMBERS.get(word)) is not None:
        return str(number)
    if (ordinal := ORDINALS.get(word)) is not None:
        return f"{ordinal}."
    return word
