"""The budget of requests to a provider that limits its keys: one token bucket for all processes of a tenant, in Redis.

Callers use the whole bucket, and wait for up to a second when it is empty; an optional request, which they can do without, leaves
a part for bookings. Jobs use a part of it only, so that however many there are, the rest is left for callers; a job that finds its
part used up gets a turn of its own, one interval after that of the job before, so that jobs do not all come back together. Once a
job has sent a request it waits for the next ones where it is: put off, it would send the first one again. An optional request of a
job neither waits nor gets a turn, and leaves one of that part, if it has more than one (40 in a minute and more, with Redis): many
that ask again and again would take every token from the job whose turn it is.

Optional requests of callers would do the same from above: they use more of the bucket than jobs may. So a job that has had no
request for some intervals reserves the next token of those that such requests use (30 in a minute and more), and bookings still
find what is left for them.

While Redis is unavailable each process has a bucket of its own with a share of the limit.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from askproai_core.clock import Clock
from askproai_core.provider_limits.shared_redis import RedisUnavailable, Script, SharedRedis

_MINUTE = 60_000  # all durations here are milliseconds
_BURSTS_PER_MINUTE = 10  # so 70 requests in a minute are at most 7 at once
_CALLER_WAIT = 1_000
_FOR_BOOKINGS = 2  # of a burst: what optional requests of callers leave
_FOR_TURNS = 1  # of the jobs' part: what optional requests of jobs leave
_JOB_WAIT = 10_000
_JOB_SHARE = 4  # intervals: one request in so many is a job's, whatever optional requests of callers use
# Turns begin anew beyond it: jobs that come before their turn (a person redrives them again and again) reserve one each time, and
# would push those of all others into tomorrow while the bucket is full.
_LONGEST_TURN = 600_000
_SHARES = 4  # without Redis: as many processes as two pods have

# The same rules as `Bucket`, on Redis's clock. One set of tests holds both. That clock may be set back, or be another server's
# after a failover: what is further from full than an empty bucket is one, or nobody could send before that time comes again.
_TAKE = Script(
    """local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local interval, depth, longest, queued = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local known = redis.call('HMGET', KEYS[1], 'full_at', 'turn_at', 'job_at')
local full_at = math.min(math.max(tonumber(known[1] or 0), now), now + tonumber(ARGV[6]))
local turn_at, job_at, share = tonumber(known[2] or 0), tonumber(known[3] or 0), tonumber(ARGV[7])
local wait = math.max(full_at + interval - depth * interval - now, 0)
local granted = wait <= longest
if not granted and share > 0 and math.abs(now - job_at) >= tonumber(ARGV[8]) * interval then
  local reserved = math.max(full_at + interval - share * interval - now, 0)
  if reserved <= interval then granted, wait = true, reserved end
end
if granted then
  full_at = full_at + interval
  if share > 0 then job_at = now + wait end
elseif queued then
  if turn_at - now <= tonumber(ARGV[5]) then wait = math.max(turn_at - now, wait) end
  turn_at = now + wait + interval
end
redis.call('HSET', KEYS[1], 'full_at', full_at, 'turn_at', turn_at, 'job_at', job_at)
redis.call('PEXPIRE', KEYS[1], math.max(full_at, turn_at) - now + 1000)
return {granted and 1 or 0, wait}"""
)

# Whether the job that runs in this task has been granted a request. Each job runs in a task, and so in a context, of its own.
_has_begun: ContextVar[bool] = ContextVar("_has_begun", default=False)


class BudgetSpent(Exception):
    """Our own limit of requests is used up, so nothing was sent. `retry_after`: when it is the asker's turn."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(
            f"the tenant's own limit of requests a minute is used up; next try in {retry_after.total_seconds():.0f} s"
        )
        self.retry_after = retry_after


