"""Decide by a caller's words whether somebody comes along. Pure."""

import re
from itertools import pairwise
from typing import Final

from askproai_runtime.language.answer_words import (
    ONLY_NO,
    ONLY_YES,
    YES,
    Reply,
    asks,
    is_question,
    only_waits,
    words_of,
)
from askproai_runtime.language.name_words import ALONE, CUSTOMERS, FIRST_NAMES, OF_SENTENCES, PARTICLES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_NO: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.no})\b")
_BY_ONESELF: Final = frozenset(
    each for each in ALONE - _WORDS.nobody - _WORDS.not_alone - {*_WORDS.names_caller.split("|")} if not _NO.match(each)
)
_ONLY: Final = re.compile(rf"(?:{_WORDS.may_leave_out})")
_CALLER: Final = _WORDS.caller | {"ich", "i"}
_BESIDE_ONE: Final = _WORDS.one | _WORDS.beside_count | OF_SENTENCES | PARTICLES
_PEOPLE: Final = re.compile(rf"(?:{UNDERSTOOD.people_counts.people})")
_PERSONS: Final = RELATIVES - TITLES
_DENIED: Final = re.compile(rf"\b(?:{_WORDS.denied})")
_HOUR: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.before_hour})\b")
_SEVERAL: Final = _WORDS.several_appointments
_UNDECIDED: Final = re.compile(rf"\b(?:{UNDERSTOOD.declines.neutral})\b")  # "weiß ich noch nicht"
_APPOINTMENT: Final = re.compile(rf"\b(?:{UNDERSTOOD.answers.appointment})\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[,;.!?\n]")
_BEFORE_NAME: Final = _BY_ONESELF | _WORDS.beside | _WORDS.for_whom  # "nur ich und Otto", "nur für Otto"


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    return not _PERSONS.isdisjoint(fold(utterance).split()) or _speaks_of_several(utterance)


def _speaks_of_several(utterance: str) -> bool:
    words = words_of(utterance)
    return bool(_COMPANY.search(words) or _COUNTED.search(words))


def read_company(reply: str) -> Reply | None:
    """Return what a reply to the question who comes along says: nobody (a no), somebody, perhaps without a name (a yes), or
    neither; None for a question or "Moment". A denied person is nobody: "nein, mein Mann kommt nicht mit", unlike "nicht allein".
    A no about a name is none: "ohne Namen bitte".
    """
    said = words_of(reply)
    clauses = [each.strip() for each in _CLAUSE.split(reply)]
    is_name = any(map(_refuses_name, clauses))  # "nee, den Namen verrate ich nicht"
    told = [each for each in clauses if not (_is_about_name(each) or (is_name and ONLY_NO.fullmatch(words_of(each))))]
    is_alone = any(map(_is_alone, told))  # "hab ich doch gesagt, nur ich"
    is_filler = ONLY_YES.fullmatch(said) and not YES.search(said) and not speaks_of_company(reply)  # "beide"
    is_undecided = _UNDECIDED.search(said) is not None  # "wer genau, weiß ich noch nicht"
    is_aside = is_question(reply) or only_waits(reply)
    if not is_alone and ((is_aside and not is_undecided) or is_filler):
        return None
    if any(_names_somebody(each, is_alone=is_alone) for each in told) or (is_undecided and not is_alone):
        return Reply.YES
    return Reply.NO if is_alone or any(map(_denies, told)) else Reply.UNCLEAR


def leaves_nameless(reply: str) -> bool:
    """Return whether a reply speaks of somebody who may have no name yet: "mein Mann", "weiß ich noch nicht", "ohne Namen"."""
    is_refused = any(map(_refuses_name, _CLAUSE.split(reply)))
    return is_refused or speaks_of_company(reply) or _UNDECIDED.search(words_of(reply)) is not None


def _is_about_name(clause: str) -> bool:
    return any("name" in word or word in CUSTOMERS for word in fold(clause).split())  # in both languages


def _refuses_name(clause: str) -> bool:
    return _is_about_name(clause) and _denies(clause)


def _denies(clause: str) -> bool:
    """Return whether a clause has a no, or denies a person or a name. "Meine Mutter hört nicht gut" does not."""
    words = fold(clause).split()
    is_no = not _WORDS.nobody.isdisjoint(words)
    is_denied = is_no or not _WORDS.not_alone.isdisjoint(words)
    person = next((at for at, word in enumerate(words) if word in _PERSONS), None)
    if _NO.search(words_of(clause)) or (is_denied and _is_about_name(clause)):
        return True
    if (is_no and person is None) or not _WORDS.nobody.isdisjoint(words[:person]):  # "ohne meinen Mann"
        return True
    comes = person is not None and _DENIED.search(" ".join(words))
    return is_denied and bool(comes or _speaks_of_several(clause))


def _is_alone(clause: str) -> bool:
    """Return whether a clause says that the caller comes alone: "ich komme allein", "nur ich", "nur einen Termin"."""
    words = {*fold(clause).split()}
    only = {word for word in words & _BY_ONESELF if _ONLY.fullmatch(word)}
    is_one = words & _WORDS.one and {each for each in words if not _PEOPLE.fullmatch(each)} <= only | _BESIDE_ONE
    return bool(words & _BY_ONESELF - only) or bool(only and (words & _CALLER or is_one))


def _names_somebody(clause: str, *, is_alone: bool) -> bool:
    said = words_of(clause)
    words = {*fold(said).split()}
    if (
        not is_alone
        and words & _SEVERAL
        and not _HOUR.search(said)
        and words <= _SEVERAL | _WORDS.beside_count | OF_SENTENCES
    ):  # "zwei schon"
        return True
    if not words.isdisjoint(_WORDS.not_alone):
        return not words.isdisjoint(_BY_ONESELF | _WORDS.nobody)
    if not words.isdisjoint(_WORDS.nobody):
        return False
    if speaks_of_company(clause):
        return True
    if ONLY_YES.fullmatch(said) or ONLY_NO.fullmatch(said):
        return False
    parts = clause.split()
    named = [word for word in parts if word.istitle() and fold(word) not in OF_SENTENCES]
    if is_alone:  # "Oh, nur ich", "nur einen Termin"
        return any(fold(before) in _BEFORE_NAME and each in named for before, each in pairwise(parts))
    is_first = clause.startswith(tuple(named)) and clause not in named  # a capital letter begins the clause
    is_other = _APPOINTMENT.search(clause) or asks(said)
    return not words.isdisjoint(FIRST_NAMES) or (bool(named[is_first:]) and not is_other)
