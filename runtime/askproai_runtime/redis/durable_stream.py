"""A stream of a tenant in Redis whose entries survive a crash of the server: `append` returns when they are on disk.

The operator decides which server may be used. It checks that the server, and each of its replicas, writes an append-only file
and evicts nothing, and writes the number of replicas to `PROMISE_KEY`, which tenants may read but not write. `append` waits
until the server and that many replicas have called fsync (WAITAOF), so that the entries survive a failover, too.

Every write is a single command, and neither a transaction nor a script with two writes. Valkey 8.1 writes such a script or
transaction to its file as MULTI and EXEC, and refuses them when it reads the file again, if the user `default` is switched off.

The size of a stream is bounded. Each entry stores the number of bytes before it as an offset, so the first and the last entry
show how many bytes wait, without a second write. An entry removed from the middle counts until its neighbors are gone.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from redis.exceptions import RedisError

from askproai_core.provider_limits import Argument, RedisUnavailable, Script
from askproai_core.redis import PROMISE_KEY
from askproai_runtime.redis.client import RedisClient

MAX_ENTRIES: Final = 20_000
MAX_BYTES: Final = 64 * 1024 * 1024
_SYNC_TIMEOUT: Final = timedelta(seconds=3)  # `appendfsync everysec` takes up to a second, `always` some milliseconds
_CALL_TIMEOUT: Final = _SYNC_TIMEOUT + timedelta(milliseconds=500)

# The index of an entry's content is 2, of its offset 4. Entries of other programs may lack them.
_OFFSETS: Final = """
local function read(command, from, to)
  local entry = redis.call(command, KEYS[1], from, to, 'COUNT', 1)[1]
  local offset = entry and tonumber(entry[2][4]) or 0
  return offset, offset + (entry and #entry[2][2] or 0)
end
local _, last = read('XREVRANGE', '+', '-')
"""
_ADD: Final = f"{_OFFSETS} return redis.call('XADD', KEYS[1], '*', 'e', ARGV[1], 'o', string.format('%.0f', last))"
_MEASURE: Final = f"{_OFFSETS} return {{redis.call('XLEN', KEYS[1]), last - read('XRANGE', '-', '+')}}"
_FORGET_IF_EMPTY: Final = Script("return redis.call('XLEN', KEYS[1]) == 0 and redis.call('DEL', KEYS[1]) or 0")


class NotDurable(Exception):
    """The entries may get lost. The text says why: Redis is down or does not promise to keep them, or the stream is full."""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry of a stream. Its id begins with the time at which Redis accepted it (Unix milliseconds)."""

    id: str
    content: bytes

    @property
    def taken_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1000, UTC)

    @property
    def order(self) -> tuple[int, int]:
        """Return the entry's id as a pair of numbers. These pairs sort as the entries do in the stream."""
        return order_of(self.id)


def order_of(entry_id: str) -> tuple[int, int]:
    """Return an entry's id as a pair of numbers that sorts as Redis sorts ids."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


class DurableStream:
    """A stream `name` of the tenant. It has connections of its own, since a write to disk takes up to a second."""

    def __init__(
        self, shared: RedisClient, name: str, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._client = shared.patient_twin(_CALL_TIMEOUT)
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self.key = shared.key(name)

    async def append(self, contents: Sequence[bytes]) -> str:
        """Append entries, and return the id of the last one when all are on disk. Raises `NotDurable`.

        After `NotDurable` the entries may be in the stream all the same: perhaps only the write to disk or the reply was late.
        """
        replicas = await self._find_room(len(contents), sum(map(len, contents)))
        commands: list[tuple[Argument, ...]] = [("EVAL", _ADD, 1, self.key, content) for content in contents]
        # WAITAOF covers only writes of its own connection, so it is sent together with them.
        commands += [("WAITAOF", 1, replicas, int(_SYNC_TIMEOUT.total_seconds() * 1000))]
        *_, last_id, (local, remote) = await self._execute(*commands)
        if local < 1 or remote < replicas:
            raise NotDurable("Redis did not write it to disk in time")
        return str(last_id, "ascii")

    async def count(self) -> int:
        """Return the number of entries in the stream. Raises `RedisUnavailable`."""
        return int(await self._client.execute("XLEN", self.key))

    async def read(self, after: str = "", count: int = 100) -> list[StreamEntry]:
        """Return up to `count` of the oldest entries after the id `after`. Raises `RedisUnavailable`."""
        start = f"({after}" if after else "-"
        entries = await self._client.execute("XRANGE", self.key, start, "+", "COUNT", count)
        return [StreamEntry(str(id_, "ascii"), fields.get(b"e", b"")) for id_, fields in entries]

    async def remove(self, entries: Sequence[StreamEntry]) -> None:
        """Remove entries from the stream. An entry that is already gone is no error. Raises `RedisUnavailable`."""
        await self._client.execute_all(*(("XDEL", self.key, entry.id) for entry in entries))
        await self._client.run(_FORGET_IF_EMPTY, [self.key], [])

    def beside(self, name: str, *, max_entries: int, max_bytes: int) -> Self:
        """Return another stream of the tenant, named after this one and `name`. It uses the same connections."""
        other = copy(self)
        other._max_entries, other._max_bytes = max_entries, max_bytes  # noqa: SLF001  of the same class
        other.key = f"{self.key}:{name}"
        return other

    async def close(self) -> None:
        await self._client.close()

    async def _find_room(self, entries: int, size: int) -> int:
        """Return the number of replicas that must store an entry. Raises `NotDurable` for a full or unsafe stream."""
        promised, (count, waiting) = await self._execute(("GET", PROMISE_KEY), ("EVAL", _MEASURE, 1, self.key))
        if promised is None or not promised.isdigit():
            raise NotDurable("this Redis does not promise to keep entries on disk")
        if count + entries > self._max_entries or waiting + size > self._max_bytes:
            raise NotDurable("the stream in Redis is full")
        return int(promised)

    async def _execute(self, *commands: tuple[Argument, ...]) -> list[Any]:
        try:
            return await self._client.execute_all(*commands)
        except RedisUnavailable as error:
            raise NotDurable(f"Redis is unavailable: {error}") from error
        except RedisError as error:  # the append-only file was switched off, say
            raise NotDurable(f"Redis refuses: {type(error).__name__}") from error
