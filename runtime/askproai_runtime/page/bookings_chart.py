"""The bar chart of bookings in 30 days: one bar for each day, drawn as SVG by the template. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from askproai_runtime.admin_api.figures import DayOfBookings

DAYS: Final = 30
WIDTH: Final = 600  # of the picture, in its own units
HEIGHT: Final = 120
_STEP: Final = WIDTH // DAYS
_GAP: Final = 4
_LEAST: Final = 3.0  # so that a single failure of many bookings is seen


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one day: its counts of booked and failed requests, its left edge `x`, and the heights of its two parts."""

    day: date
    booked: int
    failed: int
    x: int
    booked_height: float
    failed_height: float

    @property
    def booked_y(self) -> float:
        return HEIGHT - self.booked_height

    @property
    def failed_y(self) -> float:
        return HEIGHT - self.booked_height - self.failed_height


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of 30 days, today last. `most` is the number of requests of the highest bar."""

    bars: Sequence[Bar]
    most: int
    width: int = WIDTH
    height: int = HEIGHT
    bar_width: int = _STEP - _GAP


def draw_bookings(days: Sequence[DayOfBookings], today: date) -> Chart:
    """Return the chart of the 30 days up to today. A 31st day, into which 30 times 24 hours reach, is left out."""
    by_day = {each.day: each for each in days}
    wanted = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    shown = [by_day.get(day, DayOfBookings(day, 0, 0)) for day in wanted]
    most = max(each.booked + each.failed for each in shown)
    return Chart([_draw(each, number * _STEP + _GAP // 2, most) for number, each in enumerate(shown)], most)


def _draw(day: DayOfBookings, x: int, most: int) -> Bar:
    failed = max(day.failed * HEIGHT / most, _LEAST) if day.failed else 0.0
    booked = min(day.booked * HEIGHT / most, HEIGHT - failed) if day.booked else 0.0
    return Bar(day.day, day.booked, day.failed, x, round(booked, 1), round(failed, 1))
