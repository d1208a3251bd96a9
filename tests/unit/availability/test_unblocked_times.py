"""The hours that a removed block frees: whose and when, and only future ones."""

from datetime import UTC, date, datetime, time

import pytest

from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Absence, Hours
from askproai_runtime.availability.slots import Span
from askproai_runtime.desk.blocks import list_unblocked_times

FRIDAY = Hours(days=(Weekday.FRI,), opens=time(9), closes=time(11, 30))
AFTERNOON = Hours(days=(Weekday.FRI,), opens=time(14), closes=time(15))
ANNA = Staff(id="anna", display_name="Anna", resource_ids=(1,))
TWINS = Staff(id="twins", display_name="Zwei Plätze", resource_ids=(2, 3, 9), units=2)
AWAY = Staff(
    id="away",
    display_name="Fort",
    resource_ids=(4,),
    absences=(Absence(first=date(2026, 11, 27), last=date(2026, 11, 27)),),
)
CONFIG = TenantConfig(
    tenant="salon.salon",
    display_name="Salon",
    services=(Service(name="schnitt", display_name="Schnitt", duration_minutes=45, booking_horizon_days=10),),
    branches=(
        Branch(name="mitte", display_name="Mitte", opening_hours=(FRIDAY,), staff=(ANNA, TWINS, AWAY)),
        Branch(name="west", display_name="West", opening_hours=(FRIDAY, AFTERNOON), staff=(ANNA,)),
    ),
)


def at(hour: int, minute: int = 0, day: int = 27) -> datetime:
    """Return an instant of the wall clock of Berlin."""
    return datetime(2026, 11, day, hour - 1, minute, tzinfo=UTC)


WEEK = Span(at(1, day=25), at(23, day=30))
MORNING = [(at(9), at(10)), (at(10), at(11)), (at(11), at(11, 30))]


@pytest.mark.parametrize(
    ("blocked", "span", "now", "expected"),
    [
        ([1], WEEK, at(8, day=20), [(1, *hour) for hour in (*MORNING, (at(14), at(15)))]),  # both branches, each hour once
        ([1], Span(at(9, 30), at(10, 45)), at(8, day=20), [(1, at(9, 30), at(10, 30)), (1, at(10, 30), at(10, 45))]),
        ([1], WEEK, at(10, 20), [(1, at(10, 20), at(11, 20)), (1, at(11, 20), at(11, 30)), (1, at(14), at(15))]),
        ([1], WEEK, at(23, day=30), []),  # it is over
        ([1], Span(at(12), at(14)), at(8, day=20), []),  # they do not work then
        ([9], WEEK, at(8), [(unit, *hour) for hour in MORNING for unit in (2, 3)]),  # a former unit
        ([4], WEEK, at(8), []),  # absent
        ([1], WEEK, at(8, day=15), []),  # nobody can book it yet
        ([1], WEEK, at(8, day=17), [(1, *hour) for hour in (*MORNING, (at(14), at(15)))]),
        ([7], WEEK, at(8), []),  # a former staff member
    ],
)  # fmt: skip
def test_removed_block_frees_the_expected_hours(
    blocked: list[int], span: Span, now: datetime, expected: list[tuple[int, datetime, datetime]]
) -> None:
    found = list_unblocked_times(CONFIG, blocked, span, now)
    assert [(resource, freed.start, freed.end) for resource, freed in found] == expected
