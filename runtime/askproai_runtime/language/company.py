"""Decide by a caller's words whether somebody comes along: they lead to a question, and its reply may say "nobody". Pure."""

import re
from typing import Final

from askproai_runtime.language.answer_words import (
    NO,
    ONLY_NO,
    ONLY_YES,
    WAIT,
    YES,
    Reply,
    is_question,
    only_waits,
    words_of,
)
from askproai_runtime.language.name_words import BESIDE_ALONE, POSSESSIVES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_PERSONS: Final = RELATIVES - TITLES
_CLAUSE: Final = re.compile(r"[,;.!?\n]")
_SMALL: Final = _WORDS.small | _WORDS.caller | {"ich", "i"}
_DENIES: Final = re.compile(rf"\b(?:{_WORDS.denies})\b")
_ONE: Final = _WORDS.one | _WORDS.caller | {"ich", "i"}


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    words = words_of(utterance)
    return names_relative(utterance) or bool(_COMPANY.search(words) or _COUNTED.search(words))


def list_company_clauses(utterance: str) -> list[str]:
    """Return the clauses of an utterance."""
    return _CLAUSE.split(utterance)


def names_relative(clause: str) -> bool:
    """Return whether a clause names a person by the relation to the caller: "meine Tochter"."""
    return not _PERSONS.isdisjoint(fold(clause).split())


def is_for_relative(utterance: str) -> bool:
    """Return whether a caller says that a relative is meant: "für meine Mutter"."""
    words = fold(words_of(utterance)).split()
    threes = zip(words, words[1:], words[2:], strict=False)
    return any(each[0] in _WORDS.for_whom and POSSESSIVES.fullmatch(each[1]) and each[2] in _PERSONS for each in threes)


def comes_alone(utterance: str) -> bool:
    """Return whether a clause of an utterance has a word for "alone", or one for "only me" or "only one", and denies nothing."""
    clauses = [words_of(each) for each in list_company_clauses(utterance)]
    found = [{*fold(each).split()} for each in clauses if not _DENIES.search(each)]
    return any(each & _WORDS.by_oneself or (each & _WORDS.only and each & _ONE) for each in found)


def may_come_alone(reply: str) -> bool:
    """Return whether a reply may say that nobody else comes: by a word for "alone" or one person, or a company that is denied."""
    words = {*fold(words_of(reply)).split()}
    is_alone = words & (_WORDS.by_oneself | _WORDS.only | _WORDS.nobody)
    is_marked = _DENIES.search(words_of(reply)) if speaks_of_company(reply) else is_alone
    return bool(is_marked or (words & _WORDS.one and words & _WORDS.one_of))


def read_company(reply: str) -> Reply | None:
    """Return what a reply to the question who comes along says: a no if it says nothing but that nobody else comes ("nein, nur
    ich"); None for a question or "Moment". Any other reply is unclear: the arguments count.
    """
    clauses = [{*fold(words_of(each)).split()} for each in list_company_clauses(reply)]
    marked = [each for each in clauses if _is_alone(each)]
    said = words_of(reply)
    if (marked and all(each in marked or each <= _SMALL for each in clauses)) or (
        ONLY_NO.fullmatch(said) and NO.search(said)
    ):
        return Reply.NO
    is_filler = ONLY_YES.fullmatch(said) and not YES.search(said)  # "äh"
    is_aside = is_filler and not speaks_of_company(reply)  # unlike "beide"
    waits = WAIT.match(said) or only_waits(reply)  # "Moment, ich frage meine Frau"
    return None if is_aside or is_question(reply) or waits else Reply.UNCLEAR


def _is_alone(clause: set[str]) -> bool:
    """Return whether a clause says nothing but "alone", "nobody" or "only me", "only one appointment"."""
    left = clause - _SMALL
    is_nobody = bool(left & _WORDS.nobody) and left <= _WORDS.nobody | _WORDS.by_oneself | BESIDE_ALONE
    is_alone = left & _WORDS.by_oneself or (left & _WORDS.only and clause & _ONE)
    return is_nobody or bool(is_alone and left <= _WORDS.only | _WORDS.one | _WORDS.by_oneself)
