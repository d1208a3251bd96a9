"""`python -m tests.load.growth`: what a tenant's figures become when its tables have grown. Options: `--help`.

The same processes are measured with an empty database, then with the grown one, without statistics, as after a restore, and with
them. The last two columns are ratios to the first, so that a busy machine matters less. Then many tenants are busy at once.
Exit code 1 when a promise is broken; there is no bar.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from askproai_core.database import open_pool
from askproai_core.logging import configure_logs
from askproai_runtime.admin_api.store import AdminApiStore, AppointmentFilter, CallStore
from askproai_runtime.booking.store.claims import read_busy_spans
from askproai_runtime.encryption import no_cipher
from askproai_runtime.intake import EventStore, IncomingEvent, Source
from askproai_sandbox.cluster import ProcessError
from askproai_sandbox.databases import TenantStore
from tests.load.bench import PromiseBroken, check_intake, machine
from tests.load.calls import play_calls
from tests.load.environment import LoadEnvironment, open_environment, send
from tests.load.measure import Row, latency_rows
from tests.worlds.grown_tenant import GROWING, Size, grow, leave_to_us
from tests.worlds.waiting import eventually

CONNECTIONS, CALLS, PAGES, SECONDS = 64, 100, 100, 4.0
SERVER_CONNECTIONS, POD_CONNECTIONS = 100, 10
_UNDECIDED = "FROM webhook_events WHERE tenant = $1 AND status IN ('received', 'processing', 'failed')"
_OTHERS = Size(events=3_000, appointments=300, customers=100)

Report = Callable[[str], None]


async def measure(
    directory: Path, size: Size, others: int, report: Report
) -> tuple[dict[str, Any], dict[str, list[Row]]]:
    """Measure all states, and return the facts about the machine and the rows of each state."""
    states: dict[str, list[Row]] = {}
    async with open_environment(directory) as env:
        facts = await machine(env)
        env.mount()
        await leave_to_us(env.db)
        report("the empty database")
        states["empty"] = await figures(env, "empty", 0)
        report(
            f"{size.events:,} events, {size.appointments:,} appointments and {size.customers:,} customers are written"
        )
        await env.db.execute(f"TRUNCATE {', '.join(GROWING)} CASCADE")
        began = time.perf_counter()
        await grow(env.db, env.store, size)
        for number in range(others):
            await grow(env.db, await env.database.create_tenant(f"other{number}"), _OTHERS)
        facts["seconds to fill"] = round(time.perf_counter() - began)
        report("the grown database, without statistics")
        states["grown, no statistics"] = await figures(env, "raw", CALLS)
        await env.db.execute("VACUUM ANALYZE")
        report("the grown database, with statistics")
        states["grown"] = await figures(env, "analyzed", 2 * CALLS)
        report("many tenants at once")
        states["tenants"] = await tenants_rows(env)
    return facts | {"load after": round(os.getloadavg()[0], 2)}, states


async def figures(env: LoadEnvironment, run: str, first_call: int) -> list[Row]:
    """Return what a sender, a caller, a worker and the desk notice, and what it costs. `run` names the events, `first_call` the
    first caller. Times depend on what else the machine does; CPU times hardly do.
    """
    async with env.running("web") as web:
        cpu = CpuMeter([web.pid, await _postmaster(env)])
        await play_calls(env.url, first_call, 5)
        cpu.start()
        calls = await play_calls(env.url, first_call + 5, CALLS - 5)
        call_ms = cpu.spent() * 1000 / (CALLS - 5)
        if calls.refused:
            raise PromiseBroken(
                f"{len(calls.refused)} calls did not end with an appointment, such as {calls.refused[0]}"
            )
        cpu.start()
        intake = await send("closed", env.url, run, SECONDS, CONNECTIONS)
        event_us = cpu.spent() * 1e6 / len(intake.acknowledged)
    await check_intake(env, run, intake)
    return [
        Row("intake", len(intake.acknowledged) / intake.seconds, "/s"),
        Row("… CPU of web and PostgreSQL for each event", event_us, "µs"),
        *await drain_rows(env),
        *latency_rows("check_availability", calls.check_seconds, 50, 95),
        *latency_rows("book_appointment", calls.book_seconds, 50, 95),
        Row("… CPU of web and PostgreSQL for both", call_ms, "ms"),
        *await page_rows(env),
    ]


async def drain_rows(env: LoadEnvironment) -> list[Row]:
    """Measure how many events a second one worker finishes."""
    pending = await env.db.fetchval(f"SELECT count(*) {_UNDECIDED}", env.store.tenant)
    done = f"SELECT NOT EXISTS (SELECT {_UNDECIDED})"
    async with env.running("worker") as worker:
        cpu, began = CpuMeter([worker.pid, await _postmaster(env)]), time.perf_counter()
        await eventually(lambda: env.db.fetchval(done, env.store.tenant), 300, "all events to be processed", every=0.1)
        seconds, spent = time.perf_counter() - began, cpu.spent()
    return [
        Row("jobs of one worker", pending / seconds, "/s"),
        Row("… CPU of worker and PostgreSQL for each job", spent * 1e6 / pending, "µs"),
    ]


async def page_rows(env: LoadEnvironment) -> list[Row]:
    """Measure what PostgreSQL does for the first page of each list, as the tenant's role."""
    nothing: dict[str, Any] = {"after": None, "limit": 50}
    start = datetime.now(UTC)
    cpu = CpuMeter([await _postmaster(env)])
    async with open_pool(env.store.dsn, max_size=1) as pool:
        calls, api = CallStore(pool, env.store.tenant), AdminApiStore(pool, env.store.tenant)
        pages: dict[str, Callable[[], Awaitable[object]]] = {
            "50 calls": lambda: calls.list_calls(since=None, caller=None, outcome=None, **nothing),
            "50 events": lambda: api.list_events(status=None, source=None, event_type=None, since=None, **nothing),
            "50 appointments to come": lambda: api.list_appointments(
                AppointmentFilter(start, None, None, None, None), **nothing
            ),
        }
        rows = []
        for name, work in pages.items():
            await work()
            cpu.start()
            for _ in range(PAGES):
                await work()
            rows.append(Row(f"{name}, CPU of PostgreSQL", cpu.spent() * 1000 / PAGES, "ms"))
    return rows


