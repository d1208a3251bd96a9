"""Finds if a service with its buffers fits into at least one opening of the week. Pure.

The pods compute in the same way: ranges that touch count as one, even over midnight, and starts lie on a grid from each local
midnight. Holidays, absences and clock changes affect single days, and are ignored here.
"""

from collections.abc import Iterable, Mapping
from datetime import time

from askproai_core.tenant_config import Weekday
from askproai_operator.api import Branch, Hours, ServiceOffering, Staff
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good

_DAY = 24 * 60
_KIND = ConditionType.OPENING_FITS
Spans = list[tuple[int, int]]  # half-open, in minutes since Monday 00:00


def openings_condition(
    offering: ServiceOffering, branches: Iterable[Branch], staff: Mapping[str, tuple[str, ...]]
) -> Condition:
    """Return OpeningFits: True if the service fits somewhere. `staff` are the ids of able staff, by branch; {} counts as True."""
    openings = [
        (minutes, span)
        for branch in branches
        if branch.key.name in staff
        for minutes, hours in _working_hours(offering, branch, staff[branch.key.name])
        for span in _weekly_spans(branch.spec.opening_hours, hours)
    ]
    if not staff or any(_fits(offering, minutes, span) for minutes, span in openings):
        return good(_KIND)  # StaffMatched reports a missing branch
    spec = offering.spec
    shortest = min((minutes for minutes, _ in openings), default=spec.duration_minutes)
    needed = spec.buffer_before_minutes + shortest + spec.buffer_after_minutes
    longest = max((end - start for _, (start, end) in openings), default=0)
    if not longest:
        where = ", ".join(sorted(staff))
        text = f"nothing is open in {where} while somebody works who can do it: correct openingHours or workingHours of the Branch"
    elif longest < needed:
        text = (
            f"it takes {needed} minutes with its buffers, and the longest opening of somebody who can do it has {longest}: shorten"
            " durationMinutes or a buffer, or lengthen openingHours or workingHours of the Branch"
        )
    else:
        text = (
            f"no opening is long enough from a start every {spec.slot_step_minutes} minutes on (slotStepMinutes, counted from"
            " midnight): choose a smaller step, or lengthen openingHours or workingHours of the Branch"
        )
    return bad(_KIND, Reason.NO_OPENING_LONG_ENOUGH, text)


def overlap(opening: Iterable[Hours], working: Iterable[Hours]) -> bool:
    """Return True if the branch is open at any time during these working hours."""
    return bool(_weekly_spans(opening, working))


def _working_hours(
    offering: ServiceOffering, branch: Branch, members: tuple[str, ...]
) -> list[tuple[int, tuple[Hours, ...] | None]]:
    """Return the distinct pairs (minutes of the service, working hours) of these staff members; None: all opening hours."""
    able: list[Staff] = [member for member in branch.spec.staff if member.id in members]
    pairs = dict.fromkeys((offering.minutes_with(member.id), member.working_hours) for member in able)
    return list(pairs) or [(offering.spec.duration_minutes, None)]


def _weekly_spans(opening: Iterable[Hours], working: Iterable[Hours] | None) -> Spans:
    """Return when the branch is open and the staff member works (minutes), for two weeks: spans may cross Sunday midnight."""
    opens = _minutes(opening)
    works = opens if working is None else _minutes(working)
    overlaps = [(max(a, c), min(b, d)) for a, b in opens for c, d in works if max(a, c) < min(b, d)]
    spans: Spans = []
    for start, end in sorted(overlaps + [(start + 7 * _DAY, end + 7 * _DAY) for start, end in overlaps]):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _minutes(hours: Iterable[Hours]) -> Spans:
    weekdays = list(Weekday)
    return [
        (at + _minute(each.opens), at + (_minute(each.closes) or _DAY))
        for each in hours
        for at in (weekdays.index(day) * _DAY for day in each.days)
    ]


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _fits(offering: ServiceOffering, minutes: int, span: tuple[int, int]) -> bool:
    """Return True if the service with its buffers, `minutes` long, fits into the span from the first start on the grid."""
    spec, (opens, closes) = offering.spec, span
    midnight, minute = divmod(opens + spec.buffer_before_minutes, _DAY)
    on_grid = -(-minute // spec.slot_step_minutes) * spec.slot_step_minutes
    start = midnight * _DAY + min(on_grid, _DAY)  # the next midnight is on the grid
    return start + minutes + spec.buffer_after_minutes <= closes
