"""The state of a job at the end of an attempt: done, tried again, put back or dead."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from askproai_runtime.jobs import DeadNow, Job, JobError, RunAgain
from tests.worlds.databases import Database
from tests.worlds.job_environment import QUICK, JobEnvironment


async def test_done_job_and_its_event_end_together(env: JobEnvironment) -> None:
    """The status of the event: received → processing → processed."""
    job_id = await env.event("once")
    assert (await env.job(job_id))["event_status"] == "received"

    async def record_status(job: Job) -> None:
        env.handled.append((await env.job(job_id))["event_status"])
        await env.succeed(job)

    async with env.running(record_status):
        row = await env.wait_for(job_id, state="done", event_status="processed")
    assert env.handled == ["processing", "once"]
    assert env.metrics.ended == [("webhook-event", "done")]
    assert (row["attempts"], row["event_attempts"], row["event_error"]) == (1, 1, None)
    assert row["processed_at"] is not None


async def test_job_is_dead_after_three_spaced_retries(env: JobEnvironment) -> None:
    """The waits are the real ones; the test only moves `run_at`."""
    job_id = await env.event("fails")

    async def fail(job: Job) -> None:
        env.handled.append(f"attempt {job.attempts}")
        raise ValueError("no such luck")

    async with env.running(fail):
        for attempt, wait in ((1, 10), (2, 60), (3, 300)):
            row = await env.wait_for(job_id, state="ready", attempts=attempt)
            assert wait - 2 < row["due_in"] <= wait
            assert (row["event_status"], row["event_attempts"]) == ("failed", attempt)
            assert row["event_error"] == row["last_error"]
            assert row["last_error"].startswith("ValueError at ")
            await env.make_due(job_id)
        row = await env.wait_for(job_id, state="dead", attempts=4, event_status="dead")
        await env.make_due(job_id)
        await asyncio.sleep(0.5)
    assert env.handled == ["attempt 1", "attempt 2", "attempt 3", "attempt 4"]
    assert row["finished_at"] is not None
    assert env.metrics.ended == [("webhook-event", "dead")]


async def test_failed_attempts_error_quotes_no_row(env: JobEnvironment) -> None:
    """A driver's message quotes the row that it refused, and rows hold names and phone numbers."""
    quoting, explained = await env.event("quotes"), await env.event("explains")

    class CalendarSaysNo(JobError):
        """One of our own errors."""

    async def fail(job: Job) -> None:
        if job.correlation_id == "explains":
            raise CalendarSaysNo("enter it by hand")
        await env.pool.execute(
            "INSERT INTO customers (tenant, phone) SELECT $1, '+49301' FROM generate_series(1, 2)", env.tenant
        )

    async with env.running(fail):
        row = await env.wait_for(quoting, state="ready", attempts=1)
        own = await env.wait_for(explained, state="ready", attempts=1)
    assert row["last_error"].startswith("UniqueViolationError at ")
    assert "runner.py:" in row["last_error"], "our own line is named, not the driver's alone"
    assert "+49" not in row["last_error"] + row["event_error"]
    assert own["last_error"] == "CalendarSaysNo: enter it by hand"


async def test_unroutable_job_is_dead_without_retries(env: JobEnvironment) -> None:
    job_id = await env.event("stranger")

    async def refuse(job: Job) -> None:
        raise DeadNow("unroutable")

    async with env.running(refuse):
        row = await env.wait_for(job_id, state="dead", attempts=1)
    assert (row["event_status"], row["event_error"]) == ("dead", "unroutable")
    assert env.metrics.ended == [("webhook-event", "dead")]


async def test_postponed_job_uses_up_no_attempt(env: JobEnvironment) -> None:
    job_id = await env.event("early")

    async def postpone(job: Job) -> None:
        raise RunAgain(datetime.now(UTC) + timedelta(hours=1), "the provider needs quiet")

    async with env.running(postpone):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_attempts"], row["event_status"]) == (0, 0, "received")
    assert 3500 < row["due_in"] <= 3600


def raise_sqlstate(env: JobEnvironment, state: str) -> Callable[[Job], Awaitable[None]]:
    async def handle(_job: Job) -> None:
        await env.pool.execute(f"DO $$ BEGIN RAISE EXCEPTION 'Erika' USING ERRCODE = '{state}'; END $$")

    return handle


@pytest.mark.parametrize("state", ["57P01", "57P02", "57P03", "57014", "55P03", "40001", "40P01"])
async def test_slow_or_restarting_database_uses_up_no_attempt(env: JobEnvironment, state: str) -> None:
    job_id = await env.event("innocent")
    async with env.running(raise_sqlstate(env, state)):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_attempts"], row["event_status"]) == (0, 0, "received")
    assert 8 < row["due_in"] <= 10
    assert row["last_error"].startswith(f"{type(asyncpg.PostgresError.new({'C': state})).__name__} at ")


@pytest.mark.parametrize(("state", "age"), [("22012", "0 s"), ("57014", "61 minutes")])
async def test_permanent_database_error_uses_up_an_attempt(
    env: JobEnvironment, module_database: Database, state: str, age: str
) -> None:
    """Else a job whose statement is always too slow would never become a dead letter, and nobody would look at it."""
    job_id = await env.event("guilty")
    admin = await asyncpg.connect(module_database.superuser_dsn)
    await admin.execute(
        "UPDATE jobs SET created_at = clock_timestamp() - $2::text::interval WHERE id = $1", job_id, age
    )
    await admin.close()
    async with env.running(raise_sqlstate(env, state)):
        row = await env.wait_for(job_id, state="ready", claim_no=1)
    assert (row["attempts"], row["event_status"]) == (1, "failed")


async def test_attempt_that_takes_too_long_is_cancelled(env: JobEnvironment) -> None:
    job_id = await env.event("slow")

    async def hang(job: Job) -> None:
        await asyncio.Event().wait()

    async with env.running(hang, dataclasses.replace(QUICK, timeout=timedelta(seconds=0.3))):
        row = await env.wait_for(job_id, state="ready", attempts=1)
    assert row["last_error"] == "TooLong: not done after 0.3 s"


async def test_handler_that_does_not_finish_its_job_fails(env: JobEnvironment) -> None:
    job_id = await env.event("forgetful")

    async def forget(job: Job) -> None:
        return None

    async with env.running(forget):
        row = await env.wait_for(job_id, state="ready", attempts=1)
    assert row["last_error"].startswith("FinishForgotten")
