"""Find the days that the caller's words since our last answer certainly choose or reject. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from askproai_runtime.language.answer_words import CONDITION, NO, is_question, words_of
from askproai_runtime.language.declines import drop_neutral, find_named_times, rejects_times
from askproai_runtime.spoken_times import ALL_WEEKDAYS, fold
from askproai_runtime.spoken_times.mentions import Mention, UnclearMention
from askproai_runtime.understood import UNDERSTOOD

_SENTENCE = re.compile(r"(?<=[!?;])\s+|(?<=\D\.)\s+")
_KEEPS = re.compile(rf"\b(?:{UNDERSTOOD.days.keeps})\b")


@dataclass(frozen=True, slots=True)
class SaidDays:
    """The days that a caller's words choose (`chosen`) and reject (`rejected`), among the days asked about. `elsewhere`: the
    words choose a day that was not asked about.

    `doubtful` are the weekdays (0 is Monday) that may be chosen or rejected. `objects`: the offer is rejected, and not only an
    hour of it. `keeps`: the caller wants something to stay as it is.
    """

    chosen: frozenset[date]
    rejected: frozenset[date]
    elsewhere: bool
    doubtful: frozenset[int]
    objects: bool
    keeps: bool

    def may_mean_another(self, days: Iterable[date]) -> bool:
        """Return True if the caller may have chosen a day that is not in `days`."""
        return self.elsewhere or not self.doubtful <= {day.weekday() for day in days}


def read_said_days(utterances: Iterable[str], times: Collection[datetime], now: datetime) -> SaidDays:
    """Return the days of local `times` that the utterances choose or reject. `now` is the start of the call.

    A question or a condition says nothing for certain, nor does a sentence with words that may reverse its meaning.
    """
    chosen, rejected, doubtful = set[date](), set[date](), set[int]()
    elsewhere = objects = keeps = False
    for sentence in (each for utterance in utterances for each in _SENTENCE.split(utterance)):
        said = drop_neutral(words_of(sentence))
        rejects = rejects_times(said)
        keeps |= bool(_KEEPS.search(said))
        try:
            against, others = _read_sentence(sentence, now)
            days_against, days_for = _list_days(against, times), _list_days(others, times)
        except UnclearMention:
            doubtful |= {ALL_WEEKDAYS[word] for word in fold(said).split() if word in ALL_WEEKDAYS}
            objects |= rejects or bool(NO.search(said))
            continue
        objects |= not against and (rejects or bool(NO.search(said)))
        if rejects and not against:  # "da kann ich nicht" may be said of a day before it
            chosen.clear()
        rejected.update(*days_against)
        chosen.update(*days_for)
        elsewhere |= not all(days_for)
    return SaidDays(frozenset(chosen), frozenset(rejected), elsewhere, frozenset(doubtful), objects, keeps)


def _read_sentence(sentence: str, now: datetime) -> tuple[Sequence[Mention], Sequence[Mention]]:
    """Return the times that a sentence rejects, and all other times in it. Raises `UnclearMention` if a time is not clear."""
    if is_question(sentence) or CONDITION.search(words_of(sentence)):
        raise UnclearMention("a question or a condition")
    return find_named_times(sentence, now)


def _list_days(mentions: Iterable[Mention], times: Collection[datetime]) -> list[set[date]]:
    """Return one set for each mention that names a day: the local days of those `times` that the mention certainly covers."""
    return [{at.date() for at in each.find_in(times, surely=True)} for each in mentions if each.has_day]
