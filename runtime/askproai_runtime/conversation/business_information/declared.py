"""Find the tenant's declared questions that match a caller's question, before the caller hears that a fact is unknown. Pure.

Words are compared; no meaning is guessed. A yes or no is the answer to its own question only: before it, the declared question
is said, unless the caller asked the same.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.config_words import list_known_words, list_team_words
from askproai_runtime.conversation.business_information.declared_words import (
    asks_openly,
    asks_the_same,
    content_words,
    is_form,
    is_whole_form,
    share_form,
    share_word,
)
from askproai_runtime.conversation.business_information.question_parts import (
    YES_OR_NO,
    OpenPart,
    covers,
    find_sentence,
    is_day,
    list_topics,
    split_clauses,
)
from askproai_runtime.conversation.business_information.questions import Question, ask_back
from askproai_runtime.conversation.business_information.services import is_offered
from askproai_runtime.conversation.business_information.subjects import find_declared_subjects, list_payment_words
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.conversation.business_information.working_days import say_working_days, split_working_days
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import present_language, say, speaking
from askproai_runtime.understood import UNDERSTOOD

_ASKS_FOR_MORE: Final = re.compile(rf"\b(?:{UNDERSTOOD.questions.more_of_subject})\b")
_AMOUNT: Final = re.compile(r"\beuros?\b|€", re.IGNORECASE)  # a sentence with one says what its subject costs
_MOST_NAMED: Final = 3  # questions that a listener can follow


@dataclass(frozen=True, slots=True)
class _About:
    """A declared question for comparison: its content `words`, its words except those about paying (`own`), and its subjects."""

    words: frozenset[str]
    own: frozenset[str]
    subjects: frozenset[str]


@dataclass(slots=True)
class Found:
    """The declared `sentences` that answer a caller's question, and the questions which declared question is meant (`asking`).

    `parts` and `topics` of the caller's question are no longer unknown. `left_over` are words that a declared yes or no leaves
    out.
    """

    sentences: list[str] = field(default_factory=list)
    asking: list[Answer] = field(default_factory=list)
    parts: list[OpenPart] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)
    left_over: list[OpenPart] = field(default_factory=list)

    def take(
        self,
        candidates: Sequence[Knowledge],
        question: Question,
        part: OpenPart | None = None,
        clauses: Sequence[OpenPart] = (),
    ) -> bool:
        """Add the answer of the candidates, or the question which one is meant if the answers differ. Return False if none."""
        if len({each.answer for each in candidates}) > 1:
            self.ask(candidates, question)
        elif candidates:
            self.sentences.append(_say_declared(candidates[0], question.words))
            around = _list_words_around(part, question.words) if part else clauses
            self.left_over += _list_left_over(candidates[0], around, question.words)
        if candidates and part:
            self.parts.append(part)
        return bool(candidates)

    def leave_open(self, parts: Sequence[OpenPart]) -> list[OpenPart]:
        """Return the parts that stay unknown. Beside a declared answer, a clause such as "geht das" is no open part."""
        others = [part for part in parts if part not in self.parts]
        if self.sentences:
            others = [part for part in others if not part.clause or content_words(part.clause)]
        nouns = {fold(part.words) for part in others if not part.clause}
        return others + [part for part in self.left_over if part.words not in nouns]

    def ask(self, candidates: Sequence[Knowledge], question: Question) -> None:
        self.asking.append(ask_back(question, _ask_which(candidates), questions=[each.question for each in candidates]))


def find_declared(
    config: TenantConfig,
    branch: Branch,
    question: Question,
    answers: Sequence[tuple[Answer, Question]],
    named: Sequence[Service],
    open_parts: Sequence[OpenPart],
    *,
    is_said: bool,
) -> Found:
    """Return the tenant's declared sentences on the parts and topics of a question that have no other answer.

    `answers` are the answers to the topics, each with its question; `named` are the services in the question. `is_said`: the
    caller hears another declared answer anyway.
    """
    found, known = Found(), (*branch.knowledge, *config.knowledge)
    nouns = [part for part in open_parts if not part.clause]
    for part in nouns:
        is_working_day = part.subject == "working_days"
        is_about = _is_about_working_days(config, question) if is_working_day else _is_of_subject(part.subject, config)
        if found.take(_list_about(part, known, question.words, is_about), question, part):
            continue
        hours = say_working_days(branch, question, ZoneInfo(config.time_zone)) if is_working_day else None
        if sentence := hours or _find_sentence(config, branch, part, named):
            found.sentences.append(sentence)
            found.parts.append(part)
            if part.subject and part.subject != "payment":  # "Parkplätze gibt es im Hof." says not what they cost
                asked = [fold(each) for each in split_clauses(question.words) if fold(part.words) in fold(each)]
                more = ((word, clause) for clause in asked for word in _ASKS_FOR_MORE.findall(clause))
                found.left_over += [
                    OpenPart(word, clause=clause) for word, clause in more if word not in fold(sentence)
                ]
    is_priced = not named and any(map(_AMOUNT.search, found.sentences))  # "Ja, ab zehn Euro." of cards is no price
    is_priced &= all(part.subject != "payment" for part in found.parts)
    for answer, each in answers:
        topics = (each.topic, *list_topics(Topic.OTHER, fold(question.words), names_day=False)) if is_priced else ()
        is_said = Topic.PRICES in topics
        if answer.outcome is FunctionOutcome.NOT_KNOWN and (
            is_said or found.take(_list_of_topic(each, known), question)
        ):
            found.topics.append(each.topic)
    is_all_unknown = all(
        answer.outcome is FunctionOutcome.NOT_KNOWN and each.topic is Topic.OTHER for answer, each in answers
    )
    if is_all_unknown and not (is_said or found.sentences or found.asking or any(part.subject for part in nouns)):
        _compare_words(found, known, question, open_parts, list_known_words(config))
    if found.sentences or found.asking:  # "other" has no answer of its own
        found.topics.append(Topic.OTHER)
    if found.left_over:
        covered = [each.topic for answer, each in answers if answer.success] + [Topic.PRICES] * is_priced
        names, zone = list_known_words(config), ZoneInfo(config.time_zone)
        found.left_over = [
            part
            for part in found.left_over
            if part.words not in names
            and not any(covers(topic, part.words) for topic in covered)
            and not is_day(part.words, question.asked_at, zone)
        ]
    return found


def _compare_words(
    found: Found, known: Sequence[Knowledge], question: Question, open_parts: Sequence[OpenPart], names: frozenset[str]
) -> None:
    """Add the declared answers, or a question which one is meant, for a caller's question to which nothing else is an answer."""
    nouns = " ".join(part.words for part in open_parts if not part.clause)
    candidates, is_sure = _list_with_words(known, question.words, nouns, names)
    if is_sure:
        found.take(candidates, question, clauses=[part for part in open_parts if part.clause])
    elif candidates:
        found.ask(candidates, question)
    found.parts += open_parts if candidates else ()


