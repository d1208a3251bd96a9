"""A watch that is open and brings nothing is found by the lists, and one that is only a moment late is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.control_loop.informer import WatchProgress
from askproai_operator.engine import resources
from tests.worlds.clock import FixedClock

TENANTS, BRANCHES = resources.TENANTS, resources.BRANCHES


def version(number: int) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(number)}}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def progress(clock: FixedClock) -> WatchProgress:
    progress = WatchProgress(clock, [TENANTS, BRANCHES])
    for number in (4, 7):
        progress.reported(TENANTS, version(number))
    return progress


async def test_watch_that_brought_everything_listed_owes_nothing(progress: WatchProgress, clock: FixedClock):
    progress.listed(TENANTS, [4, 7])
    await clock.sleep(timedelta(minutes=5))
    assert progress.behind_seconds(TENANTS) == 0


async def test_watch_owes_listed_changes_until_they_arrive(progress: WatchProgress, clock: FixedClock):
    progress.listed(TENANTS, [4, 9])
    await clock.sleep(timedelta(minutes=5))
    progress.listed(TENANTS, [12, 9])
    await clock.sleep(timedelta(minutes=5))
    assert progress.behind_seconds(TENANTS) == 600
    assert progress.behind_seconds(BRANCHES) == 0, "a watch of its own"
    progress.reported(TENANTS, version(11))
    assert progress.behind_seconds(TENANTS) == 600
    progress.reported(TENANTS, version(12))
    assert progress.behind_seconds(TENANTS) == 0


async def test_a_list_without_the_missing_object_ends_it(progress: WatchProgress, clock: FixedClock):
    """The object was deleted, or lost the label."""
    progress.listed(TENANTS, [9])
    await clock.sleep(timedelta(minutes=5))
    progress.listed(TENANTS, [7])
    assert progress.behind_seconds(TENANTS) == 0


def test_unwatched_kind_is_left_out(progress: WatchProgress):
    progress.listed(resources.SERVICE_MONITORS, [99])
