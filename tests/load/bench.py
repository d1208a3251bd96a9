"""`make bench`: measure what docs/performance.md states. Options: `python -m tests.load.bench --help`.

Everything runs on this machine's loopback, each part as the process that a pod runs. Exit code 1 when a bar is missed or a
promise is broken: an event that was acknowledged and is not stored once and processed.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from rich.console import Console

from askproai_core.logging import configure_logs
from askproai_core.phone_numbers import e164_or_none
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import BusySpan, ServiceRules, SlotQuery
from askproai_runtime.call_routes import Routing
from askproai_sandbox.cluster import ProcessError, free_port
from tests.load.calls import ask_on_schedule, play_calls, play_crowd, play_questions
from tests.load.environment import (
    CALCOM_KEY,
    EVENT_TYPES,
    PEOPLE,
    LoadEnvironment,
    bench_config,
    memory_rows,
    open_environment,
    process,
    send,
)
from tests.load.event_loop import event_loop_rows
from tests.load.events import event_id
from tests.load.hijacked import hijacked_rows
from tests.load.idle import idle_rows
from tests.load.idle_requests import idle_request_rows
from tests.load.measure import Row, cpu_seconds, latency_rows, percentile
from tests.load.outage import outage_rows
from tests.load.rates import rate_rows
from tests.load.sender import LoadResult
from tests.load.table import cpu_model, print_table

RATE, ACK_BAR_MS = 100, 50
CONNECTIONS, OTHER_CONNECTIONS = 64, (1, 8, 256)
CALLS, AT_ONCE, CROWD = 150, 8, 1_000
LOCAL_WISHES = ("< 8 ms", "< 5 ms", "< 30 ms")  # p95 of a question, of a booking, and of bookings at once
FUNCTION_RATES, FUNCTION_MS, MIXED_SECONDS = (25, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500), 150, 10
PROVIDER_MS, QUESTIONS = 50, 48
_ONLY = {  # an option for each measurement that can be had alone
    "only_idle": "what an idle tenant holds",
    "attacks": "what others notice under a hijacked login",
    "rates": "how fast events may come, and how soon a single one is processed",
    "capacity": "how many events a second the web process stores, beside a server that does nothing",
    "crowd": "how soon all who ask for one slot at once have an answer",
}


class PromiseBroken(AssertionError):
    """The numbers do not count, because the work was not done correctly."""


async def measure(
    directory: Path,
    *,
    seconds: float,
    outage: float,
    idle: bool,
    only: str,
    attacks: bool,
    seed: int,
    report: Callable[[str], None],
) -> tuple[dict[str, Any], list[Row]]:
    """Run every measurement, or the one that `only` names, and return the facts about the machine and the rows."""
    rows: list[Row] = []
    if idle:
        report("idle: the demo's parts with one tenant")
        rows += await idle_rows(directory / "demo")
    if only == "only_idle":
        return {"load after": round(os.getloadavg()[0], 2)}, rows
    async with open_environment(directory) as env:
        facts = await machine(env)
        env.mount()
        if only == "crowd":
            return facts, await crowd_rows(env)
        if only == "capacity":
            async with env.running("web"):
                return facts, await capacity_rows(env)
        if only == "attacks":
            async with env.running("web"), env.running("worker"):
                return facts, await hijacked_rows(env, report)
        if only == "rates":
            async with env.running("web"), env.running("worker"):
                return facts, await rate_rows(env, partial(check_stored_once, env))
        report("start → ready, of each process alone")
        rows += await start_rows(env)
        async with env.running("web") as web:
            async with env.running("worker"):
                report(f"calls that book, in the local book: {CALLS}, then {AT_ONCE} at once")
                rows += await booking_rows(env, "local", *LOCAL_WISHES)
                report(f"acknowledgements: {RATE}/s for {seconds:g} s, on schedule")
                rows += await ack_rows(env, seconds)
                rows += memory_rows("web after that load", web.pid)
                report(
                    f"functions beside {RATE} webhooks/s, on schedule, at one rate after the other: {FUNCTION_RATES}"
                )
                rows += await mixed_rows(env)
                report("one event at a time; then more and more of them a second, on schedule")
                rows += await rate_rows(env, partial(check_stored_once, env))
                report(f"PostgreSQL is frozen for {outage:g} s of that load")
                rows += await outage_rows(env, RATE, outage, ACK_BAR_MS, partial(check_stored_once, env))
            report(f"capacity: {CONNECTIONS} busy connections, no worker")
            rows += await capacity_rows(env)
        report("the worker alone")
        rows += await drain_rows(env)
        report("calls that book in the local book, without a Redis")
        rows += await without_redis_rows(env)
        report(f"calls that book at Cal.com (simulated, answers after {PROVIDER_MS} ms)")
        rows += await calcom_rows(env)
        report("an hour of a tenant at which nothing happens: the clock is advanced")
        rows += await idle_request_rows(env)
        report(f"{CROWD:,} callers, one slot")
        rows += await crowd_rows(env)
        if attacks:
            async with env.running("web"), env.running("worker"):
                rows += await hijacked_rows(env, report)
        report("pure functions")
        rows += pure_rows(env)
        report(f"the event loop at the CRDs' limits, seed {seed}")
        rows += await event_loop_rows(env, seed)
    return facts | {"load after": round(os.getloadavg()[0], 2)}, rows


async def start_rows(env: LoadEnvironment) -> list[Row]:
    """Start each process of a pod five times, and return the median until it is ready."""
    rows = []
    for container in ("web", "worker"):
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            async with env.running(container):
                seconds.append(time.perf_counter() - started)
        rows.append(Row(f"{container}: start → ready", percentile(seconds, 50), "s", "< 1.5 s"))
    return rows


async def machine(env: LoadEnvironment) -> dict[str, Any]:
    """Return the facts without which no number means anything; every commit waits for an `fdatasync`."""
    probe = Path(await env.db.fetchval("SHOW data_directory")).with_name("sync.probe")
    with probe.open("wb", buffering=0) as file:
        syncs = timed(lambda: file.write(bytes(8192)) and os.fdatasync(file.fileno()) is None, 50)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "python": platform.python_version(),
        "postgresql": await env.db.fetchval("SHOW server_version"),
        "fdatasync p50 ms": round(percentile(syncs, 50) * 1000, 2),
        "load before": round(os.getloadavg()[0], 2),
    }


async def booking_rows(
    env: LoadEnvironment, calendar: str, check: str = "", book: str = "", at_once: str = ""
) -> list[Row]:
    """Measure the first caller after the start, then callers one after the other, then side by side; the strings are goals."""
    first = await play_calls(env.url, 0, 1)
    sequential = await play_calls(env.url, 1, CALLS)
    parallel = await play_calls(env.url, 1 + CALLS, CALLS // 2, at_once=AT_ONCE)
    if refused := first.refused + sequential.refused + parallel.refused:
        raise PromiseBroken(f"{len(refused)} calls did not end with a confirmed appointment, such as {refused[0]}")
    return [
        Row(f"check_availability, {calendar}, first call", first.check_seconds[0] * 1000),
        *latency_rows(f"check_availability, {calendar}", sequential.check_seconds, 50, 95, wish=check),
        Row(f"book_appointment, {calendar}, first call", first.book_seconds[0] * 1000),
        *latency_rows(f"book_appointment, {calendar}", sequential.book_seconds, 50, 95, wish=book),
        *latency_rows(f"book_appointment, {calendar}, {AT_ONCE} at once", parallel.book_seconds, 50, 95, wish=at_once),
    ]


async def without_redis_rows(env: LoadEnvironment) -> list[Row]:
    """Measure the calls of the local book once more, with a web process that has no Redis."""
    env.mount(redis=False)
    await env.db.execute("TRUNCATE appointments, claims, call_actions CASCADE")
    async with env.running("web"):
        return await booking_rows(env, "local, no Redis", *LOCAL_WISHES)


async def crowd_rows(env: LoadEnvironment) -> list[Row]:
    """Measure how long it takes until everybody who asks for the same slot has an answer; exactly one caller gets it."""
    env.mount()
    await env.db.execute("TRUNCATE appointments, claims, call_actions CASCADE")
    async with env.running("web") as web:
        await play_calls(env.url, 0, AT_ONCE)
        began = cpu_seconds(web)
        seconds, answers = await play_crowd(env.url, 10_000, CROWD, PEOPLE[0])
        spent = cpu_seconds(web) - began
    booked = await env.db.fetchval("SELECT count(*) FROM appointments WHERE status = 'confirmed'") - AT_ONCE
    if booked != 1:
        raise PromiseBroken(f"{booked} of {CROWD} callers got the one slot")
    helped = sum(bool(answer.get("success") or answer.get("alternatives")) for answer in answers)
    return [
        Row(f"{CROWD:,} callers for one slot, the last answer", seconds, "s", wish="< 2 s"),
        Row("… CPU time of the web process for each of them", spent * 1000 / CROWD, "ms"),
        Row("… who heard neither yes nor what else is free", CROWD - helped, "", wish="0"),
    ]


async def ack_rows(env: LoadEnvironment, seconds: float) -> list[Row]:
    """Send on schedule, then check that every acknowledged event is stored once and processed."""
    result = await send("open", env.url, "ack", seconds, RATE)
    await env.all_processed()
    await check_stored_once(env, "ack", result)
    processing = "SELECT extract(epoch FROM processed_at - received_at)::float8 FROM webhook_events"
    waited = [row[0] for row in await env.db.fetch(processing)]
    name = f"webhook ack at {RATE}/s"
    return [
        *latency_rows(name, result.latencies, 50, 95),
        Row(f"{name}, p99", percentile(result.latencies, 99) * 1000, wish="< 10 ms", bar=ACK_BAR_MS),
        Row(f"{name}, slowest of {len(result.latencies):,}", max(result.latencies) * 1000),
        Row("… requests that failed", sum(result.errors.values()), "", bar=0),
        *latency_rows("… of it the sender's own lateness", result.late, 99),
        *latency_rows("… stored → processed", waited, 50, 95),
    ]


async def mixed_rows(env: LoadEnvironment) -> list[Row]:
    """Raise the rate of functions, beside events, until one answer in twenty is late. One web process serves both."""
    rows, held, reason = list[Row](), 0, "no rate missed"
    for rate in FUNCTION_RATES:
        run, first = f"mixed{rate}", 30_000 + 1_000 * rate
        result, answers = await asyncio.gather(
            send("open", env.url, run, MIXED_SECONDS, RATE), ask_on_schedule(env.url, first, rate, MIXED_SECONDS)
        )
        await env.all_processed()
        await check_stored_once(env, run, result)
        beside = f"{rate} functions/s beside {RATE} webhooks/s"
        rows += latency_rows(f"{beside}: function", answers, 50, 95)
        rows += latency_rows(f"{beside}: ack", result.latencies, 95)
        if (p95 := percentile(answers, 95) * 1000) >= FUNCTION_MS:
            reason = f"at {rate}/s p95 {p95:.0f} ms"
            break
        held = rate
    highest = f"highest rate of functions beside {RATE} webhooks/s with p95 < {FUNCTION_MS} ms ({reason})"
    return [*rows, Row(highest, held, "/s", "≥ 500/s")]


async def check_stored_once(env: LoadEnvironment, run: str, result: LoadResult) -> None:
    """Compare the acknowledged events with the stored ones: each once, with one job. Raises PromiseBroken."""
    found = await env.db.fetch(
        "SELECT e.event_id, count(j.id) AS jobs FROM webhook_events e LEFT JOIN jobs j ON j.event_id = e.id"
        " WHERE e.event_id LIKE $1 GROUP BY e.id, e.event_id",
        f"call_{run}_%",
    )
    stored = sorted(row["event_id"] for row in found)
    acknowledged = sorted(event_id(run, number) for number in result.acknowledged)
    if result.errors:  # an event that was not acknowledged may be stored or not: its sender sends it again
        stored = sorted(set(stored) & set(acknowledged))
    if stored != acknowledged or any(row["jobs"] != 1 for row in found):
        raise PromiseBroken(f"of {len(acknowledged)} acknowledged events {len(stored)} are stored, or a job is missing")


async def capacity_rows(env: LoadEnvironment) -> list[Row]:
    """Compare the intake with a server that does nothing, measured before and after it, so that a busy neighbour shows."""
    await env.db.execute("ANALYZE")  # as autovacuum does within a minute; its moment would differ between runs
    port = str(free_port())
    bare_url, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "tests.load.sender", "bare", port]
    async with process(env.directory, "bare", command, bare_url):
        before = await send("closed", bare_url, "bare", 3, CONNECTIONS)
        intake = await send("closed", env.url, "capacity", 5, CONNECTIONS)
        after = await send("closed", bare_url, "bare", 3, CONNECTIONS)
    await check_intake(env, "capacity", intake)
    bare = (len(before.acknowledged) + len(after.acknowledged)) / (before.seconds + after.seconds)
    stored = len(intake.acknowledged) / intake.seconds
    return [
        Row("intake capacity, event and job committed", stored, "/s"),
        *latency_rows(f"… ack with {CONNECTIONS} busy connections", intake.latencies, 50, 99),
        Row("bare aiohttp 204, the same requests", bare, "/s"),
        Row("… the sender's share of a core", max(before.own_cpu, after.own_cpu) * 100, "%"),
        Row("intake capacity ÷ bare aiohttp", stored / bare, "×", "≥ 0.5"),
        *[row for connections in OTHER_CONNECTIONS for row in await intake_rows(env, connections)],
    ]


async def intake_rows(env: LoadEnvironment, connections: int) -> list[Row]:
    """Measure the intake at another number of busy connections."""
    run = f"busy{connections}"
    intake = await send("closed", env.url, run, 3, connections)
    await check_intake(env, run, intake)
    return [
        Row(f"intake with {connections} busy connections", len(intake.acknowledged) / intake.seconds, "/s"),
        *latency_rows(f"… ack with {connections} busy connections", intake.latencies, 50, 99),
    ]


async def check_intake(env: LoadEnvironment, run: str, intake: LoadResult) -> None:
    if intake.errors:
        raise PromiseBroken(f"the intake failed under load: {intake.errors}")
    await check_stored_once(env, run, intake)


async def drain_rows(env: LoadEnvironment) -> list[Row]:
    """Measure how fast one worker process finishes the events of the capacity run."""
    async with env.running("worker"):
        pending = await env.db.fetchval("SELECT count(*) FROM webhook_events WHERE status <> 'processed'")
        started = time.perf_counter()
        await env.all_processed()
    return [
        Row(
            f"jobs finished by one worker, of {pending:,}", pending / (time.perf_counter() - started), "/s", "≥ 2,000/s"
        )
    ]


async def calcom_rows(env: LoadEnvironment) -> list[Row]:
    """Measure bookings at a simulated Cal.com that answers after `PROVIDER_MS`."""
    port = str(free_port())
    url, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "askproai_sandbox.calcom", "--port", port]
    async with process(env.directory, "calcom", command, f"{url}/_sim/journal"):
        async with aiohttp.ClientSession(url, raise_for_status=True) as session:
            await session.post("/_sim/settings", json={"rate_limit": 0})
            for event_type in EVENT_TYPES:
                names = {"slug": event_type.staff, "host": event_type.staff}
                fields = {"key": CALCOM_KEY, "id": event_type.event_type_id, **names}
                await session.post("/_sim/event-types", json=fields | {"lengthInMinutes": 45, "afterEventBuffer": 10})
            slow = {"operation": "*", "fault": "slow", "ms": PROVIDER_MS, "count": None}
            await session.post("/_sim/faults", json=slow)
        env.mount(url)
        await env.db.execute("TRUNCATE appointments, claims, call_actions CASCADE")
        async with env.running("web"):
            questions, before = await free_times_rows(env), await _count_requests(url)
            rows = await booking_rows(env, f"Cal.com {PROVIDER_MS} ms", book="< 65 ms")
            booked = await env.db.fetchval("SELECT count(*) FROM appointments WHERE status = 'confirmed'")
            requests = await _count_requests(url) - before
            return [*rows, Row("… requests to Cal.com for each booked call", requests / booked, ""), *questions]


async def _count_requests(calcom_url: str) -> int:
    async with aiohttp.ClientSession(calcom_url) as session, session.get("/_sim/journal") as response:
        entries: list[dict[str, Any]] = (await response.json())["entries"]
        return max(entry["seq"] for entry in entries)


async def free_times_rows(env: LoadEnvironment) -> list[Row]:
    """Measure the question alone: with Cal.com's free times of ten people known, and with all of them to be asked for."""
    name, first = f"check_availability, Cal.com {PROVIDER_MS} ms", 20_000
    await play_questions(env.url, first, QUESTIONS)  # so that all days are known
    known = await play_questions(env.url, first, QUESTIONS)
    live = await play_questions(env.url, first, QUESTIONS, lambda: env.db.execute("TRUNCATE free_times"))
    return [
        *latency_rows(f"{name}, free times known", known, 50, 95, wish="< 100 ms"),
        *latency_rows(f"{name}, free times asked for", live, 50, 95, wish="< 1000 ms"),
    ]


