"""Sentences about the prices, lengths and preparation of services. Pure: config in, sentences out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.conversation.business_information.numbers import spell_minutes, spell_money
from askproai_runtime.conversation.business_information.question_parts import covers
from askproai_runtime.conversation.business_information.questions import Question, answered, ask_back, unknown
from askproai_runtime.conversation.business_information.subjects import asks_preparation, find_subjects
from askproai_runtime.conversation.business_information.topics import Topic
from askproai_runtime.conversation.types import Answer
from askproai_runtime.conversation.unknown_services import find_known_questions
from askproai_runtime.language.generic_services import is_generic
from askproai_runtime.language.heard_names import list_heard_services
from askproai_runtime.language.near_services import list_general, list_joined
from askproai_runtime.language.phrases import join_list, sayable
from askproai_runtime.language.service_texts import read_beside_unknown, read_named
from askproai_runtime.language.spoken_services import read_services
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import decline_name, say, service_as_subject
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import compose_visit, has_several

_WORDS: Final = UNDERSTOOD.questions
_MOST_HEARD = 40  # services of a branch: those of each of up to fifty branches are compared while callers wait
_MOST_COMPARED = 100  # services of all branches, whose names are compared by their meanings
_MAX_PRICES, _MAX_NAMES, _MAX_STAFF = 5, 8, 10  # that a listener can follow
# Words with which several services are compared or listed: the sum of them would be no answer.
_EACH_BY_ITSELF = re.compile(rf"\b(?:{_WORDS.each_by_itself})\b")
_TOGETHER = re.compile(rf"\b(?:{_WORDS.together})\b")
_OF_VISIT = re.compile(rf"\b(?:{_WORDS.together}|{'|'.join(sorted(UNDERSTOOD.service_texts.together_with))})\b")
_ASKS_PRICE_OR_LENGTH = re.compile(rf"\b(?:{_WORDS.price_or_length})\b")
_ASKS_PRICE = re.compile(rf"\b(?:{UNDERSTOOD.topics.prices})\b")
_ASKS_OFFER = re.compile(rf"\b(?:{_WORDS.offer})")


def answer_about_services(
    config: TenantConfig, branch: Branch, question: Question, said_names: Sequence[tuple[str, Service]]
) -> Answer:
    """Return the answer about a service's price, length and preparation. If no service is named, return all prices."""
    spoken = _read_argument(config, branch, question)
    visit = compose_visit(config, spoken) if len(spoken) > 1 and not _asks_about_each(question) else None
    visit = visit and visit.in_branch(branch.name)
    if visit is not None and (sentence := _describe_service(visit, question.topic)):
        is_sum = question.topic is not Topic.PRICES or _OF_VISIT.search(fold(f"{question.service} {question.words}"))
        each = [] if is_sum or not _price(visit) else [f"{_say_price(one.in_branch(branch.name))}. " for one in spoken]
        return answered(question, f"{''.join(each)}{sentence}{_describe_overrides(visit, branch, question.topic)}")
    if named := _find_services(said_names, branch) or spoken:
        return _answer_about_named(config, branch, named, question)
    offered = [each.in_branch(branch.name) for each in config.services if is_offered(each, branch)]
    if not offered:
        return unknown(config, branch, question)
    if beside := _answer_beside_unknown(config, branch, offered, question):
        return beside
    if question.service and find_known_questions(question.service, branch, config):
        among = offered if len(offered) <= _MOST_HEARD else ()
        # "Waxing" of two services, and of "Tut Waxing weh?"
        if not any(_has_words(each, question.service) for each in among):
            return unknown(config, branch, question)
    if question.service:
        return _answer_about_unknown(config, branch, offered, question)
    if len(offered) == 1:
        return _answer_about_named(config, branch, offered, question)
    return _answer_about_all(config, branch, offered, question)


def _answer_about_all(config: TenantConfig, branch: Branch, offered: Sequence[Service], question: Question) -> Answer:
    """Return the names or prices of all services, as asked; else the question which service is meant."""
    words = fold(question.words)
    asks_offer = question.topic is Topic.SERVICE and _ASKS_OFFER.search(words) is not None
    if asks_offer and not _ASKS_PRICE.search(words):
        names = join_names([each.display_name for each in offered])
        return answered(question, say().we_offer.format(services=names))
    if (question.topic is Topic.SERVICE and not asks_offer) or len(offered) > _MAX_PRICES:
        return _ask_which(question, offered)
    priced = [f"{sentence}{_list_own_prices(each, branch)}" for each in offered if (sentence := _say_price(each))]
    if not priced:
        return unknown(config, branch, question, say().prices_not_known)
    return answered(question, f"{join_list(priced, say().and_word)}.")


