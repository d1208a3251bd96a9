"""The common base of the embedded PostgreSQL and Valkey: a folder, a state that survives restarts, one child process."""

import importlib.util
import json
import secrets
import signal
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from askproai_sandbox.cluster import Child, ProcessError, eventually, free_port, port_is_free, spawn, write_atomically

GRACE = timedelta(seconds=30)


class EmbeddedError(Exception):
    """The server could not be prepared or started; the message says what to do."""


class EmbeddedServer:
    """Base of a server whose data is below `directory` and whose port survives restarts. It dies with this process.

    `address` is loopback, or an address of this machine at which pods of a real node reach the server.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

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
        """Return the server's process id. Raises EmbeddedError before `start()`."""
        if self._child is None:
            raise EmbeddedError(f"{self.name} is not running; await start() first")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Return True if the process runs: False also after it ended by itself or was killed by somebody else."""
        return self._child is not None and self._child.exit_code is None

    @abstractmethod
    async def start(self) -> None:
        """Start the server, after creating it in an empty folder. A process left by an earlier run on its data is ended first."""

    @abstractmethod
    async def _accepts_connections(self) -> bool:
        """Return True if the running server lets a client log in and answers it."""

    def _load_state(self, initialise: Callable[[str], Mapping[str, str]]) -> None:
        """Read the port and the administrator's password of an earlier run, or choose both for a new server.

        For a new server `initialise(password)` creates its files, and its return value is stored with the state. The state file
        is written last, so a server whose creation was interrupted counts as new. Raises EmbeddedError when the port is taken.
        """
        if not self._state_file.exists():
            password = secrets.token_hex(16)
            created = initialise(password)
            self._state = {**created, "port": free_port(), "password": password}
            write_atomically(self._state_file, json.dumps(self._state))
            return
        self._state = json.loads(self._state_file.read_text())
        if not port_is_free(self.port, self._address):
            text = f"port {self.port} is taken by another process: end that one, or delete {self._directory}"
            raise EmbeddedError(text)

    async def _launch(self, command: Sequence[str | Path], timeout: timedelta, user: str = "") -> None:
        """Start the process and wait until it accepts connections. Raises EmbeddedError with the end of its log."""
        self._child = await spawn(self.name, command, directory=self._directory, user=user)
        try:
            await eventually(self._is_ready, timeout, f"{self.name} to be ready")
        except ProcessError as error:
            log_tail = self._child.last_lines()
            await self.kill()
            raise EmbeddedError(f"{error}; it said last:\n{log_tail}") from None

    async def _is_ready(self) -> bool:
        if not self.running:
            raise ProcessError(f"{self.name} ended")
        return await self._accepts_connections()

    async def stop(self) -> None:
        """Shut the server down in order: clients are disconnected, all data is written."""
        await self._end(self.stop_signal)

    async def kill(self) -> None:
        """Kill the server, as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _end(self, first_signal: signal.Signals) -> None:
        if self._child is not None:
            await self._child.stop(GRACE, first_signal)
            self._child = None


def find_package(name: str, requirement: str) -> Path:
    """Return the folder of the installed package `name`. If it is missing, raises EmbeddedError that names the `requirement`."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"a package is missing: pip install '{requirement}'")
    return Path(spec.submodule_search_locations[0])
