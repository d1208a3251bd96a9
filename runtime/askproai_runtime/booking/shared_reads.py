"""One read serves all who need the same at the same moment, and nobody gets what was read before it was asked for."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

_APART_SECONDS = 0.1  # what a caller may wait for the read before


@dataclass(slots=True)
class SharedReads:
    """The reads of one process that wait to begin, and those that run, by what they read."""

    _next: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)
    _running: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def share(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a read of `key` that begins after this call: at once, or when the one that runs has ended, at most
        0.1 s later. All who come before it begins share it.

        Raises what the read raises. The read goes on when whoever waits for it gives up.
        """
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._begin(key, read))
        return await asyncio.shield(self._next[key])

    async def _begin(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if key in self._running:
            await asyncio.wait([self._running[key]], timeout=_APART_SECONDS)
        task = self._running[key] = self._next.pop(key)  # this one: who comes from now on needs a later read
        try:
            return await read()
        finally:
            if self._running.get(key) is task:
                del self._running[key]
