"""Find the times that an answer has just named and a caller does not want. Pure; decides only on words that leave no doubt.

An accepting phrase or a chosen time anywhere wins over a no. Unclear words decline nothing, and the times are named again:
nobody waits for a free time because a word was misread. "Vormittags kann ich nicht" declines only the times that it covers.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from askproai_runtime.language.answer_words import is_question, words_of
from askproai_runtime.language.replies import answers_nothing
from askproai_runtime.spoken_times.mentions import Mention, UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD, not_behind

_WORDS: Final = UNDERSTOOD.declines
NUMBER: Final = rf"(?:{_WORDS.number})"
_TIME = rf"(?:(?:{_WORDS.before_hour}) {NUMBER}\b|\b{NUMBER} (?:{_WORDS.behind_hour})\b|\b[012]?\d[ :.][0-5]\d\b)"
_ORDINAL = rf"\b(?:{_WORDS.place})\b"
_PLACE = re.compile(_ORDINAL)
SAYS_HOUR: Final = re.compile(_TIME)
# "fünf", "ähm fünf", "fünf nein sechs"
_ONLY_NUMBER = re.compile(
    rf"^(?:\w+ )?{NUMBER}(?: (?:{UNDERSTOOD.places.takes_back}|{UNDERSTOOD.places.hesitates}) {NUMBER})?$"
)
_POLITE = rf"(?:{_WORDS.polite})"

# A no in them says nothing about the times: it agrees, doubts, asks for a moment, or speaks of the waiting list.
_NEUTRAL = re.compile(rf"\b(?:{_WORDS.neutral})\b")
_WAITS = re.compile(rf"\b(?:{_WORDS.waits})\b")
_ASKS_TO_WAIT = re.compile(rf"\b(?:{_WORDS.asks_to_wait})\b")
REJECTS = re.compile(rf"\b(?:{_WORDS.rejects})\b")
_NO = re.compile(rf"\b(?:{_WORDS.no})\b")

# "nehme ich keinen" and "nehme ich nicht" take nothing; "nehme ich, nicht den anderen" does
_TAKES = re.compile(rf"\b(?:{_WORDS.takes})")
_SUITS = re.compile(rf"\b(?:{_WORDS.suits})\b")
_CHOSEN = re.compile(
    rf"{not_behind(_WORDS.bounds)}(?:{_TIME}|{_ORDINAL})"
    rf"|\b(?:{_WORDS.before_number}) {NUMBER}\b|\b{NUMBER} (?:{_WORDS.behind_number})\b"
    rf"|^(?:{_POLITE} )*{NUMBER}(?: {_POLITE})*$"
)
_AGREES = re.compile(rf"^(?:(?:{_WORDS.before_agreement}) )*(?:{_WORDS.agrees})\b")
_AGREES_FIRST = re.compile(rf"^(?:{_WORDS.agrees_first})\b")
_AGREES_LAST = re.compile(rf"\b(?:{_WORDS.agrees_last})$")

# The dot of "am 24. kann ich nicht" ends no sentence, nor does the "so" of "nicht so gut am Montag".
_SENTENCE = re.compile(
    rf"[;!?\n]|(?<!\d)\.(?!\d)|(?<=\d)(?<!\.\d)(?<!\.\d\d)\.(?=\s*$)|\s[-–—]\s|\b(?:{_WORDS.begins_sentence})\b"
    rf"|{not_behind(_WORDS.before_so)}\bso\b(?! (?:{_WORDS.behind_so})\b)"
)
_COMMA = re.compile(r"[,:](?!\d)")
_WORD = re.compile(rf"\d{{1,2}}(?:[.:]\d{{1,4}})*(?:(?:{UNDERSTOOD.places.ordinal})\b|\.)?(?!\d)|\w+")
# "ten not eleven", as a speech recognizer without commas writes it.
_OTHER_TIME = re.compile(rf" (?=(?:{_WORDS.another_time})\b)")
_OTHERS = re.compile(rf"\b(?:{_WORDS.others})\b")  # "was gibt es sonst noch?"
_CONDITION = re.compile(rf"^(?:{_WORDS.condition})\b")

_LONGEST = 500  # characters that are read: the event loop waits for it, and nobody declines a time in more
_MOST_CLAUSES = 12

_NEITHER = re.compile(rf"\b(?:{_WORDS.neither})\b(.*?)\b(?:{_WORDS.nor})\b")

# A caller who is busy at a time does not want it, though no word of these is a no by itself.
_BUSY = re.compile(rf"\b(?:{_WORDS.busy})\b")
# With these the days or times that are named beside a no may be those that suit: "nicht nur vormittags".
_TURNS = re.compile(rf"\b(?:{_WORDS.turns})\b")
# "No mornings" rejects them; "no, mornings" asks for them, and not every recognizer writes the comma.
_NO_COMMA = re.compile(rf"\b(?:{_WORDS.without_comma})\b")
# "Freitag, nein" rejects Friday; "nein, Freitag" asks for it. The grammar knows no "Vormittage" that "keine" could reject.
_NO_LAST = re.compile(rf"{_NO.pattern}$")
_SEVERAL = re.compile(rf"\b(?:{_WORDS.several})\b")
# Questions that `is_question` does not know, because only with a no they may be taken for something else.
_ASKS_BACK = re.compile(rf"^(?:(?:{_WORDS.before_asking_back}) )*(?:{_WORDS.asks_back})\b|\b(?:{_WORDS.asks_at_end})$")
# "Montag kann ich nicht und Dienstag kann ich": after the "und" it may be another statement.
_AND = re.compile(rf"\b(?:{_WORDS.and_or})\b")
_STATES = re.compile(rf"\b(?:{_WORDS.states})\b")

_ASKS_ASIDE = re.compile(rf"\b(?:{_WORDS.asks_aside})")
_ASKS_OF_OFFER = re.compile(rf"\b\w*(?:{_WORDS.asks_of_offer})")
_NO_ASIDE = re.compile(rf"(?:{_NO.pattern}|{_WORDS.no_aside})(?: (?:{_NO.pattern}|{_WORDS.no_aside}))*")


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of an utterance in lower case without punctuation, and the number of its sentence."""

    said: str
    sentence: int

    @property
    def rejects(self) -> bool:
        return rejects_times(self.said)


