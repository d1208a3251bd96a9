"""The atoms that the rules find in a phrase, each of one family. `combine.py` makes readings of them."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from askproai_runtime.spoken_times.types import Grain


class ImpossibleDay(ValueError):
    """A day that no calendar has, such as the 31st of February."""


class ImpossibleTime(ValueError):
    """A time that no day has, such as 25 Uhr or halb drei abends."""


class Contradiction(ValueError):
    """Atoms that no rule can combine."""


class PastDay(ValueError):
    """A day or a time that lies before the call. `day` is set where one date was said."""

    def __init__(self, message: str, day: date | None = None) -> None:
        super().__init__(message)
        self.day = day


class Which(Enum):
    """The adjective before a weekday."""

    THIS = auto()
    COMING = auto()
    NEXT = auto()
    AFTER_NEXT = auto()
    FOLLOWING = auto()  # "den Freitag drauf": after what was talked about, which the phrase does not say


class Days(NamedTuple):
    """Days, both included; `last` None: without an end."""

    first: date
    last: date | None

    @property
    def is_one(self) -> bool:
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class Day:
    """A day that the phrase names: each of `readings` is one thing that it can mean.

    `month` and `number` are the spoken ones, so that the day is found in a period, too (`nächstes Jahr am 5. Dezember`).
    `dated`: its year was said, too. `counted`: a weekday in so many days or weeks, which may be said of another weekday, too.
    `ahead`: a week or more from the day of the call, which is not named (`in zwei Wochen`).
    """

    readings: tuple[date, ...]
    month: int | None = None
    number: int | None = None
    dated: bool = False
    counted: bool = False
    ahead: bool = False

    @property
    def is_date(self) -> bool:
        """Return whether a date was said, rather than a count of days (`morgen`, `in zehn Tagen`) or a day's name."""
        return self.dated or self.month is not None or self.number is not None


@dataclass(frozen=True, slots=True)
class Offset:
    """So many days after a day that was named before: `einen Tag später`, `die Woche drauf`."""

    days: int


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday. `habit`: `dienstags`, which is no single day."""

    weekday: int
    which: Which | None = None
    habit: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """Several days: a week, a month, or from one day to another.

    `opens` is the time on the first day from which on it is meant, `closes` that on the last day until which it is. `about` is the
    day around which it lies.
    """

    readings: tuple[Days, ...]
    grain: Grain = Grain.RANGE
    is_bound: bool = False  # "bis Freitag", "ab Montag"
    opens: time | None = None
    closes: time | None = None
    about: date | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as it was said. `is_bare`: its half of the day is open. `next_day`: midnight at the end of the day.

    `is_of_24`: it was written with two digits of the hour (`08:00`), and no part of the day beside it moves it.
    `other` is another time that the same words can mean: `half seven` is 7:30 in Britain, and 6:30 to a German speaker.
    """

    hour: int
    minute: int = 0
    is_bare: bool = True
    next_day: bool = False
    other: "Clock | None" = None
    is_of_24: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day: a name of `PARTS_OF_DAY`, or hours of its own that are said as `spoken`.

    `is_vague`: it narrows a day that is named (`nicht so früh`). It is no part of an unnamed day, and decides no half of a day.
    `is_half`: AM or PM, beside which any written hour is one of 12.
    """

    name: str = ""
    opens: time | None = None
    closes: time | None = None
    spoken: str = ""
    is_vague: bool = False
    is_half: bool = False


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From one time to another; None: no bound on that side. `is_after`: `opens` itself is not meant (`später als 17 Uhr`)."""

    opens: Clock | None
    closes: Clock | None
    is_after: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """About a time: up to `before` and `after` minutes beside it."""

    clock: Clock
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant counted from now; with an `end` the time between the two."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Soon:
    """As soon as possible, or whenever: no bound at all. `latest`: the last of the times that are meant is wanted."""

    latest: bool = False
    is_of_named: bool = False  # "die letzte" alone is one of the times that were offered


class Op(Enum):
    """A word that changes what comes after it, or connects what comes before and after it."""

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
