"""business_information: the topics of callers' questions, and the answer to each. Pure: config in, sentences out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.config_words import (
    fold_declared,
    list_known_words,
    list_name_words,
    list_team_words,
    list_words,
)
from askproai_runtime.conversation.business_information.declared import find_declared
from askproai_runtime.conversation.business_information.hours import (
    asks_about_now,
    describe_closures,
    describe_habitual_days,
    describe_hours,
    describe_now,
    find_habitual_days,
    understand_days,
)
from askproai_runtime.conversation.business_information.numbers import spell_digits
from askproai_runtime.conversation.business_information.question_parts import (
    OpenPart,
    asked_sentences,
    covers,
    drop_around_nouns,
    leave_open,
    leave_out_branches,
    list_parts,
    list_topics,
    list_uncovered,
    split_clauses,
    words_of_topic,
)
from askproai_runtime.conversation.business_information.questions import (
    Question,
    answer_about_cancelling,
    answered,
    ask_back,
    join_answers,
    unknown,
)
from askproai_runtime.conversation.business_information.services import (
    answer_about_services,
    is_offered,
    join_names,
    list_argument_words,
    list_named,
    say_able_staff,
)
from askproai_runtime.conversation.business_information.topics import ASKS_NOTHING, Topic
from askproai_runtime.conversation.business_information.working_days import split_working_days
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.near_services import says_part
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import drop_titles, fold
from askproai_runtime.sentences import format_written_day, say
from askproai_runtime.spoken_times import Refusal, Understanding
from askproai_runtime.understood import UNDERSTOOD

_MAX_NAMES = 10  # that a listener can follow
_MAX_COMPARED = 50  # branches
_FREE_TIMES = re.compile(rf"\b(?:{UNDERSTOOD.questions.free_times})\b")
_LANGUAGES = re.compile(rf"\b(?:{UNDERSTOOD.questions.languages})\b")
_WAITING = re.compile(rf"\b(?:{UNDERSTOOD.declines.waiting_list}|{UNDERSTOOD.questions.if_freed})\b")
_DOES, _TITLE = UNDERSTOOD.questions.does, UNDERSTOOD.questions.article_of_person
_HOURS = frozenset({Topic.OPENING_HOURS, Topic.CLOSED_DAYS})


@dataclass(frozen=True, slots=True)
class _Reading:
    """A question on one topic, and the facts read from it that are the same for each branch, so that a comparison of branches
    reads it once.

    `named`: (folded name said, service) pairs. `understood`: the days asked about. `is_about_now`: it is about the present
    moment.
    """

    question: Question
    named: Sequence[tuple[str, Service]]
    understood: Understanding | None
    is_about_now: bool = False

    @classmethod
    def of(cls, config: TenantConfig, question: Question) -> Self:
        named, zone = list_named(config.services, question, fold(question.words)), ZoneInfo(config.time_zone)
        if question.topic is Topic.OPENING_HOURS and asks_about_now(question.date, question.words):
            return cls(question, named, None, is_about_now=True)
        return cls(question, named, _understand_days(question, zone) if question.topic in _HOURS else None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The readings of a caller's question, one for each topic, and the `parts` that no topic answers.

    `is_sure`: the caller's words ask about the topics. Otherwise only the model's argument names a topic.
    """

    readings: Sequence[_Reading]
    parts: Sequence[OpenPart]
    is_sure: bool
    asks_branches: bool

    @classmethod
    def of(cls, config: TenantConfig, question: Question) -> Self:
        zone, at = ZoneInfo(config.time_zone), question.asked_at
        names_service = list_argument_words(config, question)
        parts = list_parts(question.words, list_known_words(config) | names_service, at, zone)
        rest, asks_person = _leave_out_person(config, question, zone)
        rest, asks_branches = leave_out_branches(rest) if len(config.branches) > 1 else (rest, False)
        words = fold(asked_sentences(rest))
        # Else the day of the person is that of the hours.
        if rest != question.words and _names_time(without := replace(question, words=rest), zone):
            question = without
        first = _Reading.of(config, question)
        days = first.is_about_now or first.understood is not None
        names_day = not asks_person and (days or bool(find_habitual_days(question.date, question.words)))
        found = [topic for named in question.topics for topic in list_topics(named, words, names_day=names_day)]
        asked = list(dict.fromkeys(found)) or (
            [Topic.STAFF] if words and _asks_who_does(config, question, words, zone) else []
        )
        questions = [
            replace(question, topic=topic, words=words_of_topic(topic, question.words, asked))
            if topic in {*_HOURS, Topic.STAFF} and len(asked) > 1
            else replace(question, topic=topic)
            for topic in asked or question.topics
            if asked or not (asks_branches or (asks_person and topic in _HOURS))
        ]
        readings = [first if each == question else _Reading.of(config, each) for each in questions]
        topics = {each.topic for each in questions}
        if Topic.STAFF in topics and topics.isdisjoint(_HOURS):
            asks_person |= _understand_days(question, zone) is not None
        names = list_words(member.display_name for branch in config.branches for member in branch.staff)
        known = list_known_words(config) - (names if Topic.STAFF not in topics else frozenset())
        known |= {f"{before} {name}" for before in UNDERSTOOD.arguments.with_staff for name in names}
        known |= names_service | {*fold(read_introduction(question.words)).split()}
        if question.service and any(len(each.named) > 1 for each in readings):
            known |= UNDERSTOOD.question_words.counts  # "für beide": the services of the argument
        parts = [each for each in parts if each.subject or not any(covers(topic, fold(each.words)) for topic in asked)]
        parts += list_uncovered(rest, topics, known, at, zone)
        if asks_person:
            parts.append(OpenPart("date", "working_days"))
        return cls(readings, parts, bool(asked), asks_branches)


