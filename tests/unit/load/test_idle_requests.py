"""The bench runs an idle tenant's tasks as often as a worker would, and counts whom each of them asked."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from askproai_runtime.tasks import Next, PutOff, TaskRun
from tests.load.idle_requests import Schedule
from tests.worlds.booking_environment import FrozenClock

pytestmark = pytest.mark.nightly

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
CALCOM, RETELL = (SimpleNamespace(journal=SimpleNamespace(entries=[])) for _ in range(2))
MINUTE = timedelta(minutes=1)


async def poll(run: TaskRun) -> Next:
    """Ask Cal.com, once more each time."""
    number = run.watermark.get("number", 0) + 1
    CALCOM.journal.entries += ["GET"] * number
    return Next(20 * MINUTE, {"number": number})


async def refused(_: TaskRun) -> Next:
    RETELL.journal.entries.append("GET")
    raise PutOff(30 * MINUTE, "slow down")


async def test_a_task_runs_when_its_last_run_said_and_goes_on_from_its_watermark() -> None:
    clock, db = FrozenClock(NOW), AsyncMock()
    schedule = Schedule(clock, {"poll": poll, "refused": refused}, {"Cal.com": CALCOM, "Retell": RETELL}, db)  # type: ignore[dict-item]
    await schedule.run(timedelta(hours=1))
    assert clock.now() == NOW + timedelta(hours=1)
    assert (schedule.count("Cal.com"), schedule.count("Cal.com", "poll")) == (1 + 2 + 3, 6)
    assert (schedule.count("Retell"), schedule.count("Retell", "poll")) == (2, 0)
    aged = [call.args[1] for call in db.execute.await_args_list if "UPDATE free_times" in call.args[0]]
    assert sum(aged, timedelta()) == timedelta(hours=1)
