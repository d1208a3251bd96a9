"""Watches of the informer: lists detect an open watch that reports nothing, and kopf's other tasks end with a failed watch."""

import asyncio
import contextlib
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import kopf
import pytest
from kopf._cogs.aiokits.aiotasks import Scheduler

from askproai_operator import resources
from askproai_operator.control_loop import informer
from askproai_operator.control_loop.informer import WatchProgress
from tests.worlds.clock import FixedClock
from tests.worlds.waiting import SOON

# Ends as kopf's own watcher does. Code counts as kopf's by its file.
_WATCHER = """
async def watcher(scheduler):
    try:
        await asyncio.Event().wait()
    finally:
        closing = asyncio.create_task(scheduler.close())
        while not closing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(closing)
"""

TENANTS, BRANCHES = resources.TENANTS, resources.BRANCHES


async def _work() -> None:
    await asyncio.Event().wait()


async def test_queued_work_of_a_watch_ends_with_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(informer, "_AGAIN_SECONDS", 0.1)
    scope = {"asyncio": asyncio, "contextlib": contextlib}
    exec(compile(_WATCHER, str(Path(kopf.__file__).parent / "queueing.py"), "exec"), scope)
    scheduler = Scheduler(limit=1)
    begun, not_begun = _work(), _work()
    await scheduler.spawn(begun)
    await scheduler.spawn(not_begun)
    watch = asyncio.create_task(scope["watcher"](scheduler))
    await asyncio.sleep(0)
    async with asyncio.timeout(SOON):
        await informer._end_tasks_of_kopf()
    assert watch.done()
    assert informer._tasks_of_kopf() == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (begun.cr_frame, not_begun.cr_frame) == (None, None), "each was awaited to its end"


def version(number: int) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(number)}}


@pytest.fixture
def progress(clock: FixedClock) -> WatchProgress:
    progress = WatchProgress(clock, [TENANTS, BRANCHES])
    for number in (4, 7):
        progress.reported(TENANTS, version(number))
    return progress


async def test_watch_with_all_listed_changes_is_not_behind(progress: WatchProgress, clock: FixedClock):
    progress.listed(TENANTS, [4, 7])
    await clock.sleep(timedelta(minutes=5))
    assert progress.behind_seconds(TENANTS) == 0


async def test_watch_is_behind_until_listed_changes_arrive(progress: WatchProgress, clock: FixedClock):
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


async def test_listing_without_the_missing_object_ends_the_delay(progress: WatchProgress, clock: FixedClock):
    """The object was deleted, or lost the label."""
    progress.listed(TENANTS, [9])
    await clock.sleep(timedelta(minutes=5))
    progress.listed(TENANTS, [7])
    assert progress.behind_seconds(TENANTS) == 0


def test_informer_progress_ignores_unwatched_kinds(progress: WatchProgress):
    progress.listed(resources.SERVICE_MONITORS, [99])
