"""The weekly hours of a branch in minutes of a day."""

from datetime import date, time

from askproai_core.tenant_config import Branch, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.availability.opening_hours import open_minutes
from tests.worlds.rows import each_row


def hours(opens: str, closes: str, *days: Weekday) -> Hours:
    return Hours(days=days, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))


BRANCH = Branch(
    name="mitte",
    display_name="Mitte",
    opening_hours=(
        hours("14:30", "18:00", Weekday.TUE),
        hours("09:00", "12:15", Weekday.TUE, Weekday.WED),
        hours("12:00", "13:00", Weekday.WED),
        hours("20:00", "00:00", Weekday.SAT),
        hours("00:00", "02:00", Weekday.SUN),
    ),
)


@each_row(
    "day, expected",
    [
        (date(2026, 12, 1), [(540, 735), (870, 1080)]),  # in order, whatever the order in the manifest
        (date(2026, 12, 2), [(540, 780)]),  # overlapping ranges are one
        (date(2026, 12, 3), []),
        (date(2026, 12, 5), [(1200, 1440)]),  # 00:00 is the end of the day
        (date(2026, 12, 6), [(0, 120)]),
    ],
)
def test_weekly_hours_are_minutes_of_the_day(day: date, expected: list[tuple[int, int]]) -> None:
    assert open_minutes(BRANCH, day) == expected
