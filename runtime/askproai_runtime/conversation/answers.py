"""The answers of call functions about slots, appointments and dates: the JSON fields for the model, and the sentence to say."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.availability.obstacles import Obstacle, is_open_time, list_days, works_elsewhere
from askproai_runtime.availability.opening_hours import find_closure
from askproai_runtime.availability.slots import ServiceRules, Slot
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import is_requested
from askproai_runtime.book.context import Basis
from askproai_runtime.conversation.slot_sentences import say_wanted, says_length
from askproai_runtime.conversation.types import MAX_LISTED, Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.phrases import format_length, format_reading, join_list, obstacle_template
from askproai_runtime.language.spoken_services import find_named
from askproai_runtime.person_names import fold, is_other_person
from askproai_runtime.sentences import decline_name, format_clock, format_day, format_spoken, say
from askproai_runtime.spoken_times import Candidate
from askproai_runtime.visits import find_by_name, has_several

_SUBJECTS = frozenset({Obstacle.TOO_SOON, Obstacle.OUTSIDE_HOURS})  # in their sentences the time is the subject


def failure(message: str, outcome: FunctionOutcome) -> Answer:
    """Return an answer for a request that failed, with an empty list of alternatives."""
    return Answer(success=False, message=message, fields={"alternatives": []}, outcome=outcome)


def busy_answer() -> Answer:
    """Return the answer for when another transaction holds the staff member's lock for longer than `lock_timeout`."""
    return failure(say().busy, FunctionOutcome.BUSY)


def refused_answer() -> Answer:
    """Return the answer to a booking if the remote calendar refuses all bookings until a person repairs the cause."""
    return failure(say().booking_refused, FunctionOutcome.REFUSED)


def refused_search() -> Answer:
    """Return the answer to a search for a service or staff member that the remote calendar refuses to book."""
    return Answer(success=False, message=say().search_refused, fields={"slots": []}, outcome=FunctionOutcome.REFUSED)


def basis_fields(slots: Sequence[Slot], basis: Basis) -> dict[str, str]:
    """Return the `basis` field if slots are not confirmed by the remote calendar; {} if they are, or without slots."""
    return {"basis": basis.value} if slots and basis is Basis.OWN_BOOK else {}


def name_service(config: TenantConfig, rules: ServiceRules, call: CallContext, answer: Answer) -> Answer:
    """Return an offer with its service's name before it, if the call has not said this name yet, or has also said another
    service's. The model may have understood another service than the caller means, and the caller has to hear which before
    the booking.

    A visit of several services is named with its length anyway. If the branch offers one service only, no other can be meant.
    """
    service = rules.service
    offered = [each for each in config.services if each.branch in {None, rules.branch.name}]
    if call.said is None or len(offered) == 1 or has_several(service.name):
        return answer
    others = [each for each in offered if each.name != service.name]
    if find_named([service], call.said) and not find_named(others, call.said, inflected=True):
        return answer
    return replace(answer, message=f"{service.display_name}. {answer.message}")


def preparation_of(rules: ServiceRules) -> str:
    """Return the tenant's preparation texts for the services of the customer and all companions, each text once."""
    return " ".join(dict.fromkeys(each.service.preparation for each in rules.people if each.service.preparation))


def end_sentence(config: TenantConfig, appointment: Appointment, *, of_several: bool = False) -> str:
    """Return the sentence with an appointment's length and end, if the visit has several services, the customer waits in
    between, or the length depends on the staff member; "" for any other appointment. It names one `of_several`.
    """
    service = find_by_name(config, appointment.service)
    if service is None or not says_length(service):
        return ""
    length = format_length(int((appointment.ends_at - appointment.starts_at) / timedelta(minutes=1)))
    end = appointment.ends_at.astimezone(ZoneInfo(config.time_zone))
    what = say().appointment_for.format(name=appointment.customer_name) if of_several else say().this_appointment
    return say().length_and_end.format(appointment=what, length=length, clock=format_clock(end.time()))


def obstacle_sentence(
    config: TenantConfig,
    rules: ServiceRules,
    staff: str | None,
    missed: Candidate,
    obstacle: Obstacle,
    now: datetime,
) -> str:
    """Return the sentence with the reason why no start in `missed` is free. `staff` is the id of the requested staff member."""
    today = now.astimezone(rules.zone).date()
    last_day = today + timedelta(days=rules.service.booking_horizon_days)
    days = list_days(rules, missed)
    day = format_day(days[0], today) if len(days) == 1 else format_reading(missed, rules.zone, now)
    holiday = find_closure(rules.branch, days[0]) if len(days) == 1 else None
    if obstacle is Obstacle.DAY_OFF:
        sentence = _day_off_sentence(config, rules, staff, missed, day)
    elif obstacle is Obstacle.TAKEN and rules.companions:
        among = say().among_staff.format(staff=decline_name(rules.display_name(staff))) if staff else ""
        sentence = say().taken_for_group.format(
            when=format_reading(missed, rules.zone, now), people=len(rules.people), staff=among
        )
    elif obstacle is Obstacle.OUTSIDE_HOURS and rules.branch.opening_hours and not is_open_time(rules, missed):
        when = format_reading(missed, rules.zone, now)  # for everybody
        sentence = say().closed_day.format(day=when, holiday="")
    else:
        sentence = obstacle_template(obstacle).format(
            when=format_reading(missed, rules.zone, now, as_subject=obstacle in _SUBJECTS), day=day,
            last_day=format_day(last_day, today), holiday=say().holiday.format(holiday=holiday) if holiday else "",
            staff=say_wanted(rules, staff),
        )  # fmt: skip
    return sentence[0].upper() + sentence[1:]


