"""What German words about time can mean: values only, shared by the speech room and those who ask it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Grain(StrEnum):
    """How exact a candidate is: all but MINUTE have an end."""

    MINUTE = "minute"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RANGE = "range"


class Refusal(StrEnum):
    """Why nothing is offered as a meaning."""

    PAST = "past"
    IMPOSSIBLE = "impossible"
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One meaning: an instant, or the half-open span [start, end); aware times. `reading` says in German how it was read."""

    start: datetime
    end: datetime | None
    grain: Grain
    reading: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """All meanings, earliest first; none exactly when refused."""

    candidates: tuple[Candidate, ...] = ()
    ambiguous: bool = False
    refused: Refusal | None = None
