"""Periodic tasks: all workers together run each of them once, from the watermark of the last run."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import generate_latest

from askproai_core.database import open_pool
from askproai_runtime.tasks import Next, PutOff, StaleRun, TaskError, TaskRun, request_soon, request_unless_failed
from askproai_runtime.tasks.store import ClaimedTask, TaskStore
from askproai_runtime.tasks.types import Watermark
from tests.worlds.databases import Database
from tests.worlds.task_environment import QUICK, TaskEnvironment
from tests.worlds.waiting import SOON, eventually

HOUR = timedelta(hours=1)


class Counting:
    """A task that counts its runs in the watermark, and is due again `after`."""

    def __init__(self, after: timedelta = HOUR) -> None:
        self.runs: list[TaskRun] = []
        self.after = after

    async def __call__(self, run: TaskRun) -> Next:
        self.runs.append(run)
        return Next(self.after, {"runs": run.watermark.get("runs", 0) + 1})


async def test_task_is_next_due_at_its_returned_time(env: TaskEnvironment) -> None:
    count = Counting()
    async with env.running({"count": count}), env.running({"count": count}):
        row = await env.wait_for(lease_until=None, claim_no=1, failures=0)
        assert json.loads(row["watermark"]) == {"runs": 1}
        assert 0.8 * 3600 - 10 < row["due_in"] < 1.2 * 3600
        assert row["last_finished_at"] is not None
    assert [run.watermark for run in count.runs] == [{}]


async def test_next_run_begins_with_the_last_watermark(env: TaskEnvironment) -> None:
    count = Counting()
    for runs in (1, 2, 3):
        async with env.running({"count": count}):
            await env.wait_for(watermark=json.dumps({"runs": runs}), lease_until=None)
        await env.make_due()
    assert [run.watermark for run in count.runs] == [{}, {"runs": 1}, {"runs": 2}]
    assert len({run.correlation_id for run in count.runs}) == 3


async def test_one_of_two_workers_runs_a_task(env: TaskEnvironment) -> None:
    at_once, most = 0, 0

    async def slow(run: TaskRun) -> Next:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        return Next(timedelta(), {"runs": run.watermark.get("runs", 0) + 1})

    async def ran_often() -> bool:
        return json.loads((await env.row())["watermark"]).get("runs", 0) >= 10

    async with env.running({"count": slow}), env.running({"count": slow}), env.running({"count": slow}):
        await env.exists("count")
        await eventually(ran_often, SOON)
    assert most == 1


async def test_tasks_of_one_worker_run_concurrently(env: TaskEnvironment) -> None:
    meeting = asyncio.Barrier(2)

    async def meet(run: TaskRun) -> Next:
        await meeting.wait()
        return Next(HOUR, run.watermark)

    async with env.running({"left": meet, "right": meet}):
        for name in ("left", "right"):
            await env.wait_for(name, lease_until=None, claim_no=1)


async def test_failed_task_explains_itself_and_doubles_its_wait(env: TaskEnvironment) -> None:
    async def fail(run: TaskRun) -> Next:
        raise TaskError("the calendar lists what is no booking")

    async with env.running({"count": fail}, replace(QUICK, retry=timedelta(minutes=1))):
        for failures, minutes in ((1, 1), (2, 2), (3, 4)):
            row = await env.wait_for(failures=failures, lease_until=None)
            assert row["last_error"] == "the calendar lists what is no booking"
            assert 0.8 * minutes * 60 - 5 < row["due_in"] < 1.2 * minutes * 60
            assert row["last_finished_at"] is None
            await env.make_due()


async def test_text_of_a_foreign_error_is_not_stored(env: TaskEnvironment) -> None:
    async def fail(run: TaskRun) -> Next:
        raise ValueError("Erika Mustermann, +49 30 1234567")

    async with env.running({"count": fail}, replace(QUICK, retry=HOUR)):
        row = await env.wait_for(failures=1, lease_until=None)
    assert row["last_error"].startswith("ValueError at ")
    assert "Erika" not in row["last_error"]


async def test_postponed_task_waits_without_counting_a_failure(env: TaskEnvironment) -> None:
    async def wait(run: TaskRun) -> Next:
        raise PutOff(timedelta(minutes=10), "Cal.com asks to wait")

    async with env.running({"count": wait}):
        row = await env.wait_for(claim_no=1, lease_until=None)
    assert (row["failures"], row["last_error"]) == (0, "Cal.com asks to wait")
    assert 10 * 60 - 5 < row["due_in"] < 15 * 60


async def test_too_long_run_continues_from_its_saved_state(env: TaskEnvironment) -> None:
    async def hang(run: TaskRun) -> Next:
        await run.save({"page": run.watermark.get("page", 0) + 1})
        await asyncio.Event().wait()
        raise AssertionError

    settings = replace(QUICK, timeout=timedelta(seconds=1), retry=HOUR)  # it needs a hundredth of them to save
    async with env.running({"count": hang}, settings):
        row = await env.wait_for(claim_no=1, lease_until=None)
    assert row["last_error"] == "not done after 1 s; it goes on from what it has saved"
    assert json.loads(row["watermark"]) == {"page": 1}


async def test_stopping_worker_leaves_its_task_at_once(env: TaskEnvironment) -> None:
    started = asyncio.Event()

    async def hang(run: TaskRun) -> Next:
        await run.save({"page": 7})
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with env.running({"count": hang}, replace(QUICK, lease=HOUR)):
        await asyncio.wait_for(started.wait(), SOON)
    row = await env.row()
    assert (row["lease_until"], json.loads(row["watermark"])) == (None, {"page": 7})
    assert row["due_in"] <= 0


async def test_worker_without_claim_saves_nothing(env: TaskEnvironment) -> None:
    started, taken = asyncio.Event(), asyncio.Event()
    refused: list[str] = []

    async def slow(run: TaskRun) -> Next:
        started.set()
        await taken.wait()
        try:
            await run.save({"mine": True})
        except StaleRun as error:
            refused.append(str(error))
            raise
        return Next(HOUR, {"mine": True})

    async with env.running({"count": slow}, replace(QUICK, renew_every=HOUR)):
        await asyncio.wait_for(started.wait(), SOON)
        await env.pool.execute(
            "UPDATE tasks SET claim_no = claim_no + 1, watermark = '{\"theirs\": true}', due_at = now() + interval '1 day'"
        )
        taken.set()
        await eventually(lambda: refused)
    row = await env.row()
    assert json.loads(row["watermark"]) == {"theirs": True}
    assert row["due_in"] > 3600


async def test_run_whose_lease_was_taken_is_cancelled(env: TaskEnvironment) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(run: TaskRun) -> Next:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with env.running({"count": hang}):
        await asyncio.wait_for(started.wait(), SOON)
        await env.pool.execute("UPDATE tasks SET claim_no = claim_no + 1, lease_until = now() + interval '1 hour'")
        await asyncio.wait_for(cancelled.wait(), SOON)
        assert (await env.row())["lease_until"] is not None


async def test_lease_renewal_ends_before_run_is_stored(env: TaskEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    finish, steps = TaskStore.finish, []

    async def renew_slowly(store: TaskStore, tasks: Sequence[ClaimedTask]) -> list[bool]:
        steps.append("renewal begins")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)  # the server ends a statement a moment after it was asked to
            steps.append("renewal has ended")
        return []

    async def finish_run(store: TaskStore, task: ClaimedTask, watermark: Watermark, after: timedelta) -> None:
        steps.append("run is finished")
        await finish(store, task, watermark, after)

    async def run_until_renewal(run: TaskRun) -> Next:
        await eventually(lambda: bool(steps), SOON)
        return Next(HOUR, {})

    monkeypatch.setattr(TaskStore, "renew", renew_slowly)
    monkeypatch.setattr(TaskStore, "finish", finish_run)
    async with env.running({"count": run_until_renewal}):
        await env.wait_for(claim_no=1, lease_until=None, failures=0)
    assert steps == ["renewal begins", "renewal has ended", "run is finished"]


async def test_request_reruns_even_a_running_task(env: TaskEnvironment) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(run: TaskRun) -> Next:
        begun.set()
        await go_on.wait()
        return Next(HOUR, {"runs": run.watermark.get("runs", 0) + 1})

    async with env.running({"count": slow}):
        await asyncio.wait_for(begun.wait(), SOON)
        await request_soon(env.pool, env.tenant, "count")
        go_on.set()
        row = await env.wait_for(watermark='{"runs": 2}', lease_until=None)
        assert row["due_in"] > 60
        await request_soon(env.pool, env.tenant, "count")
        await env.wait_for(watermark='{"runs": 3}', lease_until=None)


async def test_worker_ignores_unknown_tasks_and_other_tenants_tasks(
    env: TaskEnvironment, module_database: Database
) -> None:
    other = await module_database.create_tenant(f"other-of-{env.tenant}")
    count = Counting()
    async with open_pool(other.dsn, max_size=1) as theirs:
        insert = "INSERT INTO tasks (tenant, name, due_at) VALUES ($1, $2, now())"
        await theirs.execute(insert, other.tenant, "count")
        await env.pool.execute(insert, env.tenant, "of-a-later-release")
        async with env.running({"count": count}):
            await env.wait_for(claim_no=1, lease_until=None)
        assert await theirs.fetchval("SELECT claim_no FROM tasks") == 0
        assert (await env.row("of-a-later-release"))["claim_no"] == 0


async def test_run_with_unstored_result_repeats_from_last_watermark(module_database: Database) -> None:
    salon = await module_database.create_tenant("away")
    begun, go_on = asyncio.Event(), asyncio.Event()
    runs: Counter[str] = Counter()

    async def slow(run: TaskRun) -> Next:
        runs[json.dumps(run.watermark)] += 1
        if begun.is_set():
            return Next(HOUR, {"done": True})
        await run.save({"page": 1})
        begun.set()
        await go_on.wait()
        return Next(HOUR, {"done": True})

    async with open_pool(salon.dsn, max_size=2) as pool, open_pool(salon.dsn, max_size=1) as observers:
        env = TaskEnvironment(salon.tenant, salon.dsn, observers)
        async with (
            env.running({"count": slow}, pool=pool),
            open_pool(module_database.superuser_dsn, max_size=1) as superuser,
        ):
            await asyncio.wait_for(begun.wait(), SOON)
            await superuser.execute(f"ALTER ROLE {salon.role} NOLOGIN")
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", salon.role
            )
            go_on.set()
            await asyncio.sleep(0)  # the run ends here, and cannot store it
            text = await eventually(lambda: measured(env, "not_recorded"))
            assert text
            await superuser.execute(f"ALTER ROLE {salon.role} LOGIN")
            await env.wait_for(watermark='{"done": true}', lease_until=None)
    assert runs == {"{}": 1, '{"page": 1}': 1}


def measured(env: TaskEnvironment, outcome: str) -> bool:
    text = generate_latest(env.metrics.registry).decode()
    return f'askproai_task_runs_total{{outcome="{outcome}",task="count",tenant="salon"}} 1.0' in text


async def test_every_worker_measures_runs_and_last_success(env: TaskEnvironment) -> None:
    async with env.running({"count": Counting()}):
        await env.wait_for(claim_no=1, lease_until=None)
    assert measured(env, "ok")
    await env.pool.execute("UPDATE tasks SET last_finished_at = now() - interval '2 hours'")
    another = TaskEnvironment(env.tenant, env.dsn, env.pool)
    async with another.running({"count": Counting()}):
        age = 'askproai_task_age_seconds{task="count",tenant="salon"} 72'
        await eventually(lambda: age in generate_latest(another.metrics.registry).decode())


async def test_worker_writes_nothing_while_no_task_is_due(env: TaskEnvironment) -> None:
    async with env.running({"count": Counting()}):
        await env.wait_for(claim_no=1, lease_until=None)
        before = await env.pool.fetchval("SELECT xmin::text FROM tasks WHERE tenant = $1", env.tenant)
        await env.pool.execute("SELECT pg_sleep(0.5)")  # several looks
        assert await env.pool.fetchval("SELECT xmin::text FROM tasks WHERE tenant = $1", env.tenant) == before


async def test_task_is_requestable_unless_it_has_failed(env: TaskEnvironment) -> None:
    during = asyncio.Event()

    async def work(_: TaskRun) -> Next:
        row = await env.row()
        if row["claim_no"] == 2:
            await request_unless_failed(env.pool, env.tenant, "count")
            during.set()
        if row["claim_no"] == 4:
            raise TaskError("the fourth run fails")
        return Next(HOUR, {})

    slow = replace(QUICK, retry=HOUR, longest_retry=HOUR)
    async with env.running({"count": work}, slow):
        await env.wait_for(lease_until=None, claim_no=1)
        await request_unless_failed(env.pool, env.tenant, "count")
        await during.wait()
        await env.wait_for(lease_until=None, claim_no=3)
        await request_unless_failed(env.pool, env.tenant, "count")
        await env.wait_for(lease_until=None, claim_no=4, failures=1)
        await request_unless_failed(env.pool, env.tenant, "count")
        assert (await env.row())["due_in"] > 1800
