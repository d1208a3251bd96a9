"""Processes that are restarted when they end, as by a kubelet, and a balancer for the processes that listen."""

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from askproai_sandbox.cluster import Child, spawn
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.soak.history import History

_RESTART_SECONDS = 0.3


@dataclass
class Process:
    """One process of ours. The storm may end it in any way; it is started again until `stop`."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    directory: Path
    history: History
    child: Child | None = None
    _stopping: bool = False
    _ordered: bool = False
    _task: "asyncio.Task[None] | None" = field(default=None)

    async def start(self) -> None:
        self.child = await spawn(self.name, self.command, directory=self.directory, environment=self.environment)
        self._task = asyncio.create_task(self._keep_running())

    async def _keep_running(self) -> None:
        assert self.child is not None
        while True:
            code = await self.child.wait()
            if self._stopping:
                return
            if not self._ordered:
                self.history.fault(f"{self.name} ended by itself with {code}")
            self._ordered = False
            await asyncio.sleep(_RESTART_SECONDS)
            self.child = await spawn(self.name, self.command, directory=self.directory, environment=self.environment)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process runs now."""
        if self.child is not None and self.child.exit_code is None:
            self._ordered |= number in (signal.SIGKILL, signal.SIGTERM)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child.pid, number)

    async def stop(self) -> None:
        self._stopping = True
        self.send(signal.SIGCONT)
        if self.child is not None:
            await self.child.stop()
        if self._task is not None:
            self._task.cancel()


def postgres_pids(server: EmbeddedPostgres) -> list[int]:
    """Return the server and all its children: stopping the first alone would stop no query."""
    found = [server.pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(") ")[2].split()[1]) == server.pid:
                    found.append(int(entry.name))
    return found


@asynccontextmanager
async def balance(ports: Sequence[int]) -> AsyncIterator[str]:
    """Yield the URL of a balancer of connections, as a Service is one: round robin over the ports at which somebody listens."""
    turn = itertools.count()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(turn)
        for n in range(len(ports)):
            try:
                upstream = await asyncio.open_connection("127.0.0.1", ports[(first + n) % len(ports)])
            except OSError:
                continue
            pipes = {asyncio.create_task(_pipe(reader, upstream[1])), asyncio.create_task(_pipe(upstream[0], writer))}
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            for pipe in pipes:
                pipe.cancel()
            upstream[1].close()
            break
        writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