def _asks_who_does(config: TenantConfig, question: Question, words: str, zone: ZoneInfo) -> bool:
    """Return whether folded words only ask if a staff member, or who, does a service: "Kann Mehmet auch färben?"."""
    people = "|".join([*map(re.escape, list_team_words(config)), UNDERSTOOD.questions.who])
    does = rf"\b(?:(?:{_DOES}) (?:(?:{_TITLE}) )?(?:{people})|(?:{people}) (?:{_DOES}))\b"
    if not re.search(does, words) or _names_time(question, zone):
        return False
    named = list_named(config.services, replace(question, topic=Topic.STAFF), words)
    known = list_known_words(config) | {*re.findall(r"\w+", " ".join(name for name, _ in named))}
    return bool(named) and all(
        each in known or each in ASKS_NOTHING or covers(Topic.STAFF, each) for each in words.split()
    )


def _leave_out_person(config: TenantConfig, question: Question, zone: ZoneInfo) -> tuple[str, bool]:
    """Return a question's words without the clauses about a staff member's days, and whether it has such a clause."""
    names = list_team_words(config) - {*drop_titles(read_introduction(question.words)).split()}

    def names_day(clause: str) -> bool:
        date = question.date if question.words.startswith(clause) else None
        return _names_time(replace(question, words=clause, date=date), zone)

    rest, found = split_working_days(question.words, names, question.topic, names_day)
    is_named = question.staff is not None and (not _HOURS.isdisjoint(question.topics) or question.date is not None)
    return rest, found or is_named


def _names_time(question: Question, zone: ZoneInfo) -> bool:
    """Return whether a question names days or the present moment."""
    is_habitual = bool(find_habitual_days(question.date, question.words))
    return is_habitual or asks_about_now(question.date, question.words) or _understand_days(question, zone) is not None


def _understand_days(question: Question, zone: ZoneInfo) -> Understanding | None:
    return understand_days(question.date, question.words, question.asked_at, zone)


def answer_question(config: TenantConfig, branch: Branch, question: Question) -> Answer:
    """Return the answer to a caller's question about a branch, topic by topic. A fact that the tenant has not declared is never
    guessed: the caller hears that it is unknown. The same applies to a part of the question without a topic.
    """
    return _answer_parts(config, branch, question, _Asked.of(config, question))


