"""The German grammar: tables of rules that find the atoms. `spoken_times` combines and places them for all languages."""

from typing import Final

from askproai_runtime.spoken_times.de.days import DAYS
from askproai_runtime.spoken_times.de.times import CLOCKS, SPANS
from askproai_runtime.spoken_times.de.tokens import normalize
from askproai_runtime.spoken_times.de.vocabulary import MONTHS, NUMBERS, WEEKDAYS, WORDS
from askproai_runtime.spoken_times.grammar import Grammar

__all__ = ["GRAMMAR", "MONTHS", "NUMBERS", "WEEKDAYS"]

GRAMMAR: Final = Grammar.of(
    WORDS,
    days=DAYS,
    times=CLOCKS,
    spans=SPANS,
    normalize=normalize,
    bare_hour=r"(?P<hour>\d{1,2})(?![\d.:])(?: uhr)?(?! (?:tage?n?|wochen?|monate?n?)\b)",
    numbers=NUMBERS,
    weekdays=WEEKDAYS,
    hour_prefix="um",
    day_form="am {day}.",
    counts_to_24=True,
    may_exclude=("ausser ",),
)
