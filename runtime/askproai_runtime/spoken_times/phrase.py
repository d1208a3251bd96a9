"""Understand a phrase with a date, a time or both: normalize it, scan it into atoms, combine and place them in the calendar.

The rules count as speakers of the call's language do: `halb drei` is 14:30, and so is `half past two`. Relative days count from
the start of the call, not from the time of processing. An unclear phrase leads to a question, never to a guess.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import MAXYEAR, datetime
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.atoms import Atom, Contradiction, Day, ImpossibleDay, ImpossibleTime, PastDay
from askproai_runtime.spoken_times.combine import combine
from askproai_runtime.spoken_times.grammars import present_grammar
from askproai_runtime.spoken_times.iso import read_instant
from askproai_runtime.spoken_times.meaning import Meaning
from askproai_runtime.spoken_times.readings import candidates, exact_at, exists
from askproai_runtime.spoken_times.scan import UnknownWord, scan
from askproai_runtime.spoken_times.types import Candidate, Refusal, Understanding
from askproai_runtime.spoken_times.written_values import read_day, read_day_and_clock


def understand(text: str, *, at: datetime, zone: ZoneInfo) -> Understanding:
    """Return the meaning of a phrase with a date, a time or both. `at` is the start of the call (aware)."""
    return within_calendar(lambda: _understand(text, at, zone))


def within_calendar(read: Callable[[], Understanding]) -> Understanding:
    """Return the result of `read`. If a day is outside of Python's calendar (years 1 to 9999), return a refusal."""
    try:
        understood = read()
    except (OverflowError, ValueError):  # Python's calendar begins with the year 1 and ends with 9999, in UTC, too
        return Understanding(refused=Refusal.IMPOSSIBLE)
    # No later day could be computed from a start in the last year.
    if any(candidate.start.year == MAXYEAR for candidate in understood.candidates):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    return understood


def _understand(text: str, at: datetime, zone: ZoneInfo) -> Understanding:
    if (instant := read_instant(text, zone)) is not None:
        return place_instants(instant.readings, at)
    now = at.astimezone(zone)
    return place_atoms(lambda: _read(text, now), now, zone)


def _read(text: str, now: datetime) -> list[Atom]:
    """Return the atoms of a phrase. A day in digits with a time after it is parsed as values and not as words."""
    if (both := read_day_and_clock(text, now.date())) is not None:
        return [*both]
    day = read_day(text, now.date())
    return scan(text, now, present_grammar()) if day is None else [day]


def place_instants(readings: Sequence[datetime], at: datetime) -> Understanding:
    """Return the meaning of one written time: ambiguous if it has several readings, refused if any is past or does not exist."""
    if not all(map(exists, readings)):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    if any(reading <= at for reading in readings):
        over = min(readings).date()
        return Understanding(
            refused=Refusal.PAST, past=over if over < at.astimezone(readings[0].tzinfo).date() else None
        )
    understood = Understanding.of(map(exact_at, readings))
    return replace(understood, is_written=understood.ambiguous)


def place_atoms(read: Callable[[], Sequence[Atom]], now: datetime, zone: ZoneInfo) -> Understanding:
    """Return the joint meaning of the atoms that `read` returns, in the calendar. Errors of `scan` in `read` become refusals."""
    try:
        atoms = read()
        choices = _place(combine(atoms, now.date()), now, zone)
    except (ImpossibleDay, ImpossibleTime):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    except PastDay as error:
        return Understanding(refused=Refusal.PAST, past=error.day)
    except (UnknownWord, Contradiction):
        return Understanding(refused=Refusal.NOT_UNDERSTOOD)
    if not all(choices):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    understood = Understanding.of(
        replace(candidate, choice=number) for number, choice in enumerate(choices) for candidate in choice
    )
    has_two_dates = any(isinstance(atom, Day) and atom.dated and len(atom.readings) > 1 for atom in atoms)
    return replace(understood, is_written=understood.ambiguous and has_two_dates)


def _place(meanings: Sequence[Meaning], now: datetime, zone: ZoneInfo) -> list[list[Candidate]]:
    """Return the candidates of each choice, without the choices that are over. Raises `PastDay` if all are."""
    placed: list[list[Candidate]] = []
    for meaning in meanings:
        with suppress(PastDay):
            placed.append(candidates(meaning, now, zone))
    if not placed:
        raise PastDay("all choices are over")
    return placed
