"""The layout of a day's appointments on the page: people side by side, time downwards. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.tenant_config import TenantConfig, Weekday
from askproai_runtime.admin_api.appointment_entry import AppointmentEntry
from askproai_runtime.admin_api.blocks import BlockEntry
from askproai_runtime.availability.opening_hours import find_closure, open_minutes

STEP_MINUTES: Final = 5  # a row of the drawing
ROWS: Final = 24 * 60 // STEP_MINUTES
MAX_LANES: Final = 6  # most appointments of one person that are drawn side by side
_FIRST_HOUR, _LAST_HOUR = 8, 18  # the hours of a day without opening hours and appointments
_NOT_DRAWN: Final = frozenset({"cancelled"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """An appointment or block with its position. `row` and `length` are in steps of 5 minutes; `lane` counts columns from 0."""

    row: int
    length: int
    lane: int
    appointment: AppointmentEntry | None = None
    block: BlockEntry | None = None


class Away(StrEnum):
    """The reason why a person does not work on a whole day. The value is the key of the reason's word in the page's words."""

    CLOSED = "closed"
    ABSENT = "absent"
    OFF_HOURS = "off_hours"


class Person(NamedTuple):
    """A staff member of a branch. `place` is the branch's display name, or "" if there is only one branch."""

    branch: str
    staff: str
    name: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """The column of one staff member, with the day's appointments and blocks. `place` is as in `Person`.

    If the person does not work on the whole day, `away` is the reason, and `closure` the public holiday that closes the branch.
    Otherwise `off` are the spans of the day outside of the person's working hours.
    """

    branch: str
    staff: str
    name: str
    place: str
    drawn: Sequence[Drawn]
    away: Away | None = None
    closure: str = ""
    off: Sequence[Drawn] = ()


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The layout of a day from `first_hour` until `last_hour`, which is excluded."""

    first_hour: int
    last_hour: int
    columns: Sequence[Column]
    cancelled: Sequence[AppointmentEntry]

    @property
    def hours(self) -> Sequence[int]:
        return range(self.first_hour, self.last_hour)


def plan_day(
    config: TenantConfig, day: date, appointments: Sequence[AppointmentEntry], blocks: Sequence[BlockEntry]
) -> DayPlan:
    """Return the layout of a local day. A former staff member has a column only if an appointment of that day is theirs."""
    zone = ZoneInfo(config.time_zone)
    live = [each for each in appointments if each.status not in _NOT_DRAWN]
    spans = [(_minute(each.start, day, zone), _minute(each.end, day, zone)) for each in live]
    opened = [
        (hours.opens.hour, (hours.closes.hour or 24) + (hours.closes.minute > 0))
        for branch in config.branches
        for hours in branch.opening_hours
        if list(Weekday)[day.weekday()] in hours.days
    ]
    starts = [start // 60 for start, _ in spans] + [opens for opens, _ in opened]
    ends = [-(-end // 60) for _, end in spans] + [closes for _, closes in opened]
    first, last = min(starts, default=_FIRST_HOUR), min(24, max(ends, default=_LAST_HOUR))
    by_person: dict[tuple[str, str], list[AppointmentEntry]] = {}
    for each in live:
        by_person.setdefault((each.branch, each.staff), []).append(each)
    columns = []
    for branch, staff, name, place in list_people(config, live):
        booked, blocked = by_person.get((branch, staff), []), _blocks(branch, staff, blocks)
        away, closure, working = _working(config, branch, staff, day)
        hidden = [(_minute(block.start, day, zone), _minute(block.end, day, zone)) for block in blocked]
        off = () if away else _draw_off(working, first, last, hidden)
        drawn = _draw(first, last, day, zone, booked, blocked)
        columns.append(Column(branch, staff, name, place, drawn, away, closure, off))
    return DayPlan(first, last, columns, [each for each in appointments if each.status in _NOT_DRAWN])


def list_people(config: TenantConfig, appointments: Iterable[AppointmentEntry]) -> list[Person]:
    """Return all declared staff members, and former staff members who appear in the appointments."""
    places = {branch.name: branch.display_name if len(config.branches) > 1 else "" for branch in config.branches}
    people = {
        (branch.name, member.id): Person(branch.name, member.id, member.display_name, places[branch.name])
        for branch in config.branches
        for member in branch.staff
    }
    for each in appointments:
        left = Person(each.branch, each.staff, each.staff, places.get(each.branch, ""))
        people.setdefault((each.branch, each.staff), left)
    return list(people.values())


class WholeDay(NamedTuple):
    """The reason why a person does not work on a whole day. `closure` is the public holiday that closes the branch, or ""."""

    away: Away
    closure: str


def list_whole_days(
    config: TenantConfig, people: Iterable[Person], days: Sequence[date]
) -> dict[tuple[str, str, date], WholeDay]:
    """Return the whole days on which people do not work, by branch, staff id and day. Holidays are in the page's language."""
    found = {}
    for person in people:
        for day in days:
            away, closure, _ = _working(config, person.branch, person.staff, day)
            if away is not None:
                found[person.branch, person.staff, day] = WholeDay(away, closure)
    return found


