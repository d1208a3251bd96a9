"""The requests of an idle tenant to Cal.com and Retell: its worker's periodic tasks, while the clock is advanced."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from askproai_core.audit_state import CALENDAR_AUDIT
from askproai_core.fault_injection import FaultPoints
from askproai_core.poll_state import CALENDAR_POLL
from askproai_runtime.calendar_sync.free_times_keeper import FREE_TIMES, FreeTimesKeeper
from askproai_runtime.process import open_process
from askproai_runtime.settings import Settings
from askproai_runtime.tasks import PutOff, TaskHandler, TaskRun
from askproai_runtime.tasks.types import Watermark
from askproai_runtime.worker import CONNECTIONS, task_handlers
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.retell.workspace import Workspace
from askproai_sandbox.simulator import Simulator, serve
from tests.load.environment import CALCOM_KEY, EVENT_TYPES, LoadEnvironment
from tests.load.events import KEY
from tests.load.measure import Row
from tests.worlds.booking_environment import FrozenClock

_HOUR = timedelta(hours=1)
_TASKS = (CALENDAR_POLL, CALENDAR_AUDIT, FREE_TIMES)
_HAPPENED = (
    "webhook_events, jobs, calls, appointments, claims, call_actions"  # an idle tenant has none of it to follow up
)
_TABLES = ("free_times", "host_free_times")  # their ages are by the database's clock


@dataclass
class Schedule:
    """The periodic tasks of one worker, each run when it is due. `requests` counts the requests of each task to each provider."""

    clock: FrozenClock
    handlers: Mapping[str, TaskHandler]
    providers: Mapping[str, Simulator]
    db: asyncpg.Connection
    due: dict[str, datetime] = field(init=False)
    watermarks: dict[str, Watermark] = field(default_factory=dict)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.due = dict.fromkeys(self.handlers, self.clock.now())

    async def run(self, duration: timedelta) -> None:
        """Let `duration` pass."""
        end = self.clock.now() + duration
        while min(self.due.values()) < end:
            name = min(self.due, key=self.due.__getitem__)
            await self._pass(self.due[name] - self.clock.now())
            await self._run(name)
        await self._pass(end - self.clock.now())

    def count(self, provider: str, task: str | None = None) -> int:
        """Return how many requests a provider had, of one task or of all of them."""
        return sum(count for (asked, by), count in self.requests.items() if asked == provider and task in (None, by))

    async def _pass(self, duration: timedelta) -> None:
        self.clock.advance(duration)
        for table in _TABLES:
            await self.db.execute(f"UPDATE {table} SET read_at = read_at - $1::interval", duration)

    async def _run(self, name: str) -> None:
        async def save(watermark: Watermark) -> None:
            self.watermarks[name] = watermark

        before = {provider: len(simulator.journal.entries) for provider, simulator in self.providers.items()}
        try:
            result = await self.handlers[name](TaskRun(name, self.watermarks.get(name, {}), "idle", save))
        except PutOff as error:
            self.due[name] = self.clock.now() + error.after
        else:
            self.due[name], self.watermarks[name] = self.clock.now() + result.after, result.watermark
        for provider, simulator in self.providers.items():
            self.requests[provider, name] += len(simulator.journal.entries) - before[provider]


async def idle_request_rows(env: LoadEnvironment) -> list[Row]:
    """Count the requests of an hour with one event type and with ten, after a first hour that reads all existing data."""
    return [row for event_types in (1, len(EVENT_TYPES)) for row in await _count(env, event_types)]


async def _count(env: LoadEnvironment, event_types: int) -> list[Row]:
    clock = FrozenClock(datetime.now(UTC))
    calcom, retell = CalcomSimulator(clock), RetellSimulator(clock)
    calcom.settings["rate_limit"] = 0.0  # an hour passes in seconds
    retell.workspaces.setdefault(KEY, Workspace())
    for each in EVENT_TYPES:
        names = {"key": CALCOM_KEY, "id": each.event_type_id, "slug": each.staff, "host": each.staff}
        await calcom.controls["event-types"](names | {"lengthInMinutes": 45, "afterEventBuffer": 10})
    await env.db.execute(f"TRUNCATE {', '.join(_TABLES)}, {_HAPPENED} CASCADE")
    async with serve(calcom) as calcom_url, serve(retell) as retell_url:
        env.mount(calcom_url, retell_url, event_types=event_types)
        settings = Settings(
            config_file=env.directory / "config" / "tenant.json",
            credentials_dir=env.directory / "credentials",
            log_level="warning",
        )
        stop = asyncio.Event()
        async with open_process(settings, "worker", CONNECTIONS, clock, FaultPoints(), stop) as process:
            booking = process.booking(for_callers=False)
            handlers = task_handlers(process, booking, FreeTimesKeeper(booking))
            schedule = Schedule(clock, handlers, {"Cal.com": calcom, "Retell": retell}, env.db)
            await schedule.run(_HOUR)
            schedule.requests.clear()
            await schedule.run(_HOUR)
            stop.set()
    name = f"idle tenant with {event_types} event type{'s' * (event_types > 1)}"
    return [
        Row(f"{name}: requests to Cal.com in an hour", schedule.count("Cal.com"), "", f"≤ {14 + 6 * event_types}"),
        *[Row(f"… of them by {task}", schedule.count("Cal.com", task), "") for task in _TASKS],
        Row("… requests to Retell in an hour", schedule.count("Retell"), "", "≤ 4"),
    ]
