"""A pod's worth of callers in a process of its own: does what it reads from standard input, answers as JSON.

Run by test_booking_processes.py as `caller_process.py DSN CONFIG CALCOM_URL [REDIS_URL]`; a first line that is read
starts all at once.
"""

import asyncio
import json
import sys

import aiohttp
import msgspec
import stamina.instrumentation
import structlog
from booking_world import CALCOM, NOW, Counts, StandingClock, call, slots_of

from askproai_core.database import open_pool
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.redis import CircuitBreakers
from askproai_core.tenant_config import CalcomVersion, decode
from askproai_runtime.booking import Booking, BookingSettings
from askproai_runtime.calendars import CalcomHttp, CalcomV2, FallbackCalendar, ProviderCallRecorder

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output carries the answers


retries: list[str] = []
stamina.instrumentation.set_on_retry_hooks([lambda details: retries.append(repr(details.caused_by))])


async def main(dsn: str, config_text: str, url: str, redis_url: str = "") -> None:
    config = decode(config_text)
    if url:
        config = msgspec.structs.replace(config, calendar=msgspec.structs.replace(CALCOM, base_url=url))
    counts, clock = Counts(), StandingClock(NOW)
    async with open_pool(dsn, max_size=3) as pool, aiohttp.ClientSession() as session:
        recorder = ProviderCallRecorder(pool, config.tenant, counts)
        exchange = CalcomHttp(session, CircuitBreakers(None, clock), clock)
        calcom = CalcomV2(exchange, lambda: config, lambda: "cal_salon", recorder)
        calendar = FallbackCalendar(lambda: config, {CalcomVersion.V2: calcom}, clock)
        slots = slots_of(config.tenant, redis_url or None)
        faults = fault_points_from_environment()
        booking = Booking(pool, lambda: config, calendar, clock, counts, BookingSettings(), faults, slots)
        await pool.fetchval("SELECT 1")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        wishes = json.loads(await asyncio.to_thread(sys.stdin.readline))
        answers = await asyncio.gather(
            *(getattr(booking, function)(call(call_id, None), args) for call_id, args, function in wishes)
        )
        said = {"answers": [answer.as_json() for answer in answers], "retries": retries}
        sys.stdout.write(json.dumps(said) + "\n")


asyncio.run(main(*sys.argv[1:]))
