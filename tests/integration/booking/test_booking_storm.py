"""Many callers book, move and cancel while the calendar fails in every way, callers hang up and workers die; then the calendar
recovers, and both calendars must have what the callers heard. Staff members have units, and capacities change meanwhile.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest

from askproai_core.tenant_config.services import EventType
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import (
    CalendarOutcome,
    CalendarRequest,
    CalendarUnavailable,
    Confirmed,
    FreeTimes,
    FreeTimesQuery,
    RemoteBooking,
    Taken,
    Unavailable,
    Unknown,
)  # fmt: skip
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.jobs import Job, JobKind, Priority, RunAgain, StaleClaim
from tests.worlds.booking_environment import NOW, Salon, call
from tests.worlds.caller_names import surname
from tests.worlds.studio import COURSE, CUT, MAX_UNITS, YOGA, max_share_at_once, studio

DAY = "2026-11-27"
QUIET = timedelta(milliseconds=250)
SETTINGS = BookingSettings(
    provider_timeout=timedelta(seconds=4), budget=timedelta(seconds=6), quiet_period=QUIET, sync_delay=timedelta()
)
LINKED = msgspec.structs.replace(
    CUT, event_types=(EventType(staff="anna", event_type_id=1001), EventType(staff="mehmet", event_type_id=1002))
)


@dataclass
class StoredBooking:
    """A booking in the calendar."""

    uid: str
    request_id: UUID
    event_type: int
    start: datetime
    live: bool = True
    moved_to: str | None = None
    changed_at: datetime = NOW  # of its last change

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=45)


@dataclass
class UnreliableCalendar:
    """Cal.com on a bad day: refuses, loses requests or answers, acts late, or is unreachable. It books nobody twice."""

    rng: random.Random
    bookings: dict[str, StoredBooking] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)  # uids of bookings that changed: what webhooks report
    reliable: bool = False
    remote = True

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        return await self._post(lambda: self._put(request.request_id, request.event_type_id, request.starts_at))

    async def move(self, uid: str, starts_at: datetime, **_: Any) -> CalendarOutcome:
        return await self._post(lambda: self._move(uid, starts_at))

    async def cancel(self, uid: str, **_: Any) -> CalendarOutcome:
        return await self._post(lambda: self._cancel(uid))

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        await self._delay()
        own = (b for b in self.bookings.values() if b.live and b.request_id == request.request_id)
        found = (b for b in own if request.starts_at <= b.start < request.ends_at)
        return next((self._remote_booking(b, ()) for b in found), None)

    async def get_booking(self, uid: str, **_: Any) -> RemoteBooking | None:
        await self._delay()
        old_uids: list[str] = []
        while moved_to := self.bookings[uid].moved_to:
            old_uids.insert(0, uid)
            uid = moved_to
        return self._remote_booking(self.bookings[uid], tuple(old_uids))

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        """Return a slot for each quarter of an hour that no live booking of the event type overlaps."""
        await self._delay()
        assert within > timedelta()
        taken = [b for b in self.bookings.values() if b.live and b.event_type == query.bookable.event_type_id]
        length, quarter = timedelta(minutes=45), timedelta(minutes=15)
        days = {}
        for n in range((query.last - query.first).days + 1):
            day = query.first + timedelta(days=n)
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(query.time_zone)).astimezone(UTC)
            slots = ((midnight + k * quarter, midnight + k * quarter + length) for k in range(96))
            days[day] = tuple(
                (start, end) for start, end in slots if not any(b.start < end and start < b.end for b in taken)
            )
        return FreeTimes(days, length)

    def _remote_booking(self, b: StoredBooking, old_uids: tuple[str, ...]) -> RemoteBooking:
        return RemoteBooking((b.uid, *old_uids), b.event_type, b.start, b.end, b.live, b.changed_at, b.request_id)

    async def _delay(self) -> None:
        await asyncio.sleep(self.rng.random() * 0.02)
        if not self.reliable and self.rng.random() < 0.2:
            raise CalendarUnavailable("away")

    async def _post(self, action: Callable[[], CalendarOutcome]) -> CalendarOutcome:
        await asyncio.sleep(self.rng.random() * 0.02)
        behaviours, weights = ["acts", "unreachable", "loses request", "loses answer", "acts late"], [6, 1, 1, 2, 1]
        match "acts" if self.reliable else self.rng.choices(behaviours, weights)[0]:
            case "unreachable":
                return Unavailable("away")
            case "loses request":
                return Unknown("lost")
            case "acts late":
                asyncio.get_running_loop().call_later(0.05, action)
                return Unknown("late")
            case "loses answer":
                action()
                return Unknown("unheard")
        outcome = action()
        await asyncio.sleep(self.rng.random() * 0.02)
        return outcome

    def _put(self, request_id: UUID, event_type: int, start: datetime, ignoring: str = "") -> CalendarOutcome:
        end = start + timedelta(minutes=45)
        for b in self.bookings.values():
            if b.live and b.uid != ignoring and b.event_type == event_type and b.start < end and start < b.end:
                return Taken("already has booking at this time")
        uid = f"uid-{len(self.bookings)}"
        self.bookings[uid] = StoredBooking(uid, request_id, event_type, start)
        return self._changed(self.bookings[uid])

    def _changed(self, booking: StoredBooking) -> Confirmed:
        self.events.append(booking.uid)
        booking.changed_at = NOW + timedelta(milliseconds=len(self.events))
        return Confirmed(booking.uid, changed_at=booking.changed_at)

    def _move(self, uid: str, start: datetime) -> CalendarOutcome:
        old = self.bookings[uid]
        if not old.live:
            return Unknown("cancelled or rescheduled")
        outcome = self._put(old.request_id, old.event_type, start, ignoring=uid)
        if isinstance(outcome, Confirmed):
            old.live, old.moved_to = False, outcome.uid
            self._changed(old)
        return outcome

    def _cancel(self, uid: str) -> CalendarOutcome:
        booking = self.bookings[uid]
        if not booking.live:
            return Unknown("already been cancelled")
        booking.live = False
        return self._changed(booking)


@dataclass
class Caller:
    """A caller with a number of their own, and the starts that they heard (None: cancelled), by appointment.

    `unsure` are the appointments whose last answer they did not hear, because they hung up.
    """

    salon: Salon
    number: int
    rng: random.Random
    answers: dict[str, datetime | None] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            found = (await self.salon.booking.find_appointments(call(f"look_{self.number}", self.phone))).fields
            ids = [appointment["appointment_id"] for appointment in found.get("appointments") or []]
            minutes = self.rng.randrange(8 * 60, 20 * 60, 15)
            start = f"{DAY}T{minutes // 60:02}:{minutes % 60:02}:00+01:00"
            action = self.rng.choice(["book", "book", "move", "move", "cancel"]) if ids else "book"
            chosen = self.rng.choice(ids) if ids and action != "book" else None
            asking = asyncio.create_task(self._ask(action, chosen, start))
            if self.rng.random() < 0.2:
                await asyncio.sleep(self.rng.random() * 0.15)
                asking.cancel()
                if chosen:
                    self.unsure.add(chosen)
            await asyncio.gather(asking, return_exceptions=True)
            if not asking.cancelled() and (error := asking.exception()):
                raise error

    @property
    def phone(self) -> str:
        return f"+4915{self.number:08}"

    async def _ask(self, action: str, chosen: str | None, start: str) -> None:
        context, booking = call(f"call_{self.number}_{self.rng.random()}", self.phone), self.salon.booking
        if action == "book":
            services = self.salon.configs[-1].services
            service, name = self.rng.choice(services).name, f"Rosa {surname(self.number)}"
            args = {"service": service, "start": start, "customer_name": name}
            answer = await booking.book_appointment(context, args)
            if answer.success:
                self.answers[answer.fields["appointment_id"]] = datetime.fromisoformat(start)
        elif action == "move":
            answer = await booking.reschedule_appointment(context, {"appointment_id": chosen, "start": start})
            if answer.outcome is FunctionOutcome.IN_FLIGHT:  # heard that it is still being moved
                self.unsure.add(str(chosen))
            if answer.success:
                self.answers[str(chosen)] = datetime.fromisoformat(start)
                self.unsure.discard(str(chosen))
        else:
            answer = await booking.cancel_appointment(context, {"appointment_id": chosen})
            if answer.success:
                self.answers[str(chosen)] = None
                self.unsure.discard(str(chosen))


async def claim_job(salon: Salon) -> Job | None:
    row = await salon.pool.fetchrow(
        """UPDATE jobs SET state = 'running', attempts = attempts + 1, claim_no = claim_no + 1,
           lease_until = clock_timestamp() + interval '30 s', run_at = clock_timestamp()
           WHERE id = (SELECT id FROM jobs WHERE state = 'ready' AND tenant = $1 ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, kind, priority, attempts, claim_no, event_id, appointment_id, correlation_id""",
        salon.store.tenant,
    )
    return row and Job(**{**row, "kind": JobKind(row["kind"]), "priority": Priority(row["priority"])})


async def run_job(salon: Salon, rng: random.Random, max_attempts: int) -> bool:
    """Run a job as a worker does, which may be killed meanwhile. Return False when none is queued."""
    job = await claim_job(salon)
    if job is None:
        return False
    running, attempts, state = asyncio.create_task(salon.booking.sync_appointment(job)), job.attempts, "ready"
    if rng.random() < 0.15:
        await asyncio.sleep(rng.random() * 0.1)
        running.cancel()
    try:
        await running
    except (StaleClaim, asyncio.CancelledError, asyncpg.LockNotAvailableError):
        attempts = job.attempts - 1
    except RunAgain:
        attempts = job.attempts - 1
    except CalendarDisagrees:
        state = "dead" if job.attempts >= max_attempts else "ready"
    await salon.pool.execute(
        "UPDATE jobs SET state = $2, attempts = $3, claim_no = claim_no + 1 WHERE id = $1 AND state = 'running' AND claim_no = $4",
        job.id, state, attempts, job.claim_no,
    )  # fmt: skip
    return True


async def worker(salon: Salon, rng: random.Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not await run_job(salon, rng, max_attempts=99):
            await asyncio.sleep(0.02)


async def receive_events(salon: Salon, calendar: UnreliableCalendar, rng: random.Random, stop: asyncio.Event) -> None:
    """Handle events of the calendar, in any order, some of them twice, some never."""

    async def finish(_conn: Any, _note: str) -> None: ...

    while not stop.is_set():
        await asyncio.sleep(0.01)
        if not calendar.events or rng.random() < 0.2:
            continue
        try:
            event = CalendarEvent(rng.choice(calendar.events[-12:]), NOW, "corr-event")
            await salon.booking.apply_calendar_event(event, finish)
        except RunAgain:
            continue


async def assert_shares(salon: Salon) -> None:
    """Assert that at each instant exactly the shares of the live appointments are booked."""
    capacities = {"schnitt": (1, 10), "yoga": (3, 0), "kurs": (2, 0)}
    for row in await salon.rows("SELECT * FROM appointments"):
        own = await salon.rows("SELECT * FROM claims WHERE appointment_id = $1 AND state = 'booked'", row["id"])
        if row["status"] not in {"confirmed", "pending_sync"}:
            assert own == [], row
            continue
        capacity, after = capacities[row["service"]]
        start, end = row["starts_at"], row["ends_at"] + timedelta(minutes=after)
        cuts = {start, end, *(at for claim in own for at in (claim["block_start"], claim["block_end"]))}
        for first, last in pairwise(sorted(cuts)):
            share = sum(Fraction(1, c["units"]) for c in own if c["block_start"] <= first and last <= c["block_end"])
            expected = Fraction(1, capacity) if start <= first < end else Fraction(0)
            assert share == expected or (share > expected and row["was_starts_at"]), (row, own)


@pytest.mark.parametrize("seed", [1, 6, 8])
async def test_both_calendars_match_spoken_outcomes_after_failures(new_salon: Any, seed: int) -> None:
    rng = random.Random(seed)
    people = [("mitte", person, unit) for person in ("anna", "mehmet") for unit in range(1, MAX_UNITS + 1)]
    calendar = UnreliableCalendar(rng)
    salon: Salon = await new_salon(calendar, SETTINGS, people=people)
    callers = [Caller(salon, number, random.Random(seed * 100 + number)) for number in range(12)]
    stop = asyncio.Event()
    workers = [asyncio.create_task(worker(salon, rng, stop)) for _ in range(2)]
    workers.append(asyncio.create_task(receive_events(salon, calendar, rng, stop)))
    for services in [(LINKED,), (LINKED, YOGA, COURSE), (LINKED, COURSE), (LINKED, YOGA)]:
        salon.apply_config(studio(salon, *services))
        await asyncio.gather(*(caller.run(3) for caller in callers))
        assert await max_share_at_once(salon) <= 1
        await salon.assert_no_double_booking()
    stop.set()
    await asyncio.gather(*workers)
    calendar.reliable = True
    await asyncio.sleep(0.1)  # late effects have happened
    for _ in range(40):
        while await run_job(salon, random.Random(1), max_attempts=9):
            pass
        if not await salon.rows("SELECT 1 FROM jobs WHERE state = 'ready'"):
            break
        await asyncio.sleep(QUIET.total_seconds() / 4)
    await assert_promises_kept(salon, calendar, callers)


async def assert_promises_kept(salon: Salon, calendar: UnreliableCalendar, callers: list[Caller]) -> None:
    assert await max_share_at_once(salon) <= 1
    await assert_shares(salon)
    jobs = await salon.rows("SELECT appointment_id, state, last_error FROM jobs WHERE state <> 'done'")
    rows = {str(row["id"]): row for row in await salon.rows("SELECT * FROM appointments")}
    wrong = []
    for key, row in rows.items():
        remote = [b.start for b in calendar.bookings.values() if b.live and str(b.request_id) == key]
        live = row["status"] in {"confirmed", "pending_sync"}
        if remote != ([row["starts_at"]] if live and row["event_type_id"] else []):
            wrong.append(("calendars differ", remote, row))
        if row["status"] == "pending_sync":
            wrong.append(("pending", remote, row))
    for caller in callers:
        for key, start in caller.answers.items():
            actual = rows[key]["starts_at"] if rows[key]["status"] in {"confirmed", "pending_sync"} else None
            if key not in caller.unsure and actual != start:
                wrong.append(("told otherwise", start, rows[key]))
    assert (wrong, jobs) == ([], [])
    assert sum(len(caller.answers) for caller in callers) > 15, "a crowd that books nothing proves nothing"
