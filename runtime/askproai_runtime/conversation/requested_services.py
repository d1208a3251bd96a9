"""Find the service and the staff member that a request names, among those of the branch."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.availability.obstacles import is_too_long
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.spoken_staff import find_staff_for_caller
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.unknown_services import (
    MOST_NAMED,
    ask_joined,
    ask_meant,
    ask_service,
    list_telling_words,
    refuse_unknown,
)
from askproai_runtime.language.answer_words import FILLER, NO, WAIT, YES_WORD, Reply, is_question, words_of
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.generic_services import is_generic
from askproai_runtime.language.heard_names import list_heard_services
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.near_services import (
    leave_out_unsaid,
    list_joined,
    list_related,
)
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.places_among import list_places
from askproai_runtime.language.replies import heard_key
from askproai_runtime.language.service_texts import (
    drop_catalogue,
    find_rest,
    names_several,
    read_beside_unknown,
    read_named,
)
from askproai_runtime.language.spoken_services import (
    NUMBER,
    NamedServices,
    find_named,
    names_service,
    read_services,
    split_visit,
)
from askproai_runtime.language.staff_preferences import separate_staff
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import MOST_SERVICES, compose_visit, find_by_name, has_several, list_parts

_WORDS: Final = UNDERSTOOD.asked_services
_LEADING_NO = re.compile(rf"\W*(?:{_WORDS.leading_no})\b\W*", re.IGNORECASE)
_COURTESY = re.compile(rf"\b(?:{_WORDS.courtesy})\b", re.IGNORECASE)
_BOTH = re.compile(rf"\b(?:{_WORDS.both})\b")
_COUNT_OR_FOR = re.compile(rf"\d|{NUMBER}|\b(?:{'|'.join(sorted(UNDERSTOOD.services.for_whom))})\b", re.IGNORECASE)
_NOT_WANTED: Final = UNDERSTOOD.services.not_wanted
_SEVERAL, _MOST_WORDS = 2, 4
_ONLY = re.compile(rf"\b(?:{_WORDS.only})\b")
_ALSO = re.compile(rf"\b(?:{_WORDS.also})\b")
_TOO = re.compile(rf"\b(?:{_WORDS.too})\b")
_BESIDE_PART = re.compile(
    rf"\b(?:{YES_WORD}|{FILLER}|{_WORDS.only}|{_WORDS.courtesy}|{_WORDS.too}|{_WORDS.beside_part})\b"
)
_AFTER_NOT, _BEFORE_NOT = 2, 3  # words between which a "nicht" excludes a part


def parse_service_request(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], last_service: str | None = None
) -> ServiceRequest:
    """Return the request with the branch, service and staff member that the arguments name. Raises `ClarificationNeeded` if one
    is unclear or cannot be booked.

    `last_service` is the service offered last, for a model that does not repeat it.
    """
    branch = _find_branch(config, call)
    named = drop_catalogue(read_text(args, "service") or "")
    said, staff = separate_staff(named or None, read_text(args, "staff"), branch.staff)
    if said and last_service and is_generic(said) and not _is_known(said, config.services):
        said = None
    offered = None if said else find_by_name(config, last_service or "", branch.name)
    has_companions = bool(args.get("companions"))  # "Haarschnitt, Haarschnitt" is one for each then
    service = offered or _find_service(config, branch, call, said or last_service, staff, has_companions=has_companions)
    rules = ServiceRules.of(ZoneInfo(config.time_zone), branch, service)
    too_long = is_too_long(rules)
    if (too_long or not rules.staff_members) and has_several(service.name):
        sentence = say().not_in_one_visit.format(services=service.display_name)
        raise ClarificationNeeded(
            sentence,
            cause=f"{service.name} cannot be done in one visit in {branch.name}",
            services=list_parts(service.name),
        )
    if not rules.staff_members:
        sentence = say().nobody_does.format(service=service.display_name)
        cause = f"nobody in {branch.name} can do {service.name}: see the Branch's staff and their skills"
        raise ClarificationNeeded(sentence, outcome=FunctionOutcome.NOT_BOOKABLE, cause=cause)
    if too_long:
        sentence = say().not_offered_now.format(service=service.display_name)
        cause = (
            f"no opening in {branch.name} is long enough for {service.name}: see its durationMinutes and OpeningFits"
        )
        raise ClarificationNeeded(sentence, outcome=FunctionOutcome.NOT_BOOKABLE, cause=cause)
    choice = find_staff_for_caller(config, rules, staff, call)
    if len(choice.members) < len(rules.staff_members):
        rules = replace(rules, staff_members=choice.members, among=choice.members)
    return ServiceRequest(replace(rules, usual_staff=choice.preferred), choice.staff, choice.excluded)


def _find_branch(config: TenantConfig, call: CallContext) -> Branch:
    """Return the call's branch, which `named_branch` has already found. Raises `ClarificationNeeded` if it is not declared."""
    for branch in config.branches:
        if branch.name == call.branch:
            return branch
    cause = f"the branch {call.branch} is not declared"
    raise ClarificationNeeded(say().no_appointments_here, outcome=FunctionOutcome.NOT_BOOKABLE, cause=cause)


