"""The changes of data for open pages. One query, seven times a second while a page is open, serves all pages of a pod.

An event only names a subject (a part of the page) to read again, and holds no data. Its id has a change mark for each subject,
so that any pod can continue another pod's stream, and no state is kept for pages that reconnect.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_runtime.admin_api import Pulse

log = structlog.get_logger(__name__)

POLL_EVERY: Final = timedelta(seconds=0.15)  # a change is at most open pages within 200 ms of its commit
_RETRY_AFTER: Final = timedelta(seconds=5)
MAX_PAGES: Final = 200  # open pages of one pod


class TooManyPages(Exception):
    """This pod serves its maximum of open pages."""


class Feed:
    """The changes of one tenant's data, or of the fleet's, as one pod sees them. `read` returns the present `Pulse`."""

    def __init__(self, read: Callable[[], Awaitable[Pulse]], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._current = Pulse()
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def changes(self, since: str, pause: timedelta) -> AsyncGenerator[tuple[str, list[str]], None]:
        """Yield an event id and the subjects changed since the previous id (`since` at first), until `close` is called.

        Yields at least once each `pause`, with an empty list if nothing has changed. Raises `TooManyPages`.
        """
        changed = asyncio.Event()
        with self._listening(changed):
            while not self._closed:
                changed.clear()  # before the comparison, so that a change during it is not missed
                if self._current.marks:
                    now = event_id(self._current)
                    subjects, since = changed_subjects(since, now), now
                    yield now, subjects
                try:
                    async with asyncio.timeout(pause.total_seconds()):
                        await changed.wait()
                except TimeoutError:
                    if not self._current.marks:
                        yield since, []

    def close(self) -> None:
        """End all streams of changes, so that the process can end."""
        self._closed = True
        self._wake()
        if self._task is not None:
            self._task.cancel()

    @contextmanager
    def _listening(self, changed: asyncio.Event) -> Iterator[None]:
        if len(self._waiting) >= MAX_PAGES:
            raise TooManyPages
        self._waiting.add(changed)
        if self._task is None or self._task.done():
            self._current = Pulse()  # marks from before a pause are outdated
            self._task = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._waiting.discard(changed)

    async def _poll(self) -> None:
        """Query the database for changes repeatedly, until no page is open."""
        failing = False
        while self._waiting and not self._closed:
            try:
                pulse = await self._read()
            except DATABASE_UNAVAILABLE as error:
                if not failing:
                    log.warning("page.feed_stopped", error=type(error).__name__, consequence="it goes on by itself")
                failing = True
                await self._clock.sleep(_RETRY_AFTER)
                continue
            failing = False
            if pulse.marks != self._current.marks:
                self._current = pulse
                self._wake()
            await self._clock.sleep(POLL_EVERY)

    def _wake(self) -> None:
        for changed in self._waiting:
            changed.set()


def event_id(pulse: Pulse) -> str:
    """Return the event id for a pulse: a short change mark for each subject."""
    return ".".join(f"{name}-{zlib.crc32(mark.encode()):08x}" for name, mark in pulse.marks.items())


def changed_subjects(since: str, now: str) -> list[str]:
    """Return the subjects whose change marks differ between two event ids; all subjects if `since` is no event id."""
    before, after = _marks(since), _marks(now)
    return [name for name, mark in after.items() if before.get(name) != mark]


def _marks(state: str) -> Mapping[str, str]:
    pairs = (part.partition("-") for part in state.split("."))
    return {name: mark for name, _, mark in pairs}