def pure_rows(env: LoadEnvironment) -> list[Row]:
    """Measure pure functions in this process: availability with its rules cached, and number → branch."""
    config = bench_config(env.store)
    branch, now = config.branches[0], datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rules = ServiceRules(ZoneInfo(config.time_zone), branch, config.services[0], branch.staff)
    starts = [now + timedelta(days=day, hours=hour) for day in range(15) for hour in (0, 3, 6, 9)]
    spans = [BusySpan(start, start + timedelta(minutes=55)) for start in starts]
    busy = {person.resource_ids[0]: spans for person in rules.staff_members}
    slots = timed(lambda: free_slots(rules, busy, SlotQuery(now, now, now + timedelta(days=14))), 200)
    routing, number = Routing(config), branch.phone_numbers[0].number
    routes = timed(lambda: routing.route(None, e164_or_none(number, "DE")), 5_000)
    return [
        *latency_rows("availability, 10 people × 14 days", slots, 95, wish="< 3 ms"),
        Row("number → branch, p95", percentile(routes, 95) * 1e6, "µs", "< 50 µs"),
    ]


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Run `work` that often and return the seconds of each run; its results must be true."""
    seconds = []
    for _ in range(times + 1):
        started = time.perf_counter()
        assert work()
        seconds.append(time.perf_counter() - started)
    return seconds[1:]  # the first run filled the caches


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure on this machine what docs/performance.md states.")
    parser.add_argument(
        "--json", action="store_true", help="numbers as JSON on standard output, progress on standard error"
    )
    parser.add_argument("--skip-idle", action="store_true", help="without the demo's parts, so without idle memory")
    parser.add_argument(
        "--skip-attacks", action="store_true", help="without other tenants' latency under a hijacked login"
    )
    parser.add_argument("--seconds", type=float, default=30, help="how long acknowledgements are measured (30)")
    parser.add_argument("--outage", type=float, default=60, help="how long PostgreSQL is frozen under load (60)")
    one = parser.add_mutually_exclusive_group()
    for name, what in _ONLY.items():
        one.add_argument(
            f"--{name.replace('_', '-')}", action="store_const", const=name, dest="only", help=f"only {what}"
        )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the sentences, to repeat a run")
    options = parser.parse_args()
    console, started = Console(stderr=options.json), time.monotonic()

    def report(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {line}", highlight=False, soft_wrap=True)

    configure_logs("warning", component="bench")
    directory = Path(tempfile.mkdtemp(prefix="askproai-bench-"))
    try:
        facts, rows = asyncio.run(
            measure(
                directory,
                seconds=options.seconds,
                outage=options.outage,
                idle=options.only == "only_idle" or not (options.skip_idle or options.only),
                only=options.only or "",
                attacks=not options.skip_attacks,
                seed=options.seed,
                report=report,
            )
        )
    except (AssertionError, ProcessError) as problem:
        sys.exit(f"there are no numbers: {problem}\nlogs are left in {directory}")
    shutil.rmtree(directory)
    ok = all(row.ok is not False for row in rows)
    if options.json:
        measured = {"machine": facts, "rows": [asdict(row) | {"ok": row.ok} for row in rows], "ok": ok}
        sys.stdout.write(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    else:
        print_table(facts, rows, console)
    sys.exit(not ok)


if __name__ == "__main__":
    main()
