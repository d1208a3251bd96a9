"""A salon, as a tenant with a real database under its own role, for the booking tests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.config import CalendarConfig
from askproai_runtime.book.context import BookingContext, BookingSettings
from askproai_runtime.book.free_days import FreeDay, list_free_slots
from askproai_runtime.calendar_sync import inbound, outbound
from askproai_runtime.calendars import (
    Calendar,
    CalendarOutcome,
    CalendarRequest,
    Confirmed,
    FreeTimes,
    FreeTimesQuery,
    RemoteBooking,
)
from askproai_runtime.calendars.types import LocalCalendar
from askproai_runtime.conversation import messages, waitlist
from askproai_runtime.conversation.book import book_appointment
from askproai_runtime.conversation.find import cancel_appointment, find_appointments
from askproai_runtime.conversation.offer import check_availability
from askproai_runtime.conversation.replacing_moves import reschedule_appointment
from askproai_runtime.conversation.types import Answer, AskedChoice, CallContext
from askproai_runtime.jobs import Job, JobKind, Priority
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.names import find_rules
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.redis.slot_lock import SlotLock
from tests.worlds.clock import FixedClock
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import STAFF_UNITS, Database, TenantStore
from tests.worlds.golden_answers import recorded

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)  # Friday, 10:00 in Berlin
HALF_PAST_TWO = "2026-11-27T14:30:00+01:00"  # the next Friday: Anna and Mehmet both work
MORNING = "2026-11-27T10:00:00+01:00"  # only Anna
CALCOM = CalendarConfig(
    provider=CalendarProvider.CALCOM, base_url="http://127.0.0.1:9", attendee_email_domain="anrufer.salon.example"
)

join_waitlist, leave_message = recorded(waitlist.join_waitlist), recorded(messages.leave_message)


def call(call_id: str = "call_1", caller: str | None = "+4915112345678") -> CallContext:
    return CallContext(call_id, "mitte", caller, NOW, f"corr-{call_id}")


def booking_args(start: str = HALF_PAST_TWO, name: str = "Petra Müller", **more: Any) -> dict[str, Any]:
    return {"start": start, "service": "Haarschnitt", "customer_name": name, **more}


def choosing(asked: Answer) -> CallContext:
    """Return the call after a question in which the caller could choose."""
    fields = asked.fields
    choice = AskedChoice(fields["appointment_id"], frozenset(fields["choices"]), fields["customer_name"])
    return replace(call(), replies={}, asked_choices=(choice,))


class BookingService(BookingContext):
    """One process's context, with the functions of the package as methods."""

    check_availability = recorded(check_availability)
    book_appointment = recorded(book_appointment)
    find_appointments = recorded(find_appointments)
    reschedule_appointment = recorded(reschedule_appointment)
    ask_to_cancel = recorded(cancel_appointment)
    sync_appointment = outbound.sync_appointment
    apply_calendar_event = inbound.apply_calendar_event

    async def list_free_slots(self, branch: str, service: str, day: date, staff: str | None = None) -> FreeDay:
        return await list_free_slots(self, find_rules(self.config(), branch, service), day, staff=staff)

    async def cancel_appointment(self, call: CallContext, args: dict[str, Any]) -> Answer:
        """Ask to cancel an appointment, and say yes to the question whether it is the right one."""
        answer = await self.ask_to_cancel(call, args)
        if not answer.fields.get("needs_confirmation"):
            return answer
        replies = {answer.fields["appointment_id"]: Reply.YES}
        return await self.ask_to_cancel(replace(call, replies=replies), args)