def _find_service(
    config: TenantConfig,
    branch: Branch,
    call: CallContext,
    name: str | None,
    staff: str | None = None,
    *,
    has_companions: bool = False,
) -> Service:
    """Return the service or visit that a caller names. Without a name, return the only service, or the only one of the named
    staff member. Raises `ClarificationNeeded` if none, or several, may be meant.
    """
    offered = _list_offered(config, branch)
    if name is not None and is_generic(name) and not _is_known(name, offered):
        name = None
    if name is None:
        offered = _list_done_by(offered, branch, staff)
    if name is None and len(offered) == 1:
        return offered[0]
    named = _read_ids(name or "", offered) or read_named(name or "", offered)
    if named.services and named.unknown is None:
        return _join_services(config, replace(named, repeated=named.repeated and not has_companions))
    if not offered:
        cause = f"no service is offered in {branch.name}"
        raise ClarificationNeeded(
            say().nothing_bookable, outcome=FunctionOutcome.NOT_BOOKABLE, cause=cause, services=[]
        )
    if name is None:
        return _take_agreed(config, branch, call, ask_service(offered))
    has_rest = bool(find_rest(name, offered))
    means_people = _COUNT_OR_FOR.search(words_of(name)) or speaks_of_company(name)  # "für Tim", "um 2"
    for_one = not has_companions and (names_several(name, offered) or bool(has_rest and means_people))
    if joined := list_joined(name, offered):
        asked = ask_joined(name, joined, config, for_one=for_one, has_rest=has_rest)
        return _take_agreed(config, branch, call, asked, name)
    known, unknown = ((), []) if for_one else read_beside_unknown(name, offered)
    if unknown and not any(list_heard_services(each, offered) or list_related(each, offered) for each in unknown):
        visit, rest = _join_services(config, NamedServices(known)), join_list(unknown, say().and_word)
        return _take_agreed(config, branch, call, refuse_unknown(rest, [visit], branch, config), name)
    requested = (named.unknown if named.services else name) or ""
    related = leave_out_unsaid(requested, list_related(requested, offered))
    if meant := list_heard_services(requested, offered) or related:
        among = list({each.name: each for each in (*named.services, *meant)}.values())
        asked = ask_meant(requested, among, for_one=for_one, has_rest=has_rest)
        return _take_agreed(config, branch, call, asked, name)
    return _take_agreed(config, branch, call, refuse_unknown(requested, offered, branch, config), name)


def _take_agreed(
    config: TenantConfig, branch: Branch, call: CallContext, asked: ClarificationNeeded, name: str = ""
) -> Service:
    """Return the service that the caller chose in reply to the question `asked`, since a model repeats the misheard words. The
    only service in a question is also chosen without a no ("Dann das Früheste am Dienstag"). Raises the question if it is
    unanswered.

    `name` is the text about which the question asks.
    """
    if (offered := _find_offered(config, branch, call, name)) is not None:
        return offered
    said, services = asked.answer.fields.get("heard"), asked.answer.fields["services"]
    reply = call.find_reply(heard_key(said, services[0]), None) if said else None
    answer = _find_answer(call, services, name)
    is_instead = not {"not_offered", "questions"}.isdisjoint(asked.answer.fields)
    if said and is_instead and _wants_unknown(said, services[0], answer):
        raise asked
    is_only = _ONLY.search(words_of(answer))
    excluded = set[str]() if is_question(answer) else _list_excluded(config, branch, services, answer)
    left = [part for part in _list_all_parts(services) if part not in excluded]
    kept = [each for each in services if excluded.isdisjoint(list_parts(each))]
    if excluded and left:
        return _choose_part(config, branch, call, name, kept if len(kept) == 1 else left)
    is_agreed = reply is Reply.YES and not (is_only or excluded)
    if len(services) == 1 and has_several(services[0]) and not is_question(answer):
        parts, is_clear = _read_parts(config, branch, services[0], answer)
        if not is_clear:
            return _choose_part(config, branch, call, name, [*list_parts(services[0]), services[0]])
        if parts and not is_agreed:
            named_parts = tuple(each for each in _list_offered(config, branch) if each.name in parts)
            return _join_services(config, NamedServices(named_parts))
    if not is_agreed and (named := _read_answer(config, branch, services, answer)) is not None:
        return named
    since = words_of(call.said_since or "")
    is_other = WAIT.search(since) or any(names_service(word, config.services) for word in since.split())
    is_meant = is_agreed or (reply is Reply.UNCLEAR and not is_other)
    agreed = find_by_name(config, services[0], branch.name) if is_meant else None
    if agreed is None:
        raise asked
    return agreed


