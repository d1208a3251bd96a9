"""Find the rule that forbids a start: closed days, hours, notice, horizon or grid. Bookings are not considered. Pure.

Rules are local wall clock (`opening_hours.py`).
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.tenant_config import Branch, Staff, TenantConfig
from askproai_runtime.availability.opening_hours import (
    DAY_MINUTES,
    bounds_of_day,
    grid_starts,
    local_days,
    wall_clock_epoch,
    working_spans,
)
from askproai_runtime.availability.slots import LONGEST_SPAN, ServiceRules, horizon_end
from askproai_runtime.spoken_times import Candidate

# Two weeks from a Monday, so that hours across Sunday's midnight are whole. UTC has no clock changes.
_UTC = ZoneInfo("UTC")
_TWO_WEEKS = (1_704_067_200, 1_705_190_400)  # 1 to 14 January 2024


class Obstacle(StrEnum):
    """The reasons why a start cannot be booked. If several apply, the first one that is checked counts."""

    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    CLOSED_DAY = "closed_day"
    DAY_OFF = "day_off"  # of all who do the service, or of the requested person; the branch is open
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    TAKEN = "taken"


def find_obstacle(
    rules: ServiceRules, start: datetime, now: datetime, staff: str | None, *, whole_day: bool = False
) -> Obstacle:
    """Return why `start` is not free; with `whole_day`, why no start of its day is free. TAKEN: no rule forbids the start.

    A negative notice, which only the desk has, allows starts that began within that time before `now`.
    """
    day, notice = start.astimezone(rules.zone).date(), timedelta(minutes=rules.service.minimum_notice_minutes)
    has_begun = start < now + notice if notice < timedelta() else start <= now
    if wall_clock_epoch(day, DAY_MINUTES, rules.zone) <= now.timestamp() if whole_day else has_begun:
        return Obstacle.PAST
    if start.timestamp() >= horizon_end(rules, now):
        return Obstacle.TOO_FAR
    candidates = rules.able(staff)
    if not is_working_day(rules, day, staff):  # the branch is open, though all who do the service are off
        return Obstacle.DAY_OFF if is_open_day(rules, day) else Obstacle.CLOSED_DAY
    if whole_day:
        return Obstacle.TAKEN
    if start < now + notice:
        return Obstacle.TOO_SOON
    if not any(_works_throughout(rules, each, start) for each in candidates):
        return Obstacle.OUTSIDE_HOURS
    if start.timestamp() not in grid_starts(day, rules.service.slot_step_minutes, rules.zone):
        return Obstacle.OFF_GRID
    return Obstacle.TAKEN


def _works_throughout(rules: ServiceRules, staff_member: Staff, start: datetime) -> bool:
    """Return whether a staff member works during the whole span that an appointment at `start` blocks."""
    blocked = rules.blocked_span(start, staff_member.id)
    opens, closes = blocked.start.timestamp(), blocked.end.timestamp()
    spans = working_spans(rules.zone, rules.branch, staff_member, int(opens), int(closes))
    return any(a <= opens and closes <= b for a, b in spans)


def is_too_long(rules: ServiceRules) -> bool:
    """Return whether nobody has a working span in an ordinary week that is long enough for the service with its buffers.

    Days off count as worked. False if nobody ever works: that is an obstacle of each day.
    """
    branch = msgspec.structs.replace(rules.branch, holidays=None)
    works = False
    for member in rules.staff_members:  # usually the first staff member decides; callers wait for this
        blocked = rules.blocked_offsets(member.id)
        needed = blocked[-1][1] - blocked[0][0]
        spans = working_spans(_UTC, branch, msgspec.structs.replace(member, absences=()), *_TWO_WEEKS)
        if any(closes - opens >= needed for opens, closes in spans):
            return False
        works |= bool(spans)
    return works


def is_working_day(rules: ServiceRules, day: date, staff: str | None) -> bool:
    """Return whether anybody (with `staff`: this staff member) works on a local day at all."""
    midnight = wall_clock_epoch(day, 0, rules.zone)
    return any(working_spans(rules.zone, rules.branch, s, midnight, midnight) for s in rules.able(staff))


def is_open_day(rules: ServiceRules, day: date) -> bool:
    """Return whether the branch is open on a local day at all, whoever works then."""
    midnight = wall_clock_epoch(day, 0, rules.zone)
    return bool(working_spans(rules.zone, rules.branch, None, midnight, midnight))


def is_day_off(rules: ServiceRules, candidate: Candidate, staff: str | None) -> bool:
    """Return True if nobody who does the service (with `staff`: not this staff member) works on any day of the candidate."""
    return not any(is_working_day(rules, day, staff) for day in list_days(rules, candidate))


def works_elsewhere(config: TenantConfig, rules: ServiceRules, candidate: Candidate, staff: str) -> bool:
    """Return whether the person of a staff member works in another branch of the tenant on a day of a candidate."""
    units = {unit for staff_member in rules.able(staff) for unit in staff_member.resource_ids}
    elsewhere = [
        (branch, staff_member)
        for branch in config.branches if branch.name != rules.branch.name
        for staff_member in branch.staff if not units.isdisjoint(staff_member.resource_ids)
    ]  # fmt: skip
    midnights = [wall_clock_epoch(day, 0, rules.zone) for day in list_days(rules, candidate)] if elsewhere else []
    return any(working_spans(rules.zone, *each, at, at) for each in elsewhere for at in midnights)


def is_working_time(rules: ServiceRules, candidate: Candidate, staff: str | None) -> bool:
    """Return whether anybody (with `staff`: this staff member) works at a candidate's start, or at some time within its span.

    If the times are on several days, only the first `LONGEST_SPAN` is checked.
    """
    return any(_is_within_hours(rules.zone, rules.branch, s, candidate) for s in rules.able(staff))


def is_open_time(rules: ServiceRules, candidate: Candidate) -> bool:
    """Return whether the branch is open at a candidate's start, or at some time within its span, whoever works then."""
    return is_branch_open(rules.zone, rules.branch, candidate)


