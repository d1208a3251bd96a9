"""The queue: deduplication, one worker per key, two priorities, backoff, workers of a kind's own."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.clock import FixedClock
from askproai_operator.engine import Key
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import Backoff, Options, Priority, WorkQueue

A, B = Key("Tenant", "n", "a"), Key("Tenant", "n", "b")
ONE_SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def queue(clock: FixedClock, metrics: Metrics) -> WorkQueue:
    return WorkQueue(clock, metrics, chance=lambda: 1.0)


def empty(queue: WorkQueue) -> bool:
    return len(queue) == 0


async def test_a_key_that_is_added_twice_waits_once(queue: WorkQueue):
    queue.add(A)
    queue.add(A, Priority.RESYNC)
    assert await queue.get() == A
    assert empty(queue)


async def test_a_key_that_is_added_while_it_is_processed_is_processed_again_afterwards(queue: WorkQueue):
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    queue.add(A)
    assert empty(queue), "no second worker may have it meanwhile"
    queue.done(A)
    assert await queue.get() == A
    queue.done(A)
    assert empty(queue)


async def test_a_persons_change_goes_before_resyncs(queue: WorkQueue):
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.CHANGE)
    assert [await queue.get(), await queue.get()] == [B, A]


async def test_a_waiting_resync_moves_up_when_a_person_changes_the_object(queue: WorkQueue):
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.RESYNC)
    queue.add(B, Priority.CHANGE)
    assert [await queue.get(), await queue.get()] == [B, A]
    assert empty(queue)


async def test_a_waiting_worker_is_woken_up(queue: WorkQueue):
    waiter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiter.done()
    queue.add(A)
    assert await asyncio.wait_for(waiter, 1) == A


async def test_a_scheduled_key_is_added_when_it_is_due_and_not_before(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=10))
    clock.advance(timedelta(seconds=9.9))
    queue.promote_due()
    assert empty(queue)
    clock.advance(timedelta(seconds=0.1))
    queue.promote_due()
    assert await queue.get() == A


async def test_a_key_has_one_scheduled_run_and_the_last_schedule_counts(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=1))
    queue.schedule(A, timedelta(seconds=60))
    clock.advance(timedelta(seconds=30))
    queue.promote_due()
    assert empty(queue)
    clock.advance(timedelta(seconds=30))
    queue.promote_due()
    assert await queue.get() == A


async def test_an_immediate_run_replaces_the_scheduled_one(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, ONE_SECOND)
    queue.add(A)
    queue.done(await queue.get())
    clock.advance(timedelta(hours=1))
    queue.promote_due()
    assert empty(queue)


async def test_a_dropped_key_is_not_scheduled_any_more(queue: WorkQueue, clock: FixedClock):
    queue.retry(A)
    queue.drop(A)
    clock.advance(timedelta(hours=1))
    queue.promote_due()
    assert empty(queue)
    assert queue.failures(A) == 0


async def test_each_key_has_its_own_backoff_until_a_success(queue: WorkQueue):
    assert [queue.retry(A) for _ in range(3)] == [ONE_SECOND, 2 * ONE_SECOND, 4 * ONE_SECOND]
    assert queue.retry(B) == ONE_SECOND
    queue.forget(A)
    assert queue.retry(A) == ONE_SECOND


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (9, 128, 256), (10, 150, 300), (5000, 150, 300)]
)
def test_backoff_doubles_to_five_minutes_with_up_to_half_of_it_left_to_chance(failures: int, least: float, most: float):
    assert Backoff().delay(failures, lambda: 0.0) == timedelta(seconds=least)
    assert Backoff().delay(failures, lambda: 1.0) == timedelta(seconds=most)
    assert Backoff().delay(failures) <= timedelta(minutes=5)


async def test_the_schedule_runs_by_itself(queue: WorkQueue):
    queue.schedule(A, timedelta(seconds=5))
    runner = asyncio.create_task(queue.run())
    assert await asyncio.wait_for(queue.get(), 1) == A
    runner.cancel()


def samples(metrics: Metrics) -> Iterator[tuple[str, dict[str, str], float]]:
    return ((s.name, s.labels, s.value) for family in metrics.registry.collect() for s in family.samples)


async def test_metrics_have_controller_runtimes_names_and_count_the_work(
    queue: WorkQueue, clock: FixedClock, metrics: Metrics
):
    queue.add(A, Priority.RESYNC)
    queue.add(B)
    clock.advance(timedelta(seconds=3))
    await queue.get()
    queue.retry(B)
    clock.advance(timedelta(seconds=7))
    queue.promote_due()
    found = {(name, labels.get("priority")): value for name, labels, value in samples(metrics) if labels.get("name")}
    assert found["workqueue_adds_total", None] == 3
    assert found["workqueue_depth", "resync"] == 1
    assert found["workqueue_retries_total", None] == 1
    assert found["workqueue_longest_running_processor_seconds", None] == 7
    assert found["workqueue_unfinished_work_seconds", None] == 7
    assert found["workqueue_queue_duration_seconds_sum", None] == 3
    assert queue.oldest_work() == timedelta(seconds=7)


async def test_many_workers_never_share_a_key(queue: WorkQueue):
    keys = [Key("Tenant", "n", str(n)) for n in range(20)]
    taken: set[Key] = set()
    runs = 0

    async def work() -> None:
        nonlocal runs
        while True:
            key = await queue.get()
            assert key not in taken
            taken.add(key)
            runs += 1
            await asyncio.sleep(0)
            taken.discard(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(8)]
    for _ in range(50):
        for key in keys:
            queue.add(key)
        await asyncio.sleep(0)
    for _ in range(200):
        await asyncio.sleep(0)
    assert empty(queue)
    assert not queue._processing
    for worker in workers:
        assert not worker.done()
        worker.cancel()
    assert runs >= len(keys)


async def test_a_known_key_is_not_added_again_by_a_list(queue: WorkQueue, clock: FixedClock):
    queue.add_unknown(A)
    queue.add_unknown(A)
    assert await queue.get() == A
    queue.add_unknown(A)
    queue.retry(A)
    queue.done(A)
    queue.add_unknown(A)
    assert empty(queue), "it was being processed, then its backoff had not passed"
    clock.advance(ONE_SECOND)
    queue.promote_due()
    assert await queue.get() == A
    queue.done(A)
    queue.add_unknown(A)
    assert len(queue) == 1


class TestOptions:
    """A kind with a backoff, workers or a timeout of its own."""

    ORPHAN = Key("Orphan", "n", "x")

    @pytest.fixture
    def queue(self, clock: FixedClock, metrics: Metrics) -> WorkQueue:
        hour = Backoff(timedelta(minutes=1), timedelta(hours=1), jitter=0)
        return WorkQueue(clock, metrics, lambda: 1.0, {"Orphan": Options(hour, workers=4, timeout=None)})

    async def test_its_keys_wait_for_its_own_workers_only(self, queue: WorkQueue):
        queue.add(self.ORPHAN)
        queue.add(A, Priority.RESYNC)
        assert await queue.get() == A
        assert await queue.get("Orphan") == self.ORPHAN
        assert queue.own_workers() == {"Orphan": 4}

    async def test_its_keys_have_its_backoff(self, queue: WorkQueue):
        delays = [queue.retry(self.ORPHAN) for _ in range(8)]
        assert delays == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 60, 60)]
        assert queue.retry(A) == ONE_SECOND

    async def test_work_without_a_timeout_does_not_count_as_stuck(self, queue: WorkQueue, clock: FixedClock):
        queue.add(self.ORPHAN)
        await queue.get("Orphan")
        clock.advance(timedelta(hours=1))
        assert queue.oldest_work() == timedelta()

    async def test_depth_counts_the_keys_of_all_workers(self, queue: WorkQueue, metrics: Metrics):
        queue.add(self.ORPHAN)
        queue.add(A)
        labels = {"name": "askproai", "priority": "change"}
        assert metrics.registry.get_sample_value("workqueue_depth", labels) == 2
