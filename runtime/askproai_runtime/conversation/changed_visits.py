"""A move to another staff member, service or branch than the appointment has.

In the local calendar, a move changes the staff member with the time. Another service or branch needs another appointment in its
place. So does another staff member in the remote calendar, where a booking stays with its staff member (`replacing_moves.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.bookables import find_rules
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import record_which
from askproai_runtime.conversation.answers import describe_appointment
from askproai_runtime.conversation.appointment_filters import is_of_service
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.owner_questions import require_yes
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.spoken_staff import find_staff_for_caller
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome, Naming
from askproai_runtime.language.answer_words import ANYBODY, NO, YES, Reply, words_of
from askproai_runtime.language.declines import agrees_to_offer, list_clauses
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.replies import details_key
from askproai_runtime.language.spoken_services import names_service
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import decline_name, format_spoken, say
from askproai_runtime.visits import same_services


class ReplacementWanted(Exception):
    """Raised for a move to another service, branch or staff member that needs a new appointment in place of the existing one."""

    def __init__(self, appointment: Appointment, service: ServiceRequest, start: datetime) -> None:
        super().__init__()
        self.appointment, self.service, self.start = appointment, service, start


def find_other_service(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment
) -> ServiceRequest | None:
    """Return the request for the other service that a move names, or for the appointment's service in another branch; None if
    it names neither. The staff member is the named one, else the appointment's if able. Raises `ClarificationNeeded` if a
    name is unclear.
    """
    config, text = ctx.config(), read_text(args, "service") or ""
    branch = _find_named_branch(config, call, appointment)
    is_other = names_service(text, config.services) and not is_of_service(config, appointment, text)
    if not is_other and branch == appointment.branch:
        return None
    there, staff = replace(call, branch=branch), read_text(args, "staff")
    request = parse_service_request(
        config, there, {"service": text if is_other else appointment.service, "staff": staff}
    )
    return request if staff or request.staff else _with_staff(request, appointment.staff)


def _find_named_branch(config: TenantConfig, call: CallContext, appointment: Appointment) -> str:
    """Return the branch that a move names, else the appointment's. Raises `ClarificationNeeded` if several may be meant."""
    named = call.named_branches or (appointment.branch,)
    if appointment.branch in named:
        return appointment.branch
    if len(named) > 1:
        names = [each.display_name for each in config.branches if each.name in named]
        question = say().do_you_mean.format(choices=f" {say().or_word} ".join(names))
        raise ClarificationNeeded(question, branches=list(named), unclear="branch")
    return named[0]


def find_offered_elsewhere(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    other: ServiceRequest | None,
    start: datetime,
) -> ServiceRequest | None:
    """Return the request for the service in the other branch that last offered this start. None if the appointment's own branch
    offered it last, or if the move names a different branch. The staff member is the named one, else the offer's. Raises
    `ClarificationNeeded` if a name is unclear.

    `other` is the service that the move requests in place of the appointment's.
    """
    service = other.rules.service.name if other is not None else appointment.service
    offers = (each[0] for each in reversed(call.offered) if each[0].start == start)
    slot = next((each for each in offers if same_services(each.service, service)), None)
    if slot is None or slot.branch == appointment.branch:
        return None
    if call.named_branches and _find_named_branch(ctx.config(), call, appointment) != slot.branch:
        return None
    there, staff = replace(call, branch=slot.branch), read_text(args, "staff") or slot.staff
    return parse_service_request(ctx.config(), there, {"service": service, "staff": staff})


def find_offered_service(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, start: datetime
) -> ServiceRequest | None:
    """Return the request for another service than the appointment's, if the last answer offered this start only for that one;
    None otherwise, if a service is named, or if the caller has refused the change. Raises `ClarificationNeeded` if it cannot
    be booked.
    """
    if call.find_reply(details_key(str(appointment.id)), None) is Reply.NO:
        return None
    offers = [each[0] for each in call.list_offers(appointment.branch, start)] if start in call.offered_last else []
    if not offers or read_text(args, "service") or any(same_services(e.service, appointment.service) for e in offers):
        return None
    there, staff = replace(call, branch=appointment.branch), read_text(args, "staff") or offers[0].staff
    return parse_service_request(ctx.config(), there, {"service": offers[0].service, "staff": staff})