def _wants_unknown(unknown: str, known: str, answer: str) -> bool:
    """Return whether an answer also wants the unknown service: "Ja, beides", or "Ja, Strähnchen"."""
    words = words_of(answer)
    if _ONLY.search(words) or _excludes(answer):
        return False
    is_both = _ALSO.search(words) or (_BOTH.search(words) and not has_several(known))
    return bool(is_both) or not list_telling_words(unknown).isdisjoint(list_telling_words(answer))


def _find_offered(config: TenantConfig, branch: Branch, call: CallContext, name: str) -> Service | None:
    """Return the service that an answer of this call offered for the text `name`. The request for it may have had more words, of
    which none names a service.
    """
    found = [s for s in call.offered_services if name and any(_adds_no_service(text, name, config) for text in s.texts)]
    return find_by_name(config, found[-1].service, branch.name) if found else None


def _adds_no_service(text: str, name: str, config: TenantConfig) -> bool:
    """Return whether a text has the words of `name` one after another, and no service beside them."""
    before, found, behind = f" {fold(text)} ".partition(f" {fold(name)} ")
    return bool(found) and not any(names_service(word, config.services) for word in f"{before} {behind}".split())


def _list_all_parts(services: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(part for each in services for part in list_parts(each)))


def _choose_part(config: TenantConfig, branch: Branch, call: CallContext, name: str, choices: Sequence[str]) -> Service:
    """Return the only one of the `choices`, or the one that the caller has chosen of them. Raises the question for one."""
    found = [each for choice in choices if (each := find_by_name(config, choice, branch.name)) is not None]
    if len(found) == 1:
        return found[0]
    asked = ask_meant(name, found)
    chosen = _read_answer(config, branch, choices, _find_answer(call, choices, name))
    if chosen is None:
        raise asked
    return chosen


def _read_parts(config: TenantConfig, branch: Branch, visit: str, answer: str) -> tuple[list[str], bool]:
    """Return the parts of a visit that an answer chooses, and whether it is clear. It is unclear if a part is beside words that
    are neither a yes, a no, "nur" nor a courtesy: "Den Bart lassen wir weg". An answer that names other services chooses none.
    """
    offered = _list_offered(config, branch)
    parts = [each for each in offered if each.name in list_parts(visit)]
    own = {word for each in parts for name in (each.display_name, *each.spoken_names) for word in fold(name).split()}
    named, rest = {each.name for each in find_named(parts, answer)}, list[str]()
    begins = _LEADING_NO.match(answer)
    said = words_of(answer[begins.end() :] if begins else answer)
    for word in fold(_BESIDE_PART.sub(" ", said)).split():
        near = list_related(word, parts)
        named |= {near[0].name} if len(near) == 1 else set()
        rest += [] if near or word in own else [word]
    is_other = any(names_service(word, offered) for word in rest)
    is_denied = not _NOT_WANTED.isdisjoint(rest) or bool(NO.search(" ".join(rest)))
    if not named or is_other:
        return [], True
    if _TOO.search(words_of(answer)) or (len(named) == len(parts) and not is_denied):
        return list_parts(visit), True
    return sorted(named), not rest


def _excludes(answer: str) -> bool:
    return not _NOT_WANTED.isdisjoint(fold(answer).split())


def _list_excluded(config: TenantConfig, branch: Branch, asked: Sequence[str], answer: str) -> set[str]:
    """Return the parts of the services asked about beside which a "nicht" or "ohne" is: "ohne Bart", "Bart brauche ich nicht"."""
    words, parts = fold(answer).split(), _list_all_parts(asked)
    offered = [each for each in _list_offered(config, branch) if each.name in parts]
    excluded = set[str]()
    for at in (at for at, word in enumerate(words) if word in _NOT_WANTED):
        behind = [words[at + 1 : at + 1 + width] for width in range(1, _AFTER_NOT + 1)]
        before = [words[max(at - width, 0) : at] for width in range(1, _BEFORE_NOT + 1)]
        found = (find_named(offered, " ".join(near)) for near in (*behind, *before))
        excluded |= {each.name for each in next(filter(None, found), ())}
    return excluded


