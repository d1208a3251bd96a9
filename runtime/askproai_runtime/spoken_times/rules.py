"""Shared parts of the tables of rules: the type of a rule, the words in the patterns, and weeks counted from today.

A rule is a pattern on the normalized phrase (`tokens.py`) and a function of the match and of the day of the call.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeAlias

from askproai_runtime.spoken_times.atoms import Day, Offset, PastDay, Period, Soon, Weekday
from askproai_runtime.spoken_times.vocabulary import MONTHS, WEEKDAYS

Found: TypeAlias = Day | Offset | Weekday | Period | Soon
Rule: TypeAlias = tuple[str, Callable[[re.Match[str], date], Found]]
DAY, WEEK = timedelta(days=1), timedelta(days=7)
COUNT = r"(?P<count>\d{1,3}|eine[rmn]?|ein)"
WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
NEXT = r"(?:naechste[rnms]?|kommende[rnms]?)"
OVERNEXT = r"uebernaechste[rnms]?"
LAST = r"(?:letzte[rnms]?|vorige[rnms]?|vergangene[rnms]?)"
THIRD = r"(?P<third>anfang|zu beginn|beginn|mitte|ende)"


def count(match: re.Match[str]) -> int:
    """Return the number of a match of `COUNT`; an article is one."""
    return int(match["count"]) if match["count"].isdecimal() else 1


def monday(today: date, weeks: int = 0) -> date:
    """Return the Monday of the week that is `weeks` weeks after the present one."""
    return today - timedelta(days=today.weekday()) + weeks * WEEK


def past(match: re.Match[str], _today: date) -> Found:
    """Raise `PastDay` for words about the past."""
    raise PastDay(match[0])