def join_names(names: Sequence[str]) -> str:
    is_long = len(names) > _MAX_STAFF
    return f"{', '.join(names[:_MAX_STAFF])}{say().and_others}" if is_long else join_list(names, say().and_word)


def say_able_staff(branch: Branch, said_names: Sequence[tuple[str, Service]]) -> str:
    """Return the sentences with the staff members who do the named services; "" if the branch offers none of these."""
    sentences = list[str]()
    for service in (each for each in _find_services(said_names, branch) if is_offered(each, branch)):
        names = [decline_name(each.display_name) for each in branch.staff if each.id in service.staff[branch.name]]
        sentences.append(say().done_by.format(service=service.display_name, names=join_names(names)))
    return " ".join(sentences)


def _answer_about_unknown(
    config: TenantConfig, branch: Branch, offered: Sequence[Service], question: Question
) -> Answer:
    """Return the answer about each service with all said words ("Klavierstunde" of 30, 45 and 60 minutes); else a question."""
    said, among = question.service or "", offered if len(offered) <= _MOST_HEARD else ()
    heard = list_heard_services(said, among)
    if heard and len(heard) <= _MAX_PRICES and all(_has_words(each, said) for each in heard):
        return _answer_about_named(config, branch, heard, question)
    if heard:
        choices = join_list([each.display_name for each in heard])
        return ask_back(question, say().do_you_mean.format(choices=choices), services=[each.name for each in heard])
    return _ask_which(question, offered, say().not_on_list.format(requested=sayable(said) or say().that_service))


def _answer_beside_unknown(
    config: TenantConfig, branch: Branch, offered: Sequence[Service], question: Question
) -> Answer | None:
    """Return the answer about the known services of the argument, with its unknown parts; None if all its parts are known, or
    none is.
    """
    if not question.service or len(offered) * len(config.branches) > _MOST_COMPARED:
        return None
    services, unknown_parts = read_beside_unknown(question.service, offered)
    if not services:
        return None
    told = _answer_about_named(config, branch, services, question)
    # "Haarschnitt, Preis" is answered; "Haarschnitt, Parkplatz" asks for more, if the question does not ask for it itself.
    unknown_parts = [part for part in unknown_parts if not _covers_all(question.topic, part)]
    if all(map(_is_no_service, unknown_parts)):
        return told if question.words else answered(question, told.message, unknown_parts)
    unknown_parts = [part for part in unknown_parts if not _is_no_service(part)]
    said = join_list(unknown_parts, say().and_word)
    if list_heard_services(said, offered):
        asked = _answer_about_unknown(config, branch, offered, replace(question, service=said))
        return replace(asked, message=f"{told.message} {asked.message}", fields={**told.fields, **asked.fields})
    if any(find_known_questions(each, branch, config) for each in unknown_parts):
        return told  # the answer to that question is said, too
    not_on_list = say().not_on_list.format(requested=sayable(said) or say().that_service).strip()
    missing = [*told.fields.get("not_answered", ()), *unknown_parts]
    return answered(question, f"{told.message} {not_on_list}", missing)


def _is_no_service(part: str) -> bool:
    """Return whether words in the place of a service's name ask about something else: "Öffnungszeiten", "Parkplatz"."""
    return bool(find_subjects(fold(part))) or any(_covers_all(topic, part) for topic in Topic)


def _covers_all(topic: Topic, part: str) -> bool:
    return is_generic(part) or all(covers(topic, word) for word in fold(part).split())


