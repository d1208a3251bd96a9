"""The topics that can be answered, and the words of questions about them: closed lists of folded German and English words.

A word in no list is treated as unanswered. If a list lacks a word, the caller hears one unnecessary sentence.
"""

from enum import StrEnum
from typing import Final

from askproai_runtime.conversation.business_information.numbers import spell_number
from askproai_runtime.language.name_words import RELATIVES, SEVERAL_RELATIVES
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.question_words
# "Kostet das noch fünfunddreißig?" Smaller numbers may count people: "für zwei".
_AMOUNTS: Final = frozenset(fold(spell_number(number)) for number in range(10, 1000))


class Topic(StrEnum):
    """The topic of a caller's question: a value of the tool's argument `topic`."""

    PRICES = "prices"
    SERVICE = "service"
    OPENING_HOURS = "opening_hours"
    CLOSED_DAYS = "closed_days"
    ADDRESS = "address"
    STAFF = "staff"
    CANCELLATION = "cancellation"
    OTHER = "other"


ASKS_NOTHING: Final = _WORDS.asks_nothing
BRANCHES: Final = _WORDS.branches
ASKS_BRANCHES: Final = ASKS_NOTHING | BRANCHES | _WORDS.beside_branches
NO_NOUNS: Final = _WORDS.no_nouns | (RELATIVES - SEVERAL_RELATIVES)  # "Kinder" are a topic


def is_covered(word: str, topic: Topic) -> bool:
    """Return whether the answer to a topic covers a folded word."""
    topic = Topic.OPENING_HOURS if topic is Topic.CLOSED_DAYS else topic
    if topic in {Topic.PRICES, Topic.SERVICE} and word in _AMOUNTS:
        return True
    return topic is not Topic.OTHER and word in getattr(UNDERSTOOD.covered_words, topic)
