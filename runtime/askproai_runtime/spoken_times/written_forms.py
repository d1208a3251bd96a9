"""Rewrite times and dates in foreign notations: `14h30`, `14,30`, `T14:30`, `2026/12/10`. For folded text.

Models and transcripts use them in every language. Each becomes `14:30`, or a date in ISO or with slashes.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from askproai_core.languages import Language
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN, not_behind

Replacement: TypeAlias = str | Callable[[re.Match[str]], str]
HOUR = r"(?:[01]?\d|2[0-4])"
BEFORE = r"(?<![\d.,:/-])(?<!\d )\b"
_WORDS = UNDERSTOOD.forms
_AND_OR = f"{UNDERSTOOD.links.or_words}|{UNDERSTOOD.links.and_words}"
_CLOCK = UNDERSTOOD.values.clock
SHORT_YEAR = rf"(?:2[5-9]|[34]\d)(?!:\d|[/-]| ?(?:{_CLOCK})\b)"  # no hour, no year of birth
# "in 2h" counts hours from now, and "für 2 h" says how long.
_NO_LENGTH = not_behind(_WORDS.before_length.split("|"))
_NO_DAY = not_behind(_WORDS.before_day.split("|"))
# "14,15. Dezember" are two days.
_NO_LIST = rf"(?! ?(?:,|{_AND_OR}|/|-)|\d|\. ?(?:\d|{_WORDS.months}))"
_WHICH = f"(?:{_WORDS.which})"
_IN = f"(?:(?:{_WORDS.in_words}) )?"
_OF_ARGUMENTS = UNDERSTOOD.alone.days  # "so" is a day only beside another day
_WEEKDAY = "|".join([*UNDERSTOOD.counted.weekdays, *UNDERSTOOD.grammar.further_weekdays, *_OF_ARGUMENTS])
_ON_WEEKDAY = rf"(?: (?:(?:{_WORDS.on_words}) )?(?:{_WORDS.weekdays}))?"
_PART_OF_DAY = "|".join(map(re.escape, UNDERSTOOD.values.parts))
_MONTH = rf"(?:{_WORDS.months})[a-z]*"
# A range of days in one month: `2026-12-07 - 09`. "Bis 16" may also be an hour.
_TO_DAY = (
    rf"\b(\d{{4}}-\d\d-)(\d\d) ?(?:[-–—/] ?(?=\d\d)|(?:{UNDERSTOOD.links.to_day}) (?=0\d|2[5-9]|3[01]))(\d\d)"
    rf"\.?(?![\d:-]| ?(?:{_CLOCK})\b)"
)
_NUMBER = r"\d{1,2}(?:\.|st|nd|rd|th)?"
_NUMBERS = rf"(?<![\d./-])\b{_NUMBER}(?: ?/ ?{_NUMBER})+"


def _weekday(word: str) -> str:
    return str(_OF_ARGUMENTS.get(word, word))


def _list_days(match: re.Match[str]) -> str:
    """Return `11. dezember | 12. dezember` for two days of one month that are written like a fraction: `11./12. dezember`."""
    before, days, after = match["before"] or "", re.split(" ?/ ?", match["days"]), match["after"] or ""
    return " | ".join(f"{before}{day}{after}" for day in days)


WRITTEN_FORMS: Final[tuple[tuple[str, Replacement], ...]] = (
    (r"(?<![\d/.,:-])\b(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\b(?![/:-])", r"\1-\2-\3"),
    (r"(?<![\d/.])\b(\d{4})([/.])(\d{1,2})\2(\d{1,2})\b(?![/\d])",
     lambda match: f"{match[1]}-{int(match[3]):02}-{int(match[4]):02}"),
    (rf"(?<![\d/-])\b(\d{{1,2}})([/-])(\d{{1,2}})\2(\d{{4}}|{SHORT_YEAR})\b",
     lambda match: f"{match[1]}/{match[3]}/{f'20{match[4]}'[-4:]}"),
    (_TO_DAY, lambda match: f"{match[1]}{match[2]} - {match[1]}{match[3]}" if match[3] > match[2] else match[0]),
    (rf"\b({_MONTH})([-/])(\d{{1,2}})\2(?=\d{{4}}\b)", r"\3 \1 "),
    (rf"\b(\d{{4}})([-/])({_MONTH})\2(\d{{1,2}})\b", r"\4 \3 \1"),
    (rf"(?<![\d./-])\b(\d{{1,2}})[-/](?={_MONTH}\b)", r"\1 "),
    (rf"(?<=\d )({_MONTH})[-/](\d{{4}}|{SHORT_YEAR})\b", lambda match: f"{match[1]} {f'20{match[2]}'[-4:]}"),
    # The day of a choice is said once.
    (rf"\b({_WHICH}) ({_AND_OR}) (?=(?:(?:{_WORDS.article}) )?{_WHICH} ({_WORDS.weekdays})\b)", r"\1 \3 \2 "),
    (rf"^({_IN}(?:{_WORDS.this})) ({_AND_OR}) (?={_IN}{_WHICH} ((?:{_WORDS.week}){_ON_WEEKDAY})\b)", r"\1 \3 \2 "),
    (rf"\b({_WEEKDAY})\.? ?[-/] ?(?=(?:{_PART_OF_DAY})\b)", r"\1 "),
    (rf"(?<![\w-])({_WEEKDAY})\.? ?- ?({_WEEKDAY})\b\.?(?![\w-])",
     lambda match: f"{_weekday(match[1])} ≤ {_weekday(match[2])}"),
    (rf"\b({_WEEKDAY})\.?(?= ?/ ?(?:{_WEEKDAY})\b)|(?<=/)( ?(?:{_WEEKDAY}))\b",
     lambda match: _weekday((match[1] or match[2]).strip())),
    (rf"\b(?:{UNDERSTOOD.links.and_words}) ?/ ?(?=(?:{UNDERSTOOD.links.or_words})\b)", ""),
    (r"(?<=[a-z]) ?/ ?(?=[a-z])", " | "),
    (rf"(?P<before>)(?P<days>{_NUMBERS})(?P<after> ?{_MONTH}|(?:(?<=\.)|(?<=\. ))\d{{1,2}}\.)", _list_days),
    (rf"(?P<before>\b{_MONTH}\.? )(?P<days>{_NUMBERS})(?P<after>)(?![\d/.:-])", _list_days),
    (rf"(?<![\d./-])\b(\d{{1,2}})\.? (?:{UNDERSTOOD_IN[Language.DE].links.until}) (?=\d{{1,2}}\.? {_MONTH}\b)", r"\1. ≤ "),
    (r"(?<![\d./-])\b(\d{1,2}\.) ?([-–/]) ?(?=\d{1,2}\.(?! uhr))", lambda match: f"{match[1]} {'|' if match[2] == '/' else '≤'} "),
    (r"(?:^|(?<= ))t(\d{2}:\d{2})(?::00(?:\.0+)?)?(?=[ ,]|\.?$|\. )", r"\1"),
    # The second number is no hour; without a word of a time it may be a day of a month.
    (rf"{BEFORE}({HOUR})-(2[5-9]|[3-5]\d)(?= ?(?:{_CLOCK}|h|[ap]\.? ?m)\b)", r"\1:\2"),
    (rf"{BEFORE}({HOUR}):([0-5]\d)(?::00)? ?(?:h|hrs?|{_WORDS.hours})\b", r"\1:\2"),
    (rf"{BEFORE}({HOUR})[.,]([0-5]\d) ?(?:h|hrs?|{_CLOCK})\b", r"\1:\2"),
    (rf"\b([01]\d|2[0-4])([0-5]\d) ?(?:h|hrs|{_WORDS.hours})\b", r"\1:\2"),
    (rf"{BEFORE}{_NO_LENGTH}({HOUR}) ?h ?([0-5]\d)\b(?!:|\.\d)", r"\1:\2"),
    (rf"(?:{BEFORE}|(?<=-)|(?<=- )){_NO_LENGTH}({HOUR}) ?h\b(?! (?:{_WORDS.after_length}))", r"\1:00"),
    (rf"(?<![\d./])(\d{{1,2}}(?::\d\d)?) ?/ ?(?=\d{{1,2}}(?::\d\d)? ?(?:{_CLOCK}|[ap]m)\b)", r"\1 , "),
    (r"^= ?(?=\d)", ""),
    (r" ?(?:>=|=>|≥|>) ?", " ≥ "),
    (r" ?(?:<=|=<|≤) ?", " ≤ "),
    (r" ?< ?", " < "),
    (r"^(?:~|≈) ?(?=\d)", "≈ "),
    (r"^- ?(?=\d)", "≤ "),
    (r"^(.*\d(?: ?[ap]m)?) ?[+-]$", r"≥ \1"),
    (rf"\b({_WORDS.bounds})(?=\d)", r"\1 "),
    (rf"{BEFORE}{_NO_DAY}({HOUR}),(00|05|15|2[05]|3[05]|4[05]|5[05])\b{_NO_LIST}", r"\1:\2"),
)  # fmt: skip
