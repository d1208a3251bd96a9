"""Find and answer questions about the working days of a staff member, which the opening hours do not answer. Pure."""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from functools import partial
from itertools import zip_longest
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Staff
from askproai_runtime.availability.opening_hours import working_minutes, working_spans
from askproai_runtime.conversation.business_information.config_words import list_name_words
from askproai_runtime.conversation.business_information.hours import (
    find_habitual_days,
    list_days,
    spell_week,
    understand_days,
)
from askproai_runtime.conversation.business_information.question_parts import BETWEEN_CLAUSES, list_topics
from askproai_runtime.conversation.business_information.questions import Question
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import format_day, say
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.questions
_CLAUSES: Final = re.compile(f"({BETWEEN_CLAUSES.pattern})")
_LEFT_OVER: Final = re.compile(rf"(?:\s+(?:{_WORDS.and_words})|,)\s*$")
_MOST: Final = 3  # people or days that a listener can follow
_SOMEBODY: Final = re.compile(rf"\b(?:{_WORDS.somebody})\b")
_WORKS: Final = re.compile(rf"\b(?:{_WORDS.works})\b")
_WHEN: Final = re.compile(rf"\b(?:{_WORDS.when})\b")
_WHO: Final = re.compile(rf"\b(?:{_WORDS.who})\b")
_NO_HOURS: Final = re.compile(rf"\b(?:{_WORDS.not_of_hours})\b")
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


def say_working_days(branch: Branch, question: Question, zone: ZoneInfo) -> str | None:
    """Return the usual hours of the named staff members, or of a small team if a question names nobody, and their free days among
    the named ones. None if a question names others, or people without hours here.
    """
    folded = fold(question.words)
    words = set(folded.split())
    asked = [each for each in branch.staff if not words.isdisjoint(list_name_words(each.display_name))]
    asked = list_named_staff(question.staff, branch.staff) if question.staff else asked
    asked = asked or (
        list(branch.staff) if _WHO.search(folded) and _WORKS.search(_WHO.sub("", folded)) and not question.staff else []
    )
    today = question.asked_at.astimezone(zone).date()
    sentences = list[str]()
    for each in asked if len(asked) <= _MOST and not _NO_HOURS.search(folded) else ():
        hours, free = spell_week(today, partial(working_minutes, branch, each))
        if not hours:
            return None
        sentences.append(say().works_on.format(name=each.display_name, hours=hours))
        off = _list_off(branch, each, question, zone, free)
        sentences += [say().person_off.format(day=day, staff=each.display_name, here="") for day in off]
    return " ".join(sentences) or None


def _list_off(branch: Branch, member: Staff, question: Question, zone: ZoneInfo, free: Collection[int]) -> list[str]:
    """Return the question's days, as they are said, that a staff member has off, usually (`free`) or once."""
    if habitual := find_habitual_days(question.date, question.words):
        return [say().habitual_weekdays[day].capitalize() for day in habitual if day in free]
    beside = {*list_name_words(member.display_name), *fold(" ".join(_WORKS.findall(fold(question.words)))).split()}
    words = " ".join(each for each in question.words.split() if fold(each) not in beside)
    understood = understand_days(question.date, words, question.asked_at, zone)
    days = list_days(understood) if understood else []
    days = [day for day in days if len(days) <= _MOST and not _works_on(branch, member, day, zone)]
    today = question.asked_at.astimezone(zone).date()
    return [say().on_day.format(day=format_day(day, today)).rstrip(",") for day in days]


def _works_on(branch: Branch, member: Staff, day: date, zone: ZoneInfo) -> bool:
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp())
    return bool(working_spans(zone, branch, member, noon, noon))