@dataclass(slots=True)
class _Named:
    """The mentions of times in an utterance: the times that the caller rejects (`rejected`), and all other times (`others`)."""

    rejected: list[Mention] = field(default_factory=list)
    others: list[Mention] = field(default_factory=list)


def find_declined(utterance: str, named: Collection[datetime], now: datetime) -> frozenset[datetime]:
    """Return the local times in `named`, offered by the last answer, that the caller certainly does not want. `now` is the
    start of the call, in any zone.

    A no with days or times ("dienstags kann ich nicht") declines the times in `named` that they cover. A no without a time
    declines all of `named` except the times that the caller asks for instead. If it is not clear which times are meant, none is
    declined.
    """
    if not named or len(utterance) > _LONGEST:
        return frozenset()
    if not declines_offer(utterance):
        return frozenset()
    try:
        found = _find_named(_list_clauses(utterance), now.astimezone(next(iter(named)).tzinfo))
        others = {at for mention in found.others for at in mention.find_in(named, surely=False)}
        rejected = {at for mention in found.rejected for at in mention.find_in(named, surely=True)}
    except UnclearMention:
        return frozenset()
    return frozenset((rejected if found.rejected else set(named)) - others)


def answers_aside(utterance: str, asked: str) -> bool:
    """Return True if an utterance is only a no to the agent's own questions in `asked`, and these are certainly about
    something else than times: "Waren Sie schon einmal bei uns?".
    """
    if not _NO_ASIDE.fullmatch(words_of(utterance)):
        return False
    questions = _list_questions(asked)
    is_aside = all(_ASKS_ASIDE.search(each) and not _ASKS_OF_OFFER.search(each) for each in questions)
    return bool(questions) and is_aside


def is_number(utterance: str) -> bool:
    """Return whether an utterance is nothing but a number, also a corrected one, without a word of an hour."""
    said = words_of(utterance)
    return _ONLY_NUMBER.search(said) is not None and not SAYS_HOUR.search(said)


def asks_for_time(asked: str) -> bool:
    """Return whether a question in the agent's words may be about a time, and not as in "Wie alt ist Ihr Sohn?"."""
    return any(map(_ASKS_OF_OFFER.search, _list_questions(asked)))


def _list_questions(text: str) -> list[str]:
    return [words_of(each) for each in re.split(r"(?<=[.!?])", text) if each.endswith("?")]


def asks_for_others(utterance: str, named: Collection[datetime], now: datetime) -> bool:
    """Return whether a caller asks for other times than the just `named` ones, or declines all of these (`find_declined`)."""
    if len(utterance) > _LONGEST or any(_chooses(clause.said) for clause in _list_clauses(utterance)):
        return False
    return bool(_OTHERS.search(words_of(utterance))) or find_declined(utterance, named, now) == frozenset(named)


def find_named_times(utterance: str, now: datetime) -> tuple[Sequence[Mention], Sequence[Mention]]:
    """Return the times that an utterance rejects, and all other times in it. Raises `UnclearMention` if any is unclear."""
    if len(utterance) > _LONGEST:
        raise UnclearMention("more than anybody needs to name a time")
    named = _find_named(_list_clauses(utterance), now)
    return named.rejected, named.others


def list_clauses(utterance: str) -> Iterator[tuple[str, int]]:
    """Yield each clause of an utterance in lower case without punctuation, and the number of its sentence."""
    return ((each.said, each.sentence) for each in _list_clauses(utterance[-_LONGEST:]))


def rejects_times(said: str) -> bool:
    """Return whether words (lower case, no punctuation) reject times, or say that the caller is busy."""
    return bool(REJECTS.search(said) or _BUSY.search(said))


def agrees_to_offer(said: str) -> bool:
    """Return whether words (lower case, no punctuation) accept an offer without a yes: "super", "den nehme ich", "das passt"."""
    takes = _AGREES_FIRST.search(said) or _TAKES.search(said)
    return bool(takes or (_SUITS.search(said) and not REJECTS.search(said)))


