"""Decide by a caller's words whether somebody comes along. Pure."""

import re
from itertools import pairwise
from typing import Final

from askproai_runtime.language.answer_words import ONLY_NO, ONLY_YES, WAIT, YES, Reply, asks, is_question, words_of
from askproai_runtime.language.name_words import ALONE, CUSTOMERS, FIRST_NAMES, OF_SENTENCES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_NO: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.no})\b")
_BY_ONESELF: Final = frozenset(
    each for each in ALONE - _WORDS.nobody - _WORDS.not_alone - {*_WORDS.names_caller.split("|")} if not _NO.match(each)
)
_SEVERAL: Final = _WORDS.several_appointments
_UNDECIDED: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.neutral})\b")  # "weiß ich noch nicht"
_APPOINTMENT: Final = re.compile(rf"\b(?:{UNDERSTOOD.answers.appointment})\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[,;.!?\n]")
_BEFORE_NAME: Final = _BY_ONESELF | _WORDS.beside | _WORDS.for_whom  # "nur ich und Otto", "nur für Otto"


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    words = words_of(utterance)
    is_relative = not (RELATIVES - TITLES).isdisjoint(fold(words).split())
    return is_relative or bool(_COMPANY.search(words) or _COUNTED.search(words))


def read_company(reply: str) -> Reply | None:
    """Return what a reply to the question who comes along says: nobody (a no), somebody, perhaps without a name (a yes), or
    neither; None for a question or "Moment". A denied person is nobody: "nein, mein Mann kommt nicht mit", unlike "nicht allein".
    A no about a name is none: "ohne Namen bitte".
    """
    said = words_of(reply)
    told = [each.strip() for each in _CLAUSE.split(reply) if not _is_about_name(each)]
    is_alone = any(not _BY_ONESELF.isdisjoint(fold(each).split()) for each in told)  # "hab ich doch gesagt, nur ich"
    is_filler = ONLY_YES.fullmatch(said) and not YES.search(said)
    is_undecided = _UNDECIDED.search(said) is not None  # "wer genau, weiß ich noch nicht"
    if not is_alone and ((is_question(reply) and not is_undecided) or WAIT.search(said) or is_filler):
        return None
    if any(_names_somebody(each, is_alone=is_alone) for each in told) or (is_undecided and not is_alone):
        return Reply.YES
    return Reply.NO if is_alone or any(map(_denies, told)) else Reply.UNCLEAR


def leaves_nameless(reply: str) -> bool:
    """Return whether a reply speaks of somebody who may have no name yet: "mein Mann", "weiß ich noch nicht", "ohne Namen"."""
    is_refused = any(_is_about_name(each) and _denies(each) for each in _CLAUSE.split(reply))
    return is_refused or speaks_of_company(reply) or _UNDECIDED.search(words_of(reply)) is not None


def _is_about_name(clause: str) -> bool:
    return any("name" in word or word in CUSTOMERS for word in fold(clause).split())  # in both languages


def _denies(clause: str) -> bool:
    """Return whether a clause has a no, or denies a person or a name."""
    words = {*fold(clause).split()}
    is_denied = not words.isdisjoint(_WORDS.not_alone) and (_is_about_name(clause) or speaks_of_company(clause))
    return is_denied or not words.isdisjoint(_WORDS.nobody) or _NO.search(words_of(clause)) is not None


def _names_somebody(clause: str, *, is_alone: bool) -> bool:
    said = words_of(clause)
    words = {*fold(said).split()}
    if not is_alone and words & _SEVERAL and words <= _SEVERAL | _WORDS.beside_count | OF_SENTENCES:  # "zwei schon"
        return True
    if not words.isdisjoint(_WORDS.not_alone):
        return not words.isdisjoint(_BY_ONESELF | _WORDS.nobody)
    if not words.isdisjoint(_WORDS.nobody) or ONLY_YES.fullmatch(said) or ONLY_NO.fullmatch(said):
        return False
    if speaks_of_company(clause):
        return True
    parts = clause.split()
    named = [word for word in parts if word.istitle() and fold(word) not in OF_SENTENCES]
    if is_alone:  # "Oh, nur ich", "nur einen Termin"
        return any(fold(before) in _BEFORE_NAME and each in named for before, each in pairwise(parts))
    is_first = clause.startswith(tuple(named)) and clause not in named  # a capital letter begins the clause
    is_other = _APPOINTMENT.search(clause) or asks(said)
    return not words.isdisjoint(FIRST_NAMES) or (bool(named[is_first:]) and not is_other)
