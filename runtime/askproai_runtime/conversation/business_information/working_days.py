"""Find questions about the working days of a staff member, which the opening hours do not answer. Pure."""

import re
from collections.abc import Callable, Collection
from itertools import zip_longest
from typing import Final

from askproai_runtime.conversation.business_information.question_parts import BETWEEN_CLAUSES, list_topics
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.questions
_CLAUSES: Final = re.compile(f"({BETWEEN_CLAUSES.pattern})")
_LEFT_OVER: Final = re.compile(rf"(?:\s+(?:{_WORDS.and_words})|,)\s*$")
_SOMEBODY: Final = re.compile(rf"\b(?:{_WORDS.somebody})\b")
_WORKS: Final = re.compile(rf"\b(?:{_WORDS.works})\b")
_WHEN: Final = re.compile(rf"\b(?:{_WORDS.when})\b")
_APPOINTMENT: Final = re.compile(rf"\b(?:{_WORDS.own_appointment})\b")
_BUSINESS: Final = re.compile(rf"\b(?:{_WORDS.of_business})\b")


def split_working_days(
    text: str, names: Collection[str], topic: Topic, names_day: Callable[[str], bool]
) -> tuple[str, bool]:
    """Return a question without its clauses that only ask for a staff member's working days, and True if it had such a clause.

    `names` are the folded words of the team's names. `topic` is the model's: "wer" can also ask about the team.
    """
    split = _CLAUSES.split(text)
    rest, found = "", False
    for clause, separator in zip_longest(split[::2], split[1::2], fillvalue=""):
        words = fold(clause)
        asked = {*list_topics(Topic.OTHER, words, names_day=False)} - {Topic.CLOSED_DAYS}
        is_of_person = _SOMEBODY.search(words) is not None or any(each in names for each in words.split())
        is_when = asked <= {Topic.STAFF} and not _APPOINTMENT.search(words)
        asks = is_of_person and (
            _WORKS.search(words) is not None or (is_when and (_WHEN.search(words) is not None or names_day(clause)))
        )
        found |= asks
        is_of_team = topic is Topic.STAFF and topic in list_topics(topic, words, names_day=False)
        asks_more = asked or is_of_team or _BUSINESS.search(words)
        rest += f"{clause}{separator}" if asks_more or not asks else ""
    return (_LEFT_OVER.sub("?", rest), found) if found else (text, found)
