"""A pod's callers in a process of its own: reads their requests from standard input, writes the answers as JSON.

Run by test_booking_processes.py with the arguments `DSN CONFIG CALCOM_URL [REDIS_URL]`. Writes `ready`, reads one line, a
JSON list of [call id, arguments, function], and starts all requests of it at once.
"""

import asyncio
import json
import sys

import aiohttp
import msgspec
import stamina.instrumentation
import structlog

from askproai_core.database import open_pool
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.provider_limits import CircuitBreakers
from askproai_core.provider_names import CalendarApi
from askproai_core.tenant_config import decode
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calendars import FallbackCalendar, ProviderCallRecorder
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from tests.worlds.booking_environment import (
    CALCOM,
    NOW,
    BookingService,
    FrozenClock,
    RecordedMetrics,
    call,
    open_slot_lock,
)

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output carries the answers


retries: list[str] = []
stamina.instrumentation.set_on_retry_hooks([lambda details: retries.append(repr(details.caused_by))])


async def main(dsn: str, config_text: str, url: str, redis_url: str = "") -> None:
    config = decode(config_text)
    if url:
        config = msgspec.structs.replace(config, calendar=msgspec.structs.replace(CALCOM, base_url=url))
    metrics, clock = RecordedMetrics(), FrozenClock(NOW)
    async with open_pool(dsn, max_size=3) as pool, aiohttp.ClientSession() as session:
        recorder = ProviderCallRecorder(pool, config.tenant, metrics)
        exchange = CalcomHttp(session, CircuitBreakers(None, clock), clock)
        calcom = CalcomV2(exchange, lambda: config, lambda: "cal_salon", recorder)
        calendar = FallbackCalendar(lambda: config, {CalendarApi.V2: calcom}, clock)
        slot_lock = open_slot_lock(config.tenant, redis_url or None)
        faults = fault_points_from_environment()
        booking = BookingService(pool, lambda: config, calendar, clock, metrics, BookingSettings(), faults, slot_lock)
        await pool.fetchval("SELECT 1")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        requests = json.loads(await asyncio.to_thread(sys.stdin.readline))
        answers = await asyncio.gather(
            *(getattr(booking, function)(call(call_id, None), args) for call_id, args, function in requests)
        )
        output = {"answers": [answer.as_json() for answer in answers], "retries": retries}
        sys.stdout.write(json.dumps(output) + "\n")


asyncio.run(main(*sys.argv[1:]))
