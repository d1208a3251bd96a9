"""The queue: deduplicating, one worker per key, two priorities, backoff (design §2.2)."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.clock import FixedClock
from askproai_operator.engine import Key
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import LONGEST_DELAY, Urgency, WorkQueue, backoff

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
    return not any(queue._waiting.values())


async def test_a_key_added_twice_waits_once(queue: WorkQueue):
    queue.add(A)
    queue.add(A, Urgency.RESYNC)
    assert await queue.get() == A
    assert empty(queue)


async def test_a_key_added_while_it_is_worked_on_is_worked_on_again_after(queue: WorkQueue):
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
    queue.add(A, Urgency.RESYNC)
    queue.add(B, Urgency.CHANGE)
    assert [await queue.get(), await queue.get()] == [B, A]


async def test_a_waiting_resync_moves_up_when_a_person_changes_the_object(queue: WorkQueue):
    queue.add(A, Urgency.RESYNC)
    queue.add(B, Urgency.RESYNC)
    queue.add(B, Urgency.CHANGE)
    assert [await queue.get(), await queue.get()] == [B, A]
    assert empty(queue)


async def test_a_worker_that_waits_is_woken(queue: WorkQueue):
    waiter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiter.done()
    queue.add(A)
    assert await asyncio.wait_for(waiter, 1) == A


async def test_a_scheduled_key_comes_when_it_is_due_and_not_before(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=10))
    clock.advance(timedelta(seconds=9.9))
    queue.ripen()
    assert empty(queue)
    clock.advance(timedelta(seconds=0.1))
    queue.ripen()
    assert await queue.get() == A


async def test_a_key_has_one_later_look_and_the_last_word_counts(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, timedelta(seconds=1))
    queue.schedule(A, timedelta(seconds=60))
    clock.advance(timedelta(seconds=30))
    queue.ripen()
    assert empty(queue)
    clock.advance(timedelta(seconds=30))
    queue.ripen()
    assert await queue.get() == A


async def test_a_look_now_stands_for_the_look_that_was_planned(queue: WorkQueue, clock: FixedClock):
    queue.schedule(A, ONE_SECOND)
    queue.add(A)
    queue.done(await queue.get())
    clock.advance(timedelta(hours=1))
    queue.ripen()
    assert empty(queue)


async def test_a_gone_object_is_not_looked_at_again(queue: WorkQueue, clock: FixedClock):
    queue.retry(A)
    queue.drop(A)
    clock.advance(timedelta(hours=1))
    queue.ripen()
    assert empty(queue)
    assert queue.failures(A) == 0


async def test_each_key_backs_off_by_itself_until_it_goes_well(queue: WorkQueue):
    assert [queue.retry(A) for _ in range(3)] == [ONE_SECOND, 2 * ONE_SECOND, 4 * ONE_SECOND]
    assert queue.retry(B) == ONE_SECOND
    queue.forget(A)
    assert queue.retry(A) == ONE_SECOND


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (9, 128, 256), (10, 150, 300), (5000, 150, 300)]
)
def test_backoff_doubles_to_five_minutes_with_up_to_half_of_it_left_to_chance(failures: int, least: float, most: float):
    assert backoff(failures, lambda: 0.0) == timedelta(seconds=least)
    assert backoff(failures, lambda: 1.0) == timedelta(seconds=most)
    assert backoff(failures) <= LONGEST_DELAY


async def test_the_schedule_runs_by_itself(queue: WorkQueue):
    queue.schedule(A, timedelta(seconds=5))
    runner = asyncio.create_task(queue.run())
    assert await asyncio.wait_for(queue.get(), 1) == A
    runner.cancel()


def samples(metrics: Metrics) -> Iterator[tuple[str, dict[str, str], float]]:
    return ((s.name, s.labels, s.value) for family in metrics.registry.collect() for s in family.samples)


async def test_metrics_have_the_stock_names_and_say_what_is_going_on(
    queue: WorkQueue, clock: FixedClock, metrics: Metrics
):
    queue.add(A, Urgency.RESYNC)
    queue.add(B)
    clock.advance(timedelta(seconds=3))
    await queue.get()
    queue.retry(B)
    clock.advance(timedelta(seconds=7))
    queue.ripen()
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
    held: set[Key] = set()
    looks = 0

    async def work() -> None:
        nonlocal looks
        while True:
            key = await queue.get()
            assert key not in held
            held.add(key)
            looks += 1
            await asyncio.sleep(0)
            held.discard(key)
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
    assert looks >= len(keys)