def choose_staff(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, service: ServiceRequest
) -> ServiceRequest:
    """Return the appointment's service with the staff member that a move names, or unchanged. An unclear name is asked about."""
    name = read_text(args, "staff")
    rules = find_rules(ctx.config(), appointment.branch, appointment.service)
    if name is None or rules is None:
        return service
    choice = find_staff_for_caller(ctx.config(), rules, name, call)
    wanted = {choice.staff} if choice.staff else {each.id for each in choice.members}
    if appointment.staff in wanted:
        return service
    if len(wanted) > 1:
        names = join_list([decline_name(rules.display_name(each.id)) for each in choice.members])
        raise ClarificationNeeded(say().do_you_mean.format(choices=names), staff=sorted(wanted))
    return _with_staff(ServiceRequest(rules, None), wanted.pop())


def list_others(
    ctx: BookingContext, call: CallContext, appointment: Appointment, service: ServiceRequest
) -> tuple[ServiceRequest, ...]:
    """Return one request for each staff member other than the appointment's who does its service in the local calendar, if the
    caller has just said that anybody will do; else (). The caller's words are read, since "egal" counts as absent in the
    arguments.
    """
    said = words_of((call.said if call.said_since is None else call.said_since) or "")
    rules = find_rules(ctx.config(), appointment.branch, appointment.service)
    if rules is None or service.staff != appointment.staff or not ANYBODY.search(said) or _list_named(said, rules):
        return ()
    left = [each.id for each in rules.staff_members if each.id != appointment.staff]
    others = [_with_staff(ServiceRequest(rules, None), each) for each in left]
    return tuple(each for each in others if not stays_with_person(ctx, appointment, each))


async def choose_offered_staff(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    service: ServiceRequest,
    start: datetime,
) -> ServiceRequest:
    """Return the service with the one other staff member with whom the last answer offered this start, if the caller agrees to
    it; else unchanged.

    The caller may have refused the offer, or the offer may be for somebody else. If that is not certain, raise
    `ClarificationNeeded` with the question. Without a transcript no reply can be read, and the staff member stays.
    """
    offers = call.list_offers(appointment.branch, start, appointment.service)
    offered = {each[0].staff for each in offers}
    rules, last = find_rules(ctx.config(), appointment.branch, appointment.service), call.named_last
    is_last = last is not None and last.naming is Naming.OFFERED and start in last.starts
    if rules is None or not is_last or len(offered) != 1 or appointment.staff in offered:
        return service
    other = _with_staff(ServiceRequest(rules, None), offered.pop(), service)
    if other is service or not call.declined.isdisjoint(offers[0]):
        return service
    if call.replies is None:
        return other if "start" in args else service
    said = words_of(call.said_since or "")
    named = _list_named(said, rules)
    is_refused = bool(NO.search(said)) or appointment.staff in named
    is_of_move = last is not None and last.refused is not None
    agrees = YES.search(said) or any(agrees_to_offer(each) for each, _ in list_clauses(call.said_since or ""))
    if not is_refused and (is_of_move or ("start" in args and agrees)):
        return other
    async with ctx.pool.acquire() as conn:
        return await _ask_for_person(conn, ctx, call, appointment, (service, other), start)


