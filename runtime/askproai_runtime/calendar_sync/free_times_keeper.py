"""Read the remote calendar's free times before a caller asks: every few minutes, when a call begins, and after changes there.

For the regular readings, one process of a tenant at a time runs the periodic task `free-times`. Requests use the jobs' share of
the tenant's budget, and a refresh waits for its turn, so callers and bookings come first.
"""

import asyncio
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.tracing import start_trace
from askproai_runtime.book.bookables import list_bookables
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import find_block, read_and_store
from askproai_runtime.book.store.free_times import list_ages
from askproai_runtime.calendars import Bookable, CalendarUnavailable
from askproai_runtime.tasks import Next, PutOff, TaskRun

log = structlog.get_logger(__name__)

FREE_TIMES = "free-times"
# Without calls, an event type (or each host of a team's) costs six requests an hour. A tenant costs sixty at most: with more
# than ten event types, each is read less often.
_IDLE_AGE, _IDLE_AGE_FOR_EACH = timedelta(minutes=10), timedelta(minutes=1)
# However many calls begin, they cost an event type two requests in a minute, and a tenant fifteen at most.
_CALL_AGE, _CALL_AGE_FOR_EACH = timedelta(seconds=30), timedelta(seconds=4)
_NEARLY = 0.8  # free times nearly as old would be too old before the next run
_LONGEST_WAIT = timedelta(seconds=10)  # for the next token of the budget
_TOGETHER = timedelta(milliseconds=200)  # what changes together is read together
_NEVER = timedelta.max


class FreeTimesKeeper:
    """Reads the free times of a tenant's event types when they are unknown or too old."""

    def __init__(self, ctx: BookingContext) -> None:
        self._ctx = ctx
        self._older_than = _NEVER  # what `_refresh_soon` has yet to read
        self._refreshing: asyncio.Task[None] | None = None

    async def run(self, run: TaskRun) -> Next:
        """Read the free times that are older than the interval of this task. Raises `PutOff` if the calendar cannot be asked."""
        idle = self._idle_age()
        try:
            await self.refresh(idle * _NEARLY, run.correlation_id)
        except CalendarUnavailable as error:
            raise PutOff(error.retry_after or idle, str(error)) from error
        return Next(idle, {})

    def call_begins(self) -> None:
        """Request a refresh of free times older than some 30 s: the caller will ask in a few seconds."""
        self._request(max(_CALL_AGE, self._count() * _CALL_AGE_FOR_EACH))

    def calendar_changed(self) -> None:
        """Request a refresh of the free times that were dropped after a change in the calendar."""
        self._request(self._idle_age())

    async def wait_until_read(self) -> None:
        """Wait until the requested refreshes are done."""
        if self._refreshing is not None:
            await self._refreshing

    async def close(self) -> None:
        """Cancel the reads of free times that are running or requested."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    async def refresh(self, older_than: timedelta, correlation_id: str) -> int:
        """Read the coming days of each bookable that has an unknown day, or a day that was read longer than `older_than` ago.

        Returns the number of bookables that were read. Raises `CalendarUnavailable` if the calendar must not be asked now, or
        has answered no request, and the errors of asyncpg.
        """
        ctx = self._ctx
        bookables = list_bookables(ctx.config()) if ctx.calendar.remote else []
        if not bookables:
            return 0
        zone = ZoneInfo(ctx.config().time_zone)
        first, last = find_block(ctx, zone, ctx.clock.now().astimezone(zone).date())
        async with ctx.pool.acquire() as conn:
            ages = await list_ages(conn, ctx.tenant, bookables, first, last)
        due = [bookable for bookable, age in ages.items() if age is None or age > older_than]
        failed: list[CalendarUnavailable] = []
        for bookable in due:
            try:
                await self._read(bookable, first, last, correlation_id)
            except CalendarUnavailable as error:
                log.warning("free_times.unknown", **bookable._asdict(), error=str(error))
                if error.retry_after is not None:
                    raise
                failed.append(error)
        if due and len(failed) == len(due):
            raise failed[-1]
        return len(due) - len(failed)

    async def _read(self, bookable: Bookable, first: date, last: date, correlation_id: str) -> None:
        """Read the days of one bookable, after short waits for the budget. Raises `CalendarUnavailable`."""
        for is_last in (False, False, True):
            try:
                await read_and_store(self._ctx, bookable, first, last, correlation_id)
            except CalendarUnavailable as error:
                if is_last or error.retry_after is None or error.retry_after > _LONGEST_WAIT:
                    raise
                wait = error.retry_after
            else:
                return
            await self._ctx.clock.sleep(wait)

    def _idle_age(self) -> timedelta:
        return max(_IDLE_AGE, self._count() * _IDLE_AGE_FOR_EACH)

    def _count(self) -> int:
        return len(list_bookables(self._ctx.config()))

    def _request(self, older_than: timedelta) -> None:
        self._older_than = min(self._older_than, older_than)
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh_soon())

    async def _refresh_soon(self) -> None:
        """Carry out the requested refreshes, and further ones that are requested meanwhile."""
        while self._older_than is not _NEVER:
            await self._ctx.clock.sleep(_TOGETHER)
            older_than, self._older_than = self._older_than, _NEVER
            try:
                # The first request has started this task, within a trace of its own that ends before.
                with start_trace("free-times.refresh", tenant=self._ctx.tenant, correlation_id=FREE_TIMES):
                    await self.refresh(older_than, FREE_TIMES)
            except (CalendarUnavailable, *DATABASE_UNAVAILABLE) as error:
                why = str(error) if isinstance(error, CalendarUnavailable) else type(error).__name__
                log.warning("free_times.not_refreshed", error=why, consequence="callers ask the calendar themselves")
