"""W1: shared commits. What waits while one runs shares the next; one bad event does not fail its neighbours."""

import asyncio
from collections.abc import Sequence

import pytest

from askproai_runtime.intake import Flusher, Incoming, Source, Stored, Unavailable, flush


def event(name: str) -> Incoming:
    return Incoming(Source.RETELL, name, "call_started", b"{}", "c")


class Book:
    """Writes in memory; `gate` holds commits up, `bad` names events that no database would take."""

    def __init__(self) -> None:
        self.flushes: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.bad: set[str] = set()
        self.away = False

    async def write(self, events: Sequence[Incoming]) -> list[Stored]:
        self.flushes.append([one.event_id for one in events])
        await self.gate.wait()
        if self.away:
            raise ConnectionRefusedError
        if self.bad & {one.event_id for one in events}:
            raise ValueError("a bad row")
        return [Stored(len(one.event_id), "c", duplicate=False) for one in events]


async def test_a_lone_event_is_written_at_once() -> None:
    book = Book()
    assert (await Flusher(book.write).submit(event("one"))).id == 3
    assert book.flushes == [["one"]]


async def test_what_waits_while_commits_run_shares_the_next_commit() -> None:
    book = Book()
    book.gate.clear()
    flusher = Flusher(book.write)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(flush.FLUSHERS + 20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    book.gate.set()
    await asyncio.gather(*tasks)
    assert len(book.flushes) <= flush.FLUSHERS + 2
    assert sum(map(len, book.flushes)) == len(tasks)


async def test_one_bad_event_does_not_fail_its_neighbours() -> None:
    book = Book()
    book.bad = {"bad"}
    book.gate.clear()
    flusher = Flusher(book.write)
    tasks = [asyncio.create_task(flusher.submit(event(name))) for name in ("a", "b", "c", "bad", "d", "e")]
    await asyncio.sleep(0)
    book.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, Stored) for result in results] == [True, True, True, False, True, True]
    assert isinstance(results[3], Unavailable)


async def test_nothing_is_acknowledged_while_the_database_is_away() -> None:
    book = Book()
    book.away = True
    flusher = Flusher(book.write)
    results = await asyncio.gather(*(flusher.submit(event(f"e{n}")) for n in range(50)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert len(book.flushes) < 50, "a database that is away is not asked for each row"


async def test_a_sender_whose_request_was_cut_takes_no_answer_from_its_neighbours() -> None:
    """At shutdown aiohttp cancels what takes too long; the others of the same commit are stored, and must hear so."""
    book = Book()
    book.gate.clear()
    flusher = Flusher(book.write)
    first = asyncio.create_task(flusher.submit(event("first")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{n}"))) for n in range(flush.FLUSHERS + 3)]
    await asyncio.sleep(0)
    tasks[-2].cancel()
    await asyncio.sleep(0)
    book.gate.set()
    results = await asyncio.gather(first, *tasks, return_exceptions=True)
    assert [isinstance(result, Stored) for result in results].count(False) == 1
    assert isinstance(results[-2], asyncio.CancelledError)


async def test_the_backlog_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "MOST_WAITING", 5)
    book = Book()
    book.gate.clear()
    flusher = Flusher(book.write)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(12)]
    await asyncio.sleep(0.01)
    refused = [task for task in tasks if task.done()]
    assert refused
    assert all(isinstance(task.exception(), Unavailable) for task in refused)
    book.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_commit_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "FLUSH_SECONDS", 0.02)
    book = Book()
    book.gate.clear()
    with pytest.raises(Unavailable):
        await Flusher(book.write).submit(event("one"))


async def test_large_bodies_do_not_share_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "MOST_BYTES_PER_FLUSH", 10)
    book = Book()
    book.gate.clear()
    flusher = Flusher(book.write)
    large = [Incoming(Source.RETELL, f"e{n}", "call_ended", b"x" * 8, "c") for n in range(6)]
    tasks = [asyncio.create_task(flusher.submit(one)) for one in large]
    await asyncio.sleep(0)
    book.gate.set()
    await asyncio.gather(*tasks)
    assert all(len(one) == 1 for one in book.flushes)


async def test_closing_writes_what_waits() -> None:
    book = Book()
    book.gate.clear()
    flusher = Flusher(book.write)
    tasks = [asyncio.create_task(flusher.submit(event(f"e{number}"))) for number in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(flusher.close())
    book.gate.set()
    await closing
    assert all(isinstance(task.result(), Stored) for task in await asyncio.wait_for(_finished(tasks), 1))


async def _finished(tasks: list[asyncio.Task[Stored]]) -> list[asyncio.Task[Stored]]:
    await asyncio.wait(tasks)
    return tasks
