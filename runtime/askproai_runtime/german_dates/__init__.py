"""German dates and times: what a caller's phrase can mean, and how a time is said. An unknown phrase is refused, never guessed.

`tokens.py` normalizes a phrase, `scan.py` finds its atoms by the tables of rules in `days.py`, `named_days.py` and `times.py`,
`combine.py` combines them, and `readings.py` places them in the calendar.
"""

from askproai_runtime.german_dates.phrase import understand, understand_parts
from askproai_runtime.german_dates.types import Candidate, Daily, Grain, Refusal, Understanding
from askproai_runtime.german_dates.vocabulary import format_day, format_spoken

__all__ = [
    "Candidate",
    "Daily",
    "Grain",
    "Refusal",
    "Understanding",
    "format_day",
    "format_spoken",
    "understand",
    "understand_parts",
]
