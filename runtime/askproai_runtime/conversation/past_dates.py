"""A past date in a request: models calculate dates, and write the year of their training. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.time_arguments import Parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.replies import holds_yes
from askproai_runtime.sentences import format_written_day
from askproai_runtime.spoken_times import Candidate, Refusal, Understanding, understand_parts
from askproai_runtime.spoken_times.mentioned_days import read_mentioned_days

_NEAR = timedelta(days=92)
_OVER = timedelta(days=31)
_DAY = timedelta(hours=25)  # when summer time ends


def ask_of_past(
    parts: Parts, understood: Understanding, call: CallContext, zone: ZoneInfo
) -> ClarificationNeeded | None:
    """Return the question whether a past time is meant on the day that the caller has said, or in the coming year; None if neither
    is to come.
    """
    return _ask_of_said_day(parts, understood, call, zone) or _ask_of_coming_year(parts, understood, call, zone)


def find_over(parts: Parts, understood: Understanding, call: CallContext, zone: ZoneInfo) -> date | None:
    """Return the date within the last 31 days that a date without a year names: `19.11.` is read as the next one. None if a year,
    or no single day, is named.
    """
    before = understand_parts(*parts, at=call.started_at - _OVER, zone=zone).candidates
    days, coming = ({each.start.astimezone(zone).date() for each in found} for found in (before, understood.candidates))
    is_span = any(each.end is not None and each.end - each.start > _DAY for each in before)
    if is_span or len(days) != 1:
        return None
    (day,) = days
    is_next_year = any((day.month, day.day, day.year + 1) == (each.month, each.day, each.year) for each in coming)
    return day if is_next_year and day < call.started_at.astimezone(zone).date() else None


def _ask_of_said_day(
    parts: Parts, understood: Understanding, call: CallContext, zone: ZoneInfo
) -> ClarificationNeeded | None:
    """Return the question whether a past time is meant on the day that the caller has said: models calculate dates. None if the
    words name no day to come.
    """
    if understood.refused is not Refusal.PAST or (day := _find_said_day(parts, call, zone)) is None:
        return None
    candidates = _read_on(day, parts, understood.past, call, zone)
    return ask_candidates(candidates, call, zone) if candidates else None


def _find_said_day(parts: Parts, call: CallContext, zone: ZoneInfo) -> date | None:
    """Return the coming day that the caller has said since the last answer, or agreed to after the same request; else None."""
    now, words, named = call.started_at.astimezone(zone), call.said_since or "", call.named_last
    said = read_mentioned_days(words, now)
    if said.has_day:
        return None if said.may_mean(now.date()) else next(said.find_near(now.date(), now.date()), None)
    is_again = holds_yes(words) and any(parts[0] in each.texts for each in call.earlier)
    return named.asked.astimezone(zone).date() if named and named.asked and is_again else None


def _ask_of_coming_year(
    parts: Parts, understood: Understanding, call: CallContext, zone: ZoneInfo
) -> ClarificationNeeded | None:
    """Return the question whether a past date means the same date in the coming year; None if that is not within 92 days.
    Models write the year of their training, or in December the present year for a day in January: callers do not say the
    year.
    """
    past, today = understood.past, call.started_at.astimezone(zone).date()
    if past is None or (coming := _find_coming(past, today)) is None:
        return None
    candidates = _read_on(coming, parts, past, call, zone)
    return ask_candidates(candidates, call, zone) if candidates else None


def _read_on(day: date, parts: Parts, past: date | None, call: CallContext, zone: ZoneInfo) -> Sequence[Candidate]:
    """Return the readings of a request for a `past` date on another day, with its hours: they are read as of before that date."""
    if past is not None:
        before = datetime.combine(past, time(), zone) - timedelta(minutes=1)
        found = understand_parts(*parts, at=before, zone=zone).candidates
        if of_day := [each for each in found if each.start.date() == past]:
            return [_move(each, day) for each in of_day]
    return understand_parts(day.isoformat(), *parts[1:], at=call.started_at, zone=zone).candidates


def _move(candidate: Candidate, day: date) -> Candidate:
    """Return a reading on another day, at the same local time."""
    past = candidate.start.date()
    end, about = (each and each + (day - past) for each in (candidate.end, candidate.about))
    reading = candidate.reading.replace(format_written_day(past), format_written_day(day))
    return replace(candidate, start=candidate.start + (day - past), end=end, about=about, reading=reading)


def _find_coming(past: date, today: date) -> date | None:
    """Return the next date after `today` with the day and month of `past`, if it is within 92 days; else None."""
    for year in (today.year, today.year + 1):
        try:
            day = past.replace(year=year)
        except ValueError:  # 29 February
            continue
        if timedelta() <= day - today <= _NEAR:
            return day
    return None
