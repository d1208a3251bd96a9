"""German dates and times: what a caller's phrase can mean, and how a time is said. An unknown phrase is refused, never guessed.

`phrase.py` parses a whole phrase; it takes the day (`calendar_day.py`), then the time (`clock_time.py`).
"""

from askproai_runtime.german_dates.phrase import Candidate, Grain, Refusal, Understanding, understand, understand_parts
from askproai_runtime.german_dates.vocabulary import format_day, format_spoken

__all__ = [
    "Candidate",
    "Grain",
    "Refusal",
    "Understanding",
    "format_day",
    "format_spoken",
    "understand",
    "understand_parts",
]
