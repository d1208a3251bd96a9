"""Decide by a caller's words whether somebody comes along. Pure."""

import re
from typing import Final

from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.name_words import ALONE, BESIDE_ALONE, COMPANIONS, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_ALONE: Final = ALONE - {*_WORDS.names_caller.split("|"), *_WORDS.not_alone}
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
