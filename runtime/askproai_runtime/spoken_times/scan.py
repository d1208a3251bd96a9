"""Scan a normalized phrase into atoms: at each word the longest matching rule. A word that no rule knows ends the scan."""

import re
from datetime import datetime

from askproai_runtime.spoken_times.atoms import Atom, Clock, Op
from askproai_runtime.spoken_times.grammar import Grammar
from askproai_runtime.spoken_times.times import full_hour


class UnknownWord(ValueError):
    """The error for a word that no rule knows, and that may change the meaning."""


_LAST_HOUR, _MAX_WORDS = 24, 60  # the event loop waits for a phrase, and nobody names a time in more
_WORD = re.compile(r"[^\s,]+")
# After these a number alone is an hour.
_BEFORE_HOUR = frozenset({
    Op.FROM, Op.AFTER, Op.LATER_THAN, Op.UNTIL, Op.BEFORE, Op.BETWEEN, Op.ABOUT, Op.SOON_AFTER, Op.SOON_BEFORE,
})  # fmt: skip


def scan(phrase: str, now: datetime, grammar: Grammar) -> list[Atom]:
    """Return the atoms of a phrase. Raises `UnknownWord`, and the errors of the rules."""
    text = grammar.normalize(phrase)
    if text.count(" ") >= _MAX_WORDS:
        raise UnknownWord("too many words for a time")
    atoms: list[Atom] = []
    position = 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        atom, position = _next(text, position, atoms, now, grammar)
        if atom is not None:
            atoms.append(atom)
    return atoms


def scan_known(words: str, now: datetime, grammar: Grammar) -> tuple[list[Atom], set[str]]:
    """Return the atoms of a sentence, and its unknown words. A number alone is an hour. Raises the errors of the rules."""
    text = grammar.normalize(words)
    if text.count(" ") >= _MAX_WORDS:
        raise UnknownWord("too many words for a time")
    atoms, unknown, position = list[Atom](), set[str](), 0
    while position < len(text):
        if text[position] == " ":
            position += 1
            continue
        try:
            atom, position = _next(text, position, atoms, now, grammar)
        except UnknownWord:
            if (hour := grammar.bare_hour.match(text, position)) and int(hour[1]) <= _LAST_HOUR:  # "Linie 25"
                atom, position = full_hour(hour), hour.end()
            else:
                word = _WORD.match(text, position)
                assert word is not None, "else it were a comma, which is an operator"
                unknown.add(word[0].strip(".-'"))
                atom, position = None, word.end()
        if atom is not None:
            atoms.append(atom)
    return atoms, unknown


def _next(text: str, position: int, before: list[Atom], now: datetime, grammar: Grammar) -> tuple[Atom | None, int]:
    """Return the atom at a position, None for words without a meaning, and the position at which it ends."""
    if noise := grammar.noise.match(text, position):
        return None, noise.end()
    matches = ((match, build) for pattern, build in grammar.rules if (match := pattern.match(text, position)))
    best = max(matches, default=None, key=lambda found: found[0].end())
    ends = ((match.end(), op) for pattern, op in grammar.operators if (match := pattern.match(text, position)))
    operator = max(ends, default=None, key=lambda found: found[0])
    if best is not None and (operator is None or best[0].end() >= operator[0]):
        match, build = best
        return build(match, now), match.end()
    if operator is not None:
        return operator[1], operator[0]
    if _is_hour_due(before) and (match_hour := grammar.bare_hour.match(text, position)):
        return full_hour(match_hour), match_hour.end()
    word = _WORD.match(text, position)
    if word is None or word[0].strip(".-'") not in grammar.fillers:
        raise UnknownWord(text[position : position + 20])
    return None, word.end()


def _is_hour_due(before: list[Atom]) -> bool:
    """Return whether a lone number is an hour here: after "ab", "gegen", "zwischen", and after the "und" of "zwischen"."""
    if not before:
        return False
    is_second = Op.BETWEEN in before and len(before) > 1 and isinstance(before[-2], Clock)
    return before[-1] in _BEFORE_HOUR or (before[-1] is Op.AND and is_second)
