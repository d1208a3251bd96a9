"""Read the dates and times that callers say, in German or English. An unknown phrase is refused, never guessed.

A grammar (`de/`, `en/`) normalizes a phrase, and `scan.py` finds its atoms by the grammar's rules; `combine.py`
combines them, and `readings.py` places them in the calendar. The words of answers for a time are in
`askproai_runtime.sentences`.
"""

from collections.abc import Mapping
from typing import Final

from askproai_runtime.spoken_times.argument_values import names_date
from askproai_runtime.spoken_times.atoms import AFTERNOON, Days
from askproai_runtime.spoken_times.counted_times import count_day, count_from, counts_time
from askproai_runtime.spoken_times.grammar import NOT, fold
from askproai_runtime.spoken_times.grammars import list_number_words
from askproai_runtime.spoken_times.iso import parse_instant
from askproai_runtime.spoken_times.parts import agree, understand_parts
from askproai_runtime.spoken_times.phrase import understand
from askproai_runtime.spoken_times.readings import exact_at
from askproai_runtime.spoken_times.starts import understand_start
from askproai_runtime.spoken_times.types import Argument, Candidate, Daily, Grain, Refusal, Understanding
from askproai_runtime.spoken_times.written_values import read_day as read_written_day
from askproai_runtime.understood import UNDERSTOOD

# Folded words of all languages.
ALL_WEEKDAYS: Final[Mapping[str, int]] = UNDERSTOOD.counted.weekdays  # 0 is Monday
ALL_MONTHS: Final = frozenset(UNDERSTOOD.grammar.months)

__all__ = [
    "AFTERNOON", "ALL_MONTHS", "ALL_WEEKDAYS", "NOT", "Argument", "Candidate", "Daily", "Days", "Grain", "Refusal", "Understanding",
    "agree", "agreement", "arguments", "count_day", "count_from", "counts_time", "exact_at", "excluded_days", "fold",
    "list_number_words", "mentioned_days", "mentions", "names_date", "parse_instant", "read_written_day", "understand",
    "understand_parts", "understand_start",
]  # fmt: skip