def _find_answer(call: CallContext, services: Sequence[str], name: str) -> str:
    """Return the caller's last words after the question about `name` that lists these services; "" if there are none."""
    said = f" {fold(name)} " if name else " "
    about = [each for each in call.answered_services if each.services == tuple(services)]
    found = [each.said for each in about if any(said in f" {fold(text)} " for text in each.texts)]
    return found[-1] if found else ""


def _read_answer(config: TenantConfig, branch: Branch, asked: Sequence[str], answer: str) -> Service | None:
    """Return the service that an answer names; if several visits were `asked` about, the only one that contains the named
    service. None if the answer excludes a service, chooses between several, or is a question.
    """
    words = _COURTESY.sub(" ", _LEADING_NO.sub("", answer))
    if is_question(words) or not split_visit(words):
        return None
    found = _list_answered(words, asked, _list_offered(config, branch))
    names = {service.name for service in found}
    containing = [each for each in asked if names <= set(list_parts(each))]
    is_choice = found and len(asked) > 1 and not _ONLY.search(words_of(answer)) and names.isdisjoint(asked)
    if is_choice and containing:
        return find_by_name(config, containing[0], branch.name) if len(containing) == 1 else None
    return _join_services(config, NamedServices(found)) if found else None


def _list_answered(words: str, asked: Sequence[str], offered: Sequence[Service]) -> tuple[Service, ...]:
    """Return the services that an answer names, or the two that were `asked` about for "beides"; () if others may be meant."""
    both = tuple(each for each in offered if each.name in asked) if _BOTH.search(words_of(words)) else ()
    match both:
        case (_, _) if len(both) == sum(not has_several(each) for each in asked):
            return both
    named = read_named(words, offered)
    if named.unknown is None:
        return () if named.repeated else named.services
    found = find_named(offered, words)
    is_of_one = sum({each.name for each in found} <= set(list_parts(each)) for each in asked) == 1
    return found if len(found) == 1 or is_of_one else () if found else _list_chosen(words, asked, offered)


def _list_chosen(words: str, asked: Sequence[str], offered: Sequence[Service]) -> tuple[Service, ...]:
    """Return the services of the one of those `asked` about that an answer chooses by its place, or the one that only it has."""
    by_name = {each.name: each for each in offered}
    among = [tuple(by_name[part] for part in list_parts(each) if part in by_name) for each in asked[:MOST_NAMED]]
    if len(among) != len(asked) or len(among) < _SEVERAL or not all(among) or _excludes(words):
        return ()
    if len(words.split()) > _MOST_WORDS:
        return ()
    if places := list_places(words):
        return next(iter(among[max(places) :][:1] if len(places) == 1 else ()), ())
    own = [by_name[part] for part in _list_all_parts(asked) if sum(by_name[part] in each for each in among) == 1]
    related = list_related(words, own) if not (_ONLY.search(words_of(words)) and any(map(has_several, asked))) else []
    return tuple(related) if len(related) == 1 else ()


def _list_offered(config: TenantConfig, branch: Branch) -> list[Service]:
    return [service for service in config.services if service.branch in {None, branch.name}]


def _is_known(name: str, offered: Sequence[Service]) -> bool:
    """Return True if a generic word such as "Beratung" is a declared service's name, or a part of it if several are declared."""
    return bool(read_services(name, offered).services or (len(offered) > 1 and list_related(name, offered)))


def _list_done_by(offered: Sequence[Service], branch: Branch, staff: str | None) -> list[Service]:
    """Return the services that a staff member of this name does in the branch; all services if there is no such staff member."""
    members = {member.id for member in list_named_staff(staff, branch.staff)} if staff else set()
    return [each for each in offered if not members.isdisjoint(each.staff.get(branch.name, ()))] or list(offered)


def _read_ids(name: str, offered: Sequence[Service]) -> NamedServices | None:
    """Return the services of a visit given by its id (`schnitt+bart`); None for other texts, which are read as words."""
    by_id, parts = {service.name: service for service in offered}, list_parts(name)
    if not has_several(name) or not by_id.keys() >= set(parts):
        return None
    each_once = tuple(by_id[part] for part in dict.fromkeys(parts))
    return NamedServices(each_once, repeated=len(each_once) < len(parts))


def _join_services(config: TenantConfig, named: NamedServices) -> Service:
    """Return the named service, or the visit of several. Raises `ClarificationNeeded` for too many, or one twice."""
    services = named.services
    if named.repeated:
        raise ClarificationNeeded(say().one_person_at_a_time, unclear="service")
    if len(services) > MOST_SERVICES:
        raise ClarificationNeeded(say().too_many_services.format(count=MOST_SERVICES))
    return services[0] if len(services) == 1 else compose_visit(config, services)
