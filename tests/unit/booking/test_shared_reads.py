"""Simultaneous requests share one read, and no request gets the result of an earlier read."""

import asyncio
import gc
from typing import Any

import pytest

from askproai_runtime.book.context import SharedReads
from tests.worlds.waiting import eventually


class Reader:
    """Reads of one key; each ends when its future in `found` has a result."""

    def __init__(self) -> None:
        self.reads = SharedReads()
        self.found: list[asyncio.Future[str]] = []

    async def read(self) -> str:
        self.found.append(asyncio.get_running_loop().create_future())
        return await self.found[-1]

    async def ask(self, askers: int) -> list[asyncio.Task[str]]:
        """Start so many requests at once, and return when all of them wait."""
        tasks = [asyncio.create_task(self.reads.share("key", self.read)) for _ in range(askers)]
        await go_on()
        return tasks


async def go_on() -> None:
    """Let each task go on as far as it can without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_readers_during_a_shared_read_get_the_next() -> None:
    reader = Reader()
    first = await reader.ask(3)
    later = await reader.ask(5)
    assert len(reader.found) == 1
    reader.found[0].set_result("before the later ones asked")
    assert await asyncio.gather(*first) == ["before the later ones asked"] * 3
    await go_on()
    assert len(reader.found) == 2
    reader.found[1].set_result("after they asked")
    assert await asyncio.gather(*later) == ["after they asked"] * 5


async def test_slow_shared_read_does_not_delay_later_reads() -> None:
    reader = Reader()
    (first,) = await reader.ask(1)
    (second,) = await reader.ask(1)
    await eventually(lambda: len(reader.found) == 2, what="the second read to begin")
    reader.found[1].set_result("second")
    assert await second == "second"
    (third,) = await reader.ask(1)  # it knows of no running read
    reader.found[2].set_result("third")
    reader.found[0].set_result("first")
    assert (await first, await third) == ("first", "third")


async def test_cancelled_reader_does_not_end_shared_read() -> None:
    reader = Reader()
    gives_up, waits = await reader.ask(2)
    gives_up.cancel()
    await go_on()
    reader.found[0].set_result("found")
    assert await waits == "found"
    assert gives_up.cancelled()


async def test_failed_read_fails_only_for_its_initiator() -> None:
    reader = Reader()
    first, second, third = await reader.ask(3)
    reader.found[0].set_exception(OSError("away"))
    with pytest.raises(OSError, match="away"):
        await first
    await go_on()
    reader.found[1].set_result("alone")
    reader.found[2].set_exception(OSError("away"))
    assert await second == "alone"
    with pytest.raises(OSError, match="away"):
        await third
    (last,) = await reader.ask(1)
    reader.found[3].set_result("there again")
    assert await last == "there again"


async def test_failed_read_without_readers_reports_no_exception() -> None:
    reader, reported = Reader(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    (gives_up,) = await reader.ask(1)
    gives_up.cancel()
    await go_on()
    reader.found[0].set_exception(OSError("away"))
    await go_on()
    del gives_up  # which holds the read
    gc.collect()
    assert reported == [], "asyncio reports an exception that nobody has retrieved"
    (next_one,) = await reader.ask(1)
    reader.found[1].set_result("found")
    assert await next_one == "found"
