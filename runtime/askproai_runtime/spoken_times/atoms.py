"""The atoms that the rules find in a phrase, each of one family. `combine.py` combines them into meanings."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from askproai_runtime.spoken_times.types import Grain


class ImpossibleDay(ValueError):
    """The error for a day that no calendar has, such as the 31st of February."""


class ImpossibleTime(ValueError):
    """The error for a time that no day has, such as 25 Uhr or halb drei abends."""


class Contradiction(ValueError):
    """The error for atoms that no rule can combine into one meaning."""


class PastDay(ValueError):
    """The error for a day or a time before the call. `day` is that date if the caller has named exactly one."""

    def __init__(self, message: str, day: date | None = None) -> None:
        super().__init__(message)
        self.day = day


class Which(Enum):
    """The word that says which weekday is meant: "diesen", "nächsten", "folgenden" and the like."""

    THIS = auto()
    COMING = auto()
    NEXT = auto()
    AFTER_NEXT = auto()
    FOLLOWING = auto()  # "den Freitag drauf": after what was talked about, which the phrase does not say


class Third(Enum):
    """The third of a week, a month or a year that is named: `Anfang`, `Mitte` or `Ende`."""

    BEGIN = auto()
    MIDDLE = auto()
    END = auto()


class Days(NamedTuple):
    """A span of days, both ends included. If `last` is None, it has no end."""

    first: date
    last: date | None

    @property
    def is_one(self) -> bool:
        return self.first == self.last

    def holds(self, day: date) -> bool:
        """Return whether the span includes a day."""
        return self.first <= day and (self.last is None or day <= self.last)

    @property
    def weekdays(self) -> set[int]:
        """Return the weekdays of the days (0 is Monday)."""
        days = 6 if self.last is None else min(6, (self.last - self.first).days)
        return {(self.first.weekday() + n) % 7 for n in range(days + 1)}

    def without(self, others: "Days") -> "list[Days]":
        """Return the spans that are left of this one before and after other days."""
        before = min(self.last or date.max, others.first - timedelta(days=1))
        after = None if others.last is None else max(self.first, others.last + timedelta(days=1))
        left = [Days(self.first, before)] if self.first <= before else []
        return left + ([Days(after, self.last)] if after and (self.last is None or after <= self.last) else [])


@dataclass(frozen=True, slots=True)
class Day:
    """A day that the phrase names. Each of `readings` is a date that it can mean.

    `month` and `number` (the day of the month) are set if they were spoken: so the day is found in a period, too (`nächstes
    Jahr am 5. Dezember`). `dated`: the year was spoken, too. `counted`: a weekday with a count of days or weeks, which may also
    apply to another weekday. `ahead`: a counted day that is a week or more after the day of the call (`in zwei Wochen`).
    """

    readings: tuple[date, ...]
    month: int | None = None
    number: int | None = None
    dated: bool = False
    counted: bool = False
    ahead: bool = False

    @property
    def is_date(self) -> bool:
        """Return whether a date was said, and not a count of days (`morgen`, `in zehn Tagen`) or the name of a day."""
        return self.dated or self.month is not None or self.number is not None


@dataclass(frozen=True, slots=True)
class Offset:
    """A number of `days` to count from a day that was named before: `einen Tag später`, `die Woche drauf`."""

    days: int


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday. `habit`: any such weekday (`dienstags`), and no single day."""

    weekday: int
    which: Which | None = None
    habit: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """A span of several days: a week, a month, or from one day to another.

    The period begins on its first day, at the time `opens` if that is set, and ends on its last day, at `closes` if set. `about`
    is a day in the middle of the period (`um den 10.`). `is_working_week`: Monday to Friday of the coming days (`unter der Woche`).
    """

    readings: tuple[Days, ...]
    grain: Grain = Grain.RANGE
    is_bound: bool = False  # "bis Freitag", "ab Montag"
    opens: time | None = None
    closes: time | None = None
    about: date | None = None
    is_working_week: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as it was said. `is_bare`: it may be in either half of the day. `next_day`: midnight at the end of the day.

    `is_of_24`: the hour was written with two digits (`08:00`), and a part of the day beside it does not change it. `other` is
    another time that the same words can mean: `half seven` is 7:30 in Britain, and 6:30 to a German speaker.
    """

    hour: int
    minute: int = 0
    is_bare: bool = True
    next_day: bool = False
    other: "Clock | None" = None
    is_of_24: bool = False


# Half-open ranges of local time.
PARTS_OF_DAY = {
    "frueh": (time(6), time(10)),  # also where nobody opens before nine
    "vormittag": (time(9), time(12)),
    "mittag": (time(11, 30), time(14)),
    "nachmittag": (time(12), time(18)),
    "abend": (time(17), time(22)),
    "nacht": (time(22), time(23, 59)),  # "Freitag Nacht"; with a clock time the hours after midnight, too
    "morning": (time(6), time(12)),  # in English
}
AFTERNOON = PARTS_OF_DAY["nachmittag"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day: one of `PARTS_OF_DAY` by `name`, or one with hours of its own, which an answer calls `spoken`.

    `is_vague`: it only narrows a named day (`nicht so früh`), and does not decide the half of a day. `is_half`: AM or PM,
    beside which any written hour is one of 12.
    """

    name: str = ""
    opens: time | None = None
    closes: time | None = None
    spoken: str = ""
    is_vague: bool = False
    is_half: bool = False


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range from one time to another; None is no bound on that side. `is_after`: `opens` is excluded (`später als 17 Uhr`)."""

    opens: Clock | None
    closes: Clock | None
    is_after: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """A range around a time, from `before` minutes earlier to `after` minutes later."""

    clock: Clock
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant counted from now; with an `end`, the span from `start` to `end`."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Soon:
    """As soon as possible, or at any time: there is no bound. `latest`: the last of the possible times is wanted."""

    latest: bool = False
    is_of_named: bool = False  # "die letzte" alone is one of the times that were offered


class Op(Enum):
    """A word that changes the meaning of the following words, or connects those before and after it."""

    FROM = auto()
    AFTER = auto()
    LATER_THAN = auto()  # as `AFTER`, and never the bound itself
    UNTIL = auto()
    BEFORE = auto()
    BETWEEN = auto()
    AND = auto()
    OR = auto()
    COMMA = auto()
    NOT = auto()
    EXCEPT = auto()
    END = auto()  # of an exclusion
    BUT = auto()  # sondern
    INSTEAD = auto()
    CORRECT = auto()
    HESITATE = auto()  # äh: corrects what is said anew, and nothing else
    ABOUT = auto()
    SOON_AFTER = auto()
    SOON_BEFORE = auto()
    OR_LATER = auto()  # behind what it bounds
    OR_EARLIER = auto()
    OR_SO = auto()  # behind a time: "zehn rum"


Content: TypeAlias = Day | Offset | Weekday | Period | Clock | Part | TimeRange | Around | Instant | Soon
Atom: TypeAlias = Content | Op
