"""The readings of a time that are possible: while somebody works, or the branch is open; and the one exact start among them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from askproai_runtime.availability.obstacles import is_open_time, is_working_time
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import ask_candidates, candidate_fields
from askproai_runtime.conversation.time_arguments import Parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.phrases import format_reading
from askproai_runtime.sentences import say
from askproai_runtime.spoken_times import Candidate, Understanding, understand_parts
from askproai_runtime.spoken_times.mentions import list_only_hour

_HALF_A_DAY = timedelta(hours=12)


def keep_open_readings(understood: Understanding, service: ServiceRequest) -> Understanding:
    """Return a phrase's readings without those at which nobody works: in a practice that closes at six, "um neun" is 9 Uhr
    only.

    If no able or requested staff member works at any of them, the readings while the branch is open stay, so that the right
    reason is said. If the branch is closed at all of them, only the first stays: it is refused with the reason, and nothing is
    asked.
    """
    if not understood.ambiguous:
        return understood
    rules, staff = service.rules, service.staff
    kept = [c for c in understood.candidates if is_working_time(rules, c, staff)]
    kept = kept or [c for c in understood.candidates if is_open_time(rules, c)]
    return replace(Understanding.of(kept or understood.candidates[:1]), unclear=understood.unclear)


def keep_open_half(
    parts: Parts, understood: Understanding, call: CallContext, service: ServiceRequest
) -> Understanding:
    """Return contradicting readings without an hour at which the branch is closed, if it is open half a day from that: "04:00"
    beside "nachmittags" is 16 Uhr.

    Raises the question whether the open hour is meant if not all arguments allow it: "09:00" beside "abends".
    """
    zone, readings = service.rules.zone, understood.candidates
    is_pair = {each.start - readings[0].start for each in readings} == {timedelta(), _HALF_A_DAY}
    kept = [each for each in readings if is_open_time(service.rules, each)]
    if not is_pair or len(kept) != 1 or any(each.end is not None for each in readings):
        return understood
    clock = f"{kept[0].start.astimezone(zone):%H:%M}"
    again = understand_parts(parts[0], clock, parts[2], at=call.started_at, zone=zone)
    if again.exact != kept[0].start:
        raise ask_candidates(kept, call, zone)
    return again


def require_exact(understood: Understanding, call: CallContext, service: ServiceRequest) -> datetime:
    """Return the one exact start of the readings, in UTC. Raises `ClarificationNeeded` with a question about the unclear part."""
    start = understood.exact or _find_start_of_span(understood, call, service)
    if start is not None and understood.unclear is None:
        return start.astimezone(UTC)
    zone = service.rules.zone
    if len(understood.candidates) > 1 or understood.exact is not None:  # another argument may say another time
        raise ask_candidates(understood.candidates, call, zone)
    reading = format_reading(understood.candidates[0], zone, call.started_at)
    reading = f"{reading[0].upper()}{reading[1:]}"
    question = say().what_time_exactly.format(reading=reading)
    if _says_hour(understood.candidates[0]):
        question = f"{reading}: {say().which_day}"
    if understood.unclear is not None:
        question = f"{say().hour_not_understood} {question}"
    raise ClarificationNeeded(question, candidates=candidate_fields(understood.candidates))


def _find_start_of_span(understood: Understanding, call: CallContext, service: ServiceRequest) -> datetime | None:
    """Return the start of a span as long as the service, `14:00–14:45` for 45 minutes, if it was offered or is the only hour that
    the caller has said: a caller who has time "between ten and eleven" is asked.
    """
    rules, (span, *others) = service.rules, understood.candidates
    if others or span.daily is not None or span.end != span.start + timedelta(minutes=rules.shortest_minutes):
        return None
    hours = list_only_hour(call.said_since or "", call.started_at)
    is_said = span.start.astimezone(rules.zone).time() in hours
    return span.start if is_said or call.list_offers(rules.branch.name, span.start, rules.service.name) else None


def _says_hour(candidate: Candidate) -> bool:
    """Return True if the candidate is one clock time on each of several days: `nächste Woche um zehn`."""
    daily = candidate.daily
    return daily is not None and daily.closes == (datetime.combine(date.min, daily.opens) + timedelta(minutes=1)).time()
