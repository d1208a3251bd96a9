"""The grammar of one language: how a phrase is normalized, and the tables of rules that find its atoms."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self, TypeAlias

from askproai_runtime.spoken_times.atoms import Atom, Op
from askproai_runtime.spoken_times.rules import Rule as DayRule
from askproai_runtime.spoken_times.rules import preferences_of
from askproai_runtime.spoken_times.times import parts_of
from askproai_runtime.understood import Understood

Build: TypeAlias = Callable[[re.Match[str], datetime], Atom]
TimeRule: TypeAlias = tuple[str, Build]
_END = r"(?![\w])"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'", "–": "-"})
NOT = re.compile(r"\b[Nn]ich\b")  # as it is spoken
# Signs in any language: `written_forms.py` writes the first five, `arguments.py` that of an exclusion, `tokens.py` its end.
_SIGNS = tuple(
    (re.compile(sign), op)
    for sign, op in (
        ("≥", Op.FROM), ("≤", Op.UNTIL), ("<", Op.BEFORE), ("≈", Op.ABOUT), (r"\|", Op.OR), ("≠", Op.EXCEPT), (",", Op.COMMA),
        ("~", Op.END),
    )
)  # fmt: skip


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
        words: Understood,
        *,
        days: Sequence[DayRule],
        times: Sequence[TimeRule],
        spans: Sequence[TimeRule],
        bare_hour: str,
        **others: Any,
    ) -> Self:
        """Compile a language's tables of patterns and its words.

        A rule's function gets the match, and the day (for times: the time) of the call. `spans` count from that time.
        """
        said = words.operators
        return cls(
            rules=(
                *((_compile(pattern), _of_day(build)) for pattern, build in (*days, *preferences_of(words))),
                *((_compile(pattern), build) for pattern, build in (*times, *parts_of(words), *spans)),
            ),
            operators=(
                *_SIGNS,
                *(
                    (_compile(pattern), Op[key.upper()])
                    for key, pattern in zip(said.keys, said, strict=True)
                    if pattern
                ),
            ),
            noise=_compile(words.grammar.noise),
            fillers=words.grammar.fillers,
            months=words.grammar.months,
            bare_hour=re.compile(bare_hour),
            **others,
        )


def fold(text: str) -> str:
    """Return the text in lower case, without umlauts, with single spaces, and with "nich" as "nicht"."""
    return NOT.sub("nicht", " ".join(text.lower().translate(_UMLAUTS).split()))


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern}){_END}")


def _of_day(build: Callable[[re.Match[str], date], Atom]) -> Build:
    return lambda match, now: build(match, now.date())
