"""Times and spans as people read them, such as when somebody is to be called back. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.sentences.formats import format_written_day


@dataclass(frozen=True, slots=True)
class _Patterns:
    """One language. `{day}` is the day, `{first}` and `{last}` are the clock times of a span, or its days with them."""

    at: str
    since: str
    until: str
    between: str
    of_days: str
    said: str


_PATTERNS: Final = {
    Language.DE: _Patterns(
        "{day}, {first} Uhr", "{day}, ab {first} Uhr", "{day}, bis {last} Uhr", "{day}, {first} bis {last} Uhr",
        "{first} bis {last}", "{span} („{said}“)",
    ),
    Language.EN: _Patterns(
        "{day}, {first}", "{day}, from {first}", "{day}, until {last}", "{day}, {first} to {last}", "{first} to {last}",
        "{span} (“{said}”)",
    ),
}  # fmt: skip


def format_written_span(start: datetime, end: datetime | None, language: Language) -> str:
    """Return a time, or a span with its days: `Mittwoch, 25. November 2026, ab 17:00 Uhr`. `end` is None for an exact time.

    Both are in the zone of whoever reads it. A span that lasts until midnight has no end to be read.
    """
    patterns, day, first = _PATTERNS[language], format_written_day(start, language), f"{start:%H:%M}"
    if end is None:
        return patterns.at.format(day=day, first=first)
    last_day, last = end - timedelta(microseconds=1), f"{end:%H:%M}"
    from_midnight, to_midnight = start.time() == time(), end.time() == time()
    if start.date() != last_day.date():
        last_day_words = format_written_day(last_day, language)
        if not (from_midnight and to_midnight):
            day = patterns.at.format(day=day, first=first)
            last_day_words = patterns.at.format(day=last_day_words, first="24:00" if to_midnight else last)
        return patterns.of_days.format(first=day, last=last_day_words)
    if from_midnight:
        return day if to_midnight else patterns.until.format(day=day, last=last)
    return (patterns.since if to_midnight else patterns.between).format(day=day, first=first, last=last)


def format_call_back(said: str | None, start: datetime | None, end: datetime | None, language: Language) -> str:
    """Return when to call somebody back: as it was understood, with the words of the caller; or these alone. Empty for no time."""
    if start is None:
        return said or ""
    span = format_written_span(start, end, language)
    return _PATTERNS[language].said.format(span=span, said=said) if said else span