def _is_about_working_days(config: TenantConfig, question: Question) -> Callable[[Knowledge], bool]:
    """Return a test: True for a declared question about working days, if the question names a person only about that person's."""
    team = list_team_words(config)
    named = team & {*fold(f"{question.words} {question.staff or ''}").split()}

    def is_about(each: Knowledge) -> bool:
        _, asks_days = split_working_days(each.question, team, Topic.OTHER, lambda _: False)
        return asks_days and (not named or not named.isdisjoint(fold(f"{each.question} {each.answer}").split()))

    return is_about


def _find_sentence(config: TenantConfig, branch: Branch, part: OpenPart, named: Sequence[Service]) -> str | None:
    """Return the declared sentence about a part of a question: of directions, answers, cancellation rule or preparations."""
    texts = [
        branch.directions,
        *(each.answer for each in (*branch.knowledge, *config.knowledge)),
        config.cancellation_rule,
    ]
    with speaking(_language_of(config)):
        if sentence := find_sentence(part, texts):
            return sentence
        for service in named or [each for each in config.services if is_offered(each, branch)]:
            if sentence := find_sentence(part, [service.preparation]):
                return f"{service.display_name}: {sentence}"
    return None


def _list_about(
    part: OpenPart, known: Iterable[Knowledge], asked: str, is_about: Callable[[Knowledge], bool]
) -> list[Knowledge]:
    """Return the declared questions that match a part of a caller's question (`asked`), and only those that share most of its
    words.

    A part with a subject is compared by `is_about`; a noun by its words except those about paying.
    """
    if part.subject:
        found = [each for each in known if is_about(each)]
    else:
        found = [each for each in known if share_word(content_words(part.words), _read(each.question).own)]
    return _list_closest(found, asked)


