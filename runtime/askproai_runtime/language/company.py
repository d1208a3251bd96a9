"""Decide by a caller's words whether somebody comes along: they lead to a question, and its reply may say "nobody". Pure."""

import re
from typing import Final

from askproai_runtime.language.answer_words import ONLY_YES, YES, Reply, is_question, only_waits, words_of
from askproai_runtime.language.name_words import ALONE, BESIDE_ALONE, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_PERSONS: Final = RELATIVES - TITLES
_CLAUSE: Final = re.compile(r"[,;.!?\n]")
_CALLER: Final = frozenset({*_WORDS.names_caller.split("|")})
_ALONE: Final = ALONE - _WORDS.not_alone
_OF_ONE: Final = _ALONE | _CALLER | _WORDS.one | _WORDS.beside_count | _WORDS.of_one


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    words = words_of(utterance)
    is_person = not _PERSONS.isdisjoint(fold(utterance).split())
    return is_person or bool(_COMPANY.search(words) or _COUNTED.search(words))


def read_company(reply: str) -> Reply | None:
    """Return what a reply to the question who comes along says: a no if all its words say that nobody else comes ("nein, nur
    ich"); None for a question or "Moment". Any other reply is unclear: the arguments count.
    """
    clauses = [{*fold(words_of(each)).split()} for each in _CLAUSE.split(reply)]
    if all(map(_is_of_one, clauses)) and any(each & _ALONE - _CALLER for each in clauses):
        return Reply.NO
    said = words_of(reply)
    is_filler = ONLY_YES.fullmatch(said) and not YES.search(said)  # "äh"
    is_aside = is_filler and not speaks_of_company(reply)  # unlike "beide"
    return None if is_aside or is_question(reply) or only_waits(reply) else Reply.UNCLEAR


def _is_of_one(clause: set[str]) -> bool:
    known: frozenset[str] = _OF_ONE if clause.isdisjoint(_WORDS.nobody) else _OF_ONE | BESIDE_ALONE
    return clause <= known
