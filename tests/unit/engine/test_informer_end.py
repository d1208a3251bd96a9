"""The rest of kopf's work after one of its watches has failed."""

import asyncio
import contextlib
import warnings
from pathlib import Path

import kopf
import pytest
from kopf._cogs.aiokits.aiotasks import Scheduler

from askproai_operator.control_loop import informer
from tests.worlds.waiting import SOON

# As kopf's own watcher ends: its code counts by the file that it is from.
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


async def _work() -> None:
    await asyncio.Event().wait()


async def test_unstarted_work_of_a_watch_ends_with_it(monkeypatch: pytest.MonkeyPatch):
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
