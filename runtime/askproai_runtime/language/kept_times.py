"""Decide whether a caller who answers a question still agrees to the time that was said before. Pure.

The request with the answer reuses that time: a caller who has declined it meanwhile would be booked at it. In doubt the caller is
asked whether it stays.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from askproai_runtime.language.answer_words import KEEP, words_of
from askproai_runtime.language.declines import NUMBER, rejects_times
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


class Stance(IntEnum):
    """Whether a time that was said before still counts: it is `LEFT` as it is, in `DOUBT`, or `DECLINED`."""

    LEFT = 0
    DOUBT = 1
    DECLINED = 2


def read_stance(
    said: str, answer: Mapping[str, Any], known: Mapping[str, Any], kept: Collection[datetime], now: datetime
) -> Stance:
    """Return whether the caller's words since a question decline or change the time of the request before it.

    `answer` has the arguments of the request after the question, and `known` those of earlier requests; `kept` are the local
    starts that they mean. A clause with other words than those of these arguments, or of a plain answer, may hold a refusal.
    `now` is the start of the call.
    """
    if len(said) > _LONGEST:
        return Stance.DECLINED
    values = {word for each in (known, answer) for word in _list_words(each)}
    heard = {fold(word) for word in words_of(said).split()}
    are_verbatim = all(name in _VERBATIM or heard.issuperset(_list_words(each)) for name, each in answer.items())
    are_numbers_known = not _WITH_NUMBERS.isdisjoint(answer)
    return max(
        _read_clause(clause, values, kept, now, is_verbatim=are_verbatim, is_number_known=are_numbers_known)
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


def _read_clause(
    clause: str,
    values: set[str],
    kept: Collection[datetime],
    now: datetime,
    *,
    is_verbatim: bool,
    is_number_known: bool,
) -> Stance:
    words = [(word, fold(word)) for word in _HARMLESS.sub(" ", clause).split()]
    rest = " ".join(word for word, folded in words if folded not in values)
    if rejects_times(rest) or KEEP.search(rest) or DOUBTS.search(rest):
        return Stance.DECLINED
    if _names(rest, kept, now):
        return Stance.LEFT
    if is_number_known or _NUMBERED.search(rest):
        if _HOUR.search(rest):
            return Stance.DECLINED
        rest = " ".join(_COUNTED.sub(" ", rest).split())
    try:
        if find_mention(rest, now, ()) is not None:
            return Stance.DECLINED
    except UnclearMention:
        return Stance.DOUBT
    others = {fold(word) for word in rest.split() if len(word) > 1} - _BESIDE_ANSWERS
    is_plain = not is_verbatim or all(POSSESSIVES.fullmatch(each) for each in others)
    return Stance.LEFT if is_plain else Stance.DOUBT


def _names(words: str, kept: Collection[datetime], now: datetime) -> bool:
    """Return whether words name the kept start, and nothing else."""
    try:
        mention = find_mention(words, now, ()) if kept else None
        return mention is not None and bool(mention.find_in(kept, surely=True))
    except UnclearMention:
        return False
