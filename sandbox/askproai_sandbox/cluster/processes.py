"""Start, record and end processes: for the control plane, the pod runner, the embedded servers and the demo.

Each child leads a session of its own, so that a stop also ends the processes that the child started. A file `<name>.pid`
records the child's identity: number, start time, boot. After a `kill -9` of everything, the next start ends exactly these
processes, and never another process that has received the same number since.
"""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from askproai_sandbox.programs import PARENT_DEATH_SIGNAL

GRACE = timedelta(seconds=5)
# Below the range from which Linux takes the ports of clients: a client could get the port before the server listens.
# Not in the order of `random`: processes with the same seed, as those of one test run, would race for the same ports.
_PORTS = iter(random.SystemRandom().sample(range(20_000, 32_000), 12_000))


class ProcessError(RuntimeError):
    """A process did not start or ended early, or an awaited result did not come in time."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process. Its start time, in ticks since `boot`, distinguishes it from a later process with the same number."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the identity of the process with the id `pid`; None if it does not exist, or is only a zombie."""
        if fields := _stat_fields(pid):
            return cls(pid, int(fields[18]), _boot_id())
        return None

    def alive(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def group_alive(self) -> bool:
        """Return True while a process of the process group runs: until then no other group gets its number."""
        if self.boot != _boot_id() or ProcessIdentity.of(self.pid) not in {None, self}:
            return False
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return any(fields[1] == str(self.pid) for pid in pids if (fields := _stat_fields(pid)))


class Child:
    """A process that we started. `stop()` ends it together with all processes that it started."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, pid_file: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._pid_file = pid_file
        self._end = asyncio.create_task(self._await_end(), name=f"end of {name}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, or minus the number of the signal that ended the process; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return await asyncio.shield(self._end)

    async def _await_end(self) -> int:
        code = await self._process.wait()
        _signal_group(self.pid, signal.SIGKILL)  # at once, before the group's number can be reused
        with suppress(FileNotFoundError):
            # Else the file is already that of a successor.
            if json.loads(self._pid_file.read_text())["pid"] == self.pid:
                self._pid_file.unlink()
        return code

    async def stop(self, grace: timedelta = GRACE, first_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send `first_signal`, and SIGKILL after `grace`. Return the exit code. Safe to call again and after the end."""
        if self.exit_code is None:
            self._process.send_signal(first_signal)
            try:
                async with asyncio.timeout(grace.total_seconds()):
                    return await self.wait()
            except TimeoutError:
                _signal_group(self.pid, signal.SIGKILL)
        return await self.wait()

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log, for an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-count:])


async def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    directory: Path,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str = "",
    dies_with_parent: bool = True,
) -> Child:
    """Start `command`, record it in `directory/<name>.pid`, and append its output to `log` (default `directory/<name>.log`).

    With `dies_with_parent` the child is killed when this process dies, however it dies, and root may run it as another `user`.
    Call this from the main thread (see parent_death_signal.py).
    """
    log = log or directory / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    wrapper = [sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), user] if dies_with_parent else []
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *wrapper,
            *(str(part) for part in command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    pid_file = directory / f"{name}.pid"
    if identity := ProcessIdentity.of(process.pid):
        write_atomically(pid_file, json.dumps(asdict(identity)))
    return Child(name, process, pid_file, log)


async def reap_leftovers(directory: Path, grace: timedelta = GRACE) -> list[str]:
    """End the processes that an earlier run recorded in `directory` and left behind, and return their names.

    Each process group gets SIGTERM, and SIGKILL after `grace`.
    """
    leftovers = {name: identity for name, identity in _recorded(directory).items() if identity.group_alive()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for identity in leftovers.values():
            if identity.group_alive():
                _signal_group(identity.pid, number)
        with suppress(ProcessError):
            what = f"the end of {', '.join(leftovers)}"
            await eventually(lambda: not any(identity.group_alive() for identity in leftovers.values()), grace, what)
    _remove_records(directory)
    return list(leftovers)


async def eventually(check: Callable[[], Any], within: timedelta, what: str, every: float = 0.05) -> Any:
    """Call `check` repeatedly until its result (awaited if needed) is true, and return that result.

    `every` is the pause between calls in seconds. Raises ProcessError when `within` has passed.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            while True:
                value = check()
                result = await value if isinstance(value, Awaitable) else value
                if result:
                    return result
                await asyncio.sleep(every)
    except TimeoutError:
        raise ProcessError(f"waited {within.total_seconds():g} s for {what}: it did not come") from None


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, for the main task of a process to wait for."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now. A process never gets the same port twice."""
    return next(port for port in _PORTS if port_is_free(port))


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Return True if a server could listen at this address and port. False if another server listens there, or on 0.0.0.0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not matter
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def write_atomically(path: Path, text: str) -> None:
    """Replace a file (mode 0600) in one step, so that no reader sees half of it, and no kill leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)


def _recorded(directory: Path) -> dict[str, ProcessIdentity]:
    return {file.stem: ProcessIdentity(**json.loads(file.read_text())) for file in sorted(directory.glob("*.pid"))}


def _remove_records(directory: Path) -> None:
    for file in directory.glob("*.pid"):
        file.unlink(missing_ok=True)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat after the process state; None if the process has ended or is a zombie.

    [0] is the parent, [1] the group, [2] the session, [18] the start time.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(") ")[2].split()  # the program's name before may contain spaces and brackets
    return None if state in "ZX" else fields


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all members have ended
        os.killpg(pid, number)
