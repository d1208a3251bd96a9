"""Combine the argument `start` of a call function with the meaning of the others."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.iso import IsoInstant, read_instant
from askproai_runtime.spoken_times.parts import agree, understand_parts
from askproai_runtime.spoken_times.phrase import place_instants, within_calendar
from askproai_runtime.spoken_times.readings import exact_at
from askproai_runtime.spoken_times.types import Argument, Grain, Refusal, Understanding
from askproai_runtime.understood import UNDERSTOOD

_CHOICE = re.compile(rf"\s*(?:,|\b(?:{UNDERSTOOD.links.or_words})\b)\s*(?=\d{{4}}-)", re.IGNORECASE)


def understand_start(
    start: str, others: Understanding | None, *, at: datetime, zone: ZoneInfo, longest: timedelta
) -> Understanding:
    """Return the joint meaning of the argument `start` and of the other arguments (`others`). A start at midnight is only a
    day, unless it is the only argument and has the zone's offset: models repeat an offered day as its first instant.

    An interval of at most `longest`, the length of the service, is the appointment itself, and only its start counts. A start
    outside the times of `others` contradicts them. If only one of the two is understood, its meaning is kept.
    """
    if understood_choice := _read_choice(start, at, zone):
        return understood_choice if others is None else agree(understood_choice, others)
    try:
        instant = read_instant(start, zone)
    except (ValueError, OverflowError):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    if instant is not None and not (instant.is_day and (others is not None or not instant.is_zoned)):
        understood = within_calendar(lambda: place_instants(instant.readings, at))
    else:
        understood = _begin_of(understand_parts(start, None, None, at=at, zone=zone), longest)
    if others is None:
        return understood
    if understood.refused is Refusal.NOT_UNDERSTOOD:
        return others
    if others.refused not in {None, Refusal.PAST} and understood.refused is None:
        unclear = others.unclear or Argument.DATE
        return Understanding(refused=Refusal.NOT_UNDERSTOOD, unclear=unclear, kept=understood.candidates)
    return agree(understood, others)


def _read_choice(start: str, at: datetime, zone: ZoneInfo) -> Understanding | None:
    """Return the choice between several full dates and times in a list; None for any other text."""
    texts = _CHOICE.split(start.strip())
    instants = [found for text in texts if (found := _read_instant(text, zone)) is not None]
    if len(instants) < 2 or len(instants) < len(texts):  # noqa: PLR2004
        return None
    placed = [place_instants(instant.readings, at) for instant in instants]
    if refused := next((each for each in placed if each.refused is not None), None):
        return refused
    return Understanding.of(
        replace(candidate, choice=number) for number, each in enumerate(placed) for candidate in each.candidates
    )


def _read_instant(text: str, zone: ZoneInfo) -> IsoInstant | None:
    try:
        return read_instant(text, zone)
    except (ValueError, OverflowError):
        return None


def _begin_of(understood: Understanding, longest: timedelta) -> Understanding:
    (candidate,) = understood.candidates if len(understood.candidates) == 1 else (None,)
    if candidate is None or candidate.end is None or candidate.end - candidate.start > longest:
        return understood
    is_interval = candidate.grain is Grain.RANGE and candidate.about is None
    return Understanding.of([exact_at(candidate.start)]) if is_interval else understood