def _answer_parts(config: TenantConfig, branch: Branch, question: Question, asked: _Asked) -> Answer:
    words, known = fold(question.words), (*branch.knowledge, *config.knowledge)
    if own := [each.answer for each in known if words and fold_declared(each.question) == words]:
        return answered(question, own[0])
    declared = [each for each in known if f" {fold_declared(each.question)} " in f" {words} "]
    if declared:
        question = replace(question, words=_leave_out(question.words, declared))
        asked = _Asked.of(config, question)
    said = [each.answer for each in declared]
    if asked.asks_branches:
        said.append(say().our_branches.format(names=join_names([each.display_name for each in config.branches])))
    asks_to_wait = _asks_about_waiting(config, known, words)
    said += [say().freed_in_turn] if asks_to_wait else []
    readings = asked.readings if asked.is_sure or not (declared or asks_to_wait) else ()
    pairs = [(_answer(config, branch, each), each) for each in readings]
    named = [service for each in readings for _, service in each.named]
    answered_words = UNDERSTOOD.declared.open_questions if asks_to_wait else frozenset[str]()
    parts = [each for each in asked.parts if not (each.words in answered_words or says_part(each.words, named))]
    left = leave_open(parts, " ".join([*said, *(answer.message for answer, _ in pairs)]))
    if 0 < len(left) == len(parts):
        pairs = [(answer, each) for answer, each in pairs if not _is_beside(answer, each, asked)]
    open_parts, by_topic = drop_around_nouns(left), [(answer, each.question) for answer, each in pairs]
    named = [service for _, each in pairs for _, service in each.named]
    found = find_declared(config, branch, question, by_topic, named, open_parts, is_said=bool(said))
    said += [each for each in dict.fromkeys(found.sentences) if each not in " ".join(said)]
    pairs = [each for each in pairs if each[0].success or each[1].question.topic not in found.topics]
    if found.parts:  # "How long is a prescription valid?" is about no service
        is_asking = FunctionOutcome.ASKED_BACK
        pairs = [each for each in pairs if each[0].outcome is not is_asking or not _is_of_all(each[1], asked)]
    answers = [answer for answer, _ in pairs] + found.asking
    if len(said) + len(answers) > 1 and declared and not words.startswith(fold_declared(declared[0].question)):
        behind = [answered(question, f"{each.question} {each.answer}") for each in declared]
        said, answers = said[len(declared) :], [*answers, *behind]  # in the order of the questions
    answers = [*(answered(question, each) for each in said), *answers]
    answer = join_answers(config, branch, question, answers, found.leave_open(open_parts))
    asks_for_times = not answer.success and _FREE_TIMES.search(words) is not None  # a search knows them
    return ask_back(question, say().search_free_times) if asks_for_times else answer


def _asks_about_waiting(config: TenantConfig, known: Sequence[Knowledge], words: str) -> bool:
    """Return True if a question is about the waiting list, and the tenant has one and declares no answer about it."""
    if not (_WAITING.search(words) and any(agent.joins_waitlist for agent in config.agents)):
        return False
    return not any(_WAITING.search(fold_declared(each.question)) for each in known)


def _is_beside(answer: Answer, reading: _Reading, asked: _Asked) -> bool:
    """Return True if an answer misses the question, given that no answer has a word of the question's open parts.

    That is so if only the model named the topic, or if the prices of all services would be listed ("Was kostet Parken?").
    """
    # Words that no list has: the answer is said, and that there may be more.
    if all(part.clause for part in asked.parts):
        return False
    return answer.success and (not asked.is_sure or _is_of_all(reading, asked))


def _is_of_all(reading: _Reading, asked: _Asked) -> bool:
    """Return True if no service is named, and each clause that asks about prices or services has a part that no topic answers:
    "Was kostet Parken?", not "Was kostet das und wie zahle ich?".
    """
    question = reading.question
    if question.topic not in {Topic.PRICES, Topic.SERVICE} or reading.named or question.service:
        return False
    clauses = [
        f" {folded} "
        for folded in map(fold, split_clauses(question.words))
        if question.topic in list_topics(Topic.OTHER, folded, names_day=False)
    ]
    return all(any(f" {fold(part.words)} " in each for part in asked.parts) for each in clauses)


def _leave_out(words: str, declared: Iterable[Knowledge]) -> str:
    for each in declared:
        pattern = r"\W+".join(map(re.escape, re.findall(r"\w+", each.question)))
        words = re.sub(pattern, " ", words, flags=re.IGNORECASE)
    return words


def _answer(config: TenantConfig, branch: Branch, reading: _Reading) -> Answer:
    question = reading.question
    if reading.understood and not reading.understood.candidates and branch.opening_hours:
        return ask_back(question, _ask_day(reading.understood, question, ZoneInfo(config.time_zone)))
    match question.topic:
        case Topic.PRICES | Topic.SERVICE:
            return answer_about_services(config, branch, question, reading.named)
        case Topic.OPENING_HOURS | Topic.CLOSED_DAYS:
            sentence = _say_hours(config, branch, reading)
        case Topic.ADDRESS:
            sentence = _say_address(config, branch)
        case Topic.STAFF:
            sentence = _say_staff(branch, reading)
        case Topic.CANCELLATION:
            return answer_about_cancelling(config, branch, question)
        case Topic.OTHER:
            sentence = None
    return answered(question, sentence) if sentence else unknown(config, branch, question)


