"""Read the time arguments of a call function together, and decide which is the day and which the time of day. Pure."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.sentences import say
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.arguments import find_part_argument

# A recogniser writes "am 10:12" of "zehnten zwölften".
_DAY_AS_CLOCK = re.compile(r"(0?[1-9]|[12]\d|3[01]):(0?[1-9]|1[0-2])")
# `12-25` and `25-12`: a date in ISO 8601 without its year, and no hours.
_DAY_AND_MONTH = re.compile(r"(?:0?[1-9]|[12]\d|3[01])-(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])")
_BETWEEN_PARTS = re.compile(r"\s*[,;/&]\s*")
_DAY_NUMBER = re.compile(r"0?[1-9]|[12]\d|3[01]")

Parts: TypeAlias = tuple[str | None, str | None, str | None]  # date, time and part of day


def read_parts(args: Mapping[str, Any]) -> Parts:
    """Return `date`, `time` and `part_of_day`. A `start` with a day replaces the date; a `start` that is only a time is a time.

    A lone number as `date` is a day of the month if a time is given, too. A `date` like a clock time, `10:12`, is a day and its
    month, and so is `10-12`.
    """
    start, date, time, part_of_day = (read_text(args, name) for name in ("start", "date", "time", "part_of_day"))
    part_of_day = part_of_day and _BETWEEN_PARTS.sub(_or, part_of_day)  # each entry of a list is a choice
    if date and _DAY_NUMBER.fullmatch(date) and (time or part_of_day):
        date = f"{date}."
    if date and time and date != time and (numbers := _DAY_AS_CLOCK.fullmatch(date)):
        date = f"{numbers[1]}.{numbers[2]}."
    date = date and write_day_and_month(date)
    if start is None:
        return date, time, part_of_day
    if find_part_argument(start) in {Argument.TIME, Argument.PART_OF_DAY}:
        times = [*dict.fromkeys(each for each in (start, time, part_of_day) if each), None]
        return date, times[0], times[1]
    return (start, None, None) if date else (start, time, part_of_day)


def _or(_: re.Match[str]) -> str:
    return f" {say().or_word} "


def write_day_and_month(day: str) -> str:
    """Return a day and its month with a slash, which has two readings: `10/12` for `10-12`; any other text unchanged."""
    return day.replace("-", "/") if _DAY_AND_MONTH.fullmatch(day) else day
