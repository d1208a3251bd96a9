"""A booking as a caller requests it: service, start and details, resolved from the arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.requests import BookingRequest, ServiceRequest
from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.any_day import leave_out_days
from askproai_runtime.conversation.arguments.texts import NOTES_LIMIT, read_said, read_text
from askproai_runtime.conversation.doubts import read_doubts
from askproai_runtime.conversation.email_address import read_named_email
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.phone_argument import SaidPhone, read_phone
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import names_day, parse_start
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import format_spoken, present_language, say
from askproai_runtime.spoken_times import Candidate, Grain
from askproai_runtime.visits import find_by_name, list_parts, same_services


@dataclass(frozen=True, slots=True)
class SpokenBooking(BookingRequest):
    """A booking as a caller requested it, with facts for the answer that are not stored.

    `names_customer`: the caller has also booked for another person, and must hear for whom this booking is. `was_offered`: the
    call was offered a time, this one or another. `short_names`: the incomplete names whose missing part the answer asks for.
    `said_phone`: the argument `phone` as read; if that is None, `phone` is the calling number, or the one of another
    appointment. `leaves_out`: a companion is still not named after the question for the name.
    """

    names_customer: bool = False
    was_offered: bool = False
    short_names: tuple[str, ...] = ()
    said_phone: SaidPhone | None = None
    leaves_out: bool = False

    @property
    def dictates_phone(self) -> bool:
        """True if this request itself has the phone number, and it is not the calling number."""
        return self.said_phone is not None and self.said_phone.number not in {None, self.actor.caller}

    @property
    def chooses_phone(self) -> bool:
        """True if this request itself chooses the number to store: by a phone number, or as the visible calling number."""
        said = self.said_phone
        return said is not None and (said.number is not None or (said.of_call and self.actor.caller is not None))


def parse_booking_request(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> SpokenBooking:
    """Return the booking request in the arguments. Raises `ClarificationNeeded` if a part is missing or unclear.

    A hold among the call's `appointments` was offered last: its service is meant if the request names none.
    """
    hold = next((appointment for appointment in appointments if appointment.status == Status.HELD), None)
    service = parse_service_request(config, call, args, hold.service if hold else None)
    rules = service.rules
    own = {each.starts_at for each in appointments if each.live or each is hold}
    times = leave_out_days(call, args, rules.zone) if any(read_parts(args)) else args
    start = parse_start(times, call, service, say().when_to_book, own)
    # A repeated booking finds the appointment in place of the hold: its answer may have come too late.
    is_known = start in own or call.list_offers(rules.branch.name, start)
    if not is_known and not names_day(read_parts(args)):
        raise _ask_for_day(start, call, rules.zone)
    _require_no_part(config, call, service, start, appointments)
    name = read_name_alone(read_text(args, "customer_name"), call.said)
    if not name:
        given, said = fold(read_text(args, "customer_name") or "").split(), fold(call.said or "").split()
        is_said = given[-1:] and given[-1] in said  # "ich heiße Kunde"
        raise ClarificationNeeded(say().which_full_name.strip() if is_said else say().whose_name)
    known_phone = next((each.phone for each in appointments if each.phone), None)
    request = parse_details(config, call, args, service, start, name, known_phone)
    return replace(
        request,
        another=wants_another(args),
        offered_staff=_find_offered_staff(call, hold, rules, start),
        was_offered=hold is not None,
    )


def parse_details(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    service: ServiceRequest,
    start: datetime,
    name: str,
    known_phone: str | None,
) -> SpokenBooking:
    """Return a request with the details in the arguments. `known_phone` is used if no number is named or shown by the call."""
    said = read_said(args, "phone")
    phone = read_phone(said, config, call)
    return SpokenBooking(
        actor=call.actor,
        service=service,
        start=start,
        name=name,
        phone=phone.number or call.caller or known_phone,
        said_phone=None if said is None else phone,
        email=read_named_email(read_text(args, "email")),
        notes=read_text(args, "notes", NOTES_LIMIT),
        another=False,
        offered_staff=None,
        doubts=read_doubts(call),
        language=present_language(),
    )


def wants_another(args: Mapping[str, Any]) -> bool:
    """Return whether the model says that the request is for a further appointment beside the call's existing ones."""
    return args.get("another") is True or str(args.get("another")).casefold() == "true"


def _find_offered_staff(
    call: CallContext, hold: Appointment | None, rules: ServiceRules, start: datetime
) -> str | None:
    """Return the id of the staff member with whom the call was offered this start, else of the call's hold at this start; None
    if there is no such offer or hold. A caller who changes the service keeps the staff member.
    """
    own = call.list_offers(rules.branch.name, start, rules.service.name)
    named = next(iter(own or call.list_offers(rules.branch.name, start)), ())
    if len(named) == 1:
        return named[0].staff
    if hold is None or (hold.branch, hold.starts_at) != (rules.branch.name, start):
        return None
    return hold.staff if same_services(hold.service, rules.service.name) else None


def _require_no_part(
    config: TenantConfig,
    call: CallContext,
    request: ServiceRequest,
    start: datetime,
    appointments: Sequence[Appointment],
) -> None:
    """Raise the question whether the whole visit is meant, if the start was only offered for a visit of several services, the
    request names some of them. The question offers both, so that the next request is carried out. A call without a transcript
    is not asked, since it would hear the question again.
    """
    rules, name = request.rules, request.rules.service.name
    if call.said is None or call.list_offers(rules.branch.name, start, name):
        return
    for slot, *_ in call.list_offers(rules.branch.name, start):
        visit = find_by_name(config, slot.service, rules.branch.name)
        is_part = {*list_parts(name)} < {*list_parts(slot.service)}
        if visit is None or not is_part or any(a.live and same_services(a.service, visit.name) for a in appointments):
            continue
        at = {"branch": slot.branch, "staff": slot.staff, "start": start.astimezone(rules.zone).isoformat()}
        raise ClarificationNeeded(
            say().part_or_visit.format(service=rules.service.display_name, visit=visit.display_name),
            alternatives=[at | {"service": each} for each in (name, visit.name)],
            excluded_staff=list(request.excluded),
        )


def _ask_for_day(start: datetime, call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the question whether a time, for which nobody has named a day, is on the next possible day.

    A model may leave out a day that the caller has named.
    """
    meant = Candidate(start.astimezone(zone), None, Grain.MINUTE, format_spoken(start, zone, call.started_at))
    return ask_candidates((meant,), call, zone)