async def _ask_for_person(
    conn: Connection,
    ctx: BookingContext,
    call: CallContext,
    appointment: Appointment,
    choices: tuple[ServiceRequest, ServiceRequest],
    start: datetime,
) -> ServiceRequest:
    """Return the request with the present or the offered staff member, as the caller answered. Raises the question until then."""
    own, other = choices
    rules, now = other.rules, ctx.clock.now()
    asked = f"offered {other.staff} at {start.isoformat()}"
    age = await record_which(conn, ctx.tenant, call.call_id, appointment.id, appointment.starts_at, asked)
    reply = None if age is None else call.find_reply(details_key(str(appointment.id)), age)
    named = _list_named(words_of(call.said_since or ""), rules) if reply is not None else set()
    if reply is Reply.NO or named == {appointment.staff}:
        return own
    if reply is Reply.YES or named == {other.staff}:
        return other
    names = [decline_name(rules.display_name(each)) for each in (str(other.staff), appointment.staff)]
    when = format_spoken(start, rules.zone, now)
    question = say().is_offered_person_meant.format(when=when, staff=names[0], own=names[1])
    raise ClarificationNeeded(question, appointment_id=str(appointment.id), needs_answer=True, unclear="staff")


def _list_named(said: str, rules: ServiceRules) -> set[str]:
    """Return the ids of the branch's staff members whom the caller's words name."""
    return {each.id for word in said.split() for each in list_named_staff(word, rules.branch.staff)}


def _with_staff(request: ServiceRequest, staff: str, otherwise: ServiceRequest | None = None) -> ServiceRequest:
    """Return the request limited to this staff id; if this staff member is not able, return `otherwise` (None: `request`)."""
    members = tuple(each for each in request.rules.staff_members if each.id == staff)
    if not members:
        return otherwise or request
    return ServiceRequest(replace(request.rules, staff_members=members), staff)


def stays_with_person(ctx: BookingContext, appointment: Appointment, service: ServiceRequest) -> bool:
    """Return True if this appointment is in the remote calendar, or would be there with the staff member of `service`.

    A booking there belongs to the event type of one staff member, and cannot be moved to another's event type.
    """
    booked = service.rules.service
    linked = any(link.staff == service.staff for link in booked.linked_event_types) and booked.capacity == 1
    return appointment.in_remote_calendar or (ctx.calendar.remote and linked)


async def require_movable(
    ctx: BookingContext,
    call: CallContext,
    appointment: Appointment,
    service: ServiceRequest,
    start: datetime,
    *,
    is_asked: bool,
) -> None:
    """Raise `ReplacementWanted` if another service or branch is requested, or another staff member at the remote calendar.

    With `is_asked` the caller is first asked, by `ClarificationNeeded`: the model may have named a service, or a staff member
    without a time, only to identify the appointment.
    """
    branch = service.rules.branch
    is_replaced = is_elsewhere = branch.name != appointment.branch
    is_replaced |= not same_services(service.rules.service.name, appointment.service)
    if is_asked:
        now, rules = ctx.clock.now(), service.rules
        described = describe_appointment(ctx.config(), appointment, now)
        staff = decline_name(rules.display_name(service.staff)) if service.staff else None
        question = say().is_person_changed.format(appointment=described, staff=staff)
        if is_replaced:
            name = rules.service.display_name
            what = say().service_with.format(service=name, staff=staff) if staff else name
            when = format_spoken(start, rules.zone, now)
            question = say().is_service_changed.format(appointment=described, service=what, when=when)
        asked = f"{rules.service.name} with {fold(staff or '')} at {start.isoformat()}"
        if is_elsewhere:
            there = say().in_branch.format(branch=branch.display_name)
            question = say().is_branch_changed.format(appointment=described, service=f"{what}{there}", when=when)
            asked = f"{asked} in {branch.name}"
        kept = ClarificationNeeded(say().stays.format(when=described), outcome=FunctionOutcome.KEPT)
        unclear = "branch" if is_elsewhere else "service" if is_replaced else "staff"
        async with ctx.pool.acquire() as conn:
            suggested = branch.name if is_elsewhere else None
            await require_yes(ctx, conn, call, appointment, asked, question, unclear, refused=kept, suggested=suggested)
    if is_replaced or stays_with_person(ctx, appointment, service):
        raise ReplacementWanted(appointment, service, start)
