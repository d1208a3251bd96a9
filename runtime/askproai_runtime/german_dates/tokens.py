"""Normalize a phrase, so that the rules meet one spelling: numbers as digits, compounds in two words, a comma as a word."""

import re

from askproai_runtime.german_dates.vocabulary import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, fold

_LONG_WEEKDAYS = "|".join(name for name in WEEKDAYS if len(name) > 2)  # noqa: PLR2004 (the others are abbreviations)
_MONTH = "|".join(MONTHS)
_IS_NOT_POSSIBLE = r"(?:geht|gehen|passt|passen|kann ich|geht es|geht's) (?:leider )?nicht(?= ?(?:,|$))"
_UNITS = ("ein", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun")
_TENS = ("zwanzig", "dreissig", "vierzig", "fuenfzig")

# In this order. Each is (pattern, replacement) on the folded text.
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[?!\"„“()]|\.{2,}", " "),
        (rf"\b((?:um|gegen|punkt) \d{{1,2}})\.(?! ?(?:\d|{_MONTH}))", r"\1"),  # the end of a sentence
        (r"(?<=[a-z])[.;]|(?<!\d)\.|(?<=:)\s|;", " "),  # "Do." and the end of a sentence; the dot of "27." stays
        (r",", " , "),
        (rf"\b({_LONG_WEEKDAYS})(morgen|frueh|vormittag|mittag|nachmittag|abend)(s?)\b", r"\1 \2\3"),
        (rf"\b({_LONG_WEEKDAYS}|heute|morgen) morgens?\b(?! frueh)", r"\1 frueh"),
        (r"\bgestern (?:frueh|morgen)\b", "gestern"),
        (rf"\b({_MONTH})(woche|haelfte)\b", r"\2 im \1"),
        (r"\bdrei viertel\b|\bdreiviertl\b", "dreiviertel"),
        (r"\bhalber\b", "halb"),
        (r"\bheut\b", "heute"),
        (r"\bueber (morgen|naechste)", r"ueber\1"),
        (r"\b(\d{1,2})h(\d{2})\b", r"\1:\2"),
        (r"\b(\d{1,2})te[nrm]?\b", r"\1."),
        (rf"\b({'|'.join(_UNITS)}) und ((?:{'|'.join(_TENS)})(?:ste[nrm]?)?)\b", r"\1und\2"),
        (rf"\b({_LONG_WEEKDAYS}) ausgenommen\b", r"ausser \1"),
        (rf"\bnur ({_LONG_WEEKDAYS})s? nicht\b", r"ausser \1"),
        # "Montag geht nicht, Dienstag um drei": only at the end of a part, for "Montag geht nicht um drei" is about the time
        (rf"\b({_LONG_WEEKDAYS})s? und ({_LONG_WEEKDAYS})s? {_IS_NOT_POSSIBLE}", r"ausser \1 und \2 ~"),
        (rf"\b({_LONG_WEEKDAYS})s? {_IS_NOT_POSSIBLE}", r"ausser \1 ~"),
        (r"\b(?:heute|morgen) (?:geht |geht's |geht es |kann ich )?(?:leider )?nicht(?: mehr)? ?(?=,)", " "),
        (r"\bals (?:am )?(?:vormittags?|nachmittags?|abends?|morgens|mittags?)\b", " "),
        (r"\b(kalender)?woche kw\b", "kw"),
        (r"\bkalenderwoche\b", "kw"),
        (r"\bkw (\d{1,2}) (oder|und|bis) (\d{1,2})\b(?![.:]| uhr)", r"kw \1 \2 kw \3"),
        (r"\bwerktage?s?\b", "werktag"),
        (r"\s+", " "),
    )
)
_WORD = re.compile(r"[a-z]+")
_ORDINAL_DIGITS = re.compile(r"\b(\d{1,2})\. ?(?=[a-z,]|$)")
# "am 7. oder 8. Dezember": the month belongs to both.
_CONNECTED = r" ?(?:,|oder|bis|und)(?: zum)?(?: den| dem| am)? "
_SHARED_MONTH = re.compile(rf"\b(\d{{1,2}}\.(?:{_CONNECTED}\d{{1,2}}\.)+) ({_MONTH})\b")
_DAY_NUMBER = re.compile(r"\d{1,2}\.")
_YEAR = re.compile(r"\bzweitausend([a-z]+)\b")
_THREE_QUARTERS = re.compile(r"\b3 viertel\b")


def normalize(text: str) -> str:
    """Return the phrase in the form that the rules are written for: `am siebten Zwölften, um drei` → `am 7. 12. , um 3`."""
    folded = fold(text)
    for pattern, replacement in _REWRITES:
        folded = pattern.sub(replacement, folded)
    folded = _YEAR.sub(lambda match: str(2000 + NUMBERS[match[1]]) if match[1] in NUMBERS else match[0], folded)
    folded = _THREE_QUARTERS.sub("dreiviertel", _WORD.sub(_digits, folded))
    folded = _ORDINAL_DIGITS.sub(r"\1. ", folded)
    folded = _SHARED_MONTH.sub(lambda match: _DAY_NUMBER.sub(rf"\g<0> {match[2]}", match[1]), folded)
    return " ".join(folded.split()).strip(" ,")


def _digits(match: re.Match[str]) -> str:
    word = match[0]
    if (number := NUMBERS.get(word)) is not None:
        return str(number)
    if (ordinal := ORDINALS.get(word)) is not None:
        return f"{ordinal}."
    return word
