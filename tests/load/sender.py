"""The load, in a process of its own: `python -m tests.load.sender open|closed URL RUN SECONDS RATE|CONNECTIONS`.

`open` sends on schedule, however slow the answers are, and measures from the moment a request was due: a server that stalls is
charged for every request that was due meanwhile (no coordinated omission). `closed` keeps connections busy to find the capacity; it
writes HTTP by hand, since aiohttp's client costs more than the server that is measured. `bare PORT` is a server that does nothing,
as the yardstick.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tests.load import events
from tests.load.measure import due_times

TIMEOUT = aiohttp.ClientTimeout(total=10)  # as long as Retell waits


@dataclass
class LoadResult:
    """The result of a run. Times in seconds; `late` is by how much the sender itself missed its schedule."""

    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)  # numbers of events
    errors: dict[str, int] = field(default_factory=Counter)
    seconds: float = 0.0
    own_cpu: float = 0.0  # share of one core that the sender used: near 1, it was the limit


async def send_on_schedule(url: str, run: str, seconds: float, rate: float) -> LoadResult:
    """Send `rate` events a second, each when it is due."""
    result, due = LoadResult(), due_times(rate, seconds)
    bodies = [events.body(run, number) for number in range(len(due))]
    connector = aiohttp.TCPConnector(limit=0)  # a request must never wait for a connection of ours
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session, asyncio.TaskGroup() as tasks:
        start = time.perf_counter() + 0.5

        async def send(number: int) -> None:
            result.late.append(time.perf_counter() - start - due[number])
            try:
                text = bodies[number]
                async with session.post(url + events.PATH, data=text, headers=events.signed(text)) as response:
                    answer = await response.json(content_type=None)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                result.errors[type(error).__name__] += 1
                return
            result.latencies.append(time.perf_counter() - start - due[number])
            if (response.status, answer.get("status")) in {(200, "accepted"), (200, "spooled")}:
                result.acknowledged.append(number)
            else:
                result.errors[f"{response.status} {answer.get('status')}"] += 1

        for number in range(len(due)):
            await asyncio.sleep(start + due[number] - time.perf_counter())
            tasks.create_task(send(number))
    return result


class Connection(asyncio.Protocol):
    """One kept-alive connection that sends its next request as soon as the last is answered."""

    def __init__(self, result: LoadResult, run: str, numbers: "count[int]", until: float) -> None:
        self._result, self._run, self._numbers, self._until = result, run, numbers, until
        self._buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        self._started, self._number = time.perf_counter(), None
        if self._started >= self._until:
            self._transport.close()
            return
        self._number = next(self._numbers)
        self._transport.write(events.request(self._run, self._number))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not found or len(rest) < int(length or 0):
            return
        self._buffer = b""
        self._result.latencies.append(time.perf_counter() - self._started)
        if head[9:12] in (b"200", b"204"):
            self._result.acknowledged.append(self._number)
        else:
            self._result.errors[head[9:12].decode()] += 1
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._number is not None:
            self._result.errors["connection lost"] += 1
        self.done.set_result(None)


async def send_flat_out(url: str, run: str, seconds: float, connections: float) -> LoadResult:
    """Keep `connections` busy for `seconds`; each ends with the answer to its last request."""
    result, numbers, address, loop = LoadResult(), count(), urlsplit(url), asyncio.get_running_loop()
    until = time.perf_counter() + seconds
    opened = [
        await loop.create_connection(lambda: Connection(result, run, numbers, until), address.hostname, address.port)
        for _ in range(int(connections))
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    return result


async def run(kind: str, url: str, name: str, seconds: str, strength: str) -> None:
    gc.disable()  # pauses of the sender would be measured as the server's
    started, cpu = time.perf_counter(), time.process_time()
    result = await (send_on_schedule if kind == "open" else send_flat_out)(url, name, float(seconds), float(strength))
    result.seconds = time.perf_counter() - started
    result.own_cpu = (time.process_time() - cpu) / result.seconds
    json.dump(vars(result), sys.stdout)  # asdict would break the Counter


async def answer_nothing(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer_nothing)  # as the runtime routes
        web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
    else:
        asyncio.run(run(*sys.argv[1:]))
