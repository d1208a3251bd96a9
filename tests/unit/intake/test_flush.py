"""Group commits: events that wait while a commit runs share the next, and none is acknowledged before it."""

import asyncio
from collections.abc import Sequence

import pytest

from askproai_runtime.intake import Flusher, IncomingEvent, Source, flush
from askproai_runtime.intake.flush import EventNotStored
from askproai_runtime.intake.store import Receipt
from tests.worlds.waiting import SOON


def event(name: str) -> IncomingEvent:
    return IncomingEvent(Source.RETELL, name, "call_started", b"{}", "c")


class MemoryWriter:
    """Writes to memory. `gate` delays commits; `away` is an outage."""

    def __init__(self) -> None:
        self.flushes: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False

    async def write(self, events: Sequence[IncomingEvent]) -> list[Receipt]:
        self.flushes.append([event.event_id for event in events])
        await self.gate.wait()
        if self.away:
            raise ConnectionRefusedError
        return [Receipt(len(event.event_id), "c", duplicate=False) for event in events]


async def test_a_lone_event_is_written_at_once() -> None:
    writer = MemoryWriter()
    assert (await Flusher(writer).submit(event("one"))).id == 3
    assert writer.flushes == [["one"]]


async def test_queued_events_share_the_next_commit() -> None:
    writer = MemoryWriter()
    writer.gate.clear()
    flusher = Flusher(writer)
    tasks = [
        asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(flush.CONCURRENT_FLUSHES + 20)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writer.gate.set()
    await asyncio.gather(*tasks)
    assert len(writer.flushes) <= flush.CONCURRENT_FLUSHES + 2
    assert sum(map(len, writer.flushes)) == len(tasks)


async def test_nothing_is_acknowledged_while_the_database_is_away() -> None:
    writer = MemoryWriter()
    writer.away = True
    flusher = Flusher(writer)
    results = await asyncio.gather(*(flusher.submit(event(f"e{n}")) for n in range(50)), return_exceptions=True)
    assert all(isinstance(result, EventNotStored) for result in results)
    assert len(writer.flushes) < 50, "an unreachable database is not asked for each row"


async def test_cancelled_request_leaves_other_events_stored_and_answered() -> None:
    """At shutdown aiohttp cancels slow requests; the other events of the same commit are stored, and their senders must hear so."""
    writer = MemoryWriter()
    writer.gate.clear()
    flusher = Flusher(writer)
    first = asyncio.create_task(flusher.submit(event("first")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{n}"))) for n in range(flush.CONCURRENT_FLUSHES + 3)]
    await asyncio.sleep(0)
    tasks[-2].cancel()
    await asyncio.sleep(0)
    writer.gate.set()
    results = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert [isinstance(result, Receipt) for result in results].count(False) == 1
    assert isinstance(results[-2], asyncio.CancelledError)


async def test_number_of_waiting_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "MAX_WAITING_EVENTS", 5)
    writer = MemoryWriter()
    writer.gate.clear()
    flusher = Flusher(writer)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(12)]
    await asyncio.sleep(0.01)
    refused = [task for task in tasks if task.done()]
    assert refused
    assert all(isinstance(task.exception(), EventNotStored) for task in refused)
    writer.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_commit_that_never_ends_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "FLUSH_SECONDS", 0.02)
    writer = MemoryWriter()
    writer.gate.clear()
    with pytest.raises(EventNotStored):
        await Flusher(writer).submit(event("one"))


class RefusingSpool:
    """A spool that was ready at the last look, and whose Redis does not answer now."""

    def __init__(self, writer: MemoryWriter) -> None:
        self.on, self.in_use, self._writer = True, False, writer

    async def put(self, events: Sequence[IncomingEvent]) -> bool:
        self.on = False
        self._writer.gate.set()
        return False


async def test_event_refused_by_slow_stores_is_stored_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine misses both short times; the sender waits longer than these."""
    monkeypatch.setattr(flush, "SPOOL_AFTER_SECONDS", 0.01)
    writer = MemoryWriter()
    writer.gate.clear()
    assert (await Flusher(writer, RefusingSpool(writer)).submit(event("one"))).id == 3
    assert writer.flushes == [["one"], ["one"]]


async def test_event_refused_twice_stays_with_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "SPOOL_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(flush, "FLUSH_SECONDS", 0.02)
    writer = MemoryWriter()
    spool = RefusingSpool(MemoryWriter())  # which opens the gate of another writer
    writer.gate.clear()
    with pytest.raises(EventNotStored):
        await Flusher(writer, spool).submit(event("one"))
    assert len(writer.flushes) == 2


async def test_large_bodies_do_not_share_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "MAX_BYTES_PER_FLUSH", 10)
    writer = MemoryWriter()
    writer.gate.clear()
    flusher = Flusher(writer)
    large = [IncomingEvent(Source.RETELL, f"e{n}", "call_ended", b"x" * 8, "c") for n in range(6)]
    tasks = [asyncio.create_task(flusher.submit(event)) for event in large]
    await asyncio.sleep(0)
    writer.gate.set()
    await asyncio.gather(*tasks)
    assert all(len(flushed) == 1 for flushed in writer.flushes)


async def test_closing_writes_the_events_that_still_wait() -> None:
    writer = MemoryWriter()
    writer.gate.clear()
    flusher = Flusher(writer)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(flusher.close())
    writer.gate.set()
    await closing
    assert all(isinstance(task.result(), Receipt) for task in await asyncio.wait_for(_finished(tasks), SOON))


async def _finished(tasks: list[asyncio.Task[Receipt]]) -> list[asyncio.Task[Receipt]]:
    await asyncio.wait(tasks)
    return tasks