def _ask_day(understood: Understanding, question: Question, zone: ZoneInfo) -> str:
    """Return the question for a day. If the named day is past, it says today's date, so that the caller names a later day."""
    if understood.past is not None:
        today = format_written_day(question.asked_at.astimezone(zone).date())
        return f"{say().past_day.format(day=format_written_day(understood.past), today=today)} {say().which_day}"
    return f"{say().past_named} {say().which_day}" if understood.refused is Refusal.PAST else say().which_day


def same_everywhere(config: TenantConfig, question: Question, called: str | None) -> Answer | None:
    """Return the answer if it is the same in every branch concerned, so that the caller need not name a branch; else None.

    If only one branch has the named service, its name is said first, unless it is the branch that was `called`. More than 50
    branches are not compared, since the comparison blocks all other callers of the process.
    """
    if not 0 < len(config.branches) <= _MAX_COMPARED:
        return None
    asked = _Asked.of(config, question)
    first, *others = _concerned(config, asked)
    answer = _answer_parts(config, first, question, asked)
    if not others and len(config.branches) > 1 and first.name != called:
        return replace(answer, message=f"{first.display_name}. {answer.message}")
    return answer if all(_answer_parts(config, each, question, asked) == answer for each in others) else None


def _concerned(config: TenantConfig, asked: _Asked) -> Sequence[Branch]:
    """Return the branches that offer a named service; all branches if no service is named, or if the topic is no service's."""
    if any(each.question.topic not in {Topic.PRICES, Topic.SERVICE} for each in asked.readings):
        return config.branches
    named = [service for each in asked.readings for _, service in each.named]
    offering = [branch for branch in config.branches if any(is_offered(service, branch) for service in named)]
    return offering or config.branches


def _say_hours(config: TenantConfig, branch: Branch, reading: _Reading) -> str | None:
    question, zone = reading.question, ZoneInfo(config.time_zone)
    pauses = question.pauses.get(branch.name, ())
    if reading.is_about_now:
        return describe_now(branch, question.now, zone, pauses)
    if question.topic is Topic.OPENING_HOURS and (days := find_habitual_days(question.date, question.words)):
        return describe_habitual_days(branch, days, question.now, zone, pauses)
    if question.topic is Topic.CLOSED_DAYS and not reading.understood:
        return describe_closures(branch, question.now.astimezone(zone), pauses)
    return describe_hours(branch, reading.understood, question.now, zone, pauses)


def _say_address(config: TenantConfig, branch: Branch) -> str | None:
    address = branch.address
    of = say().of_branch.format(branch=branch.display_name) if len(config.branches) > 1 else ""
    place = address.street or address.city
    if address.street and address.city:
        place = say().street_in_city.format(street=address.street, city=address.city)
    code = say().postal_code.format(digits=spell_digits(address.postal_code)) if place and address.postal_code else ""
    sentence = say().address.format(of_branch=of, place=place, code=code) if place else ""
    return f"{sentence} {branch.directions}".strip() or None


def _say_staff(branch: Branch, reading: _Reading) -> str | None:
    """Return the staff members who do the named services; else the team, the languages of each, and those that nobody speaks."""
    if not branch.staff:
        return None
    words = fold(reading.question.words)
    if (able := say_able_staff(branch, reading.named)) and not _LANGUAGES.search(words):
        return able
    names = [member.display_name for member in branch.staff]
    team = say().team_of_several if len(names) > 1 else say().team_of_one
    spoken = {member.display_name: _list_languages(member) for member in branch.staff}
    sentences = [able or team.format(names=join_names(names))]
    for name in names[:_MAX_NAMES]:
        if spoken[name]:
            languages = join_list(spoken[name], say().and_word)
            sentences.append(say().speaks.format(name=name, languages=languages))
    known = {language for each in spoken.values() for language in each}
    asked = [language for language in say().languages.values() if fold(language) in words.split()]
    if known.issuperset(asked) and _LANGUAGES.search(words):  # else the language stays open
        named = [each for each in names if not list_name_words(each).isdisjoint(words.split())]
        sentences += [say().languages_not_known.format(name=each) for each in named if known and not spoken[each]]
    if all(spoken.values()) and (missing := [language for language in asked if language not in known]):
        sentences.append(say().nobody_speaks.format(languages=join_list(missing, say().or_word)))
    return " ".join(sentences)


def _list_languages(member: Staff) -> list[str]:
    """Return the declared languages of a staff member, by their names in the language of the call."""
    spoken = dict.fromkeys(say().languages.get(language.partition("-")[0], "") for language in member.languages)
    return [language for language in spoken if language]