def _day_off_sentence(config: TenantConfig, rules: ServiceRules, staff: str | None, missed: Candidate, day: str) -> str:
    """Return the sentence that the staff are off on a day when the branch is open. It has no name if the caller named nobody."""
    if staff is None and rules.among:
        return say().nothing_free_then.format(day=day, staff=say_wanted(rules, staff))
    if staff is None:
        return say().nobody_works.format(day=day, here=say().here if len(config.branches) > 1 else "")
    here = say().here if works_elsewhere(config, rules, missed, staff) else ""
    return say().person_off.format(day=day, staff=rules.display_name(staff), here=here)


def candidate_fields(candidates: Sequence[Candidate]) -> list[dict[str, str]]:
    """Return the possible readings of a date as the `candidates` field of an answer. Only a span of time has an `end`."""
    return [
        {"start": c.start.isoformat(), **({"end": c.end.isoformat()} if c.end else {}), "grain": c.grain.value,
         "reading": c.reading}
        for c in candidates
    ]  # fmt: skip


def candidate_question(candidates: Sequence[Candidate], zone: ZoneInfo, now: datetime, *, again: bool = False) -> str:
    """Return the question which reading of a date is meant, each with its full date. `again`: with a hint how to choose one."""
    question = say().choose_one if again and len(candidates) > 1 else say().do_you_mean
    return question.format(choices=join_list([format_reading(c, zone, now) for c in candidates]))


def ask_candidates(
    candidates: Sequence[Candidate], call: CallContext, zone: ZoneInfo, *, again: bool = False
) -> ClarificationNeeded:
    """Return the question which reading of a date is meant, with the readings as a field. `again` is as in `candidate_question`."""
    question = candidate_question(candidates, zone, call.started_at, again=again)
    return ClarificationNeeded(question, candidates=candidate_fields(candidates))


def appointment_fields(zone: ZoneInfo, appointment: Appointment) -> dict[str, str]:
    """Return the answer's fields for the one appointment that a function booked, moved or cancelled."""
    return {
        "appointment_id": str(appointment.id),
        "start": appointment.starts_at.astimezone(zone).isoformat(),
        "end": appointment.ends_at.astimezone(zone).isoformat(),
        "staff": appointment.staff,
        "status": appointment.status,
    }


def appointment_list_fields(
    config: TenantConfig, appointments: Sequence[Appointment], now: datetime
) -> list[dict[str, str]]:
    """Return the `appointments` field of an answer, with all that the model needs to distinguish the first appointments and to
    name one. Each entry has its customer's name if the appointments are for several customers.
    """
    named = have_several_customers(appointments)
    return [
        {
            **appointment_fields(ZoneInfo(config.time_zone), appointment),
            "service": appointment.service,
            "branch": appointment.branch,
            **({"customer_name": appointment.customer_name} if named else {}),
            "spoken": describe_with_state(config, appointment, now, named=named),
        }
        for appointment in appointments[:MAX_LISTED]
    ]


def have_several_customers(appointments: Iterable[Appointment]) -> bool:
    """Return True if a sentence about one of a caller's appointments must name its customer: the customers' names differ, or
    the caller's number also has appointments of another person, past ones included.
    """
    found = list(appointments)
    if len({fold(each.customer_name) for each in found} - {""}) > 1:
        return True
    return any(is_other_person(name, each.customer_name) for each in found for name in each.names_of_number)


def describe_with_state(config: TenantConfig, appointment: Appointment, now: datetime, *, named: bool = False) -> str:
    """Return `describe_appointment`, with a note if the remote calendar has not confirmed the appointment or its move yet.

    It may refuse the booking a moment later, and a move may then be undone.
    """
    description = describe_appointment(config, appointment, now, named=named)
    if is_requested(config, appointment):
        return f"{description}{say().requested}"
    pending = appointment.status == Status.PENDING_SYNC
    return f"{description}{say().to_be_confirmed}" if pending else description


def describe_appointment(config: TenantConfig, appointment: Appointment, now: datetime, *, named: bool = False) -> str:
    """Return `Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna`, with the branch if the tenant has several.

    With `named` the text ends with the customer's name, if it is known. A service or staff member that the config no longer has
    is left out: the appointment has only their ids, which callers do not know.
    """
    branch = config.find_branch(appointment.branch)
    service = find_by_name(config, appointment.service)
    names = (s.display_name for s in branch.staff if s.id == appointment.staff) if branch else iter(())
    staff = (say().with_staff.format(staff=decline_name(name)) for name in names)
    whom = say().for_customer.format(name=appointment.customer_name) if named and appointment.customer_name else ""
    what = f"{service.display_name if service else ''}{next(staff, '')}{say_place(config, branch)}{whom}".strip()
    when = format_spoken(appointment.starts_at, ZoneInfo(config.time_zone), now)
    return f"{when}, {what}" if what else when


def say_stays(config: TenantConfig, appointment: Appointment, now: datetime, *, named: bool) -> str:
    """Return the sentence that another appointment stays, with its customer if `named`."""
    when = format_spoken(appointment.starts_at, ZoneInfo(config.time_zone), now)
    whom = say().for_customer.format(name=appointment.customer_name) if named else ""
    return say().other_stays.format(when=f"{when}{whom}")


def say_place(config: TenantConfig, branch: Branch | None) -> str:
    """Return ` in Haarwerk Mitte` if the tenant has several branches: a branch that was misheard is noticed before the visit."""
    return say().in_branch.format(branch=branch.display_name) if branch and len(config.branches) > 1 else ""
