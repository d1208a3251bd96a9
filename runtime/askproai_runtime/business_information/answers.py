"""business_information: the topics on which callers ask, and what is said about each. Pure: config in, sentences out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Knowledge, Service, TenantConfig
from askproai_runtime.booking import (
    Answer,
    FunctionOutcome,
    Span,
    find_known_questions,
    fold,
    join_list,
    list_heard_services,
    read_said,
    read_services,
    read_text,
    sayable,
)
from askproai_runtime.business_information.hours import (
    asks_about_now,
    describe_closures,
    describe_habitual_days,
    describe_hours,
    describe_now,
    find_habitual_days,
    understand_days,
)
from askproai_runtime.business_information.numbers import spell_digits, spell_minutes, spell_money
from askproai_runtime.german_dates import Understanding
from askproai_runtime.sentences import decline_name, say, service_as_subject
from askproai_runtime.visits import compose_visit, has_several

_MOST_HEARD = 40  # services of a branch: those of each of up to fifty branches are compared while callers wait
_MAX_PRICES, _MAX_NAMES, _MAX_STAFF = 5, 8, 10  # that a listener can follow
_MAX_COMPARED = 50  # branches
_BETWEEN_NAMES = frozenset({"und", "oder", "sowie", "and", "or"})


class Topic(StrEnum):
    """What a caller asks about, as the tool's argument `topic` names it."""

    PRICES = "prices"
    SERVICE = "service"
    OPENING_HOURS = "opening_hours"
    CLOSED_DAYS = "closed_days"
    ADDRESS = "address"
    STAFF = "staff"
    CANCELLATION = "cancellation"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Question:
    """A caller's question. `asked_at` is the start of the call, from which "morgen" counts; `now` is the present time (aware).

    `pauses`: the times in which each branch books nothing, because everybody is blocked.
    """

    topic: Topic
    words: str
    service: str | None
    date: str | None
    asked_at: datetime
    now: datetime
    pauses: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    @property
    def is_about_hours(self) -> bool:
        return self.topic in {Topic.OPENING_HOURS, Topic.CLOSED_DAYS}

    @classmethod
    def of(cls, args: Mapping[str, Any], *, asked_at: datetime, now: datetime) -> Self:
        """Read the function's arguments, which a language model wrote: an unknown topic is `other`."""
        topic = fold(read_text(args, "topic") or "").replace(" ", "_")
        known = Topic(topic) if topic in set(Topic) else Topic.OTHER
        service, date = read_said(args, "service"), read_said(args, "date")
        return cls(known, read_text(args, "question") or "", service, date, asked_at, now)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a question says whichever branch it is about, so that a comparison of branches reads it once.

    `named`: the services that it names, each with the name that was said; `known`: the tenant's own answer to it.
    """

    words: str
    named: Sequence[tuple[str, Service]]
    known: Knowledge | None
    understood: Understanding | None
    is_about_now: bool = False

    @classmethod
    def of(cls, config: TenantConfig, question: Question) -> Self:
        words = fold(question.words)
        named = _list_named(config.services, question, words)
        understood, zone = None, ZoneInfo(config.time_zone)
        if question.topic is Topic.OPENING_HOURS and asks_about_now(question.date, question.words):
            return cls(words, named, _find_known(config.knowledge, words), None, is_about_now=True)
        if question.is_about_hours:
            understood = understand_days(question.date, question.words, question.asked_at, zone)
        return cls(words, named, _find_known(config.knowledge, words), understood)


def answer_question(config: TenantConfig, branch: Branch, question: Question) -> Answer:
    """Answer a caller's question about a branch. What the tenant has not declared is said to be unknown, never guessed."""
    return _answer(config, branch, question, _Reading.of(config, question))