def _answer_about_named(
    config: TenantConfig, branch: Branch, services: Sequence[Service], question: Question
) -> Answer:
    """Return the answer about one or more services. It also names the services without a known price."""
    told: list[str] = []
    unpriced: list[str] = []
    missing: list[str] = []
    for service in services[:_MAX_PRICES]:
        name = service.display_name
        if is_offered(service, branch):
            here = service.in_branch(branch.name)
            sentence = _describe_service(here, question.topic) or ""
            sentence = f"{sentence}{_describe_overrides(here, branch, question.topic)}".strip()
            told += [sentence] if sentence else []
            unpriced += [] if sentence else [name]
            continue
        same = [each for each in config.services if each.display_name == name]  # each branch may declare its own
        places = [(own, each) for each in config.branches for own in same if is_offered(own, each)]
        if places:
            others = join_list([each.display_name for _, each in places], say().and_word)
            elsewhere = say().offered_elsewhere.format(service=name, branch=branch.display_name, others=others)
            told.append(f"{elsewhere} {_describe_elsewhere(places, question.topic)}".strip())
        else:
            missing.append(say().not_offered_now.format(service=name))
    if unpriced:
        not_known = say().price_not_known if len(unpriced) == 1 else say().these_prices_not_known
        missing.append(not_known.format(service=join_list(unpriced, say().and_word)))
    if not told:
        return unknown(config, branch, question, " ".join(missing))
    if asks_preparation(fold(question.words)) and not any(each.preparation for each in services):
        missing.insert(0, say().preparation_not_known)
        unpriced.append("preparation")
    return answered(question, " ".join([*dict.fromkeys(told), *missing]), unpriced)


def _describe_elsewhere(places: Sequence[tuple[Service, Branch]], topic: Topic) -> str:
    """Return the price, length or preparation of a service that only other branches offer; "" if they differ between these."""
    local = [(service.in_branch(each.name), each) for service, each in places]
    said = {f"{_describe_service(own, topic) or ''}{_describe_overrides(own, each, topic)}" for own, each in local}
    return said.pop().strip() if len(said) == 1 else ""


def _asks_about_each(question: Question) -> bool:
    """Return whether each service is asked about separately: "Behandlung oder Befund?" is not one visit with both."""
    said = fold(f"{question.service} {question.words}")
    if _TOGETHER.search(said):
        return False
    asked = Counter(_ASKS_PRICE_OR_LENGTH.findall(fold(question.words)))
    return _EACH_BY_ITSELF.search(said) is not None or max(asked.values(), default=0) > 1


def is_offered(service: Service, branch: Branch) -> bool:
    return service.branch in {None, branch.name} and bool(service.staff.get(branch.name))


def _read_argument(config: TenantConfig, branch: Branch, question: Question) -> tuple[Service, ...]:
    """Return the branch's services that the argument `service` names, as for a booking, or the only visit that its parts may
    mean; () if any of its words names no service.
    """
    said, offered = question.service or "", [each for each in config.services if is_offered(each, branch)]
    among = offered if len(offered) * len(config.branches) <= _MOST_COMPARED else ()
    named = read_named(said, among) if among else read_services(said, offered)
    if named.services and named.unknown is None:
        return named.services
    joined = list_joined(said, among)
    return joined[0] if len(joined) == 1 else ()


def list_argument_words(config: TenantConfig, question: Question) -> frozenset[str]:
    """Return the folded words of the argument `service` that name services ("haircut"): the answer has their own names."""
    said, services = question.service or "", config.services
    if not said or len(services) * len(config.branches) > _MOST_COMPARED:
        return frozenset()
    named, words = read_named(said, services), fold(said).split()
    if named.services and named.unknown is None:
        return frozenset(words)
    known, unknown = read_beside_unknown(said, services)
    return frozenset(words if known else ()).difference(*(fold(each).split() for each in unknown))


def _find_services(named: Sequence[tuple[str, Service]], branch: Branch) -> list[Service]:
    """Return the services that the caller named. Services of this branch take precedence over services of other branches.

    A name inside a longer name that was said does not count. The first of two services with the same name counts.
    """
    offered = [found for found in named if is_offered(found[1], branch)]
    found: dict[str, Service] = {}
    for name, service in sorted(offered or named, key=lambda each: -len(each[0])):
        if not any(f" {name} " in f" {longer} " for longer in found):
            found[name] = service
    meant = {service.name for service in found.values()}
    return list({service.name: service for _, service in offered or named if service.name in meant}.values())


def list_named(services: Sequence[Service], question: Question, words: str) -> list[tuple[str, Service]]:
    """Return the services named in the argument, or without an argument in the folded words, each with the name that was said."""
    if question.topic not in {Topic.PRICES, Topic.SERVICE, Topic.STAFF}:
        return []
    names = [(each, _folded((each.name, each.display_name, *each.spoken_names))) for each in services]
    if question.service:
        said = fold(question.service)
        found = _list_contained(names, said)
        rest = f" {said} "
        for name, _ in sorted(found, key=lambda each: -len(each[0])):
            rest = rest.replace(f" {name} ", "  ")
        # "Massage und Fango" are two services; "Thai Massage" is not the massage that is offered.
        return found if set(rest.split()) <= _WORDS.between_names else []
    found = _list_contained(names, words)
    return [*found, *list_general(words, services)] if len(services) <= _MOST_COMPARED else found


