"""The grammar of one language: how a phrase is normalized, and the tables of rules that find its atoms.

`WORDS` has the words that count in each call, whatever its language.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias

from askproai_core.tenant_config import Language
from askproai_runtime.spoken_times.atoms import Atom, Clock, Op
from askproai_runtime.understood_words import read_understood

WORDS_IN, WORDS = read_understood({
    language: Path(__file__).parent / Path(language.words_file).stem / "words.toml" for language in Language
})  # fmt: skip
Build: TypeAlias = Callable[[re.Match[str], datetime], Atom]
_END = r"(?![\w])"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "–": "-"})
# Written before a value in any language, by `written_forms.py`.
_SIGNS = tuple(
    (re.compile(sign), op) for sign, op in (("≥", Op.FROM), ("≤", Op.UNTIL), ("<", Op.BEFORE), ("≈", Op.ABOUT))
)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The compiled tables of one language, which `scan.py` reads.

    `noise` are groups of words without a meaning, `fillers` single words. `bare_hour` finds a lone number after a word that
    requires a time. `hour_prefix` makes a lone number an hour, `day_form` a day of the month. Names of other languages are
    translated to `weekdays` and `months`. `counts_to_24`: `9:30` is never in the evening. An argument that begins with a word of
    `may_exclude` may name a day that is not wanted.
    """

    normalize: Callable[[str], str]
    rules: Sequence[tuple[re.Pattern[str], Build]]
    operators: Sequence[tuple[re.Pattern[str], Op]]
    noise: re.Pattern[str]
    fillers: Collection[str]
    bare_hour: re.Pattern[str]
    build_hour: Callable[[re.Match[str]], Clock]
    numbers: Mapping[str, int]
    hour_prefix: str
    day_form: str
    weekdays: Mapping[str, int]
    months: Mapping[str, int]
    counts_to_24: bool
    may_exclude: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        days: Sequence[tuple[str, Callable[[re.Match[str], date], Atom]]],
        times: Sequence[tuple[str, Build]],
        operators: Sequence[tuple[str, Op]],
        noise: str,
        **others: Any,
    ) -> Self:
        """Compile tables of patterns. A rule's function gets the match, and the day (for times: the time) of the call."""
        return cls(
            rules=(
                *((_compile(pattern), _of_day(build)) for pattern, build in days),
                *((_compile(pattern), build) for pattern, build in times),
            ),
            operators=(
                *_SIGNS,
                *(
                    (_compile(pattern) if pattern not in {",", "~"} else re.compile(pattern), op)
                    for pattern, op in operators
                ),
            ),
            noise=_compile(noise),
            **others,
        )


def fold(text: str) -> str:
    """Return the text in lower case, without umlauts, with single spaces."""
    return " ".join(text.lower().translate(_UMLAUTS).split())


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern}){_END}")


def _of_day(build: Callable[[re.Match[str], date], Atom]) -> Build:
    return lambda match, now: build(match, now.date())