@dataclass(slots=True)
class Bucket:
    """The token bucket of one process. `full_at`: when it will be full again; `turn_at`: the next free turn of a job.

    `job_at`: when the last request of a job was granted.
    """

    full_at: int = 0
    turn_at: int = 0
    job_at: int = -_MINUTE

    def take(
        self, now: int, interval: int, depth: int, longest: int, *, queued: bool, share: int = 0
    ) -> tuple[bool, int]:
        """Take one of the upper `depth` tokens, or reserve the next one if it comes within `longest`.

        `share`: from how many upper tokens a job reserves the next one, if jobs have had none for `_JOB_SHARE` intervals; 0 for
        other askers. Returns whether it was granted, and how long to wait: for the token, else before the next try, which is
        the next free turn if the asker is to be `queued`.
        """
        full_at = max(self.full_at, now)
        wait = max(full_at + interval - depth * interval - now, 0)
        granted = wait <= longest
        if not granted and share and abs(now - self.job_at) >= _JOB_SHARE * interval:
            reserved = max(full_at + interval - share * interval - now, 0)
            if reserved <= interval:
                granted, wait = True, reserved
        if granted:
            self.full_at = full_at + interval
            if share:
                self.job_at = now + wait
        elif queued:
            if self.turn_at - now <= _LONGEST_TURN:
                wait = max(self.turn_at - now, wait)
            self.turn_at = now + wait + interval
        return granted, wait


def pace(per_minute: int) -> tuple[int, int]:
    """Return after how many milliseconds a used token is there again, and how many may be used at once.

    A full bucket and what comes into it are `per_minute` together, so that no minute, wherever it begins, has more; at least three.
    """
    burst = max(2, per_minute // _BURSTS_PER_MINUTE)
    return -(-_MINUTE // max(1, per_minute - burst)), burst


class RequestBudget:
    """The budget `name` of a tenant, as one process uses it. `per_minute` returns the limit that is in force, 0 for none."""

    def __init__(
        self, client: SharedRedis, clock: Clock, name: str, per_minute: Callable[[], int], *, for_callers: bool
    ) -> None:
        self._client, self._clock, self._key = client, clock, client.key("budget", name)
        self._per_minute, self._for_callers = per_minute, for_callers
        self._local = Bucket()

    async def take(self, seconds: float, *, optional: bool = False) -> float:
        """Wait for a request's turn. Returns how many of `seconds` are left for the request. Raises `BudgetSpent`.

        A job's request always has all of them, because nobody waits for it. An `optional` request, without which a caller can be
        answered, too, neither waits nor takes what the next booking needs.
        """
        per_minute = self._per_minute()
        if per_minute == 0:
            return seconds
        interval, burst = pace(per_minute)
        if self._for_callers:
            longest = 0 if optional else min(_CALLER_WAIT, int(seconds * 1000 / 2))
            depth = max(1, burst - _FOR_BOOKINGS) if optional else burst
            granted, wait = await self._ask(interval, depth, longest, queued=False)
            if not granted:
                raise BudgetSpent(timedelta(milliseconds=wait))
            await self._sleep(wait)
            return seconds - wait / 1000
        await self._wait_as_job(interval, burst, optional=optional)
        return seconds

    async def _wait_as_job(self, interval: int, burst: int, *, optional: bool) -> None:
        """Wait without a reservation, which would be before the next caller, but for the share of jobs."""
        depth = max(1, burst // 2 - _FOR_TURNS) if optional else burst // 2
        share = 0 if optional else max(0, burst - _FOR_BOOKINGS)
        has_begun, waited = _has_begun.get() and not optional, 0
        granted, wait = await self._ask(interval, depth, 0, queued=not (has_begun or optional), share=share)
        while not granted and has_begun and waited + wait <= _JOB_WAIT:
            await self._sleep(wait)
            waited += wait
            granted, wait = await self._ask(interval, depth, 0, queued=False, share=share)
        if not granted:
            raise BudgetSpent(timedelta(milliseconds=wait))
        await self._sleep(wait)
        _has_begun.set(True)

    async def _ask(self, interval: int, depth: int, longest: int, *, queued: bool, share: int = 0) -> tuple[bool, int]:
        try:
            granted, wait = await self._client.run(
                _TAKE,
                [self._key],
                [interval, depth, longest, int(queued), _LONGEST_TURN, self._longest_to_full(), share, _JOB_SHARE],
            )
        except RedisUnavailable:
            now = int(self._clock.monotonic() * 1000)
            # of the requests that may be sent at once; callers and jobs do not come all at once to all processes
            depth, share = max(1, depth // 2), min(share, max(1, share // 2))
            return self._local.take(now, interval * _SHARES, depth, longest, queued=queued, share=share)
        return bool(granted), int(wait)

    def _longest_to_full(self) -> int:
        """Return in how many milliseconds a bucket is full after callers have used all of it, and reserved the refill of a
        second."""
        interval, burst = pace(self._per_minute())
        return burst * interval + _CALLER_WAIT

    async def _sleep(self, milliseconds: int) -> None:
        if milliseconds:
            await self._clock.sleep(timedelta(milliseconds=milliseconds))
