"""Decide by a caller's words whether somebody comes along. Pure."""

import re
from typing import Final

from askproai_runtime.language.answer_words import NO, ONLY_YES, asks, is_question, words_of
from askproai_runtime.language.name_words import ALONE, BESIDE_ALONE, COMPANIONS, FIRST_NAMES, OF_SENTENCES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_ALONE: Final = ALONE - {*_WORDS.names_caller.split("|"), *_WORDS.not_alone}
_BY_ONESELF: Final = frozenset(word for word in _ALONE - _WORDS.nobody if not NO.search(word))
_NOT: Final = _WORDS.nobody | _WORDS.not_alone
_UNDECIDED: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.neutral})\b")  # "weiß ich noch nicht"
_APPOINTMENT: Final = re.compile(rf"\b(?:{UNDERSTOOD.answers.appointment})\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[,;.!?\n]")
_OF_REPLY: Final = (ALONE | BESIDE_ALONE | _WORDS.beside_alone_in_reply) - _WORDS.not_alone


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    words = words_of(utterance)
    is_relative = not (RELATIVES - TITLES).isdisjoint(fold(words).split())
    return is_relative or bool(_COMPANY.search(words) or _COUNTED.search(words))


def excludes_company(reply: str) -> bool:
    """Return whether a reply to the question who comes along says nothing but that nobody does: "nein, nur ich".

    With any further word, or "nicht allein", it may speak of somebody: "sonst niemand, nur meine Tochter".
    """
    words = {*fold(words_of(reply)).split()}
    alone = _ALONE if words.isdisjoint(COMPANIONS) else _WORDS.nobody  # "nein, mit Begleitung"
    return words <= _OF_REPLY and not words.isdisjoint(alone)


def only_asks(reply: str) -> bool:
    """Return whether a reply to the question who comes along is only a question: "wieso, nur ich komme" is more."""
    return is_question(reply) and _BY_ONESELF.isdisjoint(fold(words_of(reply)).split())


def names_nobody(reply: str) -> bool:
    """Return whether a reply to the question who comes along has no name, relation or number of people, and is no plain yes. A
    denied person is nobody: "nein, mein Mann kommt nicht mit", unlike "nicht allein".
    """
    said = words_of(reply)
    is_alone = not _ALONE.isdisjoint(fold(said).split())
    return not (ONLY_YES.fullmatch(said) or _UNDECIDED.search(said)) and not any(
        _names_somebody(each.strip(), is_alone=is_alone) for each in _CLAUSE.split(reply)
    )


def _names_somebody(clause: str, *, is_alone: bool) -> bool:
    words = {*fold(words_of(clause)).split()}
    if not words.isdisjoint(_NOT):
        return not words.isdisjoint(_BY_ONESELF)
    if speaks_of_company(clause) or not words.isdisjoint(FIRST_NAMES):
        return True
    named = [word for word in clause.split() if word.istitle() and fold(word) not in OF_SENTENCES]
    if is_alone:  # "Oh, nur ich", "nur einen Termin"
        return 1 < len(named) == len(clause.split())
    is_first = clause.startswith(tuple(named)) and clause not in named  # a capital letter begins the clause
    return bool(named[is_first:]) and not (_APPOINTMENT.search(clause) or asks(words_of(clause)))
