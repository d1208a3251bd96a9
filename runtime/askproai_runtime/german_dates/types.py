"""What a German phrase about a date or a time can mean."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Grain(StrEnum):
    """How precise a candidate is; all but `minute` have an end."""

    MINUTE = "minute"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RANGE = "range"


class Refusal(StrEnum):
    """Why a phrase gives no candidate."""

    PAST = "past"
    IMPOSSIBLE = "impossible"  # 31.02., or a local time that the change to summer time skips
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading: aware local times, half-open; `reading` says it in German, with the full date."""

    start: datetime
    end: datetime | None
    grain: Grain
    reading: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """All readings, earliest first. `ambiguous` means that a person must be asked which one is meant."""

    candidates: tuple[Candidate, ...] = ()
    ambiguous: bool = False
    refused: Refusal | None = None
