"""Companions of a caller: an appointment for each person, all booked or none (docs/decisions/0110-groups.md)."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from askproai_core.tenant_config import Service
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.caller_appointments import asks_birth_date
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Limit, LimitReached
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.named_people import names_one
from askproai_runtime.conversation.questions import ask
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.answer_words import Reply, words_of
from askproai_runtime.language.company import comes_alone
from askproai_runtime.language.customer_names import (
    brings_another,
    drop_relations,
    is_unknown_word,
    read_customer_name,
)
from askproai_runtime.language.name_words import FIRM
from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.language.replies import COMPANY, NAMES, ONE_BY_ONE, ONE_NAME, companions_key
from askproai_runtime.language.spoken_services import find_named, names_service
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import same_services

_WORDS: Final = UNDERSTOOD.companions
_BEHIND_NAME = re.compile(rf"\s*[(\[:/–—,]\s*|\s-\s|\s(?:{_WORDS.behind_companion})\s", re.IGNORECASE)
_AS_CALLER = re.compile(_WORDS.as_caller)  # the staff member or service of a companion: "wie ich"
MOST_PEOPLE = 4  # of one group, the caller included
_PAIR = 2


class BookedOneByOne(Exception):
    """Raised for a group that the remote calendar can only book one by one. `people` are the requests, the caller's first;
    `names` are those of the companions.
    """

    def __init__(self, people: Sequence[ServiceRequest], names: tuple[str, ...]) -> None:
        super().__init__()
        self.people, self.names = people, names


@dataclass(frozen=True, slots=True)
class Group:
    """The request of a caller with companions. The rules of `service` contain those of each companion; `names` are the
    companions' names in the same order, "" for an unknown name.
    """

    service: ServiceRequest
    names: tuple[str, ...]


def add_companions(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    service: ServiceRequest,
    offered: Sequence[NamedSlot] = (),
) -> Group:
    """Return the group of a request: `companions` have `customer_name`, `service` and `staff`, all optional. The default
    service is the one `offered` to this companion, else the caller's. Each entry is a person, whatever the caller's words.

    Raises `ClarificationNeeded`, also if callers are verified by birth date, since each person has another one. Raises
    `BookedOneByOne` for a remote calendar.
    """
    said: Sequence[Mapping[str, str]] = args.get("companions", ())
    said = [_part_service(each, ctx.config().services) for each in said]
    said = _without_repeated(call, args, said)
    was_asked = asks_birth_date(ctx) and companions_key(NAMES) in (call.replies or {})  # for whom to begin
    if not said or was_asked:
        return Group(service, ())
    said = [{**each, "customer_name": drop_relations(read_text(each, "customer_name") or "")} for each in said]
    if not all(names_one(each["customer_name"]) for each in said):
        raise ClarificationNeeded(say().who_comes_along, unclear="companions", needs_companions=COMPANY)
    limit = ctx.config().booking_limits.per_call
    if len(said) >= MOST_PEOPLE:
        raise ClarificationNeeded(say().too_many_people.format(count=MOST_PEOPLE))
    if len(said) >= limit:
        raise ask(ctx, LimitReached(Limit.CALL, limit, len(said) + 1))
    people = [service, *_resolve(ctx, call, args, said, service, offered)]
    local = [_only_local(ctx, each) for each in people]
    if asks_birth_date(ctx):
        cause = "each of a group would have an own second factor"
        raise ClarificationNeeded(say().own_birth_date_each, cause=cause, needs_companions=NAMES)
    names = tuple(_read_name(call, each) for each in said)
    if not all(each.rules.staff_members for each in local):  # a group is booked in the local calendar only
        raise BookedOneByOne(people, names)
    others = ((each.rules, tuple(each.rules.able(each.staff))) for each in local[1:])
    companions = tuple(replace(rules, staff_members=named) for rules, named in others)
    rules = replace(local[0].rules, companions=companions)
    return Group(replace(local[0], rules=rules), names)


def _read_name(call: CallContext, companion: Mapping[str, str]) -> str:
    """Return a companion's name; "" for none, and for one unknown word in lowercase ("später") until names were asked for."""
    name = read_customer_name(read_text(companion, "customer_name"), call.said)
    is_asked = call.replies is None or companions_key(NAMES) in call.replies
    return "" if is_unknown_word(name) and not is_asked else name


def _without_repeated(
    call: CallContext, args: Mapping[str, Any], said: Sequence[Mapping[str, str]]
) -> Sequence[Mapping[str, str]]:
    """Return the companions; of each name only one person, the caller included, if that was asked and is the caller's answer."""
    reply, alone = (call.find_reply(companions_key(each), None) for each in (ONE_NAME, NAMES))
    if reply is not Reply.NO and (reply is None or alone is not Reply.NO):
        return said
    names = [fold(read_customer_name(each.get("customer_name"), call.said)) for each in (args, *said)]
    return [each for at, each in enumerate(said, 1) if not names[at] or names[at] not in names[:at]]


def _part_service(companion: Mapping[str, str], services: Sequence[Service]) -> Mapping[str, str]:
    """Return a companion's arguments with a service moved out of the name: "Otto Färben". "Same" is the caller's service."""
    if _AS_CALLER.fullmatch(words_of(companion.get("service", ""))):
        companion = {key: each for key, each in companion.items() if key != "service"}
    name = companion.get("customer_name", "")
    for found in _BEHIND_NAME.finditer(name) if "service" not in companion else ():
        said = name[found.end() :].strip(" )]")
        if names_service(said, services) or ("," not in found.group() and find_named(services, said)):
            return {**companion, "customer_name": name[: found.start()].strip(), "service": said}
    words = name.split()
    for at in range(1, len(words)) if "service" not in companion else ():
        if names_service(service := " ".join(words[at:]), services) and find_named(services, service):
            return {**companion, "customer_name": " ".join(words[:at]), "service": service}
    if names_service(name, services):
        return {"service": name, **{key: each for key, each in companion.items() if key != "customer_name"}}
    return companion