class FrozenClock(FixedClock):
    """Its time changes only when a test advances it. Waiting takes real time, because concurrent tasks wait as well."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


@dataclass
class RecordedMetrics:
    """The part of `Metrics` that booking and calendars use; it records each call."""

    bookings: list[str] = field(default_factory=list)
    provider_calls: list[tuple[str, str, str]] = field(default_factory=list)
    changes_found: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    lost_offers: int = 0
    offers: list[str] = field(default_factory=list)

    def expect_bookings(self, outcomes: Iterable[str]) -> None:
        assert "confirmed" in set(outcomes)

    def booking(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.bookings.append(outcome)

    def offered_but_lost(self) -> None:
        self.lost_offers += 1

    def offered(self, basis: str) -> None:
        self.offers.append(basis)

    def calendar_change_found(self, change: str) -> None:
        self.changes_found.append(change)

    def calendar_difference_mended(self, sort: str) -> None:
        self.mended.append(sort)

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self.provider_calls.append((provider, operation, outcome))


class ScriptedCalendar:
    """A remote calendar that returns the scripted outcomes, and succeeds without a script.

    `bookings` maps request ids to the uids of live bookings, `starts` each uid ever issued to its start. It is for tests in
    which only the calendar's answer matters; `calcom_environment.py` has Cal.com's own rules.
    """

    remote = True

    def __init__(self, *script: CalendarOutcome | Callable[[CalendarRequest], CalendarOutcome]) -> None:
        self.script = list(script)  # of `create`
        self.moves: list[CalendarOutcome] = []  # the script of `move`
        self.requests: list[CalendarRequest] = []
        self.bookings: dict[UUID, str] = {}
        self.starts: dict[str, datetime] = {}
        self.cancelled: list[str] = []

    async def create(self, request: CalendarRequest, *, within: timedelta) -> CalendarOutcome:
        assert timedelta() < within <= timedelta(seconds=4)
        self.requests.append(request)
        outcome = self.script.pop(0) if self.script else self.commit
        return outcome(request) if callable(outcome) else outcome

    def commit(self, request: CalendarRequest) -> Confirmed:
        assert request.request_id not in self.bookings, "booked twice"
        self.bookings[request.request_id] = uid = f"uid-{len(self.starts)}"
        self.starts[uid] = request.starts_at
        return Confirmed(uid)

    async def move(self, uid: str, starts_at: datetime, **_: Any) -> CalendarOutcome:
        if self.moves:
            return self.moves.pop(0)
        (request_id,) = [key for key, value in self.bookings.items() if value == uid]
        self.bookings[request_id] = new = f"uid-{len(self.starts)}"
        self.starts[new] = starts_at
        return Confirmed(new)

    async def cancel(self, uid: str, **_: Any) -> CalendarOutcome:
        self.cancelled.append(uid)
        self.bookings = {key: value for key, value in self.bookings.items() if value != uid}
        return Confirmed(uid)

    async def find(self, request: CalendarRequest) -> RemoteBooking | None:
        uid = self.bookings.get(request.request_id)
        return self._remote_booking(uid) if uid and request.starts_at <= self.starts[uid] < request.ends_at else None

    async def get_booking(self, uid: str, **_: Any) -> RemoteBooking | None:
        return self._remote_booking(uid) if uid in self.bookings.values() else None

    async def read_free_times(self, query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        """Return all hours of the queried days as free."""
        assert timedelta() < within
        days = [query.first + timedelta(days=n) for n in range((query.last - query.first).days + 1)]
        midnights = [datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(query.time_zone)) for day in days]
        return FreeTimes({day: ((at, at + timedelta(days=1)),) for day, at in zip(days, midnights, strict=True)})

    def _remote_booking(self, uid: str) -> RemoteBooking:
        start = self.starts[uid]
        return RemoteBooking((uid,), 1001, start, start + timedelta(minutes=45), live=True, changed_at=NOW)


@dataclass
class Salon:
    """A tenant, its `BookingService`, and queries on its tables. The last of `configs` is in force."""

    store: TenantStore
    pool: "asyncpg.Pool[asyncpg.Record]"
    booking: BookingService
    metrics: RecordedMetrics
    clock: FrozenClock
    configs: list[TenantConfig]

    def apply_config(self, config: TenantConfig) -> None:
        """Put another config in force, as a pod does when its config file changes."""
        self.configs.append(config)

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *args)]

    async def live(self) -> list[dict[str, Any]]:
        return await self.rows(
            "SELECT * FROM appointments WHERE status IN ('confirmed', 'pending_sync') ORDER BY created_at"
        )

    async def book(
        self, start: str = HALF_PAST_TWO, name: str = "Petra Müller", *, by: CallContext | None = None, **args: Any
    ) -> Answer:
        """Ask for an appointment, in the call `by` or the usual one."""
        return await self.booking.book_appointment(by or call(), booking_args(start, name, **args))

    async def cancel(self, appointment_id: str) -> None:
        """Cancel an appointment as the caller who booked it."""
        (row,) = await self.rows("SELECT call_id, caller FROM appointments WHERE id = $1", UUID(appointment_id))
        answer = await self.booking.cancel_appointment(
            call(row["call_id"], row["caller"]), {"appointment_id": appointment_id}
        )
        assert answer.success, answer

    async def claim_job(self) -> Job:
        """Claim the queued calendar-sync job, as a worker would."""
        row = await self.pool.fetchrow(
            """UPDATE jobs SET state = 'running', attempts = attempts + 1, claim_no = claim_no + 1,
               lease_until = clock_timestamp() + interval '30 s' WHERE kind = 'calendar-sync' AND state IN ('ready', 'running')
               RETURNING id, kind, priority, attempts, claim_no, event_id, appointment_id, correlation_id"""
        )
        assert row is not None, "no calendar-sync job is queued"
        return Job(**{**row, "kind": JobKind(row["kind"]), "priority": Priority(row["priority"])})

    async def assert_claims_match(self) -> None:
        """Assert that claims equal live appointments, buffers included, and that no resource is claimed twice at one time.

        Only an appointment whose move the calendar has not confirmed claims two times, the old and the new one; the claim with
        the highest place has the new time.
        """
        rows = await self.rows("SELECT * FROM appointments")
        claims = await self.rows(
            """SELECT c.appointment_id, c.state, c.block_start, c.block_end, c.place, r.staff
               FROM claims c JOIN resources r ON r.id = c.resource_id ORDER BY c.block_start"""
        )
        buffer = timedelta(minutes=10)
        for row in rows:
            own = [claim for claim in claims if claim["appointment_id"] == row["id"]]
            if row["status"] == "held":  # the other claims are the companions'
                own = [claim for claim in own if claim["place"] == 1]
            newest, span = max(own, key=lambda claim: claim["place"]), (row["starts_at"], row["ends_at"] + buffer)
            assert (newest["block_start"], newest["block_end"]) == span, (row, own)
            assert newest["staff"] == row["staff"]
            expected = [row["starts_at"]] if row["status"] in {"confirmed", "pending_sync"} else []
            expected += [row["was_starts_at"]] if expected and row["was_starts_at"] else []
            length, booked = row["ends_at"] - row["starts_at"] + buffer, [c for c in own if c["state"] == "booked"]
            for start in expected:
                at = start  # one claim may end where the next begins
                for claim in booked:
                    at = claim["block_end"] if claim["block_start"] <= at < claim["block_end"] else at
                assert at >= start + length, (row, own)
            minutes = sum(((c["block_end"] - c["block_start"]) for c in booked), timedelta())
            assert minutes == length * len(expected) if len(expected) < 2 else minutes <= 2 * length, (row, own)
            assert [c["state"] for c in own if c["state"] == "held"] == (["held"] if row["status"] == "held" else [])
        await self.assert_no_double_booking()

    async def assert_no_double_booking(self) -> None:
        """Assert that no resource is booked twice at one time, without relying on the constraint."""
        overlaps = await self.rows(
            """SELECT 1 FROM claims a JOIN claims b ON a.resource_id = b.resource_id AND a.id < b.id AND a.blocks && b.blocks
               WHERE a.state = 'booked' AND b.state = 'booked'"""
        )
        assert overlaps == []


def open_slot_lock(tenant: str, redis_url: str | None = None) -> SlotLock:
    """Return the slot lock of a pod. Without a URL the pod has no Redis."""
    clock = SystemClock()
    return SlotLock(RedisClient(lambda: redis_url, tenant, clock, Metrics(tenant), timeout=timedelta(seconds=1)), clock)


def tenant_config_of(store: TenantStore, **changes: Any) -> TenantConfig:
    """Return the salon's config with the resource ids of this database."""
    ids = {staff: (resource,) for (_, staff, _), resource in store.resources.items()}
    return salon_config(resource_ids=ids, tenant=store.tenant, **changes)


