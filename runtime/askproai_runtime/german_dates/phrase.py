"""Parse a phrase: take the day, take the time, and refuse it if a word is left that was not understood.

The rules are how German speakers count: `halb drei` is 14:30, `dreiviertel drei` is 14:45. Relative days count from the start of
the call, not from the time of processing.
"""

import re
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates.calendar_day import ImpossibleDay, PastDay, take_day
from askproai_runtime.german_dates.clock_time import ImpossibleTime, TimeOfDay, take_time
from askproai_runtime.german_dates.vocabulary import (
    FILLERS,
    PART_SPOKEN,
    PARTS_OF_DAY,
    fold,
    format_written_day,
    parse_number,
)

_PUNCTUATION = re.compile(r"[,;!?]|\.(?=\s*$)(?<!\d\.)")
_IN_THE_DAY = re.compile(r"\b(?:am|an dem) (?=(?:vormittag|nachmittag|mittag|abend|morgen)\b)")


class Grain(StrEnum):
    """How precise a candidate is. All but `minute` have an end."""

    MINUTE = "minute"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RANGE = "range"


class Refusal(StrEnum):
    """Why a phrase has no candidate."""

    PAST = "past"
    IMPOSSIBLE = "impossible"  # 31.02., or a local time that the change to summer time skips
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that a phrase can mean: half-open, in aware local times. `reading` says it in German, with the full date."""

    start: datetime
    end: datetime | None
    grain: Grain
    reading: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """All candidates of a phrase, earliest first. If it is `ambiguous`, the caller must be asked which one is meant."""

    candidates: tuple[Candidate, ...] = ()
    ambiguous: bool = False
    refused: Refusal | None = None


def understand(text: str, *, at: datetime, zone: ZoneInfo) -> Understanding:
    """Parse a phrase with a date, a time or both. `at` is the start of the call (aware)."""
    try:
        understood = _understand(text, at, zone)
    except (OverflowError, ValueError):  # Python's calendar begins with the year 1 and ends with 9999, in UTC, too
        return Understanding(refused=Refusal.IMPOSSIBLE)
    # No later day could be computed from a start in the last year.
    if any(candidate.start.year == MAXYEAR for candidate in understood.candidates):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    return understood


def understand_parts(
    date: str | None, time: str | None, part_of_day: str | None, *, at: datetime, zone: ZoneInfo
) -> Understanding:
    """Parse the arguments of a call function, each in ISO or German. A lone number as `time` is an hour."""
    for instant in (date, time):
        if instant and _parse_iso_instant(instant, zone) is not None:
            return understand(instant, at=at, zone=zone)  # a full instant leaves nothing to the other arguments
    if time and parse_number(fold(time)) is not None:
        time = f"um {time}"
    phrase = ""
    for part in (date, time, part_of_day):
        if part and fold(part) not in fold(phrase):  # models like to pass the time in both arguments
            phrase = f"{phrase} {part}"
    return understand(phrase, at=at, zone=zone)


def _understand(text: str, at: datetime, zone: ZoneInfo) -> Understanding:
    now = at.astimezone(zone)
    if (instant := _parse_iso_instant(text, zone)) is not None:
        instant = instant.astimezone(zone)
        return _drop_past([_exact(instant)] if _exists(instant) else [], now)
    folded = _IN_THE_DAY.sub("", " ".join(_PUNCTUATION.sub(" ", fold(text)).split()))
    try:
        days, rest = take_day(folded, now.date())
        clock, rest = take_time(rest)
    except (ImpossibleDay, ImpossibleTime):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    except PastDay:
        return Understanding(refused=Refusal.PAST)
    nothing_taken = days is None and not clock.exact and clock.part is None
    if nothing_taken or not set(rest.split()) <= FILLERS:
        return Understanding(refused=Refusal.NOT_UNDERSTOOD)
    return _combine(days, clock, now, zone)


def _parse_iso_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant of a full ISO date and time; None for any other text. Without an offset it is local."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if "T" not in text and " " not in text.strip():
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)


def _combine(days: tuple[date, ...] | None, clock: TimeOfDay, now: datetime, zone: ZoneInfo) -> Understanding:
    if days is None:  # a time alone means today, or tomorrow once it is over
        today = _drop_past(_candidates((now.date(),), clock, zone), now)
        if today.candidates or today.refused is Refusal.IMPOSSIBLE:
            return today
        return _drop_past(_candidates((now.date() + timedelta(days=1),), clock, zone), now)
    return _drop_past(_candidates(days, clock, zone), now)


def _candidates(days: tuple[date, ...], clock: TimeOfDay, zone: ZoneInfo) -> list[Candidate]:
    if clock.exact:
        shift = timedelta(days=int(clock.next_day))
        instants = [datetime.combine(day + shift, at, zone) for day in days for at in clock.exact]
        return [_exact(instant) for instant in instants if _exists(instant)]
    if clock.part is not None:
        opens, closes = PARTS_OF_DAY[clock.part]
        return [
            Candidate(
                datetime.combine(day, opens, zone),
                datetime.combine(day, closes, zone),
                Grain.PART_OF_DAY,
                f"{format_written_day(day)}, {PART_SPOKEN[clock.part]}",
            )
            for day in days
        ]
    return [
        Candidate(
            datetime.combine(day, time(), zone),
            datetime.combine(day + timedelta(days=1), time(), zone),
            Grain.DAY,
            format_written_day(day),
        )
        for day in days
    ]


def _exact(instant: datetime) -> Candidate:
    return Candidate(instant, None, Grain.MINUTE, f"{format_written_day(instant.date())}, {instant:%H:%M} Uhr")


def _exists(instant: datetime) -> bool:
    """Return False in the hour that the change to summer time skips: converted to UTC and back, such a time moves."""
    converted = datetime.fromtimestamp(instant.timestamp(), instant.tzinfo)
    return converted.replace(fold=0) == instant.replace(fold=0) and converted.time() == instant.time()


def _drop_past(candidates: list[Candidate], now: datetime) -> Understanding:
    if not candidates:
        return Understanding(refused=Refusal.IMPOSSIBLE)
    coming = tuple(sorted((c for c in candidates if (c.end or c.start) > now), key=lambda c: c.start))
    if not coming:
        return Understanding(refused=Refusal.PAST)
    return Understanding(candidates=coming, ambiguous=len(coming) > 1)