def _answer(config: TenantConfig, branch: Branch, question: Question, reading: _Reading) -> Answer:
    if own := _find_known(branch.knowledge, reading.words) or reading.known:
        return _answered(question, own.answer)
    if reading.understood and not reading.understood.candidates and branch.opening_hours:
        return _ask_back(question, say().which_day)
    match question.topic:
        case Topic.PRICES | Topic.SERVICE:
            return _answer_about_services(config, branch, question, reading)
        case Topic.OPENING_HOURS | Topic.CLOSED_DAYS:
            sentence = _say_hours(config, branch, question, reading)
        case Topic.ADDRESS:
            sentence = _say_address(config, branch)
        case Topic.STAFF:
            sentence = _say_staff(branch)
        case Topic.CANCELLATION:
            sentence = config.cancellation_rule or None
        case Topic.OTHER:
            sentence = None
    return _answered(question, sentence) if sentence else _unknown(config, branch, question)


def same_everywhere(config: TenantConfig, question: Question, called: str | None) -> Answer | None:
    """Return the answer if it is the same in every branch that it is about, so that a caller need not name one; else None.

    The only branch with the named service is said before it, unless it is the one that was `called`. Of very many branches nothing
    is compared: the comparison stops all other callers of the process.
    """
    if not 0 < len(config.branches) <= _MAX_COMPARED:
        return None
    reading = _Reading.of(config, question)
    first, *others = _concerned(config, question, reading)
    answer = _answer(config, first, question, reading)
    if not others and len(config.branches) > 1 and first.name != called:
        return replace(answer, message=f"{first.display_name}. {answer.message}")
    return answer if all(_answer(config, each, question, reading) == answer for each in others) else None


def _concerned(config: TenantConfig, question: Question, reading: _Reading) -> Sequence[Branch]:
    """Return the branches that offer the named service; all of them without one."""
    if question.topic not in {Topic.PRICES, Topic.SERVICE}:
        return config.branches
    offering = [
        branch for branch in config.branches if any(_is_offered(service, branch) for _, service in reading.named)
    ]
    return offering or config.branches


def _answered(question: Question, sentence: str) -> Answer:
    return Answer(
        success=True, message=sentence, fields={"topic": question.topic.value}, outcome=FunctionOutcome.ANSWERED
    )


def _unknown(config: TenantConfig, branch: Branch, question: Question, sentence: str = "") -> Answer:
    """Return the answer to what is not declared: it names the questions that can be answered for the model."""
    known = [each.question for each in (*branch.knowledge, *config.knowledge)]
    return Answer(
        success=False,
        message=sentence or say().not_known,
        fields={"topic": question.topic.value, **({"questions": known} if known else {})},
        outcome=FunctionOutcome.NOT_KNOWN,
    )


def _ask_back(question: Question, message: str, **fields: Any) -> Answer:
    known = {"topic": question.topic.value, **fields}
    return Answer(success=False, message=message, fields=known, outcome=FunctionOutcome.ASKED_BACK)


def _find_known(knowledge: Sequence[Knowledge], asked: str) -> Knowledge | None:
    """Return the declared question that these folded words are; only differences that nobody hears are overlooked."""
    return next((each for each in knowledge if asked and _fold_declared(each.question) == asked), None)


@lru_cache(maxsize=8192)
def _fold_declared(text: str) -> str:
    return fold(text)


def _say_hours(config: TenantConfig, branch: Branch, question: Question, reading: _Reading) -> str | None:
    zone, pauses = ZoneInfo(config.time_zone), question.pauses.get(branch.name, ())
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


def _say_staff(branch: Branch) -> str | None:
    if not branch.staff:
        return None
    names = [member.display_name for member in branch.staff]
    more = say().and_others if len(names) > _MAX_STAFF else ""
    listed = ", ".join(names[:_MAX_STAFF]) if more else join_list(names, say().and_word)
    sentences = [(say().team_of_several if len(names) > 1 else say().team_of_one).format(names=f"{listed}{more}")]
    for member in branch.staff[:_MAX_STAFF]:
        spoken = dict.fromkeys(say().languages.get(language.partition("-")[0], "") for language in member.languages)
        if languages := [language for language in spoken if language]:
            spoken_there = join_list(languages, say().and_word)
            sentences.append(say().speaks.format(name=member.display_name, languages=spoken_there))
    return " ".join(sentences)


