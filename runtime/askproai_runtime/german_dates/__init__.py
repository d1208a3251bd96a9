"""German dates and times: what a caller's phrase can mean, and how a time is said. An unknown phrase is refused, never guessed.

`tokens.py` normalizes a phrase, `scan.py` finds its atoms by the tables of rules in `days.py`, `named_days.py` and `times.py`,
`combine.py` combines them, and `readings.py` places them in the calendar.
"""

from askproai_runtime.german_dates.arguments import Argument, find_argument, is_understood, says_nothing
from askproai_runtime.german_dates.phrase import understand, understand_parts
from askproai_runtime.german_dates.types import Candidate, Daily, Grain, Refusal, Understanding
from askproai_runtime.german_dates.vocabulary import (
    MONTHS,
    WEEKDAY_NAMES,
    WEEKDAYS,
    fold,
    format_clock,
    format_day,
    format_spoken,
    format_written_day,
)

__all__ = [
    "MONTHS",
    "WEEKDAYS",
    "WEEKDAY_NAMES",
    "Argument",
    "Candidate",
    "Daily",
    "Grain",
    "Refusal",
    "Understanding",
    "find_argument",
    "fold",
    "format_clock",
    "format_day",
    "format_spoken",
    "format_written_day",
    "is_understood",
    "says_nothing",
    "understand",
    "understand_parts",
]
