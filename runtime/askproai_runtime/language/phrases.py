"""Phrases for the agent to say: refusals, obstacles, lists, lengths and times in words."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Slot
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import (
    decline_name,
    format_day,
    format_spoken,
    format_written_day,
    say,
    speak_written_clocks,
)
from askproai_runtime.spoken_times import Candidate, Refusal
from askproai_runtime.understood import UNDERSTOOD

# Text that can be repeated to a caller: short, without markup, and without a placeholder of a programming language.
_SAYABLE = re.compile(r"(?=.*[^\W\d_])[^\W_][^\W_ .,'’&()+-]*(?:[ .,'’&()+-]+[^\W_]+)*[.)]?")
_LONGEST_SAYABLE = 40
PLACEHOLDER_WORDS = UNDERSTOOD.placeholders.of_programs


def refusal_sentence(refusal: Refusal) -> str:
    """Return the sentence that says why a time is not understood, and asks for another one."""
    words = say()
    return {
        Refusal.PAST: words.past_time,
        Refusal.IMPOSSIBLE: words.impossible_time,
        Refusal.NOT_UNDERSTOOD: words.time_not_understood,
    }[refusal]


def obstacle_template(obstacle: Obstacle) -> str:
    """Return the sentence that says why a time is not free. Its field `when` is a full date and time in words, or a span."""
    words = say()
    return {
        Obstacle.PAST: words.past_time,
        Obstacle.TOO_SOON: words.too_soon,
        Obstacle.TOO_FAR: words.too_far,
        Obstacle.CLOSED_DAY: words.closed_day,
        Obstacle.DAY_OFF: words.nobody_works,
        Obstacle.OUTSIDE_HOURS: words.outside_hours,
        Obstacle.OFF_GRID: words.off_grid,
        Obstacle.TAKEN: words.taken,
    }[obstacle]


def sayable(text: str) -> str | None:
    """Return an argument for the agent to repeat; None if it is a placeholder, too long, or has characters that are not spoken."""
    said = " ".join(text.split())
    if len(said) > _LONGEST_SAYABLE or fold(said) in PLACEHOLDER_WORDS:
        return None
    return said if _SAYABLE.fullmatch(said) else None


def join_list(parts: Sequence[str], last: str | None = None) -> str:
    """Return the parts as a list in words: `a, b oder c`. With `last`, that word replaces the "or" of the call's language."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last or say().or_word} {parts[-1]}"


def format_length(minutes: int) -> str:
    """Return a length in words: `45 Minuten`, `eine Stunde`, `2 Stunden und 15 Minuten`."""
    hours, rest = divmod(minutes, 60)
    parts = [say().one_hour if hours == 1 else say().several_hours.format(count=hours)] if hours else []
    if rest:
        parts.append(say().one_minute if rest == 1 else say().several_minutes.format(count=rest))
    return f" {say().and_word} ".join(parts)


def format_slot(slot: Slot, staff_name: str, zone: ZoneInfo, now: datetime, *, as_subject: bool = False) -> str:
    """Return a slot in words: `Freitag, den 27. November, um 14 Uhr 30 bei Anna` (with `as_subject`: `der 27.`)."""
    when = format_spoken(slot.start, zone, now, as_subject=as_subject)
    return say().slot.format(when=when, staff=decline_name(staff_name))


def format_reading(meant: Candidate, zone: ZoneInfo, now: datetime, *, as_subject: bool = False) -> str:
    """Return a reading in words: a time as by `format_spoken`, or a span with its days ("Freitag, den 27. November, gegen 11
    Uhr").

    `as_subject` changes only a day with which the span begins: in "ab Freitag, den 27." it is no subject.
    """
    if meant.end is None:
        return format_spoken(meant.start, zone, now, as_subject=as_subject)
    reading, today = meant.reading, now.astimezone(zone).date()
    written = format_written_day(meant.start.date())
    if as_subject and reading.startswith(written):
        reading = f"{format_day(meant.start.date(), today, as_subject=True)}{reading.removeprefix(written)}"
    for day in {meant.start.date(), (meant.end - timedelta(microseconds=1)).date()}:
        reading = reading.replace(format_written_day(day), format_day(day, today))
    return speak_written_clocks(reading)