def _answer_about_services(config: TenantConfig, branch: Branch, question: Question, reading: _Reading) -> Answer:
    """Answer what a service costs, how long it takes and what it needs; without a service, what all of them cost."""
    spoken = _read_argument(config, branch, question)
    visit = compose_visit(config, spoken) if len(spoken) > 1 else None
    visit = visit and visit.in_branch(branch.name)
    if visit is not None and (sentence := _describe_service(visit, question.topic)):
        return _answered(question, f"{sentence}{_describe_overrides(visit, branch, question.topic)}")
    if named := _find_services(reading.named, branch) or spoken:
        return _answer_about_named(config, branch, named, question)
    offered = [each.in_branch(branch.name) for each in config.services if _is_offered(each, branch)]
    if not offered:
        return _unknown(config, branch, question)
    if question.service and find_known_questions(question.service, branch, config):
        among = offered if len(offered) <= _MOST_HEARD else ()
        if not any(
            _has_words(each, question.service) for each in among
        ):  # "Waxing" of two services, and of "Tut Waxing weh?"
            return _unknown(config, branch, question)
    if question.service:
        return _answer_about_unknown(config, branch, offered, question)
    if len(offered) == 1:
        return _answer_about_named(config, branch, offered, question)
    if question.topic is Topic.SERVICE or len(offered) > _MAX_PRICES:
        return _ask_which(question, offered)
    priced = [f"{sentence}{_list_own_prices(each, branch)}" for each in offered if (sentence := _say_price(each))]
    if not priced:
        return _unknown(config, branch, question, say().prices_not_known)
    return _answered(question, f"{join_list(priced, say().and_word)}.")


def _answer_about_unknown(
    config: TenantConfig, branch: Branch, offered: Sequence[Service], question: Question
) -> Answer:
    """Answer about a service whose name several have a part of ("Klavierstunde" of 30, 45 and 60 minutes); else ask back."""
    said, among = question.service or "", offered if len(offered) <= _MOST_HEARD else ()
    heard = list_heard_services(said, among)
    if heard and len(heard) <= _MAX_PRICES and all(_has_words(each, said) for each in heard):
        return _answer_about_named(config, branch, heard, question)
    if heard:
        choices = join_list([each.display_name for each in heard])
        return _ask_back(question, say().do_you_mean.format(choices=choices), services=[each.name for each in heard])
    return _ask_which(question, offered, say().not_on_list.format(requested=sayable(said) or say().that_service))


def _answer_about_named(
    config: TenantConfig, branch: Branch, services: Sequence[Service], question: Question
) -> Answer:
    """Answer about one service or several, and say of which the price is not known."""
    told: list[str] = []
    unpriced: list[str] = []
    missing: list[str] = []
    for service in services[:_MAX_PRICES]:
        name = service.display_name
        if _is_offered(service, branch):
            here = service.in_branch(branch.name)
            sentence = _describe_service(here, question.topic) or ""
            sentence = f"{sentence}{_describe_overrides(here, branch, question.topic)}".strip()
            told += [sentence] if sentence else []
            unpriced += [] if sentence else [name]
            continue
        places = [each for each in config.branches if _is_offered(service, each)]
        if places:
            others = join_list([each.display_name for each in places], say().and_word)
            elsewhere = say().offered_elsewhere.format(service=name, branch=branch.display_name, others=others)
            told.append(f"{elsewhere} {_describe_elsewhere(service, places, question.topic)}".strip())
        else:
            missing.append(say().not_offered_now.format(service=name))
    if unpriced:
        not_known = say().price_not_known if len(unpriced) == 1 else say().these_prices_not_known
        missing.append(not_known.format(service=join_list(unpriced, say().and_word)))
    if not told:
        return _unknown(config, branch, question, " ".join(missing))
    if _asks_preparation(question) and not any(each.preparation for each in services):
        missing.insert(0, say().preparation_not_known)
    return _answered(question, " ".join([*told, *missing]))


def _describe_elsewhere(service: Service, places: Sequence[Branch], topic: Topic) -> str:
    """Return what there is to say about a service of other branches; nothing if that is not the same in all of them."""
    local = [(service.in_branch(each.name), each) for each in places]
    said = {f"{_describe_service(own, topic) or ''}{_describe_overrides(own, each, topic)}" for own, each in local}
    return said.pop().strip() if len(said) == 1 else ""


