"""One read serves all requests that need the same at the same moment: the running read, or the next one."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_APART_SECONDS = 0.1  # a caller's longest wait for the read before


@dataclass(slots=True)
class ReadsInFlight:
    """The requests of this process for free times that are not answered yet: a call that needs one of them joins it."""

    tasks: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    def join(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return the running read of `key`, or begin it. It goes on when its waiting callers give up."""
        if key not in self.tasks:
            self.tasks[key] = asyncio.create_task(read())
            self.tasks[key].add_done_callback(lambda _: self.tasks.pop(key, None))
        return self.tasks[key]


@dataclass(slots=True)
class SharedReads:
    """The reads of one process that wait to begin, and those that run, by key. No request gets a result that was read before it."""

    _next: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)
    _running: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)

    async def share(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a read of `key` that begins after this call: at once, or when the running one has ended, at most
        0.1 s later. All requests before it begins share the `read` of the first one, in whose context it runs: a value that `read`
        takes from its context, such as a language, belongs into `key`.

        It goes on when its waiting callers give up. Raises the errors of the own `read`: a request whose shared read fails reads
        alone.
        """
        shared = self._next.get(key)
        if shared is None:
            task = self._next[key] = asyncio.create_task(self._begin(key, read))
            task.add_done_callback(partial(self._forget, key))
            return await asyncio.shield(task)
        try:
            return await asyncio.shield(shared)
        except Exception:  # noqa: BLE001  it is raised to the first of them; one lost connection must not fail all
            return await read()

    async def _begin(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if key in self._running:
            await asyncio.wait([self._running[key]], timeout=_APART_SECONDS)
        self._running[key] = self._next.pop(key)  # this one: a later request needs a later read
        return await read()

    def _forget(self, key: Hashable, ended: asyncio.Task[Any]) -> None:
        for tasks in (self._next, self._running):
            if tasks.get(key) is ended:
                del tasks[key]
        if not ended.cancelled():
            ended.exception()  # or asyncio reports one that nobody waits for any more