async def open_salon(
    database: Database,
    name: str,
    calendar: Calendar | None = None,
    settings: BookingSettings | None = None,
    redis_url: str | None = None,
    people: Iterable[tuple[str, str, int]] = STAFF_UNITS,
    **changes: Any,
) -> Salon:
    """Create a tenant of its own in the shared database, under its own role. The caller closes its pool."""
    store = await database.create_tenant(name, people)
    salon_calendar: Calendar = calendar or LocalCalendar()
    if salon_calendar.remote:
        changes.setdefault("calendar", CALCOM)
    configs = [tenant_config_of(store, **changes)]
    pool, metrics, clock = open_pool(store.dsn, max_size=6), RecordedMetrics(), FrozenClock(NOW)
    await pool
    service = BookingService(
        pool,
        lambda: configs[-1],
        salon_calendar,
        clock,
        metrics,
        settings or BookingSettings(),
        FaultPoints(),
        open_slot_lock(store.tenant, redis_url),
    )
    return Salon(store, pool, service, metrics, clock, configs)


@asynccontextmanager
async def second_process(
    salon: Salon, settings: BookingSettings | None = None, *, max_size: int = 2, **parameters: str
) -> AsyncIterator[BookingService]:
    """Yield the `BookingService` of another process of the same tenant, with its own pool and PostgreSQL settings."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    config = tenant_config_of(salon.store)
    async with open_pool(f"{salon.store.dsn}?{query}", max_size=max_size) as pool:
        yield BookingService(
            pool, lambda: config, LocalCalendar(), salon.clock, salon.metrics, settings or BookingSettings(), FaultPoints(),
            open_slot_lock(config.tenant),
        )  # fmt: skip
