"""Shared parts of the tables of rules for days: the type of a rule, weeks counted from today, and a caller's preferences.

A rule is a pattern on the normalized phrase (`tokens.py` of its language) and a function of the match and of the day of the call.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeAlias

from askproai_runtime.spoken_times.atoms import Day, Offset, PastDay, Period, Soon, Weekday
from askproai_runtime.understood import Understood

Found: TypeAlias = Day | Offset | Weekday | Period | Soon
Rule: TypeAlias = tuple[str, Callable[[re.Match[str], date], Found]]
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def monday(today: date, weeks: int = 0) -> date:
    """Return the Monday of the week that is `weeks` weeks after the present one."""
    return today - timedelta(days=today.weekday()) + weeks * WEEK


def past(match: re.Match[str], _today: date, day: date | None = None) -> Found:
    """Raise `PastDay` for words about the past, with the `day` that they name."""
    raise PastDay(match[0], day)


def past_weekday(match: re.Match[str], today: date, weekday: int) -> Found:
    """Raise `PastDay` for the last such weekday before today."""
    return past(match, today, today - ((today.weekday() - weekday) % 7 or 7) * DAY)


def preferences_of(words: Understood) -> tuple[Rule, ...]:
    """Return a language's rules for "any time", "as late as possible", and "the last time" of a named day or span."""
    whenever, latest, latest_of_named = Soon(), Soon(latest=True), Soon(latest=True, is_of_named=True)
    return (
        (words.preferences.whenever, lambda _match, _today: whenever),
        (words.preferences.latest_of_named, lambda _match, _today: latest_of_named),
        (words.preferences.latest, lambda _match, _today: latest),
    )
