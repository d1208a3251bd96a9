"""Decide whether a caller who answers a question still agrees to the time that was said before. Pure.

The request with the answer reuses that time: a caller who has declined it meanwhile would be booked at it. In doubt the time is
asked for again.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from askproai_runtime.language.answer_words import KEEP, words_of
from askproai_runtime.language.declines import NUMBER, REJECTS
from askproai_runtime.language.name_words import POSSESSIVES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.kept_times
_LONGEST: Final = 500  # characters that are read: an answer needs no more
_CLAUSE: Final = re.compile(rf"[,;:!?\n]|(?<!\d)\.|\b(?:{_WORDS.between_clauses})\b")
# A caller who has to think, or to ask somebody, has not agreed yet.
DOUBTS: Final = re.compile(rf"\b(?:{_WORDS.doubts})\b")
# A word that spells a letter is beside the time, too.
_HARMLESS: Final = re.compile(
    rf"\b\w (?:{_WORDS.spelled_as}) \w+\b|\b(?:{_WORDS.harmless})\b"
    rf"|\b(?:{_WORDS.no_sign})(?: (?:{_WORDS.with_sign}))? (?:{_WORDS.sign})\b|\b(?:{_WORDS.now_right})"
)
_HOUR: Final = re.compile(rf"\b(?:{_WORDS.before_hour}) {NUMBER}\b|\b{NUMBER} (?:{_WORDS.behind_hour})\b")
_NUMBERED: Final = re.compile(rf"(?:{_WORDS.numbered})\b")
_COUNTED: Final = re.compile(rf"\b(?:{NUMBER}|{_WORDS.zero}|\d+)\b")
# The arguments that models pass in the caller's own words, and the arguments that contain numbers.
_VERBATIM: Final = frozenset({"customer_name", "email", "email_confirmed", "phone", "birth_date", "confirmed"})
_WITH_NUMBERS: Final = frozenset({"email", "phone", "birth_date", "party_size", "companions"})
_BESIDE_ANSWERS: Final = RELATIVES | TITLES | _WORDS.beside_answers


def leaves_time(said: str, answer: Mapping[str, Any], known: Mapping[str, Any], now: datetime) -> bool:
    """Return True if the caller's words since a question neither decline nor change the time of the request before it.

    `answer` has the arguments of the request after the question, and `known` those of earlier requests. Each clause must
    consist of words of these arguments, or of a plain answer: any other clause may hold a refusal. `now` is the start of the
    call.
    """
    values = {word for each in (known, answer) for word in _list_words(each)}
    are_verbatim = answer.keys() <= _VERBATIM
    are_numbers_known = not _WITH_NUMBERS.isdisjoint(answer)
    return len(said) <= _LONGEST and all(
        _is_answer(clause, values, now, is_verbatim=are_verbatim, is_number_known=are_numbers_known)
        for clause in map(words_of, _CLAUSE.split(said.casefold()))
    )


def _list_words(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from fold(value).split()
        case Mapping():
            for each in value.values():
                yield from _list_words(each)
        case list() | tuple():
            for each in value:
                yield from _list_words(each)


def _is_answer(clause: str, values: set[str], now: datetime, *, is_verbatim: bool, is_number_known: bool) -> bool:
    words = [(word, fold(word)) for word in _HARMLESS.sub(" ", clause).split()]
    rest = " ".join(word for word, folded in words if folded not in values)
    if REJECTS.search(rest) or KEEP.search(rest) or DOUBTS.search(rest):
        return False
    if is_number_known or _NUMBERED.search(rest):
        if _HOUR.search(rest):
            return False
        rest = " ".join(_COUNTED.sub(" ", rest).split())
    try:
        if find_mention(rest, now, ()) is not None:
            return False
    except UnclearMention:
        return False
    holds_value = any(folded in values for _, folded in words)
    others = {fold(word) for word in rest.split() if len(word) > 1} - _BESIDE_ANSWERS
    return holds_value or not is_verbatim or not {each for each in others if not POSSESSIVES.fullmatch(each)}
