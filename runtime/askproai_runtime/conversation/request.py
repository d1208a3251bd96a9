"""From a model's arguments to a request, or to the question to ask back.

Arguments are words of a model: any may be missing, empty, of the wrong type, or name what does not exist. What is not clear
is asked, never guessed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.availability.obstacles import is_open_time, is_too_long, is_working_day, is_working_time
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.requests import BookingRequest, ServiceRequest
from askproai_runtime.conversation.answers import candidate_fields, candidate_question
from askproai_runtime.conversation.doubts import read_doubts
from askproai_runtime.conversation.email_address import read_named_email
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.offered_starts import understand_beside_offers
from askproai_runtime.conversation.phone_argument import SaidPhone, read_phone
from askproai_runtime.conversation.spoken_staff import find_staff_for_caller
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.conversation.unknown_services import ask_joined, ask_meant, ask_service, refuse_unknown
from askproai_runtime.german_dates import (
    Argument,
    Candidate,
    Grain,
    UnclearMention,
    Understanding,
    exact_at,
    find_mention,
    find_part_argument,
    understand_parts,
)
from askproai_runtime.language.answer_words import WAIT, Reply, words_of
from askproai_runtime.language.declines import REJECTS
from askproai_runtime.language.generic_services import is_generic
from askproai_runtime.language.heard_names import list_heard_services
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.near_services import complete_names, list_joined, list_related
from askproai_runtime.language.phrases import format_reading, refusal_sentence
from askproai_runtime.language.placeholders import names_nothing
from askproai_runtime.language.replies import heard_key
from askproai_runtime.language.service_texts import drop_catalogue, find_rest, names_several
from askproai_runtime.language.spoken_services import NamedServices, names_service, read_services
from askproai_runtime.language.staff_preferences import separate_staff
from askproai_runtime.sentences import format_spoken, format_written_day, present_language, say
from askproai_runtime.visits import (
    MOST_SERVICES,
    compose_visit,
    find_by_name,
    has_several,
    list_parts,
    same_services,
)

_NO_TIME = re.compile(r"0?0:00(?::00)?")  # models write it where no time was said
_MAX_ARGUMENT_LENGTH = 500
NOTES_LIMIT = 2_000  # characters of the notes of a booking: unknown fields are a part of them
_DAYS_AHEAD = 14  # in which a time without a day is searched
_HALF_A_DAY = timedelta(hours=12)
_NOON_AS_AM = re.compile(r"\b12(?:[:.]\d\d)?\s*a\.?\s?m\b", re.IGNORECASE)
_DAY_NUMBER = re.compile(r"0?[1-9]|[12]\d|3[01]")
_ISO_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class SpokenBooking(BookingRequest):
    """A booking as a caller has asked for it: with what is said about it, and not booked.

    `was_offered`: the call was offered a time, this one or another.
    `names_customer`: the caller has booked for somebody else, too, and is to hear for whom this one is.
    `short_names`: the names for whose rest the booking asks.
    `said_phone` is what the request says of a number, None without the argument. A `phone` that it does not name is that of the
    caller, or of another appointment of the call.
    `leaves_out`: somebody who was to come along is not named after the question who it is.
    """

    names_customer: bool = False
    was_offered: bool = False
    short_names: tuple[str, ...] = ()
    said_phone: SaidPhone | None = None
    leaves_out: bool = False

    @property
    def dictates_phone(self) -> bool:
        """Whether `phone` is another number than the calling one, and said in this request."""
        return self.said_phone is not None and self.said_phone.number not in {None, self.actor.caller}

    @property
    def chooses_phone(self) -> bool:
        """Whether this request says that `phone` is meant, and no other one that is noted: also that of the call."""
        said = self.said_phone
        return said is not None and (said.number is not None or (said.of_call and self.actor.caller is not None))


def parse_service_request(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], last_service: str | None = None
) -> ServiceRequest:
    """Resolve branch, service and staff member. Raises `ClarificationNeeded`.

    `last_service` is what was offered last, for a model that does not repeat it.
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


