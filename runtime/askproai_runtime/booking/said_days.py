"""Which days the caller's words since an answer choose or reject, where they leave no doubt. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from askproai_runtime.booking.answer_words import CONDITION, NO, is_question, words_of
from askproai_runtime.booking.declines import find_named_times, rejects_times
from askproai_runtime.german_dates import Mention, UnclearMention

_SENTENCE = re.compile(r"(?<=[!?;])\s+|(?<=\D\.)\s+")
_KEEPS = re.compile(
    r"\b(?:bleib\w*|(?:be)?lass(?:en?|t)?|behalt\w*|keep\w*|stay\w*|leave|stick|(?:selbe|gleiche|same)[nrm]? (?:tag|day))\b"
)


@dataclass(frozen=True, slots=True)
class SaidDays:
    """`chosen` and `rejected` are among the days that were asked for; `elsewhere`: another day is chosen.

    `objects`: some of the words reject something, or keep it as it is, whether or not a day is named with them.
    """

    chosen: frozenset[date]
    rejected: frozenset[date]
    elsewhere: bool
    objects: bool


def read_said_days(utterances: Iterable[str], times: Collection[datetime], now: datetime) -> SaidDays:
    """Return what the utterances say of the days of local `times`. `now` is the start of the call.

    A question or a condition says nothing of a day, nor does a sentence with words that may turn what it names.
    """
    chosen, rejected, elsewhere, is_turned, objects = set[date](), set[date](), False, False, False
    for sentence in (each for utterance in utterances for each in _SENTENCE.split(utterance)):
        said = words_of(sentence)
        objects |= bool(rejects_times(said) or NO.search(said) or _KEEPS.search(said))
        if is_question(sentence) or CONDITION.search(said):
            continue
        try:
            against, others = find_named_times(sentence, now)
            rejected |= _days_of(against, times)
            found = [_days_of([each], times) for each in others if each.has_day]
        except UnclearMention:
            continue
        is_turned |= rejects_times(said) and not against  # "da kann ich nicht" may be said of a day before it
        chosen |= {day for days in found for day in days}
        elsewhere |= not all(found)
    return SaidDays(frozenset() if is_turned else frozenset(chosen), frozenset(rejected), elsewhere, objects)


def _days_of(mentions: Iterable[Mention], times: Collection[datetime]) -> set[date]:
    return {at.date() for each in mentions if each.has_day for at in each.find_in(times, surely=True)}
