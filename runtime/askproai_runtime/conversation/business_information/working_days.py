"""Find questions about the working days of a staff member, which the opening hours do not answer. Pure."""

import re
from collections.abc import Callable, Collection
from itertools import zip_longest
from typing import Final

from askproai_runtime.conversation.business_information.question_parts import BETWEEN_CLAUSES, list_topics
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.person_names import fold

_CLAUSES: Final = re.compile(f"({BETWEEN_CLAUSES.pattern})")
_LEFT_OVER: Final = re.compile(r"(?:\s+(?:und|sowie|and)|,)\s*$")
_SOMEBODY: Final = re.compile(
    r"\b(?:(?<!meine )(?<!meiner )frau|herrn?|mrs?|ms|wer|who|he|she|(?:ist|hat|arbeitet|kommt) (?:auch )?(?:er|sie))\b"
)
_WORKS: Final = re.compile(r"\b(?:da|frei|dienst|\w*urlaub|(?<!wer )arbeit\w*|(?<!who )work\w*|off|there|vacation)\b")
_WHEN: Final = re.compile(r"\b(?:wann|tagen?|when|days)\b")
_APPOINTMENT: Final = re.compile(r"\b(?:habe|war|termin|have|appointment)\b")
_BUSINESS: Final = re.compile(
    r"\b(?:sind|haben|arbeiten|machen) sie\b|\b(?:seid|habt|macht|arbeitet) ihr\b|\b(?:are|do) you\b"
)


def split_working_days(
    text: str, names: Collection[str], topic: Topic, names_day: Callable[[str], bool]
) -> tuple[str, bool]:
    """Return a question without the clauses that only ask for a person's working days, and whether a clause asks for them.

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