def parse_booking_request(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], appointments: Sequence[Appointment]
) -> SpokenBooking:
    """Resolve a booking. Raises `ClarificationNeeded`.

    What the call holds of its `appointments` was offered last: its service is meant where none is named again.
    """
    hold = next((appointment for appointment in appointments if appointment.status == Status.HELD), None)
    service = parse_service_request(config, call, args, hold.service if hold else None)
    rules = service.rules
    own = {each.starts_at for each in appointments if each.live or each is hold}
    start = parse_start(args, call, service, say().when_to_book, own)
    # A repeated booking finds the appointment in place of the hold: its answer may have come too late.
    is_known = start in own or call.list_offers(rules.branch.name, start)
    if not is_known and not names_day(read_parts(args)):
        raise _ask_for_day(start, call, rules.zone)
    _require_no_part(config, call, service, start, appointments)
    name = read_name_alone(read_text(args, "customer_name"), call.said)
    if not name:
        raise ClarificationNeeded(say().whose_name)
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
    """Return a request with the details in the arguments. `known_phone` counts where none is named, and the call's is withheld."""
    said = read_said(args, "phone")
    phone = read_phone(said, config, call.branch)
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
    """Return whether a model says that an appointment beside those of the call is meant."""
    return args.get("another") is True or str(args.get("another")).casefold() == "true"


def _find_offered_staff(
    call: CallContext, hold: Appointment | None, rules: ServiceRules, start: datetime
) -> str | None:
    """Return with whom exactly this start was named, else with whom the call holds it; None where that is not one person.

    A caller who changes the service keeps the person.
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
    """Raise the question whether the whole visit is meant, where a start was offered for it alone, and a part of it is requested.

    The question offers both, so that the next request is carried out. A call without a transcript would hear it again.
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
    """Return the question whether a time whose day nobody has named is on the next day that it can be on.

    A model that leaves the day out has not always heard none: the caller may have named another.
    """
    meant = Candidate(start.astimezone(zone), None, Grain.MINUTE, format_spoken(start, zone, call.started_at))
    return ClarificationNeeded(
        candidate_question((meant,), zone, call.started_at), candidates=candidate_fields((meant,))
    )


def parse_time(
    args: Mapping[str, Any], call: CallContext, service: ServiceRequest, own: Collection[datetime] = ()
) -> Understanding | None:
    """Understand `start`, `date`, `time` and `part_of_day`, relative to the start of the call; None if none is given.

    A time without a day is that of the next day on which it is a working time. Of several readings those at which nobody works do
    not count. A start that was offered in this call, or is one of its `own`, is asked about where another argument clearly names
    another day or time. Where the day is understood, and another argument is not, the day is returned with that argument as
    `unclear`.

    Raises `ClarificationNeeded` for a time that is refused, past, impossible or not understood, and for a contradiction.
    """
    parts, zone = read_parts(args), service.rules.zone
    parts = _drop_unsaid(parts, call, service)
    if not any(parts):
        return None
    if parts[0] is not None and parts[0] == read_text(args, "start"):
        others = {name: text for name in ("date", "time", "part_of_day") if (text := read_text(args, name))}
        longest = timedelta(minutes=service.rules.longest_minutes)
        understood = understand_beside_offers(parts[0], others, call, (service.rules.branch.name, zone), own, longest)
    else:
        understood = understand_parts(*parts, at=call.started_at, zone=zone)
    if understood.refused is None and not names_day(parts):
        understood = _find_next_day(parts, call, service) or understood
    if understood.refused is not None and understood.kept:
        clock = _find_clock(parts[1] or "", call.started_at) if understood.unclear is Argument.TIME else None
        read = understand_parts(parts[0], clock, parts[2], at=call.started_at, zone=zone) if clock else None
        if read is not None and read.candidates:
            is_minute = all(each.end is None for each in read.candidates)  # it is asked about before a booking
            understood = replace(read, unclear=understood.unclear if is_minute else None)
        else:
            understood = replace(Understanding.of(understood.kept), unclear=understood.unclear)
    if understood.refused is not None:
        raise refuse_time(understood, call, zone)
    if understood.contradicts:
        understood = _drop_over_today(understood, call, service)
    if understood.contradicts:
        question = candidate_question(understood.candidates, zone, call.started_at)
        raise ClarificationNeeded(question, candidates=candidate_fields(understood.candidates))
    if any(_NOON_AS_AM.search(part) for part in parts if part):
        _require_no_noon(understood, call, service)
    return understood if understood.is_written else keep_open_readings(understood, service)


def _drop_unsaid(
    parts: tuple[str | None, str | None, str | None], call: CallContext, service: ServiceRequest
) -> tuple[str | None, str | None, str | None]:
    """Leave out what nobody has said now: midnight where nobody works then, and a part of the day that an earlier request has
    named, too, beside a new time.
    """
    day, time, part_of_day = parts
    if time and _NO_TIME.fullmatch(time) and not _works_at_midnight(call, service):
        return day, None, part_of_day
    before = frozenset[str]().union(*(each.texts for each in call.earlier))
    return (day, time, None) if time and time not in before and part_of_day in before else parts