def _resolve(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    said: Sequence[Mapping[str, str]],
    service: ServiceRequest,
    offered: Sequence[NamedSlot],
) -> list[ServiceRequest]:
    """Return each companion's request. Raises `ClarificationNeeded` if it is uncertain which service was offered to whom."""
    left = [slot.service for slot in offered] if len(offered) == len(said) else []
    found: dict[int, ServiceRequest] = {}
    for number in sorted(range(len(said)), key=lambda number: "service" not in said[number]):
        each = said[number]
        if "service" not in each and len(set(left)) > 1:
            raise ClarificationNeeded(say().services_of_companions)
        said_staff = read_text(each, "staff")
        staff = read_text(args, "staff") if _AS_CALLER.fullmatch(words_of(said_staff or "")) else said_staff
        own = {"service": read_text(each, "service"), "staff": staff, "branch": args.get("branch")}
        default = left[0] if left else service.rules.service.name
        found[number] = request = parse_service_request(ctx.config(), call, own, default)
        if (mine := next((name for name in left if same_services(name, request.rules.service.name)), None)) is not None:
            left.remove(mine)
    return [found[number] for number in range(len(said))]


def say_names_missing(count: int) -> str:
    """Return the question for the names of `count` companions."""
    return say().name_of_companion if count == 1 else say().names_of_companions


def leaves_out(call: CallContext, args: Mapping[str, Any], offered: Sequence[NamedSlot]) -> bool:
    """Return True if a request has no companions after our question about them, unless the caller has replied to come alone: the
    answer must then mention that nobody else is booked.

    Raises `ClarificationNeeded` if the time was `offered` to several people, an earlier request had some, or the notes mention
    one, since the caller may have decided to come alone; unless the request has none, and the caller comes alone by the last words.
    After any question about companions the arguments count.
    """
    if call.is_of_group or args.get("companions") or (call.replies is None and "companions" in args):
        return False
    name = args.get("customer_name") or ""
    replies = {call.find_reply(companions_key(each), None) for each in (NAMES, COMPANY, ONE_NAME, ONE_BY_ONE)}
    if replies <= {None, Reply.ASIDE}:
        if "companions" in args and comes_alone(call.said_since or ""):
            return False
        # Without a transcript the notes would be asked about again and again.
        if offered or call.companions or (call.replies is not None and brings_another(args.get("notes") or "", name)):
            question = say_names_missing(max(len(offered), call.companions, 1))
            raise ClarificationNeeded(f"{question}{say().or_alone}", needs_companions=NAMES)
        return False
    return Reply.NO not in replies


def name_guests(call: CallContext, names: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the companions' names. After the question for a name, a companion still without one is "guest of" `name`."""
    if call.find_reply(companions_key(NAMES), None) in {None, Reply.ASIDE}:
        return tuple(names)
    missing = [at for at, each in enumerate(names) if not each]
    numbers = {at: f" {number}" if len(missing) > 1 else "" for number, at in enumerate(missing, 1)}
    surname = name if FIRM.search(name) else name.partition(",")[0].rsplit(maxsplit=1)[-1]
    guest = partial(say().guest_of.format, name=surname)
    return tuple(each or guest(number=numbers[at]) for at, each in enumerate(names))


def require_names(args: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise the question for missing names of companions, and whether the caller comes alone if nothing is said of them."""
    if missing := names.count(""):
        said = [each.get("customer_name", "") for each in args["companions"]]
        is_known = not all(names_nothing(each) or leaves_open(each) for each in said)  # "mein Mann"
        alone = "" if is_known else say().or_alone
        raise ClarificationNeeded(f"{say_names_missing(missing)}{alone}", needs_companions=NAMES)


def name_everybody(call: CallContext, args: Mapping[str, Any], group: Group, name: str, *, another: bool) -> Group:
    """Return the group with a name for each person; the name of a companion whom the caller did not name is "guest of" `name`.

    Raises `ClarificationNeeded` once for missing names, and if two names are equal: a caller with two cars has one name, but a
    model may also list the caller among the companions. With `another`, equal names are two appointments of one customer.
    """
    names = name_guests(call, group.names, name)
    require_names(args, names)
    (most, times), *_ = Counter(map(fold, (name, *names))).most_common(1)
    reply = call.find_reply(companions_key(ONE_NAME), None)
    if times > 1 and not another and (reply is not Reply.YES or times > _PAIR):
        if reply is not None:
            raise ClarificationNeeded(f"{say_names_missing(times - 1)}{say().or_alone}", needs_companions=NAMES)
        twice = next(each for each in (name, *names) if fold(each) == most)
        raise ClarificationNeeded(say().several_of_one_name.format(count=times, name=twice), needs_companions=ONE_NAME)
    return replace(group, names=names)


def _only_local(ctx: BookingContext, request: ServiceRequest) -> ServiceRequest:
    """Return the request without staff members booked at the remote calendar; with none if the requested one is such."""
    linked, rules = linked_event_types(ctx, request.rules.service), request.rules
    local = tuple(s for s in rules.staff_members if s.id not in linked and request.staff not in linked)
    return replace(request, rules=replace(rules, staff_members=local))
