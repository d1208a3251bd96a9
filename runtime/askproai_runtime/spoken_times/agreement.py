"""Decide whether two values of one argument have the same meaning: `2026-12-10` and `Donnerstag, 10. Dezember`."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.grammars import present_grammar
from askproai_runtime.spoken_times.parts import understand_parts
from askproai_runtime.spoken_times.types import Argument, Candidate

_ZONE = ZoneInfo("UTC")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_AHEAD = (3, 4, 24)  # days: "morgen" and "Donnerstag" are on the day from one of them at most, "am 10." from all
_YEAR = tuple(datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(days=37 * n) for n in range(9))


def find_agreed(first: str, second: str, argument: Argument) -> str | None:
    """Return the more exact of two values of an argument if the other includes it, whatever the day of the call; else None.

    A written day takes precedence over words that depend on the day of the call.
    """
    moments = _find_moments(first, second)
    if not moments:
        return None
    read = [[_read(text, argument, at) for at in moments] for text in (first, second)]
    for (own, others), text in zip((read, read[::-1]), (first, second), strict=True):
        if all(map(_lies_in, own, others)):
            return text
    return None


def may_agree(first: str, second: str, argument: Argument) -> bool:
    """Return whether one of two values includes the other one on at least one day of the call: "Freitag" and a Friday's date."""
    moments = _find_moments(first, second)
    read = [[_read(text, argument, at) for text in (first, second)] for at in moments]
    return any(_lies_in(own, other) or _lies_in(other, own) for own, other in read)


def _find_moments(first: str, second: str) -> tuple[datetime, ...]:
    written = _DAY.search(first) or _DAY.search(second)
    if written is None:
        return _YEAR
    try:
        day = datetime.combine(datetime.fromisoformat(written[0]).date(), time(9), UTC)
    except ValueError:
        return ()
    return tuple(day - timedelta(days=ahead) for ahead in _AHEAD)


def _read(text: str, argument: Argument, at: datetime) -> tuple[Candidate, ...]:
    if argument is Argument.DATE:
        text = present_grammar().day_form.format(day=text) if text.isdecimal() else text
        understood = understand_parts(text, None, None, at=at, zone=_ZONE)
        return () if understood.contradicts else understood.candidates
    day = f"{at + timedelta(days=1):%Y-%m-%d}"
    is_part = argument is Argument.PART_OF_DAY
    return understand_parts(day, None if is_part else text, text if is_part else None, at=at, zone=_ZONE).candidates


def _lies_in(own: tuple[Candidate, ...], others: tuple[Candidate, ...]) -> bool:
    """Return whether each reading in `own` lies within a reading in `others`."""
    return bool(own) and all(
        any(other.contains(each.start) and (each.end or each.start) <= (other.end or other.start) for other in others)
        for each in own
    )