def _works_at_midnight(call: CallContext, service: ServiceRequest) -> bool:
    zone = service.rules.zone
    today = datetime.combine(call.started_at.astimezone(zone).date(), time(), zone)
    return any(is_open_time(service.rules, exact_at(today + timedelta(days=n))) for n in range(7))


def _drop_over_today(understood: Understanding, call: CallContext, service: ServiceRequest) -> Understanding:
    """Leave out today where nobody works at its readings any more: in the evening "heute" beside "morgen um neun" is tomorrow."""
    today = call.started_at.astimezone(service.rules.zone).date()
    of_today = [candidate for candidate in understood.candidates if candidate.start.date() == today]
    others = [candidate for candidate in understood.candidates if candidate not in of_today]
    if not of_today or not others or any(is_open_time(service.rules, each) for each in of_today):
        return understood
    return keep_open_readings(Understanding.of(others), service)


def _require_no_noon(understood: Understanding, call: CallContext, service: ServiceRequest) -> None:
    """Raise the question whether noon is meant where `12 AM` was said, which is midnight, and nobody works then but at noon."""
    zone = service.rules.zone
    noons = [exact_at(each.start + _HALF_A_DAY) for each in understood.candidates if each.end is None]
    if any(is_open_time(service.rules, each) for each in understood.candidates) or not noons:
        return
    if all(is_open_time(service.rules, noon) for noon in noons):
        raise ClarificationNeeded(candidate_question(noons, zone, call.started_at), candidates=candidate_fields(noons))


