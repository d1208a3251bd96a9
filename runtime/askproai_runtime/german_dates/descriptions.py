"""How days and hours that a phrase means are said back."""

from collections.abc import Iterable
from datetime import datetime, time

from askproai_runtime.german_dates.atoms import Days
from askproai_runtime.german_dates.meaning import Meaning
from askproai_runtime.german_dates.times import shifted
from askproai_runtime.sentences import format_written_day, say, write_clock


def describe_days(days: Days, only: frozenset[int], meaning: Meaning, now: datetime) -> str:
    """Return how the days of a choice are said."""
    if days.last is not None:
        first, last = format_written_day(days.first), format_written_day(days.last)
        if meaning.period and meaning.period.opens:
            first = say().written_time.format(day=first, at=write_clock(meaning.period.opens))
        if meaning.period and meaning.period.closes:
            last = say().written_time.format(day=last, at=write_clock(meaning.period.closes))
        text = say().from_to_days.format(first=first, last=last)
    elif days.first <= now.date():
        if meaning.only:  # "dienstags" alone: nobody has said that it is urgent
            return _describe_weekdays(only)
        text = say().soon
    else:
        text = say().from_day.format(first=format_written_day(days.first))
    if meaning.only:
        text += say().only_days.format(days=_describe_weekdays(only))
    elif meaning.excluded:
        text += say().except_days.format(days=_describe_weekdays(meaning.excluded))
    return text


def _describe_weekdays(weekdays: Iterable[int]) -> str:
    return f" {say().and_word} ".join(say().habitual_weekdays[n] for n in sorted(weekdays))


def describe_hours(opens: time | None, closes: time | None, *, is_after: bool = False) -> str:
    """Return how the hours of a day are said; nothing where they are all. `is_after`: a minute after the time that is said."""
    if opens is not None and is_after:
        return say().later_than_time.format(at=write_clock(shifted(opens, -1))) + describe_hours(None, closes)
    if opens is not None and closes is not None:
        return say().from_to_time.format(opens=write_clock(opens), closes=write_clock(closes))
    if opens is not None:
        return say().from_time.format(at=write_clock(opens))
    return say().until_time.format(at=write_clock(closes)) if closes is not None else ""
