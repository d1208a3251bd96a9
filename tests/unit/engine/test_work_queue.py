"""The queue: deduplication, one worker per key, two priorities, backoff, workers of a kind's own."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import pytest

from askproai_operator.api import Key
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import Priority, WorkQueue
from askproai_operator.control_loop.turns import RUNS
from askproai_operator.engine import Backoff, Options
from tests.worlds.clock import FixedClock
from tests.worlds.waiting import SOON

A, B = Key("Tenant", "n", "a"), Key("Tenant", "n", "b")
ONE_SECOND = timedelta(seconds=1)


def empty(queue: WorkQueue) -> bool:
    return len(queue) == 0


async def test_key_added_twice_is_queued_once(queue: WorkQueue):
    queue.add(A)
    queue.add(A, Priority.RESYNC)
    assert await queue.get() == A
    assert empty(queue)


async def test_key_added_during_processing_is_processed_again(queue: WorkQueue):
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    queue.add(A)
    assert empty(queue), "no second worker may have it meanwhile"
    queue.done(A)
    assert await queue.get() == A
    queue.done(A)
    assert empty(queue)


async def test_human_change_moves_up_a_waiting_resync(queue: WorkQueue):
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
    assert await asyncio.wait_for(waiter, SOON) == A


async def test_scheduled_key_is_added_exactly_when_due(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=10))
    clock.advance(timedelta(seconds=9.9))
    queue.promote_due()
    assert empty(queue)
    clock.advance(timedelta(seconds=0.1))
    queue.promote_due()
    assert await queue.get() == A


async def test_later_schedule_of_a_key_replaces_earlier_one(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=1))
    queue.schedule(A, timedelta(seconds=60))
    clock.advance(timedelta(seconds=30))
    queue.promote_due()
    assert empty(queue)
    clock.advance(timedelta(seconds=30))
    queue.promote_due()
    assert await queue.get() == A


async def test_immediate_run_cancels_the_scheduled_run(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, ONE_SECOND)
    queue.add(A)
    queue.done(await queue.get())
    clock.advance(timedelta(hours=1))
    queue.promote_due()
    assert empty(queue)


async def test_dropped_key_is_not_scheduled_again(queue: WorkQueue, clock: FixedClock):
    queue.retry(A)
    queue.drop(A)
    clock.advance(timedelta(hours=1))
    queue.promote_due()
    assert empty(queue)
    assert queue.failures(A) == 0


async def test_each_key_has_a_backoff_until_success(queue: WorkQueue):
    assert [queue.retry(A) for _ in range(3)] == [ONE_SECOND, 2 * ONE_SECOND, 4 * ONE_SECOND]
    assert queue.retry(B) == ONE_SECOND
    queue.forget(A)
    assert queue.retry(A) == ONE_SECOND


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (9, 128, 256), (10, 150, 300), (5000, 150, 300)]
)
def test_backoff_doubles_to_five_minutes_with_jitter(failures: int, least: float, most: float):
    assert Backoff().delay(failures, lambda: 0.0) == timedelta(seconds=least)
    assert Backoff().delay(failures, lambda: 1.0) == timedelta(seconds=most)
    assert Backoff().delay(failures) <= timedelta(minutes=5)


async def test_running_queue_adds_scheduled_keys_when_due(queue: WorkQueue):
    queue.schedule(A, timedelta(seconds=5))
    runner = asyncio.create_task(queue.run())
    assert await asyncio.wait_for(queue.get(), SOON) == A
    runner.cancel()


def samples(metrics: Metrics) -> Iterator[tuple[str, dict[str, str], float]]:
    return ((s.name, s.labels, s.value) for family in metrics.registry.collect() for s in family.samples)


async def test_metrics_have_controller_runtime_names(queue: WorkQueue, clock: FixedClock, metrics: Metrics):
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


async def test_list_does_not_add_a_known_key_again(queue: WorkQueue, clock: FixedClock):
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


class TestRetries:
    async def test_first_three_retries_of_a_change_stay_urgent(self, queue: WorkQueue, clock: FixedClock):
        queue.add(A)
        for expected in (Priority.CHANGE, Priority.CHANGE, Priority.CHANGE, Priority.RESYNC):
            assert await queue.get() == A
            queue.retry(A)
            queue.done(A)
            assert queue._due[A][1] is expected
            clock.advance(timedelta(minutes=5))
            queue.promote_due()

    async def test_the_retry_of_a_resync_stays_a_resync(self, queue: WorkQueue):
        queue.add(A, Priority.RESYNC)
        await queue.get()
        queue.retry(A)
        assert queue._due[A][1] is Priority.RESYNC


class TestTurns:
    """The work of a namespace is finished before that of the next one begins, and no namespace waits without end."""

    @staticmethod
    def of(namespace: str, number: int) -> Key:
        return Key("Tenant", namespace, str(number))

    async def test_namespace_with_a_begun_run_precedes_waiting_namespace(self, queue: WorkQueue, clock: FixedClock):
        for namespace in ("one", "two"):
            queue.add(self.of(namespace, 1))
            clock.advance(ONE_SECOND)
        key = await queue.get()
        assert key == self.of("one", 1)
        queue.done(key)
        clock.advance(ONE_SECOND)
        queue.add(self.of("one", 2))  # its first run made this due
        assert [await queue.get(), await queue.get()] == [self.of("one", 2), self.of("two", 1)]

    async def test_busy_namespace_yields_after_several_runs(self, queue: WorkQueue, clock: FixedClock):
        for number in range(RUNS * 3):
            queue.add(self.of("busy", number))
        clock.advance(ONE_SECOND)
        queue.add(self.of("other", 1))
        taken = [await queue.get() for _ in range(RUNS + 1)]
        assert taken[-1] == self.of("other", 1)
        assert {key.namespace for key in taken[:-1]} == {"busy"}

    async def test_an_edit_goes_before_new_tenants(self, queue: WorkQueue, clock: FixedClock):
        for number in range(3):
            queue.add(self.of(f"new-{number}", 1))
        clock.advance(ONE_SECOND)
        queue.add(self.of("ready", 1), Priority.EDIT)
        assert await queue.get(least=Priority.CHANGE) == self.of("ready", 1)

    async def test_endless_edits_do_not_block_other_keys(self, queue: WorkQueue, clock: FixedClock):
        queue.add(self.of("other", 1))
        clock.advance(ONE_SECOND)
        taken = []
        for number in range(RUNS + 1):
            queue.add(self.of("busy", number), Priority.EDIT)
            taken.append(await queue.get())
            queue.done(taken[-1])
        assert taken[-1] == self.of("other", 1)
        clock.advance(timedelta(minutes=2))
        assert await queue.get() == self.of("busy", RUNS)
        queue.add(self.of("other", 2))
        clock.advance(timedelta(minutes=2))
        queue.add(self.of("busy", 1), Priority.EDIT)
        assert await queue.get() == self.of("busy", 1), "it has rested"

    async def test_namespace_gets_some_of_many_edits_first(self, queue: WorkQueue, clock: FixedClock):
        """One `kubectl apply` may edit 500 services."""
        queue.add(self.of("other", 1))
        clock.advance(ONE_SECOND)
        for number in range(500):
            queue.add(self.of("busy", number), Priority.EDIT)
        taken = [await queue.get() for _ in range(RUNS + 1)]
        assert taken == [*(self.of("busy", number) for number in range(RUNS)), self.of("other", 1)]

    async def test_resyncs_take_no_precedence_from_edits(self, queue: WorkQueue, clock: FixedClock):
        """A quiet namespace may have several resyncs each minute, for ever."""
        for _ in range(RUNS * 2):
            queue.add(self.of("quiet", 1), Priority.RESYNC)
            queue.done(await queue.get())
            clock.advance(timedelta(seconds=20))
        queue.add(self.of("new", 1))
        queue.add(self.of("quiet", 1), Priority.EDIT)
        assert await queue.get() == self.of("quiet", 1)

    async def test_namespace_idle_for_minutes_queues_behind_another(self, queue: WorkQueue, clock: FixedClock):
        queue.add(self.of("one", 1))
        queue.done(await queue.get())
        clock.advance(timedelta(minutes=2))
        queue.add(self.of("two", 1))
        clock.advance(ONE_SECOND)
        queue.add(self.of("one", 2))
        assert await queue.get() == self.of("two", 1)

    async def test_queue_returns_each_key_exactly_once(self, queue: WorkQueue, clock: FixedClock):
        random, expected = Random(7), set[Key]()
        for _ in range(2000):
            key = self.of(str(random.randrange(9)), random.randrange(40))
            queue.add(key, random.choice([*Priority]))
            expected.add(key)
            if random.random() < 0.3:
                taken = await queue.get()
                expected.remove(taken)
                queue.done(taken)
            clock.advance(timedelta(seconds=random.random() * 5))
            assert len(queue) == len(expected)
        assert {await queue.get() for _ in range(len(expected))} == expected


async def test_reserved_workers_receive_only_changes(queue: WorkQueue):
    queue.add(A, Priority.RESYNC)
    waiter = asyncio.create_task(queue.get(least=Priority.CHANGE))
    await asyncio.sleep(0)
    assert not waiter.done()
    queue.add(B)
    assert await asyncio.wait_for(waiter, SOON) == B


class TestOptions:
    """A kind with a backoff, workers or a timeout of its own."""

    ORPHAN = Key("Orphan", "n", "x")

    @pytest.fixture
    def queue(self, clock: FixedClock, metrics: Metrics) -> WorkQueue:
        hour = Backoff(timedelta(minutes=1), timedelta(hours=1), jitter=0)
        return WorkQueue(clock, metrics, lambda: 1.0, {"Orphan": Options(hour, workers=4, timeout=None)})

    async def test_orphan_keys_wait_for_their_own_workers(self, queue: WorkQueue):
        queue.add(self.ORPHAN)
        queue.add(A, Priority.RESYNC)
        assert await queue.get() == A
        assert await queue.get("Orphan") == self.ORPHAN
        assert queue.own_workers() == {"Orphan": 4}

    async def test_orphan_keys_use_their_own_backoff(self, queue: WorkQueue):
        delays = [queue.retry(self.ORPHAN) for _ in range(8)]
        assert delays == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 32, 60, 60)]
        assert queue.retry(A) == ONE_SECOND

    async def test_orphan_work_does_not_count_as_stuck(self, queue: WorkQueue, clock: FixedClock):
        queue.add(self.ORPHAN)
        await queue.get("Orphan")
        clock.advance(timedelta(hours=1))
        assert queue.oldest_work() == timedelta()

    async def test_depth_counts_the_keys_of_all_workers(self, queue: WorkQueue, metrics: Metrics):
        queue.add(self.ORPHAN)
        queue.add(A)
        labels = {"name": "askproai", "priority": "change"}
        assert metrics.registry.get_sample_value("workqueue_depth", labels) == 2
