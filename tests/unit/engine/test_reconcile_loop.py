"""One pass of the loop: the effect of each outcome of a reconcile on status, events, metrics and the next run."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.kube import ApiError, Conflict, NotLeader, Unreachable, api_error
from askproai_operator.api import Key
from askproai_operator.api.conditions import ConditionType as C
from askproai_operator.api.conditions import Reason, bad, good
from askproai_operator.control_loop.loop import ReconcileLoop
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import Priority, WorkQueue
from askproai_operator.engine import GONE, EventRecord, EventType, Options, Result
from askproai_operator.resources import BRANCHES
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock
from tests.worlds.memory_spans import MemoryRecorder
from tests.worlds.salon_objects import key, put, raw, salon
from tests.worlds.waiting import SOON, eventually

BRANCH = key("Branch", "mitte")
OK = Result((good(C.SERVICES_READY),))


class FakeKube:
    """Records status and events, and puts the status into the cache as the real client does."""

    def __init__(self, cache: Any) -> None:
        self.cache, self.statuses, self.events = cache, [], []
        self.exists, self.refuses_events = True, False

    async def patch_status(self, obj: Any, status: dict[str, Any]) -> bool:
        self.statuses.append(status)
        put(self.cache, raw(obj.kind, obj.key.name, status={**obj.status, **status}))
        return True

    async def record_event(self, obj: Any, event: EventRecord) -> None:
        if self.refuses_events:
            raise ApiError(403, "Forbidden", "the namespace is going")
        self.events.append((event.type, event.reason))

    async def refresh(self, obj: Any) -> bool:
        return self.exists


class Turn:
    """A loop with one controller whose outcome the test sets."""

    def __init__(self) -> None:
        self.clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
        self.metrics, self.cache = Metrics(), salon()
        self.queue = WorkQueue(self.clock, self.metrics, chance=lambda: 1.0)
        self.kube = FakeKube(self.cache)
        settings = Settings(workers=2)
        context: Any = SimpleNamespace(kube=self.kube, cache=self.cache, settings=settings, clock=self.clock)
        self.outcome: Any = OK
        self.controllers: Any = {"Branch": self.reconcile, "Background": self.reconcile}
        self.loop = ReconcileLoop(self.controllers, context, self.queue, self.metrics, chance=lambda: 0.5)

    async def reconcile(self, _key: Any, _context: Any) -> Result:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def run(self, outcome: Any = None, key: Key = BRANCH) -> None:
        self.outcome = outcome if outcome is not None else self.outcome
        await self.loop.process(key)

    def next_run(self, key: Key = BRANCH) -> tuple[timedelta, Priority] | None:
        scheduled = self.queue._due.get(key)
        return (timedelta(seconds=scheduled[0] - self.clock.monotonic()), scheduled[1]) if scheduled else None

    def count(self, result: str) -> float:
        return (
            self.metrics.registry.get_sample_value("askproai_reconcile_total", {"kind": "Branch", "result": result})
            or 0
        )


@pytest.fixture
def turn() -> Turn:
    return Turn()


async def test_good_status_is_written_once_and_resynced(turn: Turn):
    await turn.run()
    await turn.run()
    assert len(turn.kube.statuses) == 1
    assert turn.kube.events == [], "its status says it; an event is for a problem and its end"
    assert turn.next_run() == (timedelta(seconds=60), Priority.RESYNC)
    assert turn.count("ok") == 2


async def test_resolved_problem_creates_one_ready_event(turn: Turn):
    problem = Result((bad(C.SERVICES_READY, Reason.NUMBER_INVALID, "0301 is no number"),))
    starting = Result((bad(C.SERVICES_READY, Reason.PROGRESSING, "1 of 2 pods are ready"),))
    for result in (problem, starting, OK, starting, OK):
        await turn.run(result)
    assert turn.kube.events == [("Warning", "NumberInvalid"), ("Normal", "Ready")]


async def test_one_time_warning_creates_no_resolved_event(turn: Turn):
    """Such as an agent that a deletion left at Retell."""
    starting = (bad(C.SERVICES_READY, Reason.PROGRESSING, "1 of 2 pods are ready"),)
    await turn.run(Result(starting, events=(EventRecord("LeftOver", "agent_1"),)))
    await turn.run(OK)
    assert turn.kube.events == [("Warning", "LeftOver")]


@pytest.mark.parametrize("is_found_gone", [False, True], ids=["by the controller", "by the loop"])
async def test_a_deleted_object_leaves_nothing_in_memory(turn: Turn, is_found_gone: bool):
    await turn.run(Result((bad(C.SERVICES_READY, Reason.NUMBER_INVALID, "0301 is no number"),)))
    turn.kube.exists = False
    if is_found_gone:
        turn.cache.drop(BRANCHES, *BRANCH[1:], uid="uid-Branch-mitte")
    await turn.run(GONE)
    assert not turn.loop._warned


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 54), (1.0, 66)])
async def test_resyncs_are_spread_by_a_tenth(turn: Turn, chance: float, seconds: float):
    turn.loop._chance = lambda: chance
    await turn.run()
    assert turn.next_run() == (timedelta(seconds=seconds), Priority.RESYNC)


async def test_result_may_request_an_earlier_reconcile(turn: Turn):
    await turn.run(Result(OK.conditions, requeue_after=timedelta(seconds=3), requeue_reason="test"))
    assert turn.next_run() == (timedelta(seconds=3), Priority.CHANGE)


async def test_a_retry_backs_off_until_it_succeeds(turn: Turn):
    for seconds in (1, 2, 4):
        await turn.run(Result(OK.conditions, requeue=True, requeue_reason="test"))
        assert turn.next_run() == (timedelta(seconds=seconds), Priority.RESYNC)
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
async def test_external_errors_are_not_reported_on_the_object(turn: Turn, error: Exception, result: str):
    await turn.run(error)
    assert not turn.kube.statuses
    assert not turn.kube.events
    assert turn.next_run() == (timedelta(seconds=1), Priority.RESYNC)
    assert turn.count(result) == 1


async def test_repeated_exception_is_reported_once(turn: Turn):
    for _ in range(3):
        await turn.run(KeyError("+4930123456"))
    assert len(turn.kube.statuses) == 1
    assert turn.kube.events == [("Warning", "InternalError")]
    assert "+4930" not in str(turn.kube.statuses)
    assert turn.count("error") == 3


async def test_gone_object_is_neither_written_nor_reconciled(turn: Turn):
    turn.kube.exists = False
    await turn.run(GONE)
    assert not turn.kube.statuses
    assert turn.next_run() is None


async def test_refused_event_delays_nothing_during_a_deletion(turn: Turn):
    """A deletion that left an orphan reports it, even if the namespace accepts no more events."""
    turn.kube.exists = False
    abandoned = Result(
        gone=True, events=(EventRecord("LeftOver", "agent_1"), EventRecord("Orphaned", "x", EventType.NORMAL))
    )
    await turn.run(abandoned)
    assert turn.kube.events == [("Warning", "LeftOver"), ("Normal", "Orphaned")]
    assert not turn.kube.statuses
    turn.kube.refuses_events = True
    await turn.run(abandoned)
    assert turn.next_run() is None
    assert turn.count("gone") == 2


async def test_recreated_object_does_not_get_the_former_status(turn: Turn):
    async def replaced(_key: Any, _context: Any) -> Result:
        put(turn.cache, raw("Branch", uid="uid-new"))
        return OK

    turn.controllers |= {"Branch": replaced}
    await turn.run()
    assert not turn.kube.statuses


async def test_observed_generation_excludes_edits_during_the_reconcile(turn: Turn):
    async def edited(_key: Any, _context: Any) -> Result:
        put(turn.cache, raw("Branch", generation=2))
        return OK

    turn.controllers |= {"Branch": edited}
    await turn.run()
    assert turn.kube.statuses[0]["observedGeneration"] == 1


async def test_shutdown_finishes_a_reconcile_and_begins_none(turn: Turn):
    begun, may_finish, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    runs = 0

    async def slow(_key: Any, _context: Any) -> Result:
        nonlocal runs
        runs += 1
        begun.set()
        await may_finish.wait()
        return OK

    turn.controllers |= {"Branch": slow}
    turn.queue.add(BRANCH)
    running = asyncio.create_task(turn.loop.run(stop))
    await begun.wait()
    turn.queue.add(BRANCH)  # changed meanwhile: it would be reconciled again
    stop.set()
    await asyncio.sleep(0.01)
    assert not running.done()
    may_finish.set()
    await asyncio.wait_for(running, SOON)
    assert runs == 1
    assert len(turn.kube.statuses) == 1


async def test_change_is_reconciled_while_all_resyncs_hang(turn: Turn):
    """Hanging providers may occupy all workers except those reserved for changes."""
    stop, hanging, changed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hang(_key: Any, _context: Any) -> Result:
        await hanging.wait()
        return OK

    async def act(_key: Any, _context: Any) -> Result:
        changed.set()
        return OK

    turn.loop._context.settings = Settings(workers=4)
    turn.controllers |= {"Background": hang, "Branch": act}
    for number in range(8):
        turn.queue.add(Key("Background", "n", str(number)), Priority.RESYNC)
    running = asyncio.create_task(turn.loop.run(stop))
    await eventually(lambda: len(turn.queue._processing) == 3, SOON, "the other workers to be busy")
    turn.queue.add(BRANCH)
    await asyncio.wait_for(changed.wait(), SOON)
    hanging.set()
    stop.set()
    await asyncio.wait_for(running, SOON)


def test_requeue_without_a_reason_raises_an_error():
    with pytest.raises(ValueError, match="requeue_reason"):
        Result(requeue=True)
    with pytest.raises(ValueError, match="requeue_reason"):
        Result(requeue_after=timedelta(seconds=1))


class TestBackground:
    """Keys without a custom resource of their own: only the time of the next run is taken from their Result."""

    KEY = Key("Background", "askproai-system", "work")

    async def test_background_task_runs_at_each_resync(self, turn: Turn):
        await turn.run(OK, self.KEY)
        assert turn.next_run(self.KEY) == (timedelta(seconds=60), Priority.RESYNC)
        assert not turn.kube.statuses

    async def test_an_exception_is_retried(self, turn: Turn):
        await turn.run(KeyError("x"), self.KEY)
        assert turn.next_run(self.KEY) == (timedelta(seconds=1), Priority.RESYNC)

    async def test_finished_background_task_is_not_scheduled_again(self, turn: Turn):
        await turn.run(Result(requeue=True, requeue_reason="test"), self.KEY)
        await turn.run(GONE, self.KEY)
        assert turn.next_run(self.KEY) is None
        assert turn.queue.failures(self.KEY) == 0

    async def test_hanging_shared_worker_does_not_delay_own_workers(self, turn: Turn):
        """A provider that hangs in a reconcile must not delay background work, nor the reverse."""
        both, stop = asyncio.Barrier(3), asyncio.Event()

        async def meet(_key: Any, _context: Any) -> Result:
            await both.wait()
            return OK

        turn.queue._options = {"Background": Options(workers=1)}
        turn.loop._context.settings = Settings(workers=1)
        turn.controllers |= {"Branch": meet, "Background": meet}
        turn.queue.add(BRANCH)
        turn.queue.add(self.KEY)
        running = asyncio.create_task(turn.loop.run(stop))
        await asyncio.wait_for(both.wait(), SOON)
        stop.set()
        await asyncio.wait_for(running, SOON)


async def test_reconcile_trace_names_only_cluster_objects(turn: Turn, recorder: MemoryRecorder):
    await turn.run(OK)
    await turn.run(RuntimeError("Zora Kanarienvogel"))
    await turn.run(OK, Key("Background", "", "+4930123456"))
    good, failed, background = recorder.spans
    assert good.attributes == {
        "askproai.object_kind": "Branch", "k8s.namespace.name": BRANCH.namespace, "askproai.object_name": "mitte",
        "askproai.outcome": "ok",
    }  # fmt: skip
    assert (failed.attributes["askproai.outcome"], failed.failed, good.failed) == ("error", True, False)
    assert background.attributes == {"askproai.object_kind": "Background", "askproai.outcome": "ok"}
    assert "Zora" not in str(recorder.spans)
