"""The English grammar: tables of rules that find the atoms. `spoken_times` combines and places them for all languages."""

from typing import Final

from askproai_runtime.spoken_times.english.days import DAYS
from askproai_runtime.spoken_times.english.preferences import VAGUE_PARTS
from askproai_runtime.spoken_times.english.times import BARE_HOUR, TIMES, bare_hour
from askproai_runtime.spoken_times.english.tokens import normalize
from askproai_runtime.spoken_times.english.vocabulary import FILLERS, MONTHS, NOISE, NUMBERS, OPERATORS, WEEKDAYS
from askproai_runtime.spoken_times.grammar import Grammar

__all__ = ["ENGLISH"]

ENGLISH: Final = Grammar.of(
    days=DAYS,
    times=(*TIMES, *VAGUE_PARTS),
    operators=OPERATORS,
    noise=NOISE,
    normalize=normalize,
    fillers=FILLERS,
    bare_hour=BARE_HOUR,
    build_hour=bare_hour,
    numbers=NUMBERS,
    hour_prefix="at",
    day_form="the {day}th",
    weekdays=WEEKDAYS,
    months=MONTHS,
    counts_to_24=False,
)
