"""A phrase to its readings: take the day, take the time, and refuse if a word is left that nobody understood.

Source of the rules: how German speakers count (`halb drei` is 14:30, `dreiviertel drei` 14:45) and the table of
`askproai when` in the reference. Relative days count from the start of the call, not from the time of processing.
"""

import re
from datetime import MAXYEAR, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates.calendar_day import Days, ImpossibleDay, PastDay, take_day
from askproai_runtime.german_dates.clock_time import ImpossibleTime, TimeOfDay, take_time
from askproai_runtime.german_dates.spoken import written_day
from askproai_runtime.german_dates.types import Candidate, Grain, Refusal, Understanding
from askproai_runtime.german_dates.words import FILLERS, PART_SPOKEN, PARTS_OF_DAY, fold, number

_PUNCTUATION = re.compile(r"[,;!?]|\.(?=\s*$)(?<!\d\.)")
_IN_THE_DAY = re.compile(r"\b(?:am|an dem) (?=(?:vormittag|nachmittag|mittag|abend|morgen)\b)")


def understand(text: str, *, at: datetime, zone: ZoneInfo) -> Understanding:
    """Read one phrase with a date, a time or both. `at` is the start of the call (aware)."""
    try:
        understood = _understand(text, at, zone)
    except OverflowError:  # Python's calendar ends with the year 9999
        return Understanding(refused=Refusal.IMPOSSIBLE)
    if any(candidate.start.year == MAXYEAR for candidate in understood.candidates):  # nobody could count on from there
        return Understanding(refused=Refusal.IMPOSSIBLE)
    return understood


def _understand(text: str, at: datetime, zone: ZoneInfo) -> Understanding:
    now = at.astimezone(zone)
    if (instant := _iso_instant(text, zone)) is not None:
        instant = instant.astimezone(zone)
        return _sifted([_exact(instant)] if _exists(instant) else [], now)
    folded = _IN_THE_DAY.sub("", " ".join(_PUNCTUATION.sub(" ", fold(text)).split()))
    try:
        days, rest = take_day(folded, now.date())
        clock, rest = take_time(rest)
    except (ImpossibleDay, ImpossibleTime):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    except PastDay:
        return Understanding(refused=Refusal.PAST)
    nothing_said = days is None and not clock.exact and clock.part is None
    if nothing_said or not set(rest.split()) <= FILLERS:
        return Understanding(refused=Refusal.NOT_UNDERSTOOD)
    return _combine(days, clock, now, zone)


def understand_parts(
    date: str | None, time: str | None, part_of_day: str | None, *, at: datetime, zone: ZoneInfo
) -> Understanding:
    """Read the arguments of a call function, each ISO or German; a lone number as `time` is an hour."""
    for instant in (date, time):
        if instant and _iso_instant(instant, zone) is not None:
            return understand(instant, at=at, zone=zone)  # a full instant already says everything
    if time and number(fold(time)) is not None:
        time = f"um {time}"
    phrase = ""
    for part in (date, time, part_of_day):
        if part and fold(part) not in fold(phrase):  # models like to say the time in both arguments
            phrase = f"{phrase} {part}"
    return understand(phrase, at=at, zone=zone)


def _iso_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Give the instant of a full ISO date and time; without an offset it is local."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if "T" not in text and " " not in text.strip():
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)


def _combine(days: Days | None, clock: TimeOfDay, now: datetime, zone: ZoneInfo) -> Understanding:
    if days is None:  # a time alone is meant for today, or for tomorrow once it is over
        today = _sifted(_readings((now.date(),), clock, zone), now)
        if today.candidates or today.refused is Refusal.IMPOSSIBLE:
            return today
        return _sifted(_readings((now.date() + timedelta(days=1),), clock, zone), now)
    return _sifted(_readings(days.days, clock, zone), now)


def _readings(days: tuple[date, ...], clock: TimeOfDay, zone: ZoneInfo) -> list[Candidate]:
    if clock.exact:
        later = timedelta(days=int(clock.next_day))
        instants = [datetime.combine(day + later, at, zone) for day in days for at in clock.exact]
        return [_exact(instant) for instant in instants if _exists(instant)]
    if clock.part is not None:
        opens, closes = PARTS_OF_DAY[clock.part]
        return [
            Candidate(
                datetime.combine(day, opens, zone),
                datetime.combine(day, closes, zone),
                Grain.PART_OF_DAY,
                f"{written_day(day)}, {PART_SPOKEN[clock.part]}",
            )
            for day in days
        ]
    return [
        Candidate(
            datetime.combine(day, time(), zone),
            datetime.combine(day + timedelta(days=1), time(), zone),
            Grain.DAY,
            written_day(day),
        )
        for day in days
    ]


def _exact(instant: datetime) -> Candidate:
    return Candidate(instant, None, Grain.MINUTE, f"{written_day(instant.date())}, {instant:%H:%M} Uhr")


def _exists(instant: datetime) -> bool:
    """False for the hour that the change to summer time skips: there and back it comes out later."""
    there = datetime.fromtimestamp(instant.timestamp(), instant.tzinfo)
    return there.replace(fold=0) == instant.replace(fold=0) and there.time() == instant.time()


def _sifted(readings: list[Candidate], now: datetime) -> Understanding:
    if not readings:
        return Understanding(refused=Refusal.IMPOSSIBLE)
    coming = tuple(sorted((r for r in readings if (r.end or r.start) > now), key=lambda r: r.start))
    if not coming:
        return Understanding(refused=Refusal.PAST)
    return Understanding(candidates=coming, ambiguous=len(coming) > 1)