def drop_neutral(said: str) -> str:
    """Return words (lower case, no punctuation) without phrases such as "kein Problem", whose no does not reject a time."""
    return " ".join(_NEUTRAL.sub(" ", said).split())


def declines_offer(utterance: str) -> bool:
    """Return True if a caller certainly declines all or some of the times that the last answer offered.

    A question back or "Moment" declines nothing, unless it asks for the waiting list.
    """
    clauses = [part.said for part in _list_clauses(utterance)]
    if any(_chooses(clause) for clause in clauses):
        return False
    if any(_WAITS.search(clause) for clause in clauses):
        return not is_question(utterance) or any(_ASKS_TO_WAIT.search(clause) for clause in clauses)
    if answers_nothing(utterance) or _ASKS_BACK.search(words_of(utterance.replace("'", " "))):
        return False
    if any(_AGREES.search(clause) for clause in clauses) or (clauses and _AGREES_LAST.search(clauses[-1])):
        return False
    return any(REJECTS.search(clause) or _NO.search(clause) for clause in clauses)


def _find_named(clauses: Sequence[_Clause], now: datetime) -> _Named:
    """Return the rejected times, and all other times, in the clauses of a no. Raises `UnclearMention` if a time is not clear.

    "Am Dienstag, da kann ich nicht" rejects the times that the same sentence has named before it.
    """
    found = _Named()
    if len(clauses) > _MOST_CLAUSES:
        raise UnclearMention("more parts than anybody needs to decline a time")
    before: list[tuple[int, Mention]] = []  # named so far, and not rejected
    for clause in clauses:
        if _WAITS.search(clause.said):
            continue
        mention = _read(clause, now)
        if before and _NO_LAST.search(clause.said):
            raise UnclearMention("a no that may speak of what was named before it")
        if clause.rejects and mention is None:
            if any(sentence != clause.sentence for sentence, _ in before):
                raise UnclearMention("what an earlier sentence has named may be what is rejected")
            found.rejected += [each for _, each in before]
            before = []
        elif mention is not None and clause.rejects:
            if not mention.has_day and any(sentence == clause.sentence and each.has_day for sentence, each in before):
                raise UnclearMention("a time that is rejected may be that of the day before it")
            found.rejected.append(mention)
        elif mention is not None:
            before.append((clause.sentence, mention))
    found.others = [each for _, each in before]
    return found


def _read(clause: _Clause, now: datetime) -> Mention | None:
    """Return the days and times in a clause, as a mention; None if it has none. Raises `UnclearMention` if a time is not clear."""
    listed = _NEITHER.sub(r"\1,", clause.said)
    said = " ".join(REJECTS.sub(" ", _NO.sub(" ", listed)).split())
    mention = find_mention(said, now, _WORDS.beside)
    is_turned = _TURNS.search(clause.said) or (_BUSY.search(clause.said) and REJECTS.search(clause.said))
    if mention is not None and (
        (clause.rejects and is_turned) or _NO_COMMA.search(clause.said) or _NO_LAST.search(clause.said)
    ):
        raise UnclearMention("a word that may turn what is said")
    if mention is not None and clause.rejects and _may_state_two(listed, now):
        raise UnclearMention("what is said after the no may be true of what is named there")
    if clause.rejects and (_PLACE.search(clause.said) or _SEVERAL.search(clause.said)):
        raise UnclearMention("one of the named times, by its place among them, or a kind of them")
    return mention


def _may_state_two(said: str, now: datetime) -> bool:
    """Return True if a clause that rejects a time may also accept another time: "nicht Montag, und Dienstag passt". Raises
    `UnclearMention`.
    """
    *_, last = _AND.split(said)
    if last != said and _STATES.search(last) and not REJECTS.search(last):
        return True
    found = [no.span() for rule in (REJECTS, _BUSY) for no in rule.finditer(said)]
    if not found:  # "weder", which is not listed any more
        return False
    before, after = said[: min(begin for begin, _ in found)], said[max(end for _, end in found) :]
    return bool(_AND.search(after)) and all(find_mention(each, now, _WORDS.beside) for each in (before, after))


def _list_clauses(utterance: str) -> list[_Clause]:
    """Return the clauses of an utterance in lower case, without phrases such as "kein Problem" and without conditions."""
    clauses = list[_Clause]()
    for number, sentence in enumerate(_SENTENCE.split(utterance.casefold())):
        for part in _COMMA.split(sentence):
            said = " ".join(_WORD.findall(part))
            for each in _OTHER_TIME.split(_NEUTRAL.sub(" ", said)):
                if (clause := " ".join(each.split())) and not _CONDITION.search(clause):
                    clauses.append(_Clause(clause, number))
    return clauses


def _chooses(clause: str) -> bool:
    """Return True if a clause accepts a time. A clause that also rejects something accepts a time only if it says "nehme"."""
    if _WAITS.search(clause):
        return False
    if _TAKES.search(clause):
        return True
    return not REJECTS.search(clause) and bool(_SUITS.search(clause) or _CHOSEN.search(clause))
