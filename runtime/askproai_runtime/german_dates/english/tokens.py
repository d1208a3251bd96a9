"""Normalize an English phrase, so that the rules meet one spelling: numbers as digits, ordinals as `24th`, `a.m.` as `am`."""

import re

from askproai_runtime.german_dates.english.vocabulary import MONTHS, NUMBERS, ORDINALS, TENS, WEEKDAYS

_WEEKDAY = "|".join(WEEKDAYS)
_MONTH = "|".join(MONTHS)
_ORDINAL_UNITS = "|".join(word for word, number in ORDINALS.items() if number < 10)  # noqa: PLR2004
_NUMBER_UNITS = "|".join(word for word, number in NUMBERS.items() if 0 < number < 10)  # noqa: PLR2004
_NO_MONTH = rf"(?! (?:{_MONTH})\b| of (?:{_MONTH})\b)"
_NOT_POSSIBLE = (
    r"(?:does not work|doesn't work|won't work|isn't possible|is not possible|is no good|is impossible)(?= ?(?:,|$))"
)

# In this order, on the text in lower case. Numbers are words until the last rewrites.
_BEFORE_NUMBERS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[’`]", "'"),
        (r"[?!\"“”()]|\.{2,}|…", " "),
        (r"–", "-"),
        (r"\b([ap])\.? ?m\b\.?", r"\1m"),
        (r"(?<=\d)([ap]m)\b", r" \1"),
        (r"(?<=[a-z])[.;]|;|\.(?= |$)(?<!\d\.)", " "),
        (r",", " , "),
        (r"\bo'? ?clock\b|\boclock\b", "o'clock"),
        (rf"\b({'|'.join(TENS)})[- ]({_ORDINAL_UNITS}|{_NUMBER_UNITS})\b", r"\1_\2"),
        (r"\bmid-", "mid "),
        # "may" is a verb far more often than a month
        (r"\b(i|we|you|he|she|it|that|they) may\b", r"\1"),
        (r"\bmay (i|we|be|he|she|they|my)\b", r"\1"),
        (r"\bthe day before yesterday\b", "yesterday"),
        (r"\blater today\b", "today"),
        (r"\btonight\b", "today evening"),
        (r"\bthis (morning|afternoon|evening)\b", r"today \1"),
        (r"\bany ?time\b|\bat any time\b", "whenever"),
        (r"\bany ?day but\b|\bevery day but\b", "except"),
        (r"\bdays? (?:but|except) not\b", "except"),
        (rf"\b({_WEEKDAY})s? {_NOT_POSSIBLE}", r"except \1 ~"),
        (rf"\b({_WEEKDAY}) (?:to|through|till|until) ({_WEEKDAY})\b", r"between \1 and \2"),
        (r"\bfrom between\b", "between"),
        # "from ten to twelve": the "to" of "ten to twelve" is another one
        (r"\bfrom ([a-z0-9: ]+?) (?:to|until|till|through) ", r"between \1 and "),
        (r"\bbetween ([a-z0-9: ]+?) to ", r"between \1 and "),
        (r"\s+", " "),
    )
)
_AFTER_NUMBERS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b(\d{1,2})(?:st|nd|rd|th)\b", r"\1th"),
        (r"\b(?:o|oh|zero) (\d)\b", r"0\1"),
        # "between 2 and 4 pm": the half of the day belongs to both
        (r"\bbetween (\d{1,2}) and (\d{1,2}) ([ap]m)\b", r"between \1 \3 and \2 \3"),
        # "the 7th or 8th of December": so does the month
        (rf"\b(\d{{1,2}}th) (or|and|to) (?:the )?(\d{{1,2}}th) (?:of )?({_MONTH})\b", r"\1 \4 \2 \3 \4"),
        (
            rf"\b(\d{{1,2}})(?:th)? ?(?:to|until|till|through|-) ?(?:the )?(\d{{1,2}})(?:th)? (?:of )?({_MONTH})\b",
            r"between \1 \3 and \2 \3",
        ),
        (
            rf"\b({_MONTH}) (?:the )?(\d{{1,2}})(?:th)? ?(?:to|until|till|through|-) ?(?:the )?(\d{{1,2}})(?:th)?\b",
            r"between \2 \1 and \3 \1",
        ),
        # "at ten or eleven": so does the word before it
        (rf"\bat (\d{{1,2}}) or (\d{{1,2}})\b(?![:.\d]){_NO_MONTH}", r"at \1 or at \2"),
        (r"\s+", " "),
    )
)
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)?")


def normalize(text: str) -> str:
    """Return the phrase in the form that the rules are written for: `on the third of March at ten` → `… 3th of march at 10`."""
    folded = " ".join(text.lower().split())
    for pattern, replacement in _BEFORE_NUMBERS:
        folded = pattern.sub(replacement, folded)
    folded = _WORD.sub(_digits, folded)
    for pattern, replacement in _AFTER_NUMBERS:
        folded = pattern.sub(replacement, folded)
    return folded.strip(" ,")


def _digits(match: re.Match[str]) -> str:
    tens, _, unit = match[0].partition("_")
    if unit:
        return f"{TENS[tens] + ORDINALS[unit]}th" if unit in ORDINALS else str(TENS[tens] + NUMBERS[unit])
    if (number := NUMBERS.get(tens)) is not None and number:
        return str(number)
    return f"{ORDINALS[tens]}th" if tens in ORDINALS else tens
