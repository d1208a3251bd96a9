"""Guests book, move and cancel at Cal.com while workers, the poll and the audit read and apply in a random order, and some of them
end in the middle. Afterwards both books have the same, and nothing blocks a time that nobody has.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from askproai_core.provider_names import CalendarApi
from askproai_runtime.calendar_sync.inbound import apply_calendar_event
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import FallbackCalendar
from askproai_runtime.encryption import no_cipher
from askproai_runtime.events.calendar import handle_calendar_event
from askproai_runtime.intake import load_event
from askproai_runtime.jobs import RunAgain
from tests.worlds.audit_environment import AuditEnvironment
from tests.worlds.booking_environment import Salon
from tests.worlds.guest_bookings import book
from tests.worlds.poll_environment import PollEnvironment, open_poll_environment

pytestmark = pytest.mark.nightly

SEED = int(os.environ.get("ASKPROAI_STORM_SEED") or random.SystemRandom().randrange(10**6))
STARTS = [f"2026-11-{day}T{hour:02}:30:00Z" for day in (27, 30) for hour in range(9, 16)]
STEPS, LONGEST = 150, 30.0


@dataclass
class Gates:
    """Gates before each request to Cal.com and after each answer: a task waits there until the storm lets it go on."""

    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(gate)
        self.changed.set()
        await gate


class GatedCalcom:
    """An account at Cal.com whose look-ups wait at the gates."""

    remote = True

    def __init__(self, real: Any, gates: Gates) -> None:
        self._real, self._gates = real, gates

    def __getattr__(self, name: str) -> Any:
        look_up = getattr(self._real, name)
        if name not in {"get_booking", "list_changed", "list_starting"}:
            return look_up

        async def wait_and_look_up(*args: Any, **options: Any) -> Any:
            await self._gates.wait()
            result = await look_up(*args, **options)
            await self._gates.wait()
            return result

        return wait_and_look_up

    @property
    def list_changed(self) -> Any:
        return self.__getattr__("list_changed")

    @property
    def list_starting(self) -> Any:
        return self.__getattr__("list_starting")


@dataclass
class Storm:
    """`queue` has the events whose jobs wait, `running` the tasks that read and apply now."""

    polled: PollEnvironment
    rng: random.Random
    audit: AuditEnvironment
    gates: Gates = field(default_factory=Gates)
    queue: list[CalendarEvent] = field(default_factory=list)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    started: int = 0

    def __post_init__(self) -> None:
        calendar = self.polled.context.calendar
        assert isinstance(calendar, FallbackCalendar)
        gated = GatedCalcom(calendar.apis[CalendarApi.V2], self.gates)
        calendar = replace(calendar, apis={CalendarApi.V2: gated})  # type: ignore[dict-item,arg-type]
        self.polled.context = replace(self.polled.context, calendar=calendar)

    async def person(self) -> None:
        """Create, move or cancel a booking at Cal.com; most of the events arrive."""
        env = self.polled.env
        env.advance(timedelta(seconds=self.rng.choice([1, 1, 1, 1200])))
        live, start = [each["uid"] for each in env.bookings], self.rng.choice(STARTS)
        action = self.rng.choice(["create", "move", "move", "cancel"]) if live else "create"
        is_taken = any(each["start"].startswith(start[:16]) for each in env.bookings)
        if is_taken or (len(live) >= 3 and action == "create"):
            return
        uid, starts_at = self.rng.choice(live) if live else "", datetime.fromisoformat(start)
        if action == "create":
            uid = await self.polled.create(start)
        elif action == "move":
            uid = (await env.dashboard("move", uid=uid, start=start))["uid"]
        else:
            await env.dashboard("cancel", uid=uid)
        if self.rng.random() < 0.8:
            says = None if action == "cancel" else starts_at
            self.queue.append(CalendarEvent(uid, env.salon.clock.now(), "corr", says, event_type_id=1001))

    async def work(self) -> None:
        if self.queue:
            event = self.queue.pop(-1 if self.rng.random() < 0.5 else self.rng.randrange(len(self.queue)))
            self.start(f"event {self.started}", self._handle(event))

    async def poll(self) -> None:
        if "poll" not in self.running:
            self.start("poll", self.polled.poll())

    async def compare(self) -> None:
        if "audit" not in self.running:
            self.start("audit", self.audit.audit(settled=False))

    async def go_on(self) -> None:
        """Let one task go on, more often the last one, so that many are overtaken."""
        waiting = self.gates.waiting
        if waiting:
            last = len(waiting) - 1
            waiting.pop(last if self.rng.random() < 0.7 else self.rng.randint(0, last)).set_result(None)

    async def die(self) -> None:
        """Let a worker end in the middle. Another worker gets the job of its event."""
        if self.running:
            task = self.running[self.rng.choice(sorted(self.running))]
            task.cancel()
            await asyncio.wait([task])
            self.gates.waiting[:] = [gate for gate in self.gates.waiting if not gate.cancelled()]

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self.started += 1
        self.running[name] = task = asyncio.create_task(work)

        def end(_: asyncio.Task[None]) -> None:
            del self.running[name]
            self.gates.changed.set()

        task.add_done_callback(end)

    async def settle(self) -> None:
        """Wait until each task has ended or waits at a gate."""
        async with asyncio.timeout(LONGEST):
            while len(self.gates.waiting) < len(self.running):
                self.gates.changed.clear()
                await self.gates.changed.wait()

    async def drain(self) -> None:
        """Let all running tasks end, in a random order."""
        while self.running:
            await self.go_on()
            await self.settle()

    async def finish(self) -> None:
        """Handle all events that have arrived. Then the poll finds changes without an event, and the audit all others."""
        await self.drain()
        for _ in range(20):
            # An event can wait for another booking's change, which only the poll finds.
            for _ in range(len(self.queue)):
                await self.work()
                await self.drain()
            await self.poll()
            await self.drain()
            await self._queue_left_events()
            if not self.queue:
                break
        await self.audit.settle()
        await self.compare()
        await self.drain()

    async def _handle(self, event: CalendarEvent) -> None:
        async def finish(_conn: Any, _note: str) -> None:
            return

        try:
            await apply_calendar_event(self.polled.context, event, finish)
        except (RunAgain, CalendarDisagrees, asyncio.CancelledError):
            self.queue.append(event)
            raise

    async def _queue_left_events(self) -> None:
        """Queue the events that the poll has stored for bookings that it could not apply."""
        salon = self.polled.salon
        rows = await salon.rows(
            """UPDATE jobs SET state = 'done', finished_at = now()
               WHERE kind = 'webhook-event' AND state = 'ready' RETURNING event_id"""
        )
        for row in rows:
            async with salon.pool.acquire() as conn:
                stored = await load_event(conn, salon.store.tenant, row["event_id"], no_cipher(salon.store.tenant))
                assert stored is not None
                event = await handle_calendar_event(conn, stored, self.polled.context.config())
            assert isinstance(event, CalendarEvent)
            self.queue.append(event)


@pytest.mark.parametrize("number", range(8))
async def test_both_calendars_agree_after_events_in_any_order(
    number: int, new_salon: Callable[..., Awaitable[Salon]]
) -> None:
    print(f"ASKPROAI_STORM_SEED={SEED}")  # noqa: T201  pytest shows it with a failure
    async with open_poll_environment(new_salon) as polled:
        await book(polled.env)
        storm = Storm(polled, random.Random(SEED + number), AuditEnvironment(polled, {}))
        actions = [storm.person, storm.work, storm.poll, storm.go_on, storm.die, storm.compare]
        for action in storm.rng.choices(actions, [4, 5, 1, 10, 1, 0.5], k=STEPS):
            await action()
            await storm.settle()
        await storm.finish()
        ours = [(row["external_id"], row["starts_at"], row["status"]) for row in await polled.salon.live()]
        theirs = [(each["uid"], datetime.fromisoformat(each["start"]), "confirmed") for each in polled.env.bookings]
        assert sorted(ours) == sorted(theirs)
        assert storm.audit.sorts() == []
        await polled.salon.assert_claims_match()
        await polled.salon.assert_no_double_booking()
