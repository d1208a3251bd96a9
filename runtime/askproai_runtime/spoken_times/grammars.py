"""The grammars of the languages in which calls are answered, and the choice of the grammar for an argument."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import import_module
from operator import itemgetter

from askproai_core.languages import Language
from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times.atoms import Atom, Op, Part
from askproai_runtime.spoken_times.grammar import Grammar, fold
from askproai_runtime.spoken_times.scan import UnknownWord, scan, scan_known
from askproai_runtime.understood import UNDERSTOOD

_SHORTEST_NAME = 3
_LINK = re.compile(
    rf"(\s*,\s*|\s*/\s*|\s+(?:{UNDERSTOOD.links.or_words}|{UNDERSTOOD.links.and_words})\s+)", re.IGNORECASE
)


@cache
def _grammar_of(language: Language) -> Grammar:
    """Return a language's grammar; all but German are imported at first use (10 ms), which no German call waits for."""
    grammar: Grammar = import_module(f"askproai_runtime.spoken_times.{language}").GRAMMAR
    return grammar


def present_grammar() -> Grammar:
    """Return the grammar of the present call's language."""
    return _grammar_of(present_language())


def _other_grammars() -> list[Grammar]:
    return [_grammar_of(language) for language in Language if language is not present_language()]


@cache
def list_number_words() -> frozenset[str]:
    """Return the folded number words of all languages."""
    return frozenset(word for language in Language for word in _grammar_of(language).numbers)


def scan_argument(text: str, now: datetime, *, is_time: bool = False) -> list[Atom]:
    """Return the atoms of one argument of a call function. Raises the errors of `scan`.

    Models write arguments in any language: an argument that cannot be read in the call's language is read in the other ones.
    With `is_time`, a lone number is an hour, also beside words that say nothing about when: `lieber elf`.
    """
    if not is_time:
        text = UNDERSTOOD.alone.days.get(fold(text).strip("."), text)
    unknown, own = None, present_grammar()
    completed = _complete(text, own) if is_time else text
    try:
        if atoms := scan(completed, now, own):
            return atoms
    except UnknownWord as error:
        unknown = error
    others = [(grammar, _complete(text, grammar) if is_time else text) for grammar in _other_grammars()]
    translated = ((grammar, _name_days(said, grammar)) for grammar, said in ((own, completed), *others))
    for grammar, said in (*others, *translated):
        with suppress(UnknownWord):
            foreign = scan(said, now, grammar)
            if not all(isinstance(atom, Op) for atom in foreign):  # "die" says nothing, in no language
                return _without_foreign_words(foreign)
    words, grammars = fold(text).split(), (own, *_other_grammars())
    telling = [word for word in words if not any(word in each.fillers for each in grammars)]
    if is_time and len(telling) == 1 < len(words) and (telling[0].isdecimal() or telling[0] in list_number_words()):
        return scan_argument(telling[0], now, is_time=True)
    if unknown is not None:
        raise unknown
    return []


def _name_days(text: str, grammar: Grammar) -> str:
    """Return a text with weekdays and months of other languages translated for this grammar: `Thursday nächste Woche`."""
    full = dict[str, str]()
    for other in (present_grammar(), *_other_grammars()):
        for own, foreign in ((grammar.weekdays, other.weekdays), (grammar.months, other.months)):
            by_number = {number: name for name, number in reversed([*own.items()])}
            full |= {
                name: by_number[number]
                for name, number in foreign.items()
                if name not in own and len(name) >= _SHORTEST_NAME
            }
    return re.sub(r"[^\W\d_]+", lambda word: full.get(fold(word[0]), word[0]), text)


def scan_known_argument(text: str, now: datetime) -> list[Atom]:
    """Return the atoms of an argument without its unknown words, by the language that knows most of its words. Raises
    `ValueError` or `OverflowError` if it has an impossible day or time in the language of the call: "28." is no hour in others.
    """
    atoms, unknown = scan_known(text, now, present_grammar())
    read = [(len(unknown), atoms)]
    for grammar in _other_grammars():
        with suppress(ValueError, OverflowError):
            atoms, unknown = scan_known(text, now, grammar)
            read.append((len(unknown), atoms))
    return min(read, key=itemgetter(0))[1]


def _complete(text: str, grammar: Grammar) -> str:
    """Return the text of a time with the language's hour prefix before each lone number: `um 10 oder um 15` for `10 oder 15`."""
    prefixed = re.compile(rf"^{grammar.hour_prefix}\s+", re.IGNORECASE)
    hours, links = [prefixed.sub("", each) for each in _LINK.split(text)[::2]], [*_LINK.split(text)[1::2], ""]
    if not all(fold(hour).isdecimal() or fold(hour) in grammar.numbers for hour in hours):
        return text
    listed = zip(hours, (", " if "/" in link else link for link in links), strict=True)
    return "".join(f"{grammar.hour_prefix} {hour}{link}" for hour, link in listed)


def _without_foreign_words(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the atoms without the other language's names of parts of the day: the caller hears their hours instead."""
    return [replace(atom, spoken="") if isinstance(atom, Part) else atom for atom in atoms]
