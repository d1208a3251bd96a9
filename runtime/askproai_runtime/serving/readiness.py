"""Can this process do its work now? The answer for probes, remembered for a while.

A good answer is kept for half a minute: a probe every few seconds would else hold open, for each of a thousand tenants' pods,
a connection that nobody needs. Redis or a provider being away never makes a pod unready.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from askproai_runtime.seams import Clock
from askproai_runtime.store import Pool, schema_version, shipped_migrations

GOOD_FOR = timedelta(seconds=30)
BAD_FOR = timedelta(seconds=1)
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """`why` is None when all is well, else one of a few fixed sentences."""

    ready: bool
    why: str | None = None
    database_ms: int | None = None
    schema_version: int | None = None


class ReadinessCheck:
    """Asks the database, at most as often as an answer has grown old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[float, Readiness] | None = None
        self.draining = False

    async def now(self, pool: Pool) -> Readiness:
        if self.draining:
            return Readiness(ready=False, why="shutting down")
        if self._last is not None:
            at, last = self._last
            keep = GOOD_FOR if last.ready else BAD_FOR
            if self._clock.monotonic() - at < keep.total_seconds():
                return last
        return await self.fresh(pool)

    async def fresh(self, pool: Pool) -> Readiness:
        """Ask the database, whatever was said before."""
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), pool.acquire() as connection:
                version = await schema_version(connection)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            found = Readiness(ready=False, why="database does not answer")
        else:
            took = int((self._clock.monotonic() - began) * 1000)
            # a release runs on its newest schema and on the one before, so that pods may be rolled in either order
            fits = version >= max(1, shipped_migrations()[-1].version - 1)
            why = None if fits else "schema is older than this release can use: run the migrations"
            found = Readiness(fits, why, took, version)
        self._last = (self._clock.monotonic(), found)
        return found