def is_branch_open(zone: ZoneInfo, branch: Branch, candidate: Candidate) -> bool:
    """Return whether a branch is open at a candidate's start, or at some time within its span."""
    return _is_within_hours(zone, branch, None, candidate)


def list_days(rules: ServiceRules, candidate: Candidate) -> list[date]:
    """Return the local days of a candidate. If it is longer than `LONGEST_SPAN`, only the days of its first part count."""
    return _list_days(rules.zone, candidate)


def _list_days(zone: ZoneInfo, candidate: Candidate) -> list[date]:
    if candidate.end is None:
        return [candidate.start.astimezone(zone).date()]
    last = min(candidate.end, candidate.start + LONGEST_SPAN) - timedelta(microseconds=1)
    days = local_days(zone, candidate.start, last)
    return [day for day in days if candidate.daily is None or day.weekday() in candidate.daily.weekdays]


def _is_within_hours(zone: ZoneInfo, branch: Branch, staff_member: Staff | None, candidate: Candidate) -> bool:
    first = int(candidate.start.timestamp())
    last = int(candidate.end.timestamp()) if candidate.end else first + 1
    if candidate.daily is not None:
        last = min(last, first + int(LONGEST_SPAN.total_seconds()))
    spans = working_spans(zone, branch, staff_member, first, last)
    if candidate.daily is not None:
        days = [
            (*bounds_of_day(day, candidate.daily, zone), wall_clock_epoch(day, DAY_MINUTES, zone))
            for day in _list_days(zone, candidate)
        ]
        return any(
            max(opens, begins, first) < min(closes, ends, midnight, last)
            for opens, closes in spans
            for begins, ends, midnight in days
        )
    return any(opens < last and first < closes for opens, closes in spans)
