"""Run the transactions of changes, with retries that cannot make a change twice."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar

import asyncpg
import stamina

from askproai_core.database import DATABASE_UNAVAILABLE, Connection, Pool
from askproai_runtime.book.errors import OutcomeUnknown

T = TypeVar("T")

# A transaction that gets a lock late can meet a hold that expired a moment ago, or that of a concurrent request of the same call.
_RACES = (
    asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError,
)  # fmt: skip
_LOST = (
    ConnectionError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError,
    asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
# The server's own word that a COMMIT has failed; any other error leaves it open.
_NOT_COMMITTED = (asyncpg.IntegrityConstraintViolationError, asyncpg.TransactionRollbackError)
_FIND_OUT_SECONDS = 2.0  # a caller waits
_FIND_OUT_EVERY_SECONDS = 0.1


class _CommitUnanswered(Exception):
    """The connection was lost during COMMIT."""


async def run_transaction(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run a transaction. Run it again, up to four times in all, if it loses a race, or its connection before COMMIT.

    A transaction whose COMMIT had no answer is run again, too, on another connection. So `work` has to find, under its locks,
    the rows that an earlier run has written: it looks them up by the key of the change, and waits for a running COMMIT.

    Raises `OutcomeUnknown` if that cannot be done in time, `asyncpg.ExclusionViolationError` when the span stays taken,
    `asyncpg.LockNotAvailableError` after `lock_timeout`.
    """
    try:
        async for attempt in stamina.retry_context(
            on=(*_RACES, *_LOST), attempts=4, timeout=2.0, wait_initial=0.01, wait_max=0.2, wait_jitter=0.05
        ):
            with attempt:
                return await _run_once(pool, work)
    except _CommitUnanswered:
        return await _run_until_known(pool, work)
    raise AssertionError("stamina ends by a result or by the last error")


async def _run_until_known(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    until = monotonic() + _FIND_OUT_SECONDS
    while True:
        try:
            async with asyncio.timeout(until - monotonic()):
                return await _run_once(pool, work)
        except (_CommitUnanswered, *DATABASE_UNAVAILABLE) as error:
            if monotonic() + _FIND_OUT_EVERY_SECONDS >= until:
                raise OutcomeUnknown from error
        await asyncio.sleep(_FIND_OUT_EVERY_SECONDS)


async def _run_once(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        try:
            result = await work(conn)
        except BaseException:
            with suppress(*DATABASE_UNAVAILABLE):  # the server rolls back a transaction whose connection is lost
                await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except _NOT_COMMITTED:
            raise
        except DATABASE_UNAVAILABLE as error:
            raise _CommitUnanswered from error
        return result
