"""The time for which one caller's sentence blocks the event loop, with all kinds of sentences and the largest possible tenant.

60 staff members, 730 days of horizon, a grid of one minute, and 80,640 claims in the next four weeks that leave five minutes
between two appointments: no search finds anything before it has read all of them.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config import Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_core.tenant_config.config import BookingLimits
from askproai_runtime.availability.opening_hours import warm_up
from askproai_runtime.book.context import BookingContext, BookingSettings
from askproai_runtime.calendars.types import LocalCalendar
from askproai_runtime.conversation import book, offer
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.metrics import Metrics
from askproai_runtime.process import exempt_from_collection
from tests.load.environment import LARGEST, LoadEnvironment
from tests.load.measure import Row
from tests.worlds.booking_environment import open_slot_lock
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import TenantStore

SENTENCES, STOP_BAR_MS = 120, 20
DAYS = (
    "heute", "morgen", "übermorgen", "egal wann", "so bald wie möglich", "nächsten Freitag", "Freitag in einer Woche",
    "in 14 Tagen", "in 27 Tagen", "in 28 Tagen", "in 364 Tagen", "in 729 Tagen", "in 730 Tagen", "in 99999 Tagen", "am 29. Februar",
    "24.12.", "am 31.12.2027", "1.1.0001", "31.12.9999", "am dreißigsten", "", "Freitag " * 70, "9" * 500, "in " * 160,
)  # fmt: skip
TIMES = (
    "um 03:00",
    "um halb drei",
    "Viertel vor zwölf",
    "um 23:59",
    "vormittags",
    "nach 17 Uhr",
    "9:75",
    "um 10",
    "",
    "Uhr " * 100,
)
NAMES = ("Petra Müller", "Dr. med. " * 40, "x" * 500, "https://a.example " * 20, "Ä\u0308" * 200)


def sentences(seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield function names and arguments; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(SENTENCES):
        args: dict[str, Any] = {
            "service": "Haarschnitt",
            "start": f"{chance.choice(DAYS)} {chance.choice(TIMES)}".strip(),
        }
        if chance.random() < 0.3:
            args["staff"] = chance.choice([f"p{chance.randrange(60)}", "Niemand", "x" * 500])
        if chance.random() < 0.5:
            yield "book_appointment", args | {"customer_name": chance.choice(NAMES)}
        else:
            yield "check_availability", args


def largest_config(store: TenantStore) -> TenantConfig:
    """Return the salon with the largest service that a ServiceOffering can describe."""
    config = salon_config(tenant=store.tenant, booking_limits=BookingLimits(per_call=100, per_caller_and_day=1000))
    hours = (Hours(days=tuple(Weekday), opens=datetime.min.time(), closes=datetime.min.time()),)
    staff = tuple(Staff(id=s, display_name=s, resource_ids=(store.resources["mitte", s, 1],)) for s in LARGEST)
    branch = replace(config.branches[0], staff=staff, opening_hours=hours)
    service = replace(
        config.services[0], staff={branch.name: LARGEST}, event_types=(), slot_step_minutes=1, booking_horizon_days=730
    )
    return replace(config, branches=(branch,), services=(service,))


async def event_loop_rows(env: LoadEnvironment, seed: int) -> list[Row]:
    """Answer the sentences one after the other, and measure how much CPU time the event loop spends without a pause."""
    await _book_out(env)
    config = largest_config(env.largest)
    async with open_pool(env.largest.dsn, max_size=3) as pool:
        ctx = BookingContext(
            pool, lambda: config, LocalCalendar(), SystemClock(), Metrics(config.tenant), BookingSettings(), FaultPoints(),
            open_slot_lock(config.tenant),
        )  # fmt: skip
        warm_up(config, datetime.now(UTC))
        await _answer(ctx, 0, "check_availability", {"service": "Haarschnitt"})
        exempt_from_collection()  # as a process does when it starts
        stops, slowest = {}, 0.0
        for number, (name, args) in enumerate(sentences(seed), 1):
            watching = asyncio.create_task(_longest_stop())
            await asyncio.sleep(0)
            started = time.perf_counter()
            await _answer(ctx, number, name, args)
            slowest = max(slowest, time.perf_counter() - started)
            watching.cancel()
            stops[await watching] = f"{name} {str(args)[:80]}"
    worst = max(stops)
    return [
        Row(f"longest stop of the event loop, {SENTENCES} sentences (seed {seed})", worst * 1000, bar=STOP_BAR_MS),
        Row(f"… it was: {stops[worst]}", worst * 1000),
        Row("… slowest answer to one of them, all days booked out", slowest, "s"),
    ]


async def _answer(ctx: BookingContext, number: int, name: str, args: dict[str, Any]) -> None:
    call = CallContext(f"call_stop_{number}", "mitte", f"+49151{number:08d}", datetime.now(UTC), f"corr-{number}")
    functions = {"book_appointment": book.book_appointment, "check_availability": offer.check_availability}
    await functions[name](ctx, call, args)


async def _longest_stop() -> float:
    """Return the longest CPU time between two turns of the event loop, until cancelled. Others' use of the core is not in it."""
    longest, last = 0.0, time.thread_time()
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now
    return longest


async def _book_out(env: LoadEnvironment) -> None:
    """Book 25 minutes of each half hour of the next four weeks, for all staff members."""
    tenant, resources = env.largest.tenant, [env.largest.resources["mitte", name, 1] for name in LARGEST]
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    await env.db.execute(
        """WITH spans AS (
               SELECT gen_random_uuid() AS id, r AS resource, $3::timestamptz + n * interval '30 minutes' AS start
               FROM unnest($2::bigint[]) r, generate_series(0, 48 * 28 - 1) n),
           made AS (
               INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, correlation_id)
               SELECT $1, id, 'mitte', 'haarschnitt', resource::text, start, start + interval '25 minutes', 'confirmed', 'bench'
               FROM spans)
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state)
           SELECT $1, id, resource, tstzrange(start, start + interval '25 minutes', '[)'), 'booked' FROM spans""",
        tenant, resources, first, timeout=300,
    )  # fmt: skip
    await env.db.execute("ANALYZE")