def _working(
    config: TenantConfig, branch: str, staff: str, day: date
) -> tuple[Away | None, str, Sequence[tuple[int, int]] | None]:
    """Return why a person is unavailable the whole day (or None), the holiday (or ""), and the working spans in minutes.

    The spans are None for a former staff member or a branch without opening hours. The holiday's name is in the page's
    language.
    """
    place = config.find_branch(branch)
    member = next((each for each in place.staff if each.id == staff), None) if place else None
    if place is None or member is None or not place.opening_hours:
        return None, "", None
    closure, opening = find_closure(place, day), open_minutes(place, day)
    if closure is not None or not opening:
        return Away.CLOSED, closure or "", None
    if any(absence.first <= day <= absence.last for absence in member.absences):
        return Away.ABSENT, "", None
    hours = place.opening_hours if member.working_hours is None else member.working_hours
    own = open_minutes(msgspec.structs.replace(place, opening_hours=hours), day)
    working = [(max(a, c), min(b, d)) for a, b in opening for c, d in own if max(a, c) < min(b, d)]
    return (None, "", working) if working else (Away.OFF_HOURS, "", None)


def _draw_off(
    working: Sequence[tuple[int, int]] | None, first: int, last: int, hidden: Iterable[tuple[int, int]]
) -> list[Drawn]:
    """Return the spans, as drawn, in which a person does not work, except the parts that a block covers (`hidden`)."""
    if working is None:
        return []
    edges = [first * 60, *(_clip(minute, first, last) for span in working for minute in span), last * 60]
    gaps = list(zip(edges[::2], edges[1::2], strict=True))
    for start, end in hidden:
        gaps = [part for begin, stop in gaps for part in ((begin, min(stop, start)), (max(begin, end), stop))]
    return [Drawn(*_rows(begin, end, first), 0) for begin, end in gaps if begin < end]


def _blocks(branch: str, staff: str, blocks: Iterable[BlockEntry]) -> list[BlockEntry]:
    return [block for block in blocks if block.in_force and f"{branch}/{staff}" in block.staff]


def _draw(
    first: int, last: int, day: date, zone: ZoneInfo, appointments: list[AppointmentEntry], blocks: list[BlockEntry]
) -> list[Drawn]:
    """Return one person's blocks and appointments with their positions. Each appointment gets the first free lane."""
    drawn, free_from = [], [0] * MAX_LANES
    for block in blocks:
        begin, end = (_clip(_minute(at, day, zone), first, last) for at in (block.start, block.end))
        if begin < end:
            row, length = _rows(begin, end, first)
            drawn.append(Drawn(row, length, 0, block=block))
    for each in sorted(appointments, key=lambda entry: (entry.start, entry.id)):
        begin, end = (_clip(_minute(at, day, zone), first, last) for at in (each.start, each.end))
        lane = next((number for number, free in enumerate(free_from) if free <= begin), MAX_LANES - 1)
        free_from[lane] = end
        row, length = _rows(begin, end, first)
        drawn.append(Drawn(row, length, lane, appointment=each))
    return drawn


def _minute(at: datetime, day: date, zone: ZoneInfo) -> int:
    """Return an instant as a minute of the local `day`: 0 for an instant before the day, and 1440 for one after it."""
    local = at.astimezone(zone)
    if local.date() < day:
        return 0
    return 24 * 60 if local.date() > day else local.hour * 60 + local.minute


def _clip(minute: int, first: int, last: int) -> int:
    return max(first * 60, min(last * 60, minute))


def _rows(begin: int, end: int, first: int) -> tuple[int, int]:
    row = (begin - first * 60) // STEP_MINUTES
    return min(row, ROWS - 1), max(1, -(-(end - begin) // STEP_MINUTES))


def week_of(day: date) -> list[date]:
    """Return the seven days, from Monday, of the week that contains a day."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(7)]