def _asks_preparation(question: Question) -> bool:
    return any(word in fold(question.words) for word in say().preparing)


def _is_offered(service: Service, branch: Branch) -> bool:
    return service.branch in {None, branch.name} and bool(service.staff.get(branch.name))


def _read_argument(config: TenantConfig, branch: Branch, question: Question) -> tuple[Service, ...]:
    """Return the services of the branch that the argument names, as a booking would read it; none if it names others, too."""
    named = read_services(question.service or "", [each for each in config.services if _is_offered(each, branch)])
    return named.services if named.unknown is None else ()


def _find_services(named: Sequence[tuple[str, Service]], branch: Branch) -> list[Service]:
    """Return the services that the caller named, rather those that the branch offers than another one's.

    A name within a longer one that was said is not meant by itself, and of two services of one name the first is.
    """
    offered = [found for found in named if _is_offered(found[1], branch)]
    found: dict[str, Service] = {}
    for name, service in sorted(offered or named, key=lambda each: -len(each[0])):
        if not any(f" {name} " in f" {longer} " for longer in found):
            found[name] = service
    meant = {service.name for service in found.values()}
    return list({service.name: service for _, service in offered or named if service.name in meant}.values())


def _list_named(services: Sequence[Service], question: Question, words: str) -> list[tuple[str, Service]]:
    """Return the services that the caller named, by the argument or else in the folded words, each with the name that was said."""
    if question.topic not in {Topic.PRICES, Topic.SERVICE}:
        return []
    names = [(each, _folded((each.name, each.display_name, *each.spoken_names))) for each in services]
    if question.service:
        said = fold(question.service)
        if exact := [(said, each) for each, known in names if said in known]:
            return exact
        found = _list_contained(names, said)
        rest = f" {said} "
        for name, _ in sorted(found, key=lambda each: -len(each[0])):
            rest = rest.replace(f" {name} ", "  ")
        # "Massage und Fango" are two services; "Thai Massage" is not the massage that is offered.
        return found if set(rest.split()) <= _BETWEEN_NAMES else []
    return _list_contained(names, words)


def _list_contained(names: Sequence[tuple[Service, frozenset[str]]], words: str) -> list[tuple[str, Service]]:
    said = f" {words} "
    return [(name, each) for each, known in names for name in known if f" {name} " in said]


@lru_cache(maxsize=4096)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, names))


def _describe_service(service: Service, topic: Topic) -> str | None:
    """Return the price, and for the topic `service` also the length and what it needs; None if there is nothing to say."""
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
    """Return with whom of a branch it costs something else, and for the topic `service` also takes another time.

    Sentences with a space before each; nothing where it is the same with everybody.
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
    """Return what it costs with whom it costs something else, as clauses after the price of the others."""
    priced = [(staff, own) for staff, own in _list_overridden(service, branch) if own.terms != service.terms]
    return "".join(
        say().price_with.format(staff=staff, price=_price(own) or say().free) for staff, own in priced
        if _price(own) or own.free_of_charge
    )  # fmt: skip


def _list_overridden(service: Service, branch: Branch) -> list[tuple[str, Service]]:
    """Return those in a branch with whom a service has an own length or price, by name as it follows `bei`, and what it is then."""
    overridden = {each.staff for each in service.staff_overrides} & set(service.staff.get(branch.name, ()))
    members = [member for member in branch.staff if member.id in overridden][:_MAX_STAFF]
    return [(decline_name(member.display_name), service.done_by(member.id)) for member in members]


def _say_price(service: Service) -> str | None:
    """Return what a service costs, as a clause without an end; None if that is not stated."""
    several, price = has_several(service.name), _price(service)
    named = service.display_name if several else service_as_subject(service.display_name)
    if service.free_of_charge:
        return (say().are_free if several else say().is_free).format(service=named)
    return (say().services_cost if several else say().costs).format(service=named, price=price) if price else None


def _has_words(service: Service, said: str) -> bool:
    """Return whether one of the service's names has all words that were said."""
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
    return _ask_back(question, before + which, services=[each.name for each in offered])
