"""What the real servers of one's own have in common: a folder, a port that survives restarts, a process on our leash."""

import json
import signal
from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from askproai_sandbox.cluster import Child, ProcessError, eventually, port_is_free, spawn

GRACE = timedelta(seconds=30)


class EmbeddedError(Exception):
    """The server could not be prepared or started; the message says what to do."""


class EmbeddedServer:
    """Base of a server below `directory`, on a free port that survives restarts; it dies with this process.

    `address` is loopback, or one of this machine's at which pods of a real node reach it.
    """

    name: ClassVar[str]
    ask_to_stop: ClassVar[signal.Signals]

    def __init__(self, directory: Path, *, address: str = "127.0.0.1") -> None:
        self._directory, self._address = directory.absolute(), address
        self._state_file = self._directory / f"{self.name}.json"
        self._state: dict[str, Any] = {}
        self._child: Child | None = None

    @property
    def port(self) -> int:
        return int(self._state["port"])

    @property
    def pid(self) -> int:
        """Give the server's process id."""
        if self._child is None:
            raise EmbeddedError(f"{self.name} is not running; await start() first")
        return self._child.pid

    @property
    def running(self) -> bool:
        """False once the server ended by itself, or was ended by somebody else."""
        return self._child is not None and self._child.exit_code is None

    @abstractmethod
    async def start(self) -> None:
        """Start the server, made anew if the folder has none; a left-over one on the same data is ended first."""

    @abstractmethod
    async def _answers(self) -> bool:
        """Tell whether the running server takes connections."""

    def _read_state(self) -> None:
        self._state = json.loads(self._state_file.read_text())
        if not port_is_free(self.port, self._address):
            text = f"port {self.port} is taken by another process: end that one, or delete {self._directory}"
            raise EmbeddedError(text)

    async def _begin(self, command: Sequence[str | Path], within: timedelta, user: str = "") -> None:
        """Start the server, and wait until it answers."""
        self._child = await spawn(self.name, command, directory=self._directory, user=user)
        try:
            await eventually(self._up, within, f"{self.name} to be ready")
        except ProcessError as error:
            said = self._child.last_lines()
            await self.kill()
            raise EmbeddedError(f"{error}; it said last:\n{said}") from None

    async def _up(self) -> bool:
        if not self.running:
            raise ProcessError(f"{self.name} ended")
        return await self._answers()

    async def stop(self) -> None:
        """End the server as an administrator would: clients are cut, all data is written."""
        await self._end(self.ask_to_stop)

    async def kill(self) -> None:
        """End the server as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _end(self, ask: signal.Signals) -> None:
        if self._child is not None:
            await self._child.stop(GRACE, ask=ask)
            self._child = None
