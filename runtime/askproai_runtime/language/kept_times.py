"""Decide whether a caller who answers a question still agrees to the time that was said before. Pure.

The request with the answer reuses that time: a caller who has declined it meanwhile would be booked at it. In doubt the caller is
asked whether it stays.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from askproai_runtime.language.answer_words import KEEP, words_of
from askproai_runtime.language.birth_dates import list_birth_dates
from askproai_runtime.language.declines import NUMBER, find_named_times, rejects_times
from askproai_runtime.language.name_words import POSSESSIVES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.spoken_times import counts_time
from askproai_runtime.spoken_times.mentions import Mention, UnclearMention, find_mention
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
# Words with which a no is about the time: "da geht es nicht", but not "nicht Voigt".
_TIMELY: Final = re.compile(rf"\b(?:{_WORDS.timely})\b")
# "hat sich erledigt", but not "vergessen Sie es nicht"
_GIVES_UP: Final = re.compile(rf"\b(?:{_WORDS.gives_up})")
UNFIT: Final = re.compile(rf"\b(?:{UNDERSTOOD.one_more.unfit})\b")
RATHER: Final = re.compile(rf"\b(?:{UNDERSTOOD.one_more.rather})\b")
_HOUR: Final = re.compile(rf"\b(?:{_WORDS.before_hour}) {NUMBER}\b|\b{NUMBER} (?:{_WORDS.behind_hour})\b")
_NUMBERED: Final = re.compile(rf"(?:{_WORDS.numbered})\b")
_COUNTED: Final = re.compile(rf"\b(?:{NUMBER}|{_WORDS.zero}|\d+)\b")
# The arguments that models pass in the caller's own words, and the arguments that contain numbers.
_VERBATIM: Final = frozenset({"customer_name", "email", "email_confirmed", "phone", "birth_date", "confirmed"})
_WITH_NUMBERS: Final = frozenset({"email", "phone", "birth_date", "party_size", "companions"})
_BESIDE_ANSWERS: Final = RELATIVES | TITLES | _WORDS.beside_answers


class Stance(IntEnum):
    """Whether a time that was said before still counts: it is `LEFT`, beside words that nobody can list (`UNSURE`), in `DOUBT`,
    given up (`WITHDRAWN`), `DECLINED`, or named with a no (`REFUSED`).
    """

    LEFT = 0
    UNSURE = 1
    DOUBT = 2
    WITHDRAWN = 3
    DECLINED = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Answered:
    """The request with the reply to our question: its arguments are `values`, those of earlier requests without their times are
    `known`. Both together are for one of the local starts in `kept`, if these are known. `names_time`: the reply names this time
    or a part of it; `names_other`: it names the time of another appointment.
    """

    values: Mapping[str, Any]
    known: Mapping[str, Any]
    kept: Collection[datetime]
    names_time: bool = False
    names_other: bool = False


def read_stance(said: str, answered: Answered, now: datetime) -> Stance:
    """Return whether the caller's words since a question decline or change the time of the request before it. A clause with other
    words than those of the arguments, or of a plain answer, may hold a refusal. `now` is the start of the call.
    """
    if len(said) > _LONGEST:
        return Stance.DECLINED
    own = {name: each for name, each in answered.known.items() if name not in {"notes", "message"}}
    values = {word for each in (own, answered.values) for word in _list_words(each)}
    heard = {fold(word) for word in words_of(said).split()}
    is_verbatim = not answered.names_time and all(
        name in _VERBATIM or heard.issuperset(_list_words(each)) for name, each in answered.values.items()
    )
    clauses = [words_of(each) for each in _CLAUSE.split(said.casefold())]
    stances = [_read_clause(clause, values, answered, now, is_verbatim=is_verbatim) for clause in clauses]
    if answered.names_time:  # a doubt before the time is about the offers: "da muss ich arbeiten, und um sieben?"
        named = [at for at, each in enumerate(clauses) if names_start(each, answered.kept, now, surely=False)]
        before = named[-1] if named else len(clauses)
        stances = [Stance.LEFT if at < before and each is Stance.DOUBT else each for at, each in enumerate(stances)]
    return max(stances)


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


def _read_clause(clause: str, values: set[str], answered: Answered, now: datetime, *, is_verbatim: bool) -> Stance:
    words = [(word, fold(word)) for word in _HARMLESS.sub(" ", clause).split()]
    rest = " ".join(word for word, folded in words if folded not in values)
    names_any = answered.names_time or answered.names_other
    if _rejects(rest, answered.kept, now):
        return Stance.REFUSED
    if not names_any and _declines(rest, answered.kept, now):
        return Stance.DECLINED
    if _GIVES_UP.search(clause):
        return Stance.WITHDRAWN
    if rejects_times(rest) or KEEP.search(rest) or DOUBTS.search(rest):
        return Stance.LEFT if names_any and _chooses(rest, answered.kept, now) else Stance.DOUBT
    if names_any or names_start(rest, answered.kept, now):
        return Stance.LEFT
    births = list_birth_dates(str(answered.values.get("birth_date", "")), now.date())
    if births and not {*births}.isdisjoint(list_birth_dates(rest, now.date())):
        return Stance.LEFT
    if _NUMBERED.search(rest) or not _WITH_NUMBERS.isdisjoint(answered.values):
        if _HOUR.search(rest):
            return Stance.DECLINED
        rest = " ".join(_COUNTED.sub(" ", rest).split())
    return _read_rest(rest, answered, now, is_verbatim=is_verbatim)


def _read_rest(rest: str, answered: Answered, now: datetime, *, is_verbatim: bool) -> Stance:
    """Return the stance of words that are neither values nor a refusal: another time, or words that nobody can list."""
    try:
        if find_mention(rest, now, ()) is not None:
            return Stance.DECLINED
    except UnclearMention:
        return Stance.DOUBT
    if names_another(rest, answered.kept, now):
        return Stance.DOUBT
    others = {fold(word) for word in rest.split() if len(word) > 1} - _BESIDE_ANSWERS
    is_plain = not is_verbatim or all(POSSESSIVES.fullmatch(each) for each in others)
    return Stance.LEFT if is_plain else Stance.UNSURE


def _chooses(words: str, kept: Collection[datetime], now: datetime) -> bool:
    """Return whether a clause with a no or a doubt chooses among times: "dann lieber elf", "zehn geht nicht"."""
    return names_another(words, kept, now) or names_start(words, kept, now, surely=False)


def _rejects(words: str, kept: Collection[datetime], now: datetime) -> bool:
    """Return whether a clause names the kept start with a no: "Freitag geht nicht", but not "um zehn, nicht um elf"."""
    try:
        rejected, others = find_named_times(_drop_bare_numbers(words), now) if kept else ((), ())
        return _names_any(rejected, kept) and not _names_any(others, kept)
    except UnclearMention:
        return False


def _drop_bare_numbers(words: str) -> str:
    """Return a clause without numbers that may count anything: "nicht zwei"."""
    is_timely = _TIMELY.search(words) or _HOUR.search(words)
    return words if is_timely else " ".join(_COUNTED.sub(" ", words).split())


def _names_any(mentions: Iterable[Mention], kept: Collection[datetime]) -> bool:
    return any(each.find_in(kept, surely=False) for each in mentions)


def _declines(words: str, kept: Collection[datetime], now: datetime) -> bool:
    """Return whether a clause declines the kept start: "da geht es nicht", "eine Stunde später", "lieber am Samstag"."""
    if UNFIT.search(words) or counts_time(words):
        return True
    try:
        mention = find_mention(_drop_bare_numbers(words), now, None)
        if mention is not None and kept and not mention.find_in(kept, surely=False):
            return RATHER.search(words) is not None
    except UnclearMention:
        return rejects_times(words)
    return (_TIMELY.search(words) is not None or (mention is not None and not kept)) and rejects_times(words)


def names_another(words: str, kept: Collection[datetime], now: datetime) -> bool:
    """Return whether words name a time other than the kept start, among others: "ich meinte natürlich Donnerstag"."""
    try:
        mention = find_mention(_drop_bare_numbers(words), now, None) if kept else None
        return mention is not None and not mention.find_in(kept, surely=False)
    except UnclearMention:
        return True


def names_start(words: str, kept: Collection[datetime], now: datetime, *, surely: bool = True) -> bool:
    """Return whether words name the kept start: nothing else and certainly, or else maybe among others."""
    try:
        mention = find_mention(words, now, () if surely else None) if kept else None
        return mention is not None and bool(mention.find_in(kept, surely=surely))
    except UnclearMention:
        return False
