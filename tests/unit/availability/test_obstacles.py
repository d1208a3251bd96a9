"""Why a start cannot be booked: the first obstacle that applies."""

from datetime import date

import msgspec
import pytest

from askproai_core.tenant_config import Weekday
from askproai_core.tenant_config.branches import Absence, Holidays
from askproai_runtime.availability.obstacles import Obstacle, find_obstacle, is_too_long
from tests.worlds.opening_salon import ANNA, DAY, MEHMET, hours, local, rules
from tests.worlds.rows import each_row


@each_row(
    ("start", "whole_day", "obstacle"),
    [
        ("2026-11-20T08:00", False, Obstacle.PAST),
        ("2026-11-19T00:00", True, Obstacle.PAST),
        ("2026-11-20T00:00", True, Obstacle.TAKEN),  # today is not over
        ("2026-11-20T10:30", False, Obstacle.TOO_SOON),
        ("2027-02-19T10:00", False, Obstacle.TOO_FAR),
        ("2026-12-25T10:00", False, Obstacle.CLOSED_DAY),
        ("2026-11-22T00:00", True, Obstacle.CLOSED_DAY),  # a Sunday
        ("2026-11-27T08:00", False, Obstacle.OUTSIDE_HOURS),
        ("2026-11-27T17:30", False, Obstacle.OUTSIDE_HOURS),  # it would end after closing
        ("2026-11-27T10:20", False, Obstacle.OFF_GRID),
        ("2026-11-27T10:00", False, Obstacle.TAKEN),
        ("2026-11-20T10:00", False, Obstacle.PAST),  # now
        ("2026-11-20T11:00", False, Obstacle.TAKEN),  # exactly the notice
        ("2027-02-18T17:00", False, Obstacle.TAKEN),  # the last bookable day
        ("2027-02-19T00:00", False, Obstacle.TOO_FAR),
        ("2026-11-27T09:00", False, Obstacle.TAKEN),
        ("2026-11-27T17:00", False, Obstacle.TAKEN),
    ],
)
def test_the_first_obstacle_that_applies_is_found(start: str, whole_day: bool, obstacle: Obstacle) -> None:
    weekdays = tuple(day for day in Weekday if day is not Weekday.SUN)
    service_rules = rules(
        opening=(hours("09:00", "18:00", *weekdays),),
        holidays=Holidays(country="DE", subdivision="BE"),
        minimum_notice_minutes=60,
    )
    assert find_obstacle(service_rules, local(start), local("2026-11-20T10:00"), None, whole_day=whole_day) is obstacle


@pytest.mark.parametrize(
    ("start", "obstacle"),
    [("09:29", Obstacle.PAST), ("09:30", Obstacle.TAKEN), ("10:00", Obstacle.TAKEN), ("10:30", Obstacle.TAKEN)],
)
def test_negative_notice_allows_a_just_begun_appointment(start: str, obstacle: Obstacle) -> None:
    of_desk = rules(minimum_notice_minutes=-30, slot_step_minutes=15)
    assert find_obstacle(of_desk, local(f"{DAY}T{start}"), local(f"{DAY}T10:00"), None) is obstacle


def test_whole_day_is_past_after_its_end() -> None:
    assert (
        find_obstacle(rules(), local(f"{DAY}T00:00"), local("2026-11-28T00:00"), None, whole_day=True) is Obstacle.PAST
    )
    late = local("2026-11-27T23:59:59")
    assert find_obstacle(rules(), local(f"{DAY}T00:00"), late, None, whole_day=True) is Obstacle.TAKEN


@pytest.mark.parametrize(
    ("staff", "whole_day", "obstacle"),
    [
        ("anna", False, Obstacle.DAY_OFF),
        ("anna", True, Obstacle.DAY_OFF),
        ("mehmet", False, Obstacle.OUTSIDE_HOURS),
        ("mehmet", True, Obstacle.TAKEN),
        (None, False, Obstacle.OUTSIDE_HOURS),
        (None, True, Obstacle.TAKEN),
    ],
)
def test_day_off_of_one_employee_closes_no_branch(staff, whole_day: bool, obstacle: Obstacle) -> None:
    absent = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2026, 11, 27), last=date(2026, 11, 27)),))
    mornings = msgspec.structs.replace(MEHMET, working_hours=(hours("09:00", "12:00"),))
    now = local("2026-11-20T10:00")
    both = rules(absent, mornings)
    assert find_obstacle(both, local(f"{DAY}T14:00"), now, staff, whole_day=whole_day) is obstacle


@pytest.mark.parametrize("whole_day", [False, True])
@pytest.mark.parametrize("staff", ["anna", None])
def test_day_off_of_only_performer_closes_no_branch(staff, whole_day: bool) -> None:
    absent = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2026, 11, 27), last=date(2026, 11, 27)),))
    now, start = local("2026-11-20T10:00"), local(f"{DAY}T14:00")
    assert find_obstacle(rules(absent), start, now, staff, whole_day=whole_day) is Obstacle.DAY_OFF


def test_requested_persons_hours_decide_about_a_time() -> None:
    mornings = msgspec.structs.replace(MEHMET, working_hours=(hours("09:00", "12:00"),))
    start, now, both = local(f"{DAY}T14:00"), local("2026-11-20T10:00"), rules(ANNA, mornings)
    assert find_obstacle(both, start, now, "mehmet") is Obstacle.OUTSIDE_HOURS
    assert find_obstacle(both, start, now, "anna") is find_obstacle(both, start, now, None) is Obstacle.TAKEN


SUNDAY_NIGHT = (hours("20:00", "00:00", Weekday.SUN), hours("00:00", "04:00", Weekday.MON))
ABSENT = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2024, 1, 1), last=date(2030, 1, 1)),))


@pytest.mark.parametrize(
    ("minutes", "too_long", "changes"),
    [
        (9 * 60, False, {}),
        (9 * 60 + 5, True, {}),
        (9 * 60, True, {"buffer_before_minutes": 5}),
        (9 * 60, True, {"buffer_after_minutes": 5}),
        (8 * 60, False, {"opening": SUNDAY_NIGHT}),
        (8 * 60 + 5, True, {"opening": SUNDAY_NIGHT}),
        (60, False, {"opening": ()}),  # never open is an obstacle of each day
        (60, False, {"holidays": Holidays(country="DE", subdivision="BE", closed=(date(2024, 1, 2),))}),
    ],
)
def test_service_longer_than_all_openings_is_too_long(minutes: int, too_long: bool, changes: dict[str, object]) -> None:
    assert is_too_long(rules(duration_minutes=minutes, **changes)) is too_long


def test_service_too_long_for_one_performer_is_bookable() -> None:
    mornings = msgspec.structs.replace(MEHMET, working_hours=(hours("09:00", "12:00"),))
    assert is_too_long(rules(mornings, duration_minutes=240))
    assert not is_too_long(rules(mornings, ANNA, duration_minutes=240))
    assert not is_too_long(rules(ABSENT, duration_minutes=240))
    closed = Holidays(country="DE", closed=tuple(date(2024, 1, day) for day in range(1, 15)))
    assert not is_too_long(rules(holidays=closed, duration_minutes=240))
