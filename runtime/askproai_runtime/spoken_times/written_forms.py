"""Rewrite times and dates in foreign notations: `14h30`, `14,30`, `T14:30`, `2026/12/10`. For folded text.

Models and transcripts use them in every language. Each becomes `14:30`, or a date in ISO or with slashes.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Replacement: TypeAlias = str | Callable[[re.Match[str]], str]
_HOUR = r"(?:[01]?\d|2[0-4])"
_BEFORE = r"(?<![\d.,:/-])(?<!\d )\b"
# "in 2h" counts hours from now, and "für 2 h" says how long.
_NO_LENGTH = "".join(rf"(?<!\b{word} )" for word in ("in", "innerhalb von", "within", "next", "fuer", "for"))
_NO_DAY = "".join(rf"(?<!\b{word} )" for word in ("am", "den", "dem", "vom", "the", "of"))
# "14,15. Dezember" are two days.
_NO_LIST = r"(?! ?(?:,|oder|und|or|and|/|-)|\d|\. ?(?:\d|jan|jaen|feb|mar|maer|apr|mai|may|jun|jul|aug|sep|oct|okt|nov|dec|dez))"
_WHICH = r"(?:(?:dies|kommend|naechst|uebernaechst)\w*|this|coming|next)"
_WEEKDAYS = (
    r"(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)(?:vormittag|nachmittag|mittag|abend)?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day(?: (?:morning|afternoon|evening))?|wochenende|weekend"
)
_NOON = 12


def _half(match: re.Match[str]) -> str:
    """Return `14:30` for `2:30 pm`, `14:30 pm` and `2.30pm`; the text unchanged if no clock shows that time."""
    hour, half = int(match["hour"]), match["half"]
    if hour == 0 or (half == "a" and hour > _NOON):
        return match[0]
    if hour <= _NOON:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    return f"{hour}:{match['minute'] or '00'}"


# German has a word "am": "um 10 am Montag". Only where nothing can follow it, or where it is joined to a number, it is a half.
HALVES_OF_DAY: Final[tuple[tuple[str, Replacement], ...]] = tuple(
    (rf"{_BEFORE}(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-5]\d))?{half}", _half)
    for half in (
        r" ?(?P<half>p)\.? ?m\b\.?",
        r"(?P<half>a)m\b",
        r" ?(?P<half>a)\. ?m\b\.?",
        r" (?P<half>a)m(?= ?(?:$|,|\.(?: |$)))",
    )
)

WRITTEN_FORMS: Final[tuple[tuple[str, Replacement], ...]] = (
    (r"(?<![\d/.,:-])\b(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\b(?![/:-])", r"\1-\2-\3"),
    (r"(?<![\d/.])\b(\d{4})([/.])(\d{1,2})\2(\d{1,2})\b(?![/\d])",
     lambda match: f"{match[1]}-{int(match[3]):02}-{int(match[4]):02}"),
    (r"(?<![\d/-])\b(\d{1,2})-(\d{1,2})-(\d{4})\b", r"\1/\2/\3"),
    # The day of a choice is said once.
    (rf"\b({_WHICH}) (oder|or|und|and) (?=(?:the )?{_WHICH} ({_WEEKDAYS})\b)", r"\1 \3 \2 "),
    (rf"^((?:in )?(?:dies\w*|this)) (oder|or|und|and) (?=(?:in )?{_WHICH} ((?:woche|week)(?: (?:am |on )?(?:{_WEEKDAYS}))?)\b)",
     r"\1 \3 \2 "),
    (r"(?:^|(?<= ))t(\d{2}:\d{2})(?::00(?:\.0+)?)?(?=[ ,]|\.?$|\. )", r"\1"),
    # The second number is no hour; without a word of a time it may be a day of a month.
    (rf"{_BEFORE}({_HOUR})-(2[5-9]|[3-5]\d)(?= ?(?:uhr|h|[ap]\.? ?m)\b)", r"\1:\2"),
    (rf"{_BEFORE}({_HOUR}):([0-5]\d)(?::00)? ?(?:h|hrs?|hours)\b", r"\1:\2"),
    (rf"{_BEFORE}({_HOUR})[.,]([0-5]\d) ?(?:h|hrs?|uhr)\b", r"\1:\2"),
    (r"\b([01]\d|2[0-4])([0-5]\d) ?(?:h|hrs|hours)\b", r"\1:\2"),
    (rf"{_BEFORE}{_NO_LENGTH}({_HOUR}) ?h ?([0-5]\d)\b(?!:|\.\d)", r"\1:\2"),
    (rf"(?:{_BEFORE}|(?<=-)|(?<=- )){_NO_LENGTH}({_HOUR}) ?h\b(?! (?:spaeter|frueher|lang|later|earlier))", r"\1:00"),
    (r"(?<![\d./])(\d{1,2}(?::\d\d)?) ?/ ?(?=\d{1,2}(?::\d\d)? ?(?:uhr|[ap]m)\b)", r"\1 , "),
    (r"^= ?(?=\d)", ""),
    (r" ?(?:>=|=>|≥|>) ?", " ≥ "),
    (r" ?(?:<=|=<|≤) ?", " ≤ "),
    (r" ?< ?", " < "),
    (r"^(?:~|≈) ?(?=\d)", "≈ "),
    (r"^- ?(?=\d)", "≤ "),
    (r"^(.*\d(?: ?[ap]m)?) ?[+-]$", r"≥ \1"),
    (r"\b(ab|bis|nach|vor|gegen|after|before|from|until|by)(?=\d)", r"\1 "),
    (rf"{_BEFORE}{_NO_DAY}({_HOUR}),(00|05|15|2[05]|3[05]|4[05]|5[05])\b{_NO_LIST}", r"\1:\2"),
)  # fmt: skip
