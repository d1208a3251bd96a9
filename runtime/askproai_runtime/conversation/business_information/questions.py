"""A caller's question about the business, and constructors of the answers to it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from askproai_core.tenant_config import Branch, Function, TenantConfig
from askproai_runtime.availability.slots import Span
from askproai_runtime.conversation.arguments.texts import read_said, read_text
from askproai_runtime.conversation.business_information.question_parts import (
    OpenPart,
    asked_sentences,
    list_topics,
    read_topic,
    say_open,
)
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.language.service_texts import drop_catalogue
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

_BETWEEN = re.compile(rf"[,;/|&+]|\s(?:{UNDERSTOOD.arguments.and_words})\s")  # the topics of one argument
_WAY_TO_CANCEL = re.compile(rf"\b(?:{UNDERSTOOD.questions.way_to_cancel})")


@dataclass(frozen=True, slots=True)
class Question:
    """A caller's question. `asked_at` is the start of the call, to which "morgen" refers; `now` is the present time (aware).

    `topics` are all topics that the model named, `topic` is the first, and `staff` is the staff member it named. `pauses`: for
    each branch, the times when no appointment can be booked because all staff are blocked.
    """

    topic: Topic
    words: str
    service: str | None
    date: str | None
    asked_at: datetime
    now: datetime
    pauses: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    topics: Sequence[Topic] = ()
    staff: str | None = None

    @property
    def is_about_hours(self) -> bool:
        """Return whether the question is about opening hours or closed days. Its answer then needs the pauses of bookings."""
        topics = {*self.topics, *list_topics(self.topic, fold(asked_sentences(self.words)), names_day=False)}
        return not topics.isdisjoint({Topic.OPENING_HOURS, Topic.CLOSED_DAYS})

    @classmethod
    def of(cls, args: Mapping[str, Any], *, asked_at: datetime, now: datetime) -> Self:
        """Read the function's arguments, which a language model wrote."""
        topics = [read_topic(fold(each.replace("_", " "))) for each in _BETWEEN.split(read_text(args, "topic") or "")]
        named = tuple(dict.fromkeys(each for each in topics if each is not Topic.OTHER)) or (Topic.OTHER,)
        service, date, staff = (read_said(args, name) for name in ("service", "date", "staff"))
        service = service and drop_catalogue(service)
        words = read_text(args, "question") or ""
        return cls(named[0], words, service, date, asked_at, now, topics=named, staff=staff)


def answered(question: Question, sentence: str, missing: Sequence[str] = (), questions: Sequence[str] = ()) -> Answer:
    """Return the answer with known facts. `missing` parts stay unanswered; the model may try one of the declared `questions`."""
    fields: dict[str, Any] = {"topic": question.topic.value}
    if missing:
        fields |= {"not_answered": list(missing), **({"questions": list(questions)} if questions else {})}
    return Answer(success=True, message=sentence, fields=fields, outcome=FunctionOutcome.ANSWERED)


def _list_questions(config: TenantConfig, branch: Branch) -> list[str]:
    return [each.question for each in (*branch.knowledge, *config.knowledge)]


def unknown(config: TenantConfig, branch: Branch, question: Question, sentence: str = "") -> Answer:
    """Return the answer for a fact that is not declared. Its `questions` show the model which questions have answers."""
    known = _list_questions(config, branch)
    return Answer(
        success=False,
        message=sentence or say().topics_not_known.get(question.topic.value, say().not_known),
        fields={"topic": question.topic.value, **({"questions": known} if known else {})},
        outcome=FunctionOutcome.NOT_KNOWN,
    )


def ask_back(question: Question, message: str, **fields: Any) -> Answer:
    known = {"topic": question.topic.value, **fields}
    return Answer(success=False, message=message, fields=known, outcome=FunctionOutcome.ASKED_BACK)


def join_answers(
    config: TenantConfig, branch: Branch, question: Question, answers: Sequence[Answer], open_parts: Sequence[OpenPart]
) -> Answer:
    """Return one answer: first the sentences with known facts, then those about unknown facts, then a question back to the
    caller.

    It succeeds if any part of the question is answered; the field `not_answered` has the parts that are not.
    """
    if len(answers) == 1 and not open_parts:
        return answers[0]
    known = [each.message for each in answers if each.success]
    not_known = [each for each in answers if each.outcome is FunctionOutcome.NOT_KNOWN]
    asking = [each for each in answers if each.outcome is FunctionOutcome.ASKED_BACK][:1]
    named = [each.message for each in not_known if each.message != say().not_known]
    left_open = [part for part in open_parts if known or not part.clause]  # "more" is beside something
    sentences = [*known, *named, *([say_open(left_open)] if left_open else [])]
    missing = [str(each) for answer in answers for each in answer.fields.get("not_answered", ())]
    missing += [str(each.fields["topic"]) for each in not_known] + [part.words for part in open_parts]
    if asking:
        fields = {**asking[0].fields, **({"not_answered": missing} if missing else {})}
        return replace(asking[0], message=" ".join([*sentences, asking[0].message]), fields=fields)
    if not known:
        is_named = named or any(not part.clause for part in open_parts)
        return unknown(config, branch, question, " ".join(sentences) if is_named else say().not_known)
    return answered(question, " ".join(sentences), missing, _list_questions(config, branch))


def answer_about_cancelling(config: TenantConfig, branch: Branch, question: Question) -> Answer:
    """Return the declared rule; for "Wie kann ich absagen?" before it whether the agents cancel, if all or none of them do."""
    cancels = {Function.CANCEL_APPOINTMENT in agent.functions for agent in config.agents}
    way = {True: say().cancels_here, False: say().cancels_not_here}[cancels.pop()] if len(cancels) == 1 else ""
    sentence = f"{way if _WAY_TO_CANCEL.search(fold(question.words)) else ''} {config.cancellation_rule}".strip()
    is_known = sentence not in {"", say().cancels_not_here}
    return answered(question, sentence) if is_known else unknown(config, branch, question, sentence)
