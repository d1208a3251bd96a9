"""Understand a phrase with a date, a time or both: normalize it, scan it into atoms, combine them, and place them in the calendar.

The rules are those of the call's language, how its speakers count: `halb drei` is 14:30, and so is `half past two`. Relative days
count from the start of the call, not from the time of processing. What is not understood is asked, never guessed.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates.atoms import (
    Around,
    Clock,
    Contradiction,
    ImpossibleDay,
    ImpossibleTime,
    Op,
    Part,
    PastDay,
    TimeRange,
)
from askproai_runtime.german_dates.combine import Meaning, combine
from askproai_runtime.german_dates.grammars import present_grammar
from askproai_runtime.german_dates.readings import candidates, exact, exists
from askproai_runtime.german_dates.scan import UnknownWord, scan
from askproai_runtime.german_dates.types import Candidate, Refusal, Understanding
from askproai_runtime.german_dates.vocabulary import fold

_DOTTED = re.compile(r"^([01]?\d|2[0-3])\.([0-5][05]|1[3-9]|[2-5]\d)\.?$")
_LONE_HOUR = re.compile(r"^(?:[01]?\d|2[0-4])$")
_DOTTED_INSTANT = re.compile(
    r"^(\d{4}-\d{2}-\d{2}[ T]\d{2})\.(\d{2})$"
)  # Python reads 14.30 as three tenths of a second

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # which words exclude days does not depend on it


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
    """Parse the arguments of a call function, each in ISO or words. A lone number as `time` is an hour, `16.`, too."""
    for instant in (date, time):
        if instant and _parse_iso_instant(instant, zone) is not None:
            return understand(instant, at=at, zone=zone)  # a full instant leaves nothing to the other arguments
    grammar = present_grammar()
    if time:
        time = _drop_dots(time, at.astimezone(zone))
    if time and (fold(time).isdecimal() or fold(time) in grammar.numbers):
        time = f"{grammar.hour_prefix} {time}"
    phrase, said = "", list[str]()
    for part in (date, time, part_of_day):
        if part and fold(part) not in fold(phrase):  # models like to pass the time in both arguments
            phrase = f"{phrase} {part}"
            said.append(part)
    understood = understand(phrase, at=at, zone=zone)
    if understood.refused is Refusal.NOT_UNDERSTOOD and len(said) > 1 and said[0] == date and _excludes_days(date):
        # Behind "aber nicht am Montag" a time would be one of that Monday: it belongs to the other days.
        return understand(" ".join([*said[1:], date]), at=at, zone=zone)
    return understood


def _excludes_days(date: str) -> bool:
    """Return whether a phrase only takes days away from others, and corrects nothing: `nächste Woche, aber nicht am Montag`."""
    try:
        atoms = scan(date, _ANY_TIME, present_grammar())
    except (ValueError, OverflowError):
        return False
    return not {Op.EXCEPT, Op.NOT}.isdisjoint(op for op in atoms if isinstance(op, Op)) and Op.BUT not in atoms


def _drop_dots(time: str, now: datetime) -> str:
    """Return a time of day without the dots that end a sentence or divide hour and minute. Models also pass days as a time."""
    stripped = _DOTTED.sub(r"\1:\2", time.strip()).rstrip(". ")
    if stripped == time.strip() or _LONE_HOUR.match(stripped):
        return stripped
    try:
        atoms = scan(stripped, now, present_grammar())
    except (ValueError, OverflowError):
        return time
    return stripped if all(isinstance(atom, Clock | TimeRange | Around | Part | Op) for atom in atoms) else time


def _understand(text: str, at: datetime, zone: ZoneInfo) -> Understanding:
    now = at.astimezone(zone)
    if (instant := _parse_iso_instant(text, zone)) is not None:
        instant = instant.astimezone(zone)
        if not exists(instant):
            return Understanding(refused=Refusal.IMPOSSIBLE)
        return Understanding((exact(instant),)) if instant > now else Understanding(refused=Refusal.PAST)
    try:
        choices = _place(combine(scan(text, now, present_grammar()), now.date()), now, zone)
    except (ImpossibleDay, ImpossibleTime):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    except PastDay:
        return Understanding(refused=Refusal.PAST)
    except (UnknownWord, Contradiction):
        return Understanding(refused=Refusal.NOT_UNDERSTOOD)
    if not all(choices):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    return Understanding.of(
        replace(candidate, choice=number) for number, choice in enumerate(choices) for candidate in choice
    )


def _place(meanings: Sequence[Meaning], now: datetime, zone: ZoneInfo) -> list[list[Candidate]]:
    """Return the candidates of each choice, without the choices that are over. Raises `PastDay` if all are."""
    placed: list[list[Candidate]] = []
    for meaning in meanings:
        with suppress(PastDay):
            placed.append(candidates(meaning, now, zone))
    if not placed:
        raise PastDay("all choices are over")
    return placed


def _parse_iso_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant of a full ISO date and time; None for any other text. Without an offset it is local."""
    text = _DOTTED_INSTANT.sub(r"\1:\2", text.strip().rstrip(".!?"))
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text and " " not in text:
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)
