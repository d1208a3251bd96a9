"""The possible meanings of a phrase: candidates, or the reason why there are none."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Self


class Grain(StrEnum):
    """The precision of a candidate. With `minute` it is an exact time without an end; all others have an end."""

    MINUTE = "minute"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    RANGE = "range"


class Argument(StrEnum):
    """An argument of a call function for the date and time."""

    DATE = "date"
    TIME = "time"
    PART_OF_DAY = "part_of_day"


class Refusal(StrEnum):
    """The reasons why a phrase has no candidate."""

    PAST = "past"
    IMPOSSIBLE = "impossible"  # 31.02., or a local time that the change to summer time skips
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Daily:
    """The times that count on several days: those on `weekdays` (0 is Monday), from `opens` to before `closes`, in local time."""

    weekdays: frozenset[int] = frozenset(range(7))
    opens: time = time()
    closes: time | None = None  # None: midnight

    def contains(self, local: datetime) -> bool:
        """Return whether a local time is one of these times."""
        at = local.time()
        return local.weekday() in self.weekdays and self.opens <= at and (self.closes is None or at < self.closes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible meaning of a phrase, half-open, in aware local times. `reading` is its text for the caller, with a full date.

    With `daily` only these times of its days count. `about` is the named time if the candidate is a span around it. `latest`:
    the last free time is wanted, or, without a last day, the last free time of the first day that has any. `choice` numbers the
    options that the caller leaves open (`Montag oder Dienstag`): several readings of one choice are ambiguous.
    """

    start: datetime
    end: datetime | None
    grain: Grain
    reading: str
    daily: Daily | None = None
    about: datetime | None = None
    choice: int = 0
    latest: bool = False

    def contains(self, instant: datetime) -> bool:
        """Return whether an aware instant is one of the candidate's times."""
        if self.end is None:
            return instant == self.start
        local = instant.astimezone(self.start.tzinfo)
        return self.start <= instant < self.end and (self.daily is None or self.daily.contains(local))


@dataclass(frozen=True, slots=True)
class Understanding:
    """All candidates of a phrase, earliest first. If it is `ambiguous`, the caller must be asked which candidate is meant.

    Several candidates that are not ambiguous are a choice of the caller's: any of them will do.

    `contradicts` is True if two arguments exclude each other; the candidates are then the readings of each one. `is_written` is
    True if a written date or offset from UTC has several readings: all are asked about, whatever the opening hours. A phrase
    that is not understood has `refused`; then `unclear` is the argument with the unknown words, `kept` the meaning of the other
    arguments, and `past` a date that is over.
    """

    candidates: tuple[Candidate, ...] = ()
    ambiguous: bool = False
    refused: Refusal | None = None
    contradicts: bool = False
    is_written: bool = False
    unclear: Argument | None = None
    kept: tuple[Candidate, ...] = ()
    past: date | None = None

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> Self:
        """Return the understanding of at least one candidate: ambiguous if one choice has several readings."""
        found = tuple(sorted(candidates, key=lambda candidate: candidate.start))
        return cls(found, ambiguous=len(found) > len({candidate.choice for candidate in found}))

    @property
    def exact(self) -> datetime | None:
        """Return the one exact time that the phrase names; None if it names none or several."""
        return self.candidates[0].start if len(self.candidates) == 1 and self.candidates[0].end is None else None
