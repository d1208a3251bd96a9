"""The picture of a month of bookings: a bar for each day, of the right height, and no failure too small to be seen."""

from datetime import date, timedelta

from askproai_runtime.admin_api.figures import DayOfBookings
from askproai_runtime.page.bookings_chart import DAYS, HEIGHT, WIDTH, draw_bookings

TODAY = date(2026, 11, 24)


def ago(days: int, booked: int, failed: int) -> DayOfBookings:
    return DayOfBookings(TODAY - timedelta(days=days), booked, failed)


def test_chart_ends_today_and_holds_its_bars() -> None:
    chart = draw_bookings([ago(30, 9, 9), ago(2, 3, 1), ago(0, 2, 0)], TODAY)
    assert [bar.day for bar in chart.bars] == [TODAY - timedelta(days=days) for days in range(DAYS - 1, -1, -1)]
    assert chart.most == 4, "the day before the thirty is not in the picture"
    assert all(bar.x >= 0 and bar.x + chart.bar_width <= WIDTH for bar in chart.bars)
    highest = chart.bars[-3]
    assert (highest.failed_y, highest.booked_y, highest.booked_height) == (0, HEIGHT / 4, HEIGHT * 3 / 4)
    assert chart.bars[-1].booked_height == HEIGHT / 2


def test_single_failure_of_many_bookings_is_visible() -> None:
    bar = draw_bookings([ago(0, 999, 1)], TODAY).bars[-1]
    assert bar.failed_height >= 3
    assert bar.failed_y >= 0


def test_chart_without_booking_attempts_has_only_flat_bars() -> None:
    assert {(bar.booked_height, bar.failed_height) for bar in draw_bookings([], TODAY).bars} == {(0.0, 0.0)}
