"""Decide whether a caller who answers a question still agrees to the time that was said before. Pure.

The request with the answer reuses that time: a caller who has declined it meanwhile would be booked at it. In doubt the time is
asked for again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from askproai_runtime.language.answer_words import KEEP, words_of
from askproai_runtime.language.declines import NUMBER, rejects_times
from askproai_runtime.person_names import fold
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.agreement import may_agree
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
# The arguments that contain numbers.
_WITH_NUMBERS: Final = frozenset({"email", "phone", "birth_date", "party_size", "companions"})
_KINDS: Final = {"date": Argument.DATE, "time": Argument.TIME, "part_of_day": Argument.PART_OF_DAY}


def leaves_time(said: str, answer: Mapping[str, Any], known: Mapping[str, Any], now: datetime) -> bool:
    """Return True if the caller's words since a question neither decline nor change the time of the request before it.

    `answer` has the arguments of the request after the question, and `known` those of earlier requests. A clause that names a
    time has to agree with the known one. `now` is the start of the call.
    """
    others = {name: each for name, each in known.items() if name not in {*_KINDS, "start"}}
    values = {word for each in (others, answer) for word in _list_words(each)}
    times = [(str(known[name]), kind) for name, kind in _KINDS.items() if name in known]
    are_numbers_known = not _WITH_NUMBERS.isdisjoint(answer)
    return len(said) <= _LONGEST and all(
        _leaves_time(clause, values, times, now, is_number_known=are_numbers_known)
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


def _leaves_time(
    clause: str, values: set[str], times: Sequence[tuple[str, Argument]], now: datetime, *, is_number_known: bool
) -> bool:
    words = [(word, fold(word)) for word in _HARMLESS.sub(" ", clause).split()]
    rest = " ".join(word for word, folded in words if folded not in values)
    if rejects_times(rest) or KEEP.search(rest) or DOUBTS.search(rest):
        return False
    if any(may_agree(rest, text, kind) for text, kind in times):
        return True
    if is_number_known or _NUMBERED.search(rest):
        if _HOUR.search(rest):
            return False
        rest = " ".join(_COUNTED.sub(" ", rest).split())
    try:
        return find_mention(rest, now, ()) is None
    except UnclearMention:
        return False
