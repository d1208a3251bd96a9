"""The part of Redis that the limits use. Importing it loads no library of Redis: `askproai_core.redis` has the client."""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

Argument: TypeAlias = str | float | bytes  # of a command


class RedisUnavailable(Exception):
    """Redis cannot be used now: none is configured, it does not answer, or it refuses this user. Go on without it."""


class Script:
    """A Lua script. It is called by its hash; a server that does not know it yet (new, failed over) gets the text."""

    def __init__(self, lua: str) -> None:
        self.lua = lua
        self.sha = hashlib.sha1(lua.encode(), usedforsecurity=False).hexdigest()


class SharedRedis(Protocol):
    """A client whose commands fail fast. Each raises `RedisUnavailable`."""

    def key(self, *parts: object) -> str:
        """Return the name of a key of this tenant."""

    async def execute(self, *command: Argument) -> Any:
        """Send one command and return its reply."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        """Run a script and return its reply."""