def _list_contained(names: Sequence[tuple[Service, frozenset[str]]], words: str) -> list[tuple[str, Service]]:
    said = f" {words} "
    return [(name, each) for each, known in names for name in known if f" {name} " in said]


@lru_cache(maxsize=4096)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, names))


def _describe_service(service: Service, topic: Topic) -> str | None:
    """Return the price, and for the topic `service` also length and preparation. For prices, None if no price is declared."""
    if topic is Topic.PRICES:
        return f"{costs}." if (costs := _say_price(service)) else None
    waiting = sum(end - first for first, end in service.wait_spans)
    waits = say().of_it_waiting.format(length=spell_minutes(waiting)) if waiting else ""
    price, several = _price(service), has_several(service.name)
    and_costs, and_free = (say().and_cost, say().and_are_free) if several else (say().and_costs, say().and_free)
    and_costs = and_costs.format(price=price) if price else and_free if service.free_of_charge else ""
    length = f"{spell_minutes(service.duration_minutes)}{waits}{',' if waits and and_costs else ''}"
    takes = say().services_take if several else say().takes
    named = service.display_name if several else service_as_subject(service.display_name)
    length = takes.format(service=named, length=length, price=and_costs)
    return f"{length} {service.preparation}".strip()


def _describe_overrides(service: Service, branch: Branch, topic: Topic) -> str:
    """Return the sentences about staff members with another price, and for the topic `service` also with another length.

    Each sentence begins with a space. Return "" if all staff members have the same price and length.
    """
    sentences: list[str] = []
    for staff, own in _list_overridden(service, branch):
        has_own_length = own.duration_minutes != service.duration_minutes
        price, and_price = _price(own), ""
        if own.terms != service.terms:
            and_price = say().and_costs.format(price=price) if price else say().and_free if own.free_of_charge else ""
        if topic is Topic.SERVICE and has_own_length:
            length = spell_minutes(own.duration_minutes)
            sentences.append(say().takes_with.format(staff=staff, length=length, price=and_price))
        elif and_price:
            costs, is_free = say().costs_with, say().is_free_with
            sentences.append(costs.format(staff=staff, price=price) if price else is_free.format(staff=staff))
    return "".join(f" {sentence}" for sentence in sentences)


def _list_own_prices(service: Service, branch: Branch) -> str:
    """Return clauses with the staff members who have another price, to follow the usual price of the service."""
    priced = [(staff, own) for staff, own in _list_overridden(service, branch) if own.terms != service.terms]
    return "".join(
        say().price_with.format(staff=staff, price=_price(own) or say().free) for staff, own in priced
        if _price(own) or own.free_of_charge
    )  # fmt: skip


def _list_overridden(service: Service, branch: Branch) -> list[tuple[str, Service]]:
    """Return (declined name, service) for each staff member with another length or price; the service is as they do it."""
    overridden = {each.staff for each in service.staff_overrides} & set(service.staff.get(branch.name, ()))
    members = [member for member in branch.staff if member.id in overridden][:_MAX_STAFF]
    return [(decline_name(member.display_name), service.done_by(member.id)) for member in members]


def _say_price(service: Service) -> str | None:
    """Return the clause with a service's price, without a full stop; None if no price is declared."""
    several, price = has_several(service.name), _price(service)
    named = service.display_name if several else service_as_subject(service.display_name)
    if service.free_of_charge:
        return (say().are_free if several else say().is_free).format(service=named)
    return (say().services_cost if several else say().costs).format(service=named, price=price) if price else None


def _has_words(service: Service, said: str) -> bool:
    """Return whether one name of the service contains all words that were said."""
    return any(
        set(fold(said).split()) <= set(fold(name).split()) for name in (service.display_name, *service.spoken_names)
    )


def _price(service: Service) -> str | None:
    if not Decimal(service.price_amount):
        return None
    return spell_money(service.price_amount, service.price_currency)


def _ask_which(question: Question, offered: Sequence[Service], before: str = "") -> Answer:
    names = [each.display_name for each in offered]
    named = f": {join_list(names)}" if len(names) <= (_MAX_NAMES if before else _MAX_PRICES) else ""
    which = say().do_you_mean.format(choices=names[0]) if len(names) == 1 else say().which_service.format(names=named)
    return ask_back(question, before + which, services=[each.name for each in offered])