def refuse_time(understood: Understanding, call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the question about a time that is refused: of a date that is over it names the date, and the present one."""
    refused = understood.refused
    assert refused is not None
    sentence = refusal_sentence(refused)
    if understood.past is not None:
        today = format_written_day(call.started_at.astimezone(zone).date())
        sentence = say().past_date.format(day=format_written_day(understood.past), today=today)
    elif understood.unclear is Argument.DATE:
        sentence = say().day_not_understood
    return ClarificationNeeded(sentence, outcome=FunctionOutcome(refused), refused=refused.value)


def read_parts(args: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return `date`, `time` and `part_of_day`. A `start` with a day is in place of the date; one of a time is a time.

    A lone number as `date` is a day of the month where the time is said, too.
    """
    start, date, time, part_of_day = (read_text(args, name) for name in ("start", "date", "time", "part_of_day"))
    if date and _DAY_NUMBER.fullmatch(date) and (time or part_of_day):
        date = f"{date}."
    if start is None:
        return date, time, part_of_day
    if find_part_argument(start) in {Argument.TIME, Argument.PART_OF_DAY}:
        times = [*dict.fromkeys(each for each in (start, time, part_of_day) if each), None]
        return date, times[0], times[1]
    return (start, None, None) if date else (start, time, part_of_day)


def _find_clock(text: str, now: datetime) -> str | None:
    """Return the only clause of words that is a time of day: "nach der Schule, so halb vier".

    None where another clause names a time or a day, or rejects one.
    """
    clauses = [clause.strip() for clause in re.split("[,;]", text)]
    clocks = [clause for clause in clauses if find_part_argument(clause) is Argument.TIME]
    others = " ".join(clause for clause in clauses if clause not in clocks)
    try:
        is_sure = len(clocks) == 1 and not REJECTS.search(words_of(others)) and find_mention(others, now, ()) is None
    except UnclearMention:
        return None
    return clocks[0] if is_sure else None


def holds_iso_day(parts: Sequence[str | None]) -> bool:
    """Return whether one of the arguments begins with an ISO day, as most models write: words take a hundred times as long."""
    return any(part and _ISO_DAY.match(part) for part in parts)


def minute_before(day: date, span: Grain, zone: ZoneInfo) -> datetime:
    """Return the last minute before the week, or the month, of a day: words that are read then are of that span."""
    return datetime.combine(first_day(day, span), time(), zone) - timedelta(minutes=1)


def first_day(day: date, span: Grain) -> date:
    """Return the first day of the week, or the month, of a day."""
    return day.replace(day=1) if span is Grain.MONTH else day - timedelta(days=day.weekday())


def names_day(parts: Sequence[str | None]) -> bool:
    """Return whether the words say more than a time of any day, such as "um zehn" or "vormittags"."""
    if holds_iso_day(parts):
        return True
    found = (find_part_argument(part) for part in parts if part)
    return any(argument not in {Argument.TIME, Argument.PART_OF_DAY} for argument in found)


def _find_next_day(
    parts: tuple[str | None, str | None, str | None], call: CallContext, service: ServiceRequest
) -> Understanding | None:
    """Return what a time without a day means on the first day, from today on, on which somebody works then.

    Without such a day it is the first one on which somebody works at all; None if there is none either.
    """
    rules, staff = service.rules, service.staff
    today, found = call.started_at.astimezone(rules.zone).date(), None
    for day in (today + timedelta(days=n) for n in range(_DAYS_AHEAD)):
        if not is_working_day(rules, day, staff):
            continue
        understood = understand_parts(*put_on_day(day, parts), at=call.started_at, zone=rules.zone)
        if any(is_working_time(rules, c, staff) for c in understood.candidates):
            return understood
        if understood.refused is None:
            found = found or understood
    return found


def put_on_day(day: date, parts: Sequence[str | None]) -> tuple[str, str | None, str | None]:
    """Return the arguments of a day, and of the times of day that `parts` name, whichever argument they are in."""
    time, part_of_day = ([part for part in parts if part] + [None, None])[:2]
    return day.isoformat(), time, part_of_day


def keep_open_readings(understood: Understanding, service: ServiceRequest) -> Understanding:
    """Leave out the readings of a phrase at which nobody works: in a practice that closes at six, "um neun" is 9 Uhr only.

    If nobody works at any of them who does the service, or the person who was asked for does not, those at which the branch is open
    stay: the reason is that of the day that is meant. If it is closed at all of them, the first one stays, and there is nothing
    to ask about: it is refused with the reason.
    """
    if not understood.ambiguous:
        return understood
    rules, staff = service.rules, service.staff
    kept = [c for c in understood.candidates if is_working_time(rules, c, staff)]
    kept = kept or [c for c in understood.candidates if is_open_time(rules, c)]
    return replace(Understanding.of(kept or understood.candidates[:1]), unclear=understood.unclear)


def parse_start(
    args: Mapping[str, Any],
    call: CallContext,
    service: ServiceRequest,
    question: str,
    own: Collection[datetime] = (),
) -> datetime:
    """Understand one exact start, in UTC.

    Raises `ClarificationNeeded`: `question` when no time is given, else what is not clear about it.
    """
    understood = parse_time(args, call, service, own)
    if understood is None:
        raise ClarificationNeeded(question)
    return require_exact(understood, call, service)


def require_exact(understood: Understanding, call: CallContext, service: ServiceRequest) -> datetime:
    """Return the one exact start that was understood, in UTC. Raises `ClarificationNeeded`: what is not clear about it."""
    if understood.exact is not None and understood.unclear is None:
        return understood.exact.astimezone(UTC)
    zone, fields = service.rules.zone, candidate_fields(understood.candidates)
    if len(understood.candidates) > 1 or understood.exact is not None:  # another argument may say another time
        raise ClarificationNeeded(candidate_question(understood.candidates, zone, call.started_at), candidates=fields)
    reading = format_reading(understood.candidates[0], zone, call.started_at)
    reading = f"{reading[0].upper()}{reading[1:]}"
    question = say().what_time_exactly.format(reading=reading)
    if _says_hour(understood.candidates[0]):
        question = f"{reading}: {say().which_day}"
    if understood.unclear is not None:
        question = f"{say().hour_not_understood} {question}"
    raise ClarificationNeeded(question, candidates=fields)


def _says_hour(candidate: Candidate) -> bool:
    """Return whether one minute of several days is meant: `nächste Woche um zehn`."""
    daily = candidate.daily
    return daily is not None and daily.closes == (datetime.combine(date.min, daily.opens) + timedelta(minutes=1)).time()


def read_text(args: Mapping[str, Any], name: str, limit: int = _MAX_ARGUMENT_LENGTH) -> str | None:
    """Return an argument as trimmed, bounded text that PostgreSQL accepts (no NUL); None when it is missing or empty."""
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\0", "").strip()[:limit] or None


def read_said(args: Mapping[str, Any], name: str) -> str | None:
    """Return an argument as `read_text` does; None also where a model has written that nobody said anything (`null`, `keine`)."""
    text = read_text(args, name)
    return None if text is None or names_nothing(text) else text


def _find_branch(config: TenantConfig, call: CallContext) -> Branch:
    """Return the call's branch. The argument `branch` was resolved before, by `branch_routing`."""
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
    """Return the service, or the visit, that a caller names; without a name the only one, or the only one of the person whom the
    caller names. Raises `ClarificationNeeded`.
    """
    offered = _list_offered(config, branch)
    if name is not None and is_generic(name) and not _is_known(name, offered):
        name = None
    if name is None:
        offered = _list_done_by(offered, branch, staff)
    if name is None and len(offered) == 1:
        return offered[0]
    named = _read_ids(name or "", offered) or complete_names(name or "", offered)
    if named.services and named.unknown is None:
        return _join_services(config, replace(named, repeated=named.repeated and not has_companions))
    if not offered:
        cause = f"no service is offered in {branch.name}"
        raise ClarificationNeeded(
            say().nothing_bookable, outcome=FunctionOutcome.NOT_BOOKABLE, cause=cause, services=[]
        )
    if name is None:
        raise ask_service(offered)
    has_rest = bool(find_rest(name, offered))
    for_one = not has_companions and (has_rest or names_several(name, offered))
    if joined := list_joined(name, offered):
        asked = ask_joined(name, joined, config, for_one=for_one, has_rest=has_rest)
        return _take_agreed(config, branch, call, asked)
    requested = (named.unknown if named.services else name) or ""
    if meant := list_heard_services(requested, offered) or list_related(requested, offered):
        among = list({each.name: each for each in (*named.services, *meant)}.values())
        asked = ask_meant(requested, among, for_one=for_one, has_rest=has_rest)
        return _take_agreed(config, branch, call, asked)
    return _take_agreed(config, branch, call, refuse_unknown(requested, offered, branch, config))


def _take_agreed(config: TenantConfig, branch: Branch, call: CallContext, asked: ClarificationNeeded) -> Service:
    """Return the only service of a question that the caller has answered without a no ("Dann das Früheste am Dienstag"): a model
    repeats the words as they were heard.

    Raises the question without an answer.
    """
    said, services = asked.answer.fields.get("heard"), asked.answer.fields["services"]
    reply = call.find_reply(heard_key(said, services[0]), None) if said else None
    since = words_of(call.said_since or "")
    is_other = WAIT.search(since) or any(names_service(word, config.services) for word in since.split())
    is_meant = reply is Reply.YES or (reply is Reply.UNCLEAR and not is_other)
    agreed = find_by_name(config, services[0], branch.name) if is_meant else None
    if agreed is None:
        raise asked
    return agreed


def _list_offered(config: TenantConfig, branch: Branch) -> list[Service]:
    return [service for service in config.services if service.branch in {None, branch.name}]


def _is_known(name: str, offered: Sequence[Service]) -> bool:
    """Return whether a generic word names one of several services, or a part of their names: "Beratung" where one is declared."""
    return bool(read_services(name, offered).services or (len(offered) > 1 and list_related(name, offered)))


def _list_done_by(offered: Sequence[Service], branch: Branch, staff: str | None) -> list[Service]:
    """Return the services that a person whom a caller names does; all where nobody of this name does any."""
    members = {member.id for member in list_named_staff(staff, branch.staff)} if staff else set()
    return [each for each in offered if not members.isdisjoint(each.staff.get(branch.name, ()))] or list(offered)


def _read_ids(name: str, offered: Sequence[Service]) -> NamedServices | None:
    """Return what the name of a visit is composed of, None for any other text: as words `schnitt+bart` is `schnitt-bart`, too."""
    by_id, parts = {service.name: service for service in offered}, list_parts(name)
    if not has_several(name) or not by_id.keys() >= set(parts):
        return None
    each_once = tuple(by_id[part] for part in dict.fromkeys(parts))
    return NamedServices(each_once, repeated=len(each_once) < len(parts))


def _join_services(config: TenantConfig, named: NamedServices) -> Service:
    """Return the service or the visit of what was named. Raises `ClarificationNeeded`."""
    services = named.services
    if named.repeated:
        raise ClarificationNeeded(say().one_person_at_a_time)
    if len(services) > MOST_SERVICES:
        raise ClarificationNeeded(say().too_many_services.format(count=MOST_SERVICES))
    return services[0] if len(services) == 1 else compose_visit(config, services)
