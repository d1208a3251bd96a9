"""The due times of reminders and lists, by local time, in quiet hours and when clocks change."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_core.tenant_config.notifications import QuietHours
from askproai_runtime.notifications.schedule import is_quiet, list_day, reminder_due, until_end

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(begins=time(20), ends=time(8))
NOON = QuietHours(begins=time(12), ends=time(14))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "minutes", "quiet", "due"),
    [
        ("2026-11-27T14:30", 1440, None, "2026-11-26T14:30"),
        ("2026-11-27T14:30", 120, None, "2026-11-27T12:30"),
        ("2026-03-29T10:00", 1440, None, "2026-03-28T10:00"),  # 23 hours: clocks go forward in between
        ("2026-10-25T10:00", 1440, None, "2026-10-24T10:00"),  # 25 hours: clocks go back
        ("2026-10-26T10:00", 2880, None, "2026-10-24T10:00"),
        ("2026-03-29T03:30", 60, None, "2026-03-29T01:30"),  # an hour on any clock: 02:30 does not exist
        ("2026-11-27T09:00", 120, NIGHT, "2026-11-26T19:30"),
        ("2026-11-28T06:00", 1440, NIGHT, "2026-11-26T19:30"),
        ("2026-11-28T21:00", 1440, NIGHT, "2026-11-27T19:30"),
        ("2026-11-28T08:00", 1440, NIGHT, "2026-11-27T08:00"),  # the quiet hours have just ended
        ("2026-11-28T20:00", 1440, NIGHT, "2026-11-27T19:30"),  # they begin
        ("2026-11-28T13:00", 1440, NOON, "2026-11-27T11:30"),
    ],
)
def test_reminder_is_due_at_the_expected_time(start: str, minutes: int, quiet: QuietHours | None, due: str) -> None:
    assert reminder_due(at(start), minutes, quiet, BERLIN).timestamp() == at(due).timestamp()


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001  the zone is added
    minutes=st.integers(15, 20_160),
    begins=st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    length=st.integers(1, 18 * 60),
)
def test_reminder_precedes_its_appointment_and_is_never_late(
    start: datetime, minutes: int, begins: time, length: int
) -> None:
    ends = (datetime.combine(start.date(), begins) + timedelta(minutes=length)).time()
    quiet = QuietHours(begins=begins, ends=ends)
    begin = start.replace(tzinfo=BERLIN)
    due = reminder_due(begin, minutes, quiet, BERLIN)
    assert due.timestamp() < begin.timestamp()
    assert due.timestamp() <= reminder_due(begin, minutes, None, BERLIN).timestamp()


def test_remaining_quiet_hours_are_computed() -> None:
    assert is_quiet(at("2026-11-27T23:00"), NIGHT)
    assert not is_quiet(at("2026-11-27T08:00"), NIGHT)
    assert until_end(at("2026-11-27T23:00"), NIGHT) == timedelta(hours=9)
    assert until_end(at("2026-11-27T01:00"), NIGHT) == timedelta(hours=7)
    assert until_end(at("2026-03-28T23:00"), NIGHT) == timedelta(hours=8), "the night in which clocks go forward"


@pytest.mark.parametrize(("now", "fold", "minutes"), [("02:15", 0, 15), ("02:15", 1, 15), ("01:59", 0, 31)])
def test_quiet_hours_end_in_the_repeated_hour(now: str, fold: int, minutes: int) -> None:
    quiet = QuietHours(begins=time(22), ends=time(2, 30))
    assert until_end(at(f"2026-10-25T{now}").replace(fold=fold), quiet) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-27T06:59", None),
        ("2026-11-27T07:00", "2026-11-27"),
        ("2026-11-27T10:59", "2026-11-27"),
        ("2026-11-27T11:00", None),  # people know their day by then
        ("2026-03-29T07:05", "2026-03-29"),
    ],
)
def test_daily_list_is_due_within_its_hours(now: str, day: str | None) -> None:
    bounds = list_day(at(now), time(7), BERLIN)
    assert (bounds[0].date().isoformat() if bounds else None) == day


def test_day_on_which_clocks_change_has_23_hours() -> None:
    bounds = list_day(at("2026-03-29T07:05"), time(7), BERLIN)
    assert bounds is not None
    assert bounds[1].timestamp() - bounds[0].timestamp() == 23 * 3600
