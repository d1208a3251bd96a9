"""Fixtures of the booking tests."""

import pytest

from askproai_runtime.booking import opening_hours


@pytest.fixture(scope="session", autouse=True)
def nothing_cached() -> None:
    """Compute days anew in each run: `make mutation` forks its runs from one process, whose cached answers are right."""
    for cached in (opening_hours.grid_starts, opening_hours.wall_clock_epoch, opening_hours._public_holidays):
        cached.cache_clear()
