"""The budget of requests to a provider that limits each API key: one token bucket for all processes of a tenant, in Redis.

Callers may use the whole bucket, and wait up to a second if it is empty. An optional request of a caller, without which the
caller can be answered, leaves a part of the bucket for bookings. Jobs use a part of the bucket only, so that the rest is left
for callers, however many jobs there are. If that part is used up, a job gets a turn one interval after the previous job's, so
that jobs do not all come back together. A job that has already sent a request waits for the tokens of its next requests: if it
were put off, it would repeat the first request. An optional request of a job neither waits nor gets a turn. It leaves one
token of the jobs' part if that has more than one (from 40 requests per minute on, with Redis): otherwise repeated optional
requests would take every token from the job whose turn it is.

Optional requests of callers could starve jobs, too, because they may use more of the bucket. So a job that has had no request
for some intervals reserves the next token that such requests would use (from 30 per minute on); bookings still get the rest.

While Redis is unavailable, each process has a bucket of its own with a share of the limit.
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
_FOR_BOOKINGS = 2  # tokens of a burst that callers' optional requests leave
_FOR_TURNS = 1  # tokens of the jobs' part that jobs' optional requests leave
_JOB_WAIT = 10_000
_JOB_SHARE = 4  # intervals: a job gets one request in so many, whatever callers' optional requests use
# Beyond this, turns begin anew. A job that is retried before its turn, as by repeated redrives, reserves another turn each time:
# it would delay all other jobs until tomorrow although the bucket is full.
_LONGEST_TURN = 600_000
_SHARES = 4  # without Redis: the number of processes in two pods

# The same rules as `Bucket`, on Redis's clock; the same tests check both. The clock may be set back, or be another server's after
# a failover. So a bucket further from full than an empty one counts as empty, or nobody could send until the clock catches up.
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

# True if the job of this task has been granted a request. Each job has its own task, and so its own context.
_has_begun: ContextVar[bool] = ContextVar("_has_begun", default=False)


class BudgetSpent(Exception):
    """Our own limit of requests is used up, so no request was sent. `retry_after` is the time until the requester's turn."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(
            f"the tenant's own limit of requests a minute is used up; next try in {retry_after.total_seconds():.0f} s"
        )
        self.retry_after = retry_after


@dataclass(slots=True)
class Bucket:
    """The token bucket of one process. `full_at` is when it will be full again, `turn_at` the next free turn of a job.

    `job_at` is when the last request of a job was granted. All are in milliseconds of the monotonic clock.
    """

    full_at: int = 0
    turn_at: int = 0
    job_at: int = -_MINUTE

    def take(
        self, now: int, interval: int, depth: int, longest: int, *, queued: bool, share: int = 0
    ) -> tuple[bool, int]:
        """Take a token for a request, or reserve the next token if it comes within `longest` milliseconds. The request may use
        the upper `depth` tokens of the bucket.

        Return whether the request was granted, and the milliseconds to wait: for its token if granted, else before the next
        attempt. With `queued` that attempt gets the next free turn. `share` is for jobs, 0 for other requests: if jobs have had
        no request for `_JOB_SHARE` intervals, the job may reserve the next of the upper `share` tokens.
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
    """Return how many milliseconds the bucket takes to get one token, and how many tokens a full bucket has.

    A full bucket and one minute's refill have `per_minute` tokens together (3 at least): no minute has more requests.
    """
    burst = max(2, per_minute // _BURSTS_PER_MINUTE)
    return -(-_MINUTE // max(1, per_minute - burst)), burst


class RequestBudget:
    """The request budget `name` of a tenant, as one process uses it. `per_minute` returns the present limit, 0 for none."""

    def __init__(
        self, client: SharedRedis, clock: Clock, name: str, per_minute: Callable[[], int], *, for_callers: bool
    ) -> None:
        self._client, self._clock, self._key = client, clock, client.key("budget", name)
        self._per_minute, self._for_callers = per_minute, for_callers
        self._local = Bucket()

    async def take(self, seconds: float, *, optional: bool = False) -> float:
        """Wait for a request's turn, and return how many of its `seconds` are left for it. Raises `BudgetSpent`.

        A job's request keeps all its seconds, because nobody waits for it. An `optional` request, without which a caller can
        still be answered, neither waits nor uses the tokens kept for bookings.
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
        """Wait for a token as a job. A job reserves no token, since that would delay callers, unless its share is due."""
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
            # half, since callers and jobs do not come to all processes at once
            depth, share = max(1, depth // 2), min(share, max(1, share // 2))
            return self._local.take(now, interval * _SHARES, depth, longest, queued=queued, share=share)
        return bool(granted), int(wait)

    def _longest_to_full(self) -> int:
        """Return the milliseconds that a bucket needs to become full, if it is a second of tokens below empty."""
        interval, burst = pace(self._per_minute())
        return burst * interval + _CALLER_WAIT

    async def _sleep(self, milliseconds: int) -> None:
        if milliseconds:
            await self._clock.sleep(timedelta(milliseconds=milliseconds))
