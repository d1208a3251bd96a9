"""The interface of Redis for the limits. Importing it loads no library of Redis: the client is in `askproai_core.redis`."""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

Argument: TypeAlias = str | float | bytes  # of a command


class RedisUnavailable(Exception):
    """Redis cannot be used now: none is configured, it does not answer, or it refuses this user. Go on without it."""


class Script:
    """A Lua script. It is called by its hash; a server that lacks it (a new one, or after a failover) gets the text."""

    def __init__(self, lua: str) -> None:
        self.lua = lua
        self.sha = hashlib.sha1(lua.encode(), usedforsecurity=False).hexdigest()


class SharedRedis(Protocol):
    """The Redis client that the limits use. Commands fail fast: each raises `RedisUnavailable` while Redis cannot be used."""

    def key(self, *parts: object) -> str:
        """Return the name of a key of this tenant."""

    async def execute(self, *command: Argument) -> Any:
        """Send one command and return its reply."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        """Run a script and return its reply."""
