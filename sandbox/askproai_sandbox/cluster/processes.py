"""Start, remember and end processes: used by the control plane, the pod runner, PostgreSQL and the demo.

Each child leads a session of its own, so that a stop reaches what it started, and has a file `<name>.pid` that says which
process it was (number, start time, boot). After a `kill -9` of everything the next start ends exactly those, never a
stranger that got the number since.
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

PARENT_DEATH_SIGNAL = Path(__file__).with_name("parent_death_signal.py")
GRACE = timedelta(seconds=5)
# Below the range from which Linux gives clients their ports: one of those could take it before its server listens.
_PORTS = iter(random.sample(range(20_000, 32_000), 12_000))


class ProcessError(RuntimeError):
    """A process did not start, ended early, or something that was waited for did not come."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, told from a later one with the same number by its start time (ticks since that boot)."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Give who runs as `pid`; None when nobody does, a zombie included."""
        if fields := _running(pid):
            return cls(pid, int(fields[18]), _boot())
        return None

    def alive(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def left(self) -> bool:
        """Whether it, or something of its group, still runs. A group that has members keeps its number to itself."""
        if self.boot != _boot() or ProcessIdentity.of(self.pid) not in {None, self}:
            return False
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return any(fields[1] == str(self.pid) for pid in pids if (fields := _running(pid)))


class Child:
    """A process that we started; `stop()` ends it with all that it started."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, pid_file: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._pid_file = pid_file
        self._ended = asyncio.create_task(self._see_it_end(), name=f"end of {name}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when one ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end, and give its exit code."""
        return await asyncio.shield(self._ended)

    async def _see_it_end(self) -> int:
        code = await self._process.wait()
        _signal_group(self.pid, signal.SIGKILL)  # at once, while the group's number can not be another's yet
        with suppress(FileNotFoundError):
            if json.loads(self._pid_file.read_text())["pid"] == self.pid:  # else its successor has noted itself there
                self._pid_file.unlink()
        return code

    async def stop(self, grace: timedelta = GRACE, ask: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; after `grace` it is killed. Safe to call again and after its end."""
        if self.exit_code is None:
            self._process.send_signal(ask)
            try:
                return await asyncio.wait_for(self.wait(), grace.total_seconds())
            except TimeoutError:
                _signal_group(self.pid, signal.SIGKILL)
        return await self.wait()

    def last_lines(self, count: int = 15) -> str:
        """Give the end of its log, for an error message."""
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
    """Start `command`, note it as `directory/<name>.pid`, and append what it prints to `log` (`directory/<name>.log`).

    With `dies_with_parent` it is killed when this process dies, however it dies, and may run as another `user`, if we are root.
    Call it from the main thread (see parent_death_signal.py).
    """
    log = log or directory / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    tied = [sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), user] if dies_with_parent else []
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *tied,
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
    """End what an earlier run left behind in `directory`; give the names of those of which something still ran."""
    left = {name: identity for name, identity in _noted(directory).items() if identity.left()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for identity in left.values():
            if identity.left():
                _signal_group(identity.pid, number)
        with suppress(ProcessError):  # who does not hear is killed; who is killed ends
            what = f"the end of {', '.join(left)}"
            await eventually(lambda: not any(identity.left() for identity in left.values()), grace, what)
    _forget(directory)
    return list(left)


async def eventually(check: Callable[[], Any], within: timedelta, what: str, every: float = 0.05) -> Any:
    """Call or await `check` until it gives something true, and give that; ProcessError when `within` has passed."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            while True:
                found = check()
                result = await found if isinstance(found, Awaitable) else found
                if result:
                    return result
                await asyncio.sleep(every)
    except TimeoutError:
        raise ProcessError(f"waited {within.total_seconds():g} s for {what}: it did not come") from None


def stop_signal() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set: what a process of the sandbox waits for."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on now, and never the same one twice in a process."""
    return next(port for port in _PORTS if port_is_free(port))


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there; on no address of the machine can it while another listens on 0.0.0.0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing are no obstacle
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file, for us alone, or none of it: a reader, or a kill in between, never meets half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _noted(directory: Path) -> dict[str, ProcessIdentity]:
    return {file.stem: ProcessIdentity(**json.loads(file.read_text())) for file in sorted(directory.glob("*.pid"))}


def _forget(directory: Path) -> None:
    for file in directory.glob("*.pid"):
        file.unlink(missing_ok=True)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _running(pid: int) -> list[str] | None:
    """Give the fields of /proc/<pid>/stat after the state: parent, group, session, … [18] start time; None if it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(") ")[2].split()  # the name before it may hold spaces and brackets
    return None if state in "ZX" else fields


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all of it has ended already
        os.killpg(pid, number)
