"""A worker that runs the task `calendar-poll` in a process of its own, to be killed. Arguments: `DSN CONFIG CALCOM_URL`."""

import asyncio
import sys
from datetime import timedelta

import aiohttp
import msgspec

from askproai_core.clock import SystemClock
from askproai_core.database import open_pool
from askproai_core.fault_injection import fault_points_from_environment
from askproai_core.poll_state import CALENDAR_POLL
from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_core.tenant_config import decode
from askproai_runtime.book.context import BookingContext, BookingSettings
from askproai_runtime.calendars import ProviderCallRecorder, build_calendar
from askproai_runtime.events import CalendarPoll
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks import TaskRunner
from tests.worlds.booking_environment import CALCOM, NOW, FrozenClock, open_slot_lock
from tests.worlds.calcom_environment import KEY
from tests.worlds.task_environment import QUICK
from tests.worlds.tenant_redis import tenant_client


async def main(dsn: str, config_text: str, url: str) -> None:
    config = decode(config_text)
    config = msgspec.structs.replace(config, calendar=msgspec.structs.replace(CALCOM, base_url=url))
    metrics, clock = Metrics(config.tenant), FrozenClock(NOW)
    async with (
        open_pool(dsn, max_size=1) as pool,
        open_pool(dsn, max_size=1) as leases,
        aiohttp.ClientSession() as session,
    ):
        budget = RequestBudget(tenant_client(None, config.tenant), clock, "calcom", lambda: 0, for_callers=False)
        calendar = build_calendar(
            lambda: config, lambda _: KEY, session, CircuitBreakers(None, clock), CircuitRules(), clock,
            ProviderCallRecorder(pool, config.tenant, metrics), budget,
        )  # fmt: skip
        context = BookingContext(
            pool, lambda: config, calendar, clock, metrics, BookingSettings(), fault_points_from_environment(),
            open_slot_lock(config.tenant),
        )  # fmt: skip
        handlers = {CALENDAR_POLL: CalendarPoll(context, timedelta(minutes=5)).run}
        await TaskRunner(pool, leases, config.tenant, handlers, SystemClock(), metrics, QUICK).run(asyncio.Event())


asyncio.run(main(*sys.argv[1:]))
