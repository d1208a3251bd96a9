"""The German grammar: tables of rules that find the atoms. `spoken_times` combines and places them for all languages."""

from typing import Final

from askproai_runtime.spoken_times.day_ranges import DAY_RANGES
from askproai_runtime.spoken_times.german.dates import COUNTED_DAYS, DATES
from askproai_runtime.spoken_times.german.months import MONTH_RULES
from askproai_runtime.spoken_times.german.named_days import NAMED_DAYS
from askproai_runtime.spoken_times.german.preferences import LATEST, VAGUE_PARTS, WHENEVER
from askproai_runtime.spoken_times.german.times import BARE_HOUR, TIMES, bare_hour
from askproai_runtime.spoken_times.german.tokens import normalize
from askproai_runtime.spoken_times.german.vocabulary import FILLERS, MONTHS, NOISE, NUMBERS, OPERATORS, WEEKDAYS
from askproai_runtime.spoken_times.german.weekdays import WEEK_RULES, WEEKDAY_RULES
from askproai_runtime.spoken_times.grammar import Grammar

__all__ = ["GERMAN"]

GERMAN: Final = Grammar.of(
    days=(
        *DAY_RANGES, *DATES, *COUNTED_DAYS, *WEEKDAY_RULES, *WEEK_RULES, *MONTH_RULES, *NAMED_DAYS, *WHENEVER, *LATEST
    ),
    times=(*TIMES, *VAGUE_PARTS),
    operators=OPERATORS,
    noise=NOISE,
    normalize=normalize,
    fillers=FILLERS,
    bare_hour=BARE_HOUR,
    build_hour=bare_hour,
    numbers=NUMBERS,
    hour_prefix="um",
    day_form="am {day}.",
    weekdays=WEEKDAYS,
    months=MONTHS,
    counts_to_24=True,
    may_exclude=("ausser ",),
)  # fmt: skip