class CpuMeter:
    """The CPU time, in seconds, of processes with all their children, also of those that have ended."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self.start()

    def start(self) -> None:
        self._before = self._read()

    def spent(self) -> float:
        return self._read() - self._before

    def _read(self) -> float:
        total = 0
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has just ended
                values = file.read_text().rpartition(") ")[2].split()
                if int(file.parent.name) in self._pids:
                    total += sum(map(int, values[11:15]))
                elif int(values[1]) in self._pids:
                    total += sum(map(int, values[11:13]))
        return total / os.sysconf("SC_CLK_TCK")


async def _postmaster(env: LoadEnvironment) -> int:
    """Return the process whose children are all of the server's."""
    folder = Path(await env.db.fetchval("SHOW data_directory"))
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


async def tenants_rows(env: LoadEnvironment) -> list[Row]:
    """Let 1, 10 and 100 tenants store events and read what is booked, with 100 connections together and 10 for each at most."""
    stores = [env.store] + [await env.database.create_tenant(f"busy{number}") for number in range(99)]
    rows = []
    for number in (1, 10, 100):
        connections = min(POD_CONNECTIONS, SERVER_CONNECTIONS // number)
        load = Load(asyncio.Barrier(number * connections))
        async with asyncio.TaskGroup() as tasks:
            for store in stores[:number]:
                tasks.create_task(load.run(store, f"busy_{number}", connections))
        name = f"{number} busy tenants × {connections} connections"
        rows += [Row(f"{name}, events stored one by one", len(load.stored) / SECONDS, "/s")]
        rows += latency_rows(f"{name}, event stored", load.stored, 50, 95)
        rows += latency_rows(f"{name}, booked times read", load.read, 50, 95)
    return rows


@dataclass
class Load:
    """What busy tenants do, and the seconds of each; it begins when all their connections are open."""

    begin: asyncio.Barrier
    stored: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    async def run(self, store: TenantStore, name: str, connections: int) -> None:
        await asyncio.gather(*(self._work(store, f"{name}_{number}") for number in range(connections)))

    async def _work(self, store: TenantStore, name: str) -> None:
        resources = list(store.resources.values())
        async with open_pool(store.dsn, max_size=1) as pool:
            events, number = EventStore(pool, store.tenant, no_cipher(store.tenant)), 0
            await pool.fetchval("SELECT 1")
            await self.begin.wait()
            until = time.perf_counter() + SECONDS
            while (began := time.perf_counter()) < until:
                event = IncomingEvent(Source.RETELL, f"{name}_{number}:call_ended", "call_ended", b"{}" * 500, "load")
                await events.write([event])
                self.stored.append(time.perf_counter() - began)
                number, began, now = number + 1, time.perf_counter(), datetime.now(UTC)
                async with pool.acquire() as conn:
                    await read_busy_spans(conn, store.tenant, resources, now, now + timedelta(days=1), "call_load")
                self.read.append(time.perf_counter() - began)


def print_states(facts: dict[str, Any], states: dict[str, list[Row]], console: Console) -> None:
    console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    table = Table("what", "empty", "no statistics", "with", "÷ empty", "÷ empty", box=None, pad_edge=False)
    for rows in zip(states["empty"], states["grown, no statistics"], states["grown"], strict=True):
        ratios = [f"{row.value / rows[0].value:.2f} ×" for row in rows[1:]]
        table.add_row(rows[0].name, *(row.shown for row in rows), *ratios)
    console.print(table)
    for row in states["tenants"]:
        console.print(f"{row.name}: {row.shown}", highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a tenant whose tables have grown against an empty database.")
    parser.add_argument("--events", type=int, default=1_000_000, help="stored events of the tenant (1,000,000)")
    parser.add_argument("--appointments", type=int, default=100_000, help="(100,000)")
    parser.add_argument("--customers", type=int, default=10_000, help="(10,000)")
    parser.add_argument("--others", type=int, default=20, help="small tenants around it (20)")
    parser.add_argument("--json", action="store_true", help="numbers as JSON on standard output")
    options = parser.parse_args()
    console, started = Console(stderr=options.json), time.monotonic()

    def report(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {line}", highlight=False, soft_wrap=True)

    configure_logs("warning", component="growth")
    directory = Path(tempfile.mkdtemp(prefix="askproai-growth-"))
    size = Size(options.events, options.appointments, options.customers)
    try:
        facts, states = asyncio.run(measure(directory, size, options.others, report))
    except (AssertionError, ProcessError) as problem:
        sys.exit(f"there are no numbers: {problem}\nlogs are left in {directory}")
    shutil.rmtree(directory)
    if options.json:
        measured = {name: [asdict(row) for row in rows] for name, rows in states.items()}
        sys.stdout.write(json.dumps({"machine": facts, **measured}, indent=2, ensure_ascii=False) + "\n")
    else:
        print_states(facts, states, console)


if __name__ == "__main__":
    main()
