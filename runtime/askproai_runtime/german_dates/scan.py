"""Scan a normalized phrase into atoms: at each word the longest rule that matches. A word that no rule knows ends it."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeAlias

from askproai_runtime.german_dates.atoms import Atom, Clock, Op
from askproai_runtime.german_dates.days import DAY_RULES
from askproai_runtime.german_dates.times import BARE_HOUR, TIME_RULES, bare_hour
from askproai_runtime.german_dates.vocabulary import FILLERS


class UnknownWord(ValueError):
    """A word that may change the meaning, because no rule knows it."""


_OPS: tuple[tuple[str, Op], ...] = (
    (r"(?:erst )?(?:ab|(?:aller)?fruehestens|seit)(?: um)?|nicht vor|erst nach|nicht frueher als", Op.FROM),
    (r"nach", Op.AFTER),
    (r"(?:bis|(?:aller)?spaetestens)(?: spaetestens)?(?: zum| um)?|nicht nach|nicht spaeter als|hoechstens bis", Op.UNTIL),
    (r"(?:noch )?vor", Op.BEFORE),
    (r"zwischen|von|vom", Op.BETWEEN),
    (r"und|sowie", Op.AND),
    (r"oder|beziehungsweise|bzw|entweder|sonst|ansonsten|notfalls|alternativ", Op.OR),
    (r",", Op.COMMA),
    (r"~", Op.END),  # written by `tokens.py`
    (r"nicht|kein|keinen", Op.NOT),
    (r"ausser|bloss nicht|nur nicht|aber nicht|ohne|bis auf", Op.EXCEPT),
    (r"sondern", Op.BUT),
    (r"statt|anstatt|anstelle", Op.INSTEAD),
    (r"(?:ach |ae?h )?(?:nein|nee|ne)|quatsch|(?:ach )?schmarrn|stopp|halt stopp|moment|stimmt nicht", Op.CORRECT),
    (r"aeh|aehm", Op.HESITATE),
    (r"verzeihung|entschuldigung|pardon|ich meine|mein ich|warten sie", Op.CORRECT),
    (r"(?:so )?(?:gegen|ungefaehr|circa|zirka|ca|etwa)(?: um)?|so um", Op.ABOUT),
    (r"kurz nach", Op.SOON_AFTER),
    (r"kurz vor", Op.SOON_BEFORE),
)  # fmt: skip
_END = r"(?![\w])"
_Build: TypeAlias = Callable[[re.Match[str], datetime], Atom]


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern}){_END}")


def _of_day(build: Callable[[re.Match[str], date], Atom]) -> _Build:
    return lambda match, now: build(match, now.date())


_RULES: tuple[tuple[re.Pattern[str], _Build], ...] = (
    *((_compile(pattern), _of_day(build)) for pattern, build in DAY_RULES),
    *((_compile(pattern), build) for pattern, build in TIME_RULES),
)
_OPERATORS = tuple(
    (re.compile(f"(?:{pattern}){_END}" if pattern not in {",", "~"} else pattern), op) for pattern, op in _OPS
)
# What is said around a time, of words that have a meaning in one.
_NOISE = _compile(r"(?:schoenen )?guten (?:morgen|tag|abend|nachmittag)|auf jeden fall")
_MAX_WORDS = 60  # the event loop waits for a phrase, and nobody names a time in more
_WORD = re.compile(r"[^\s,]+")
# After these a number alone is an hour.
_BEFORE_HOUR = frozenset({Op.FROM, Op.AFTER, Op.UNTIL, Op.BEFORE, Op.BETWEEN, Op.ABOUT, Op.SOON_AFTER, Op.SOON_BEFORE})


def scan(text: str, now: datetime) -> list[Atom]:
    """Return the atoms of a normalized phrase. Raises `UnknownWord`, and what the rules raise."""
    if text.count(" ") >= _MAX_WORDS:
        raise UnknownWord("too many words for a time")
    atoms: list[Atom] = []
    position = 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        atom, position = _next(text, position, atoms, now)
        if atom is not None:
            atoms.append(atom)
    return atoms


def _next(text: str, position: int, before: list[Atom], now: datetime) -> tuple[Atom | None, int]:
    """Return the atom at a position and where it ends; no atom for words without a meaning."""
    if noise := _NOISE.match(text, position):
        return None, noise.end()
    matches = ((match, build) for pattern, build in _RULES if (match := pattern.match(text, position)))
    best = max(matches, default=None, key=lambda found: found[0].end())
    ends = ((match.end(), op) for pattern, op in _OPERATORS if (match := pattern.match(text, position)))
    operator = max(ends, default=None, key=lambda found: found[0])
    if best is not None and (operator is None or best[0].end() >= operator[0]):
        match, build = best
        return build(match, now), match.end()
    if operator is not None:
        return operator[1], operator[0]
    if _is_hour_due(before) and (match_hour := BARE_HOUR.match(text, position)):
        return bare_hour(match_hour), match_hour.end()
    word = _WORD.match(text, position)
    if word is None or word[0].strip(".-'") not in FILLERS:
        raise UnknownWord(text[position : position + 20])
    return None, word.end()


def _is_hour_due(before: list[Atom]) -> bool:
    """Return whether a number alone is an hour here: after "ab", "gegen", "zwischen", and after the "und" of "zwischen"."""
    if not before:
        return False
    is_second = Op.BETWEEN in before and len(before) > 1 and isinstance(before[-2], Clock)
    return before[-1] in _BEFORE_HOUR or (before[-1] is Op.AND and is_second)
