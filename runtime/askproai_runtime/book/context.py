"""The dependencies and settings of the book's functions, and the labels of its metrics."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars import Calendar
from askproai_runtime.encryption import BodyCipher, no_cipher
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.slot_lock import SlotLock

T = TypeVar("T")

_APART_SECONDS = 0.1  # a caller's longest wait for the running read


@dataclass(slots=True)
class ReadsInFlight:
    """This process's running requests for free times: a call that needs the same free times joins the running request."""

    tasks: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    def join(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return the running read of `key`, or start one. The read continues if all of its callers give up."""
        if key not in self.tasks:
            self.tasks[key] = asyncio.create_task(read())
            self.tasks[key].add_done_callback(lambda _: self.tasks.pop(key, None))
        return self.tasks[key]


@dataclass(slots=True)
class SharedReads:
    """The waiting and the running reads of one process, by key. No request gets a result whose read began before the request."""

    _next: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)
    _running: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def share(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a read of `key` that begins after this call.

        The read begins at once, or when the running read ends, but at most 0.1 s later. All requests until its beginning share
        the first request's `read`. That runs in the first request's context: a value that it takes from there, such as a
        language, must be part of `key`.

        The read continues if its callers give up. If a shared read fails, each request that joined it runs its own `read`, and
        raises the errors of its own read.
        """
        shared = self._next.get(key)
        if shared is None:
            task = self._next[key] = asyncio.create_task(self._begin(key, read))
            task.add_done_callback(partial(self._forget, key))
            return await asyncio.shield(task)
        try:
            return await asyncio.shield(shared)
        except Exception:  # noqa: BLE001  it is raised to the first of them; one lost connection must not fail all
            return await read()

    async def _begin(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if key in self._running:
            await asyncio.wait([self._running[key]], timeout=_APART_SECONDS)
        self._running[key] = self._next.pop(key)  # a request from now on needs a later read
        return await read()

    def _forget(self, key: Hashable, ended: asyncio.Task[Any]) -> None:
        for tasks in (self._next, self._running):
            if tasks.get(key) is ended:
                del tasks[key]
        if not ended.cancelled():
            ended.exception()  # else asyncio reports the error of a read that nobody awaits


class Basis(StrEnum):
    """The calendars behind an offer: the label of `askproai_offers_total`."""

    CALENDAR = "calendar"  # our own book, and the remote calendar for the staff members who are booked there
    OWN_BOOK = "own_book"  # our own book alone, since the free times of the remote calendar are not known


class BookingOutcome(StrEnum):
    """How an attempt to book ended: the label of `askproai_bookings_total`."""

    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    ALREADY_BOOKED = "already_booked"
    NOT_FREE = "not_free"
    ASKED_BACK = "asked_back"
    IN_FLIGHT = "in_flight"
    BUSY = "busy"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BookingSettings:
    """Durations and limits.

    `budget` is the time that one call function may take; it stays below Retell's tool timeout of 8 s. `lease` is how long a
    call owns an action (see `idempotency.py`); it outlives the budget. `quiet_period` is how long a POST without an answer may
    take to appear in the calendar's list. `refusal` is how long a slot that the calendar refused is not offered again. `begun`
    is how long after the start the desk may still book or cancel an appointment of the local calendar.

    The free times of the remote calendar are read for `free_times_days` at once. They count as known for `free_times_age`,
    about the age of an offer when a caller accepts it: in five minutes people make few entries elsewhere that overlap a
    caller's time. After that the calendar is asked within `free_times_wait`, so that the caller has the whole answer within a
    second. Free times up to the age `free_times_kept` still prevent offers at known appointments in other calendars.
    """

    hold: timedelta = timedelta(seconds=90)
    holds_per_staff_and_day: int = 6  # so that callers who only ask cannot empty a day
    holds_per_caller: int = 2
    offers: int = 3
    look_ahead: timedelta = timedelta(days=14)
    refusal: timedelta = timedelta(minutes=5)
    begun: timedelta = timedelta(minutes=30)
    lease: timedelta = timedelta(seconds=15)
    budget: timedelta = timedelta(seconds=6)
    provider_timeout: timedelta = timedelta(seconds=4)
    sync_delay: timedelta = timedelta(seconds=300)
    quiet_period: timedelta = timedelta(seconds=30)
    free_times_days: int = 14
    free_times_age: timedelta = timedelta(minutes=5)
    free_times_wait: timedelta = timedelta(milliseconds=600)
    free_times_kept: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BookingContext:
    """The dependencies of the package, wired once per process. `config` returns the tenant's current config."""

    pool: Pool
    config: Callable[[], TenantConfig]
    calendar: Calendar
    clock: Clock
    metrics: Metrics
    settings: BookingSettings
    faults: FaultPoints
    slot_lock: SlotLock
    cipher: BodyCipher = field(default_factory=lambda: no_cipher(""))
    reads: ReadsInFlight = field(default_factory=ReadsInFlight)
    searches: SharedReads = field(default_factory=SharedReads)

    @property
    def tenant(self) -> str:
        return self.config().tenant
