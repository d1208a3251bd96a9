"""The English grammar: tables of rules that find the atoms of `german_dates`, which combines and places them in every language."""

from typing import Final

from askproai_runtime.german_dates.english.days import DAYS
from askproai_runtime.german_dates.english.preferences import VAGUE_PARTS
from askproai_runtime.german_dates.english.times import BARE_HOUR, TIMES, bare_hour
from askproai_runtime.german_dates.english.tokens import normalize
from askproai_runtime.german_dates.english.vocabulary import FILLERS, NOISE, NUMBERS, OPERATORS
from askproai_runtime.german_dates.grammar import Grammar

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
)
