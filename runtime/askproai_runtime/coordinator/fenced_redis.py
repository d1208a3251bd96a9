"""The coordinator's writes to Redis. Each has the term of the leader's Lease, and a write with a lower term is refused.

So a coordinator that slept through its Lease (a stopped process, a frozen node) changes nothing when it wakes, even in the
middle of a write: its successor has stored a higher term, and the script compares and writes in one step.
"""

import json
from collections.abc import AsyncIterator, Callable

from askproai_core.kube import NotLeader
from askproai_core.provider_limits import Script
from askproai_runtime.redis.client import RedisClient

# KEYS: the fence, the key to write. ARGV: our term, then each command as JSON, without the key.
_FENCED = Script(
    """
if tonumber(redis.call('GET', KEYS[1]) or '-1') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
for i = 2, #ARGV do
  local command = cjson.decode(ARGV[i])
  table.insert(command, 2, KEYS[2])
  redis.call(unpack(command))
end
return 1
"""
)
# The tenant may have stored anything there: another type, a million fields, a value of megabytes.
_UNCLOSED_STATE = Script(
    """
local state = redis.pcall('HGET', KEYS[1], 'state')
if state == 'open' or state == 'half_open' then return 1 end
return 0
"""
)
_SCAN_COUNT = 1000


class FencedRedis:
    """The coordinator's Redis client. `term` returns the fencing number of the Lease. Every method raises `RedisUnavailable`."""

    def __init__(self, shared: RedisClient, term: Callable[[], int]) -> None:
        self._shared, self._term = shared, term

    @property
    def configured(self) -> bool:
        return self._shared.configured

    async def write(self, key: str, *commands: tuple[str, ...]) -> None:
        """Run commands such as ("PEXPIRE", "1000") on a key, all or none. Raises NotLeader if a later leader has written."""
        texts = [json.dumps(command) for command in commands]
        if not await self._shared.run(_FENCED, [self._shared.key("fence"), key], [self._term(), *texts]):
            raise NotLeader(f"a leader after term {self._term()} has written to Redis: this leader's term is over")

    async def hash(self, key: str) -> dict[str, str]:
        """Return the fields of a hash, or {} if the key does not exist."""
        flat = await self._shared.execute("HGETALL", key)
        return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))

    async def is_circuit_open(self, key: str) -> bool:
        """Return True if a tenant's circuit is open or half-open, False if it is closed or the key does not exist."""
        return bool(await self._shared.run(_UNCLOSED_STATE, [key], []))

    async def expiry(self, key: str) -> int:
        """Return the milliseconds until a key expires: -1 if never, -2 if it does not exist."""
        return int(await self._shared.execute("PTTL", key))

    async def keys(self, pattern: str) -> AsyncIterator[str]:
        """Yield the keys that match a pattern. A key may be yielded twice, as with SCAN."""
        cursor = "0"
        while True:
            cursor, found = await self._shared.execute("SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
            for key in found:
                yield key
            if str(cursor) == "0":
                return
