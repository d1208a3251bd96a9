"""A week of ordinary business, as a plan: what the callers and the people of a tenant do, and when. Pure.

300 appointments a week, half made by callers and half by people at Cal.com. Every second call books; of all appointments one
in ten is moved and two in fifteen are cancelled, by callers and by people; an entry of a linked calendar comes for each seventh or
eighth appointment. The hours of the week are put end to end: all of it is spread evenly over the time that there is.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
AGE = timedelta(minutes=5)  # for which a tenant takes Cal.com's free times as known, by default
SHORTEST_AGE = timedelta(seconds=10)  # of them in a week that is compressed
FIRST_DAY, LAST_DAY = 2, 58  # from today; near days are wanted more than far ones


class Deed(StrEnum):
    """One act of a caller or a person at the business."""

    CALLER_BOOKS = "a caller asks and takes what is offered"
    CALLER_ASKS = "a caller only asks"
    CALLER_MOVES = "a caller moves an appointment"
    CALLER_CANCELS = "a caller cancels an appointment"
    PERSON_BOOKS = "a person books at Cal.com"
    PERSON_MOVES = "a person moves a booking at Cal.com"
    PERSON_CANCELS = "a person cancels a booking at Cal.com"
    PERSON_REASSIGNS = "a person gives a booking to another host of the team"
    BUSY = "an entry in a linked calendar"
    ABSENT = "an absence is entered"
    ABSENCE_CHANGES = "an absence gets other days"
    REMOVED = "an entry or an absence is removed"


IN_A_WEEK: Mapping[Deed, int] = MappingProxyType(
    {
        Deed.CALLER_BOOKS: 150, Deed.CALLER_ASKS: 110, Deed.CALLER_MOVES: 15, Deed.CALLER_CANCELS: 20,
        Deed.PERSON_BOOKS: 150, Deed.PERSON_MOVES: 15, Deed.PERSON_CANCELS: 20, Deed.PERSON_REASSIGNS: 5,
        Deed.BUSY: 40, Deed.ABSENT: 4, Deed.ABSENCE_CHANGES: 1, Deed.REMOVED: 12,
    }
)  # fmt: skip
OF_CALLERS = frozenset({Deed.CALLER_BOOKS, Deed.CALLER_ASKS, Deed.CALLER_MOVES, Deed.CALLER_CANCELS})
OF_TEAMS = frozenset({Deed.PERSON_REASSIGNS})


@dataclass(frozen=True, slots=True)
class Planned:
    """A deed and when it is due, in seconds from the begin of the week."""

    at: float
    deed: Deed


def deeds_of(*, local: bool, team: bool) -> dict[Deed, int]:
    """Return how often each deed is done in a tenant's week. Without Cal.com (`local`) only callers do anything."""
    return {
        deed: count
        for deed, count in IN_A_WEEK.items()
        if (deed in OF_CALLERS or not local) and (team or deed not in OF_TEAMS)
    }


def plan_week(choose: random.Random, seconds: float, deeds: Mapping[Deed, int]) -> list[Planned]:
    """Return a tenant's week, compressed to `seconds`, in order."""
    planned = [Planned(choose.uniform(0, seconds), deed) for deed, count in deeds.items() for _ in range(count)]
    return sorted(planned, key=lambda each: each.at)


def free_times_age(seconds: float) -> timedelta:
    """Return for how long free times count as known in a week of `seconds`: as much of it as by default, within reason."""
    return max(SHORTEST_AGE, AGE * (seconds / WEEK.total_seconds()))


def some_start(choose: random.Random, today: datetime, zone: ZoneInfo) -> datetime:
    """Return a start in the coming eight weeks, on the grid of a quarter of an hour within the opening hours."""
    day = today.astimezone(zone) + timedelta(days=int(choose.triangular(FIRST_DAY, LAST_DAY + 1, FIRST_DAY)))
    return day.replace(hour=choose.randint(9, 16), minute=choose.choice((0, 15, 30, 45)), second=0, microsecond=0)
