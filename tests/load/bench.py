"""`make bench`: measure what docs/performance.md states. `python -m tests.load.bench [--json] [--skip-idle] [--seconds 30]`.

Everything runs on this machine's loopback, each part as the process that a pod runs. Exit code 1 when a bar is missed or a
promise is broken: an event that was acknowledged and is not stored once and processed.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from rich.console import Console
from rich.table import Table
from tests.load import calls, events, machine
from tests.load.idle import idle_memory, memory_rows
from tests.load.measure import Row, latency_rows, percentile
from tests.load.rig import CALCOM_KEY, EVENT_TYPES, Rig, bench_config, open_rig, process, send
from tests.load.sender import Sent

from askproai_runtime.booking import Query, Rules, Span, free_slots
from askproai_runtime.numbers import Routing, caller_or_none
from askproai_sandbox.cluster import free_port

RATE = 100
ACK_BAR_MS = 50.0
CONNECTIONS = 64
CALLS, CALLS_AT_ONCE = 150, 8
PROVIDER_MS = 50

Say = Callable[[str], None]


class PromiseBroken(AssertionError):
    """The numbers do not count, because the work was not done right."""


async def measure(directory: Path, options: argparse.Namespace, say: Say) -> tuple[dict[str, Any], list[Row]]:
    rows: list[Row] = []
    if not options.skip_idle:
        say("idle memory: the demo's parts with one tenant")
        rows += await idle_memory(directory, say)
    async with open_rig(directory) as rig:
        about = await machine.facts(rig.db)
        rig.mount()
        async with rig.running("web") as web:
            async with rig.running("worker"):
                say(f"calls that book, in the local book: {CALLS}, then {CALLS_AT_ONCE} at once")
                rows += await booking_rows(rig.url, "local book")
                say(f"acknowledgements: {RATE}/s for {options.seconds:g} s, on schedule")
                rows += await ack_rows(rig, options.seconds)
                rows += memory_rows("memory after that: web", web.pid)
            say(f"capacity: {CONNECTIONS} connections without a pause, no worker; then the worker alone")
            rows += await capacity_rows(rig)
        rows += await drain_rows(rig)
        say(f"calls that book at Cal.com (simulated, answers after {PROVIDER_MS} ms)")
        rows += await calcom_rows(rig)
        say("pure functions")
        rows += pure_rows(rig)
    return about, rows


async def booking_rows(url: str, calendar: str, design: str = "") -> list[Row]:
    """Measure the first caller after the start, then callers one after the other, then side by side."""
    first = await calls.play_calls(url, 0, 1, at_once=1)
    alone = await calls.play_calls(url, 1, CALLS, at_once=1)
    crowd = await calls.play_calls(url, 1 + CALLS, CALLS // 2, at_once=CALLS_AT_ONCE)
    refused = first.refused + alone.refused + crowd.refused
    if refused:
        raise PromiseBroken(
            f"{refused.total()} calls did not end with a confirmed appointment: {refused.most_common(2)}"
        )
    return [
        Row(f"check_availability, {calendar}, first after start", first.asked[0] * 1000),
        *latency_rows(f"check_availability, {calendar}", alone.asked, 50, 95),
        Row(f"book_appointment, {calendar}, first after start", first.booked[0] * 1000),
        *latency_rows(f"book_appointment, {calendar}", alone.booked, 50, 99, 95, design=design),
        *latency_rows(f"book_appointment, {calendar}, {CALLS_AT_ONCE} at once", crowd.booked, 95),
    ]


async def ack_rows(rig: Rig, seconds: float) -> list[Row]:
    """Send on schedule, then hold every acknowledgement to its promise."""
    sent = await send("open", rig.url, "ack", seconds, RATE)
    await rig.all_processed()
    await stored_once(rig, "ack", sent)
    waited = await rig.db.fetch(
        "SELECT extract(epoch FROM processed_at - received_at)::float8 FROM webhook_events WHERE event_id LIKE 'call_ack_%'"
    )
    p99 = percentile(sent.latencies, 99) * 1000
    return [
        *latency_rows(f"webhook ack at {RATE}/s", sent.latencies, 50, 95),
        Row(f"webhook ack at {RATE}/s, p99", p99, bar=ACK_BAR_MS),
        Row(f"webhook ack at {RATE}/s, slowest of {len(sent.latencies):,}", max(sent.latencies) * 1000),
        Row("… requests that failed", sum(sent.errors.values()), "", bar=0),
        Row("… the sender's own lateness, p99 (within the above)", percentile(sent.late, 99) * 1000),
        *latency_rows("… stored → processed", [row[0] for row in waited], 50, 95),
    ]


async def stored_once(rig: Rig, run: str, sent: Sent) -> None:
    """Compare what was acknowledged with what is there: each event once, with one job."""
    found = await rig.db.fetch(
        "SELECT e.event_id, count(j.id) AS jobs FROM webhook_events e LEFT JOIN jobs j ON j.event_id = e.id"
        " WHERE e.event_id LIKE $1 GROUP BY e.id, e.event_id",
        f"call_{run}_%",
    )
    stored = sorted(row["event_id"] for row in found)
    acknowledged = sorted(events.event_id(run, number) for number in sent.acknowledged)
    lost = set(acknowledged) - set(stored)
    if lost or (not sent.errors and stored != acknowledged) or {row["jobs"] for row in found} != {1}:
        raise PromiseBroken(
            f"acknowledged {len(acknowledged)}, stored {len(stored)}, lost {len(lost)}, or a job is missing"
        )


async def capacity_rows(rig: Rig) -> list[Row]:
    """Compare the intake with a server that does nothing, before and after it, so that a busy neighbour shows."""
    port = free_port()
    bare_url = f"http://127.0.0.1:{port}"
    async with process("bare", [sys.executable, "-m", "tests.load.bare", str(port)], rig.directory, bare_url):
        before = await send("closed", bare_url, "bare", 3, CONNECTIONS)
        intake = await send("closed", rig.url, "capacity", 6, CONNECTIONS)
        after = await send("closed", bare_url, "bare", 3, CONNECTIONS)
    if intake.errors:
        raise PromiseBroken(f"the intake failed under load: {intake.errors}")
    await stored_once(rig, "capacity", intake)
    bare = statistics.mean(len(run.acknowledged) / run.seconds for run in (before, after))
    per_second = len(intake.acknowledged) / intake.seconds
    return [
        Row("intake capacity, event and job committed", per_second, "/s"),
        *latency_rows(f"… ack with {CONNECTIONS} busy connections", intake.latencies, 50, 99),
        Row("bare aiohttp 204, the same requests", bare, "/s"),
        Row("… the sender's own share of a core, at 1 it is the limit", before.own_cpu, ""),
        Row("intake capacity ÷ bare aiohttp", per_second / bare, "×", "≥ 0.35"),
    ]


async def drain_rows(rig: Rig) -> list[Row]:
    """Let one worker process finish what the capacity run left."""
    ready = "SELECT count(*) FROM jobs WHERE state = 'ready'"
    async with rig.running("worker"):
        left, began = await rig.db.fetchval(ready), time.perf_counter()
        await rig.all_processed()
    return [Row(f"jobs finished by one worker, of {left:,}", left / (time.perf_counter() - began), "/s", "≥ 500/s")]


async def calcom_rows(rig: Rig) -> list[Row]:
    port = free_port()
    calcom_url = f"http://127.0.0.1:{port}"
    async with process(
        "calcom",
        [sys.executable, "-m", "askproai_sandbox.calcom", "--port", str(port)],
        rig.directory,
        f"{calcom_url}/_sim/journal",
    ):
        async with aiohttp.ClientSession(calcom_url, raise_for_status=True) as session:
            await session.post("/_sim/settings", json={"rate_limit": 0})
            for kind in EVENT_TYPES:
                about = {"key": CALCOM_KEY, "id": kind.event_type_id, "title": kind.staff, "slug": kind.staff, "host": kind.staff}
                await session.post("/_sim/event-types", json=about | {"lengthInMinutes": 45, "afterEventBuffer": 10})
            await session.post(
                "/_sim/faults", json={"operation": "*", "fault": "slow", "ms": PROVIDER_MS, "count": None}
            )
        rig.mount(calcom_url)
        await rig.db.execute("TRUNCATE appointments, claims, call_actions CASCADE")
        async with rig.running("web"):
            return await booking_rows(rig.url, f"Cal.com in {PROVIDER_MS} ms", design="< 200 ms")


def pure_rows(rig: Rig) -> list[Row]:
    """Measure in this process what needs no other: availability with its rules cached, and number → branch."""
    config = bench_config(rig.store, None)
    zone = ZoneInfo(config.time_zone)
    rules = Rules(zone, config.branches[0], config.services[0], config.branches[0].staff)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [now + timedelta(days=day, hours=hour) for day in range(15) for hour in (0, 3, 6, 9)]
    busy = {person.resource_ids[0]: [Span(at, at + timedelta(minutes=55)) for at in hours] for person in rules.people}
    query = Query(now, now, now + timedelta(days=14))
    routing, number = Routing(config), config.branches[0].phone_numbers[0].number
    slots = timed(lambda: free_slots(rules, busy, query), 200)
    routes = timed(lambda: routing.route(None, caller_or_none(number)), 5_000)
    return [
        *latency_rows("availability, 10 people × 14 days, 60 spans each", slots, 95, design="< 20 ms"),
        Row("number → branch, p95", percentile(routes, 95) * 1e6, "µs", "< 1 ms"),
    ]


def timed(work: Callable[[], object], times: int) -> list[float]:
    work()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        assert work()
        took.append(time.perf_counter() - began)
    return took


def show(about: dict[str, Any], rows: list[Row], console: Console) -> None:
    console.print(" · ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items()), highlight=False)
    table = Table("what", "measured", "held to", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for row in rows:
        verdict = {True: "[green]ok[/green]", False: "[red]MISSED[/red]", None: "–"}[row.ok]
        table.add_row(row.name, row.shown, row.held_to or "", verdict)
    console.print(table)
    console.print("–: no bar yet; a number beside it is what the design wants.", style="dim")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure on this machine what docs/performance.md states.")
    parser.add_argument(
        "--json", action="store_true", help="the numbers as JSON on standard output, progress on standard error"
    )
    parser.add_argument("--skip-idle", action="store_true", help="without the demo's parts, so without idle memory")
    parser.add_argument("--seconds", type=float, default=30, help="how long acknowledgements are measured (30)")
    options = parser.parse_args()
    console = Console(stderr=options.json)
    began = time.perf_counter()
    directory = Path(tempfile.mkdtemp(prefix="askproai-bench-"))
    try:
        about, rows = asyncio.run(measure(directory, options, lambda line: console.print(f"{time.perf_counter() - began:5.1f} s  {line}", style="dim")))
    except PromiseBroken as broken:
        sys.exit(f"the numbers do not count: {broken}\nlogs are left in {directory}")
    shutil.rmtree(directory, ignore_errors=True)
    about["load_average_after"] = os.getloadavg()[0]
    held = all(row.ok is not False for row in rows)
    if options.json:
        print(
            json.dumps(
                {"machine": about, "rows": [row.as_json() for row in rows], "ok": held}, indent=2, ensure_ascii=False
            )
        )
    else:
        show(about, rows, console)
    sys.exit(not held)


if __name__ == "__main__":
    main()