def _list_of_topic(question: Question, known: Iterable[Knowledge]) -> list[Knowledge]:
    """Return the declared questions on a question's topic; for prices and services, only those that share a word with it."""
    found = [each for each in known if question.topic in list_topics(Topic.OTHER, fold(each.question), names_day=False)]
    if question.topic in {Topic.PRICES, Topic.SERVICE}:
        said = content_words(f"{question.words} {question.service or ''}")
        words = frozenset(word for word in said if not covers(question.topic, word))
        found = [each for each in found if share_word(words, _read(each.question).words)]
    return _list_closest(found, question.words)


def _list_with_words(
    known: Iterable[Knowledge], asked: str, nouns: str, names: Collection[str]
) -> tuple[list[Knowledge], bool]:
    """Return the declared questions that share a word with a caller's question, and True if that word is enough to answer with
    them.

    It is not enough if it is a name of a service or person (`names`), a word of paying, only in the declared answer, or beside
    other unknown `nouns`: "Tut Färben weh?", "meine Karte". Then the caller is asked whether that question is meant.
    """
    words, known = content_words(asked), list(known)
    if found := [each for each in known if share_word(words - {*names}, _read(each.question).own)]:
        return _list_closest(found, asked), not nouns
    of_part = content_words(nouns) or words
    found = [
        each
        for each in known
        if any(
            is_form(word, other) for word in of_part for other in _read(each.question).words | _read(each.answer).words
        )
    ]
    return _list_closest(found, asked), False


def _say_declared(each: Knowledge, asked: str) -> str:
    """Return the declared answer. A yes or no has the declared question before it, unless `asked` is the same question."""
    if not YES_OR_NO.match(each.answer) or asks_the_same(asked, each.question):
        return each.answer
    return f"{_name(each)}? {each.answer}"


def _ask_which(found: Sequence[Knowledge]) -> str:
    """Return the question to the caller which of the declared questions is meant."""
    return say().do_you_mean.format(choices=join_list([f'"{_name(each)}"' for each in found[:_MOST_NAMED]]))


def _list_left_over(each: Knowledge, parts: Iterable[OpenPart], asked: str) -> list[OpenPart]:
    """Return the words of a question (`asked`) that neither a declared question nor its answer has: of a yes or no those of
    `parts`. An answer to the same "how" or "when" leaves out none; another one does: "Haben Sie eine Notfallsprechstunde?".
    """
    covered = content_words(f"{each.question} {each.answer}")
    if YES_OR_NO.match(each.answer):
        return [part for part in parts if content_words(part.words) and not share_form(part.words, covered)]
    if asks_openly(asked) & asks_openly(each.question):
        return []
    clauses = [clause for clause in map(fold, split_clauses(asked)) if share_word(content_words(clause), covered)]
    words = [(word, clause) for clause in clauses for word in clause.split() if content_words(word)]
    return [
        OpenPart(word, clause=clause)
        for word, clause in words
        if not any(is_whole_form(word, own) for own in covered) and not any(covers(topic, word) for topic in Topic)
    ]


def _list_words_around(part: OpenPart, asked: str) -> list[OpenPart]:
    """Return each word, as a part, of the clauses of the caller's question (`asked`) that contain `part`."""
    clauses = [fold(each) for each in split_clauses(asked)]
    own = [each for each in clauses if f" {fold(part.words)} " in f" {each} "]
    return [OpenPart(word, clause=clause) for clause in own for word in clause.split()]


def _read(question: str) -> _About:
    return _read_in(question, present_language())


@lru_cache(maxsize=8192)
def _read_in(question: str, language: Language) -> _About:
    folded = fold(question)
    words = content_words(question)
    with speaking(language):
        return _About(words, words - list_payment_words(folded), find_declared_subjects(folded))


def _is_of_subject(subject: str, config: TenantConfig) -> Callable[[Knowledge], bool]:
    """Return a test: True for a declared question about the subject, in whatever language the call is."""
    return lambda each: subject in _read_in(each.question, _language_of(config)).subjects


def _language_of(config: TenantConfig) -> Language:
    """Return the language of the tenant's declared texts."""
    return Language.of(config.locale) or present_language()


def _list_closest(found: Iterable[Knowledge], asked: str) -> list[Knowledge]:
    """Return the declared questions that share most words with the caller's. The first of equal ones counts."""
    words = content_words(asked)
    counted = {fold(each.question): each for each in reversed(list(found))}
    scores = {
        question: sum(share_word(frozenset({word}), _read(each.question).words) for word in words)
        for question, each in counted.items()
    }
    most = max(scores.values(), default=0)
    return [each for question, each in reversed(counted.items()) if scores[question] == most]


def _name(each: Knowledge) -> str:
    return each.question.strip().rstrip("?!.").rstrip()
