"""One turn of the loop: what each end of a reconcile means for status, events, metrics and the next look."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from engine_objects import key, put, raw, salon

from askproai_core.clock import FixedClock
from askproai_core.kube import api_error
from askproai_operator.api.conditions import ConditionType as C
from askproai_operator.api.conditions import good
from askproai_operator.engine import GONE, ApiError, Conflict, EventType, NotLeader, Result, Unreachable, Warn
from askproai_operator.engine.engine import Engine
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import Urgency, WorkQueue
from askproai_operator.settings import Settings

BRANCH = key("Branch", "mitte")
OK = Result((good(C.SERVICES_READY),))


class FakeKube:
    """Takes status and events; puts the status into the cache as the real one does."""

    def __init__(self, cache: Any) -> None:
        self.cache, self.statuses, self.events = cache, [], []
        self.there, self.refuses_events = True, False

    async def patch_status(self, obj: Any, status: dict[str, Any]) -> bool:
        self.statuses.append(status)
        put(self.cache, raw(obj.kind, obj.key.name, status={**obj.status, **status}))
        return True

    async def record_event(self, obj: Any, told: Warn) -> None:
        if self.refuses_events:
            raise ApiError(403, "Forbidden", "the namespace is going")
        self.events.append((told.type, told.reason))

    async def refresh(self, obj: Any) -> bool:
        return self.there


class Turn:
    """An engine with one kind that does what the test says."""

    def __init__(self) -> None:
        self.clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
        self.metrics, self.cache = Metrics(), salon()
        self.queue = WorkQueue(self.clock, self.metrics, chance=lambda: 1.0)
        self.kube = FakeKube(self.cache)
        settings = Settings(workers=2)
        world: Any = SimpleNamespace(kube=self.kube, cache=self.cache, settings=settings, clock=self.clock)
        self.ends: Any = OK
        self.engine = Engine({"Branch": self.reconcile}, world, self.queue, self.metrics, chance=lambda: 0.5)

    async def reconcile(self, _key: Any, _world: Any) -> Result:
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    async def run(self, ends: Any = None) -> None:
        self.ends = ends if ends is not None else self.ends
        await self.engine.process(BRANCH)

    def next_look(self) -> tuple[timedelta, Urgency] | None:
        planned = self.queue._due.get(BRANCH)
        return (timedelta(seconds=planned[0] - self.clock.monotonic()), planned[1]) if planned else None

    def count(self, result: str) -> float:
        return (
            self.metrics.registry.get_sample_value("askproai_reconcile_total", {"kind": "Branch", "result": result})
            or 0
        )


@pytest.fixture
def turn() -> Turn:
    return Turn()


async def test_a_good_result_is_written_once_and_looked_at_again_after_the_resync(turn: Turn):
    await turn.run()
    await turn.run()
    assert len(turn.kube.statuses) == 1
    assert turn.kube.events == [("Normal", "Ready")]
    assert turn.next_look() == (timedelta(seconds=60), Urgency.RESYNC)
    assert turn.count("ok") == 2


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 54), (1.0, 66)])
async def test_resyncs_are_spread_by_a_tenth(turn: Turn, chance: float, seconds: float):
    turn.engine._chance = lambda: chance
    await turn.run()
    assert turn.next_look() == (timedelta(seconds=seconds), Urgency.RESYNC)


async def test_a_kind_may_ask_for_another_time(turn: Turn):
    await turn.run(Result(OK.conditions, after=timedelta(seconds=3)))
    assert turn.next_look() == (timedelta(seconds=3), Urgency.CHANGE)


async def test_a_retry_backs_off_until_it_goes_well(turn: Turn):
    for seconds in (1, 2, 4):
        await turn.run(Result(OK.conditions, retry=True))
        assert turn.next_look() == (timedelta(seconds=seconds), Urgency.RESYNC)
    await turn.run(OK)
    assert turn.queue.failures(BRANCH) == 0


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Conflict(409, "Conflict", "x"), "conflict"),
        (NotLeader("x"), "stopped"),
        (Unreachable("x"), "stopped"),
        (api_error(429, "TooManyRequests", "storage is (re)initializing"), "stopped"),
        (api_error(503, "ServiceUnavailable", "apiserver is shutting down"), "stopped"),
        (api_error(403, "Forbidden", "unable to create … because it is being terminated"), "conflict"),
    ],
)
async def test_what_is_no_fault_of_the_object_is_not_told_to_its_owner(turn: Turn, error: Exception, result: str):
    await turn.run(error)
    assert not turn.kube.statuses
    assert not turn.kube.events
    assert turn.next_look() == (timedelta(seconds=1), Urgency.RESYNC)
    assert turn.count(result) == 1


async def test_an_exception_is_told_once_however_often_it_comes(turn: Turn):
    for _ in range(3):
        await turn.run(KeyError("+4930123456"))
    assert len(turn.kube.statuses) == 1
    assert turn.kube.events == [("Warning", "InternalError")]
    assert "+4930" not in str(turn.kube.statuses)
    assert turn.count("error") == 3


async def test_a_gone_object_is_neither_written_nor_looked_at_again(turn: Turn):
    turn.kube.there = False
    await turn.run(GONE)
    assert not turn.kube.statuses
    assert turn.next_look() is None


async def test_the_end_of_an_object_may_be_told_and_a_refused_event_holds_up_nothing(turn: Turn):
    """A deletion that gave something up says so, also in a namespace that takes no events any more."""
    turn.kube.there = False
    left = Result(gone=True, warnings=(Warn("LeftOver", "agent_1"), Warn("Orphaned", "x", EventType.NORMAL)))
    await turn.run(left)
    assert turn.kube.events == [("Warning", "LeftOver"), ("Normal", "Orphaned")]
    assert not turn.kube.statuses
    turn.kube.refuses_events = True
    await turn.run(left)
    assert turn.next_look() is None
    assert turn.count("gone") == 2


async def test_a_namesake_that_came_meanwhile_does_not_get_the_status(turn: Turn):
    async def replaced(_key: Any, _world: Any) -> Result:
        put(turn.cache, raw("Branch", uid="uid-new"))
        return OK

    turn.engine._kinds = {"Branch": replaced}
    await turn.run()
    assert not turn.kube.statuses


async def test_a_change_during_the_reconcile_is_not_claimed_as_seen(turn: Turn):
    async def edited(_key: Any, _world: Any) -> Result:
        put(turn.cache, raw("Branch", generation=2))
        return OK

    turn.engine._kinds = {"Branch": edited}
    await turn.run()
    assert turn.kube.statuses[0]["observedGeneration"] == 1


async def test_at_the_end_what_runs_may_finish_and_nothing_new_begins(turn: Turn):
    begun, may_end, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    looks = 0

    async def slow(_key: Any, _world: Any) -> Result:
        nonlocal looks
        looks += 1
        begun.set()
        await may_end.wait()
        return OK

    turn.engine._kinds = {"Branch": slow}
    turn.queue.add(BRANCH)
    running = asyncio.create_task(turn.engine.run(stop))
    await begun.wait()
    turn.queue.add(BRANCH)  # dirty: it would be looked at again
    stop.set()
    await asyncio.sleep(0.01)
    assert not running.done()
    may_end.set()
    await asyncio.wait_for(running, 2)
    assert looks == 1
    assert len(turn.kube.statuses) == 1
