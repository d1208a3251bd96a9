"""Readings of a caller's words for a time on given days, and the question which of several readings is meant."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.requested_times import minute_before, put_on_day
from askproai_runtime.conversation.time_arguments import Parts, read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, Naming
from askproai_runtime.sentences import format_spoken, say
from askproai_runtime.spoken_times import Argument, Candidate, Grain, Understanding, understand_parts
from askproai_runtime.spoken_times.arguments import find_part_argument

NO_TIME: Final[Mapping[str, None]] = {"start": None, "date": None, "time": None, "part_of_day": None}


def day_of(start: datetime, zone: ZoneInfo) -> date:
    return start.astimezone(zone).date()


def days_of(starts: Iterable[datetime], zone: ZoneInfo) -> list[date]:
    """Return the local days of the starts, without duplicates, earliest first."""
    return sorted({day_of(start, zone) for start in starts})


def dates_of(candidates: Iterable[Candidate]) -> set[date]:
    return {candidate.start.date() for candidate in candidates}


def exact_starts(candidates: Iterable[Candidate]) -> set[datetime]:
    """Return the starts, in UTC, of the candidates that are a single time and not a span."""
    return {candidate.start.astimezone(UTC) for candidate in candidates if candidate.end is None}


def read_on(days: Iterable[date], parts: Parts, call: CallContext, zone: ZoneInfo) -> list[Candidate]:
    """Return the readings of a time of day (`parts`), one or more for each of the days."""
    each = (understand_parts(*put_on_day(day, parts), at=call.started_at, zone=zone) for day in days)
    return [candidate for understood in each for candidate in understood.candidates]


def read_near(days: Iterable[date], span: Grain, parts: Parts, call: CallContext, zone: ZoneInfo) -> list[Candidate]:
    """Return the readings of a weekday or day of the month (`parts`) in the week, or the month, of each of the days."""
    anchors = sorted({max(minute_before(day, span, zone), call.started_at) for day in days})
    return [candidate for at in anchors for candidate in understand_parts(*parts, at=at, zone=zone).candidates]


def any_of(days: Iterable[date]) -> str:
    return f" {say().or_word} ".join(map(date.isoformat, days))


def name_time(
    args: Mapping[str, Any], date: str | None, time: str | None = None, part_of_day: str | None = None
) -> Mapping[str, Any]:
    """Return the arguments with their time replaced by this date, time and part of the day."""
    return {**args, **NO_TIME, "date": date, "time": time, "part_of_day": part_of_day}


def name_start(args: Mapping[str, Any], start: datetime) -> Mapping[str, Any]:
    """Return the arguments with their time replaced by an exact local start."""
    return {**args, **NO_TIME, "start": start.isoformat()}


def name_days(
    args: Mapping[str, Any],
    call: CallContext,
    zone: ZoneInfo,
    find_service: Callable[[], ServiceRequest],
    meant: Collection[date],
    *,
    asks: bool,
) -> Mapping[str, Any]:
    """Return the arguments with the days in `meant`: each of them suits. With `asks`, raise the question which day is meant."""
    parts = read_parts(args)
    is_date = find_part_argument(parts[0] or "") is Argument.DATE  # else the words with the day name a time, too
    rest: Sequence[str | None] = (parts if is_date else put_on_day(min(meant), parts))[1:]
    if len(meant) == 1 or not asks:
        return name_time(args, any_of(sorted(meant)), *rest)
    service, readings = find_service(), list[Candidate]()
    for day in map(date.isoformat, sorted(meant)):
        understood = understand_parts(day, *rest, at=call.started_at, zone=zone)
        if not understood.candidates:  # the time is asked for after the day
            understood = understand_parts(day, None, None, at=call.started_at, zone=zone)
        readings += keep_open_readings(understood, service).candidates
    open_readings = keep_open_readings(Understanding.of(readings), service).candidates
    if dates_of(open_readings) == {min(meant)}:  # nobody works on the others
        return name_time(args, min(meant).isoformat(), *rest)
    raise ask_readings(open_readings, call, zone)


def choose_start(
    args: Mapping[str, Any], call: CallContext, zone: ZoneInfo, meant: Collection[datetime], *, is_exact: bool = True
) -> Mapping[str, Any]:
    """Return the arguments with the only start in `meant`, or the only one of them that the last answer offered.

    Raises the question which start is meant if several remain; without `is_exact`, it asks for the day.
    """
    if len(meant) > 1:
        meant = set(meant) & set(call.offered_last) or meant
    if len(meant) == 1:
        (start,) = meant
        return name_start(args, start.astimezone(zone))
    raise ask_which(meant, call, zone, is_exact=is_exact)


def ask_which(
    meant: Iterable[datetime], call: CallContext, zone: ZoneInfo, *, is_exact: bool = True
) -> ClarificationNeeded:
    """Return the question which of the starts in `meant` is meant; unless `is_exact`, the question which of their days is."""
    if not is_exact:
        return ask_readings(read_on(days_of(meant, zone), (None, None, None), call, zone), call, zone)
    starts = dict.fromkeys(start.astimezone(zone) for start in sorted(meant))
    readings = [Candidate(at, None, Grain.MINUTE, format_spoken(at, zone, call.started_at)) for at in starts]
    return ask_readings(readings, call, zone)


def ask_readings(candidates: Iterable[Candidate], call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the question which of the readings is meant."""
    readings, named = tuple(dict.fromkeys(candidates)), call.named_last
    again = named is not None and named.naming is Naming.ASKED and {*named.starts} == {each.start for each in readings}
    return ask_candidates(readings, call, zone, again=again)
