"""Read times relative to another time, the origin: "diesen Donnerstag", "in zwei Wochen", "eine Stunde später". Pure.

The origin is certain only if each possible origin leads to the same time, or if an answer of the call has said the time.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.availability.obstacles import is_working_time
from askproai_runtime.availability.slots import horizon_end
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.day_readings import ask_readings, dates_of, days_of, name_days
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.requested_times import first_day, holds_iso_day, minute_before
from askproai_runtime.conversation.time_arguments import Parts, read_parts
from askproai_runtime.conversation.types import CallContext, NamedTimes, Naming
from askproai_runtime.language.answer_words import NO, words_of
from askproai_runtime.spoken_times import (
    ALL_WEEKDAYS,
    Candidate,
    Grain,
    Understanding,
    count_from,
    counts_time,
    fold,
    understand_parts,
)
from askproai_runtime.spoken_times.arguments import is_relative_day, names_next_weekday

_WEEKDAY = re.compile(rf"\b(?:{'|'.join(ALL_WEEKDAYS)})\b")
_HOUR = timedelta(hours=1)


def add_later_readings(
    understood: Understanding, parts: Parts, call: CallContext, own: datetime, service: ServiceRequest
) -> Understanding:
    """Return the readings of a move's relative day, counted from the call's start and from the appointment's start `own`.

    A day that was offered since, or that a question named alone, is the only reading. If nobody works on the day counted from
    the call, that day is the only reading, and is refused with the reason. Raises `ClarificationNeeded` for an exact time if
    nobody works on the other day.
    """
    days = dates_of(understood.candidates)
    if len(days) != 1 or understood.exact == own or not is_relative_day(parts[0] or parts[1] or ""):
        return understood
    named = call.named_last
    said = {*days_of(named.starts, service.rules.zone)} if named and not named.lists_since else set[date]()
    is_agreed = named is not None and any(named.said_since) and not NO.search(words_of(" ".join(named.said_since)))
    if (
        named
        and days <= said
        and (named.naming is Naming.OFFERED or (named.naming is Naming.ASKED and days == said and is_agreed))
    ):
        return understood
    if not any(is_working_time(service.rules, each, service.staff) for each in understood.candidates):
        return understood
    end = horizon_end(service.rules, call.started_at)
    later = [
        each
        for each in understand_parts(*parts, at=own, zone=service.rules.zone).candidates
        if each.start.date() not in {*days, own.date()} and each.start.timestamp() < end
    ]
    both = Understanding.of([*understood.candidates, *later])
    left = keep_open_readings(replace(both, unclear=understood.unclear), service)
    if later and left.exact is not None and call.said is not None:
        raise ask_readings(left.candidates, call, service.rules.zone)
    return left


def add_offered_weeks(
    args: Mapping[str, Any], call: CallContext, zone: ZoneInfo, find_service: Callable[[], ServiceRequest]
) -> Mapping[str, Any]:
    """Return a booking's arguments unchanged. Raises the question which day is meant, if a relative day follows offers in
    another week and may be relative to today or to these offers.

    No question is asked if the day was offered, if it is a weekday in an offer's week, or if its words led to the offers.
    """
    parts, named = read_parts(args), call.named_last
    words = parts[0] or parts[1] or ""
    if named is None or named.naming is not Naming.OFFERED or named.lists_since or holds_iso_day(parts):
        return args
    if any(words in each.texts for each in call.earlier) or not (is_relative_day(words) or names_next_weekday(words)):
        return args
    offered = {*days_of(named.starts, zone)}
    coming, *later = (
        dates_of(understand_parts(words, None, None, at=at, zone=zone).candidates)
        for at in (call.started_at, *named.starts)
    )
    weeks = {first_day(each, Grain.WEEK) for each in offered}
    is_near = _WEEKDAY.search(fold(words)) and not weeks.isdisjoint(first_day(each, Grain.WEEK) for each in coming)
    if not coming or coming & offered or is_near:
        return args
    meant = coming | (set[date]().union(*later) - offered)
    return name_days(args, call, zone, find_service, meant, asks=True) if len(meant) > 1 else args


def count_hours(parts: Parts, call: CallContext, own: datetime, service: ServiceRequest) -> tuple[Candidate, ...]:
    """Return the readings of "eine Stunde später" in a move of an appointment at `own`, counted from times that our answers
    named since; () if it can only be counted from the appointment.

    It is counted from a refused or asked time; else from the only offered time, or the offered times on the named day; and, if
    no time was refused, also from the appointment. If exactly one reading was offered, that one is meant. If nobody works at
    the first reading, it is returned alone, and refused with the reason.
    """
    counted, named = count_from(*parts[:2], own), call.named_last
    if named is None or named.lists_since or not named.is_exact or not any(named.said_since):
        return ()
    if counted is None or not _is_shifted(parts, counted[1], own):
        return ()
    zone = service.rules.zone
    by_own = _count(parts, call, own)
    was_named = {each.start for each in by_own} & {named.refused_move, *named.starts}
    if was_named and not any(map(counts_time, named.said_since)):
        return ()  # these words led to the answer, and the model repeats them
    has_day = counted[0] != own.date().isoformat() or holds_iso_day(parts)
    origins = [each.astimezone(zone) for each in _list_origins(named, dates_of(by_own), has_day, zone)]
    if not origins:
        return ()
    if named.naming is Naming.OFFERED and named.refused_move is None:
        origins.append(own)
    found = list(dict.fromkeys(candidate for each in origins for candidate in _count(parts, call, each)))
    if len(offered := [each for each in found if each.start in call.offered_last]) == 1:
        return tuple(offered)
    if not found or not is_working_time(service.rules, found[0], service.staff):
        return tuple(found[:1])
    return keep_open_readings(Understanding.of(found), service).candidates


def _list_origins(named: NamedTimes, days: Collection[date], has_day: bool, zone: ZoneInfo) -> Sequence[datetime]:
    """Return the starts in the last answer from which "eine Stunde später" may count, the most likely first; [] if none may."""
    if named.naming is Naming.ASKED or len(named.starts) == 1:
        return [named.refused_move, *named.starts] if named.refused_move else named.starts
    if named.refused_move:
        return [named.refused_move]
    if named.naming is not Naming.OFFERED or not has_day:
        return []
    return [each for each in named.starts if each.astimezone(zone).date() in days]


def _is_shifted(parts: Parts, clock_time: str | None, own: datetime) -> bool:
    """Return True if `clock_time` was counted in hours from `own`: it differs from the time of `own`, and would change with it."""
    later = count_from(*parts[:2], own + _HOUR)
    return later is not None and clock_time not in {None, f"{own:%H:%M}", later[1]}


def _count(parts: Parts, call: CallContext, origin: datetime) -> list[Candidate]:
    """Return the exact times of relative words, counted from a local start (`origin`). A weekday is in its week if possible."""
    counted, zone = count_from(*parts[:2], origin), ZoneInfo(str(origin.tzinfo))
    if counted is None:
        return []
    at = max(call.started_at, minute_before(origin.date(), Grain.WEEK, zone))
    return [each for each in understand_parts(*counted, None, at=at, zone=zone).candidates if each.end is None]
