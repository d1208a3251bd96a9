"""A change has a point of no return: the COMMIT of its first transaction.

Before it, nothing is changed: errors are raised, and the caller may hear that it did not work. After it, whatever fails, the
caller hears the state of the book. If the book cannot be read, the caller hears the committed state, which the calendar still has
to confirm. The state is unknown only while a change is reverted, and for a COMMIT without an answer
(docs/decisions/0136-after-the-commit-only-the-book-is-said.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.logging import error_location
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import OutcomeUnknown
from askproai_runtime.book.store.transactions import run_transaction

W = TypeVar("W")  # the value that a change has written
R = TypeVar("R")  # the answer

log = structlog.get_logger(__name__)

_READ_SECONDS = 1.0  # a caller waits


@dataclass(slots=True)
class Change(Generic[W, R]):
    """A change of the book in progress.

    `answer` converts the written value to the outcome for the caller. `read` returns that value as the book has it now; if the
    change was undone, `read` raises the error that the change itself would raise. `read` may be None only if nothing but the
    answer follows the COMMIT. `attempted` is the value that the transaction's last run returned, committed or not: after a
    COMMIT without an answer, the next run may find the rows of that run.
    """

    ctx: BookingContext
    answer: Callable[[W], R]
    read: Callable[[Connection, W], Awaitable[W]] | None = None
    attempted: W | None = None
    _written: W | None = None
    _is_reverting: bool = False

    async def run(self, steps: Callable[[], Awaitable[R]]) -> R:
        """Run the steps of the change, and return the outcome that they return. If a step fails after the COMMIT, return the
        outcome by the book's present state instead.

        Raises the error of a step that fails before the COMMIT, and `OutcomeUnknown` if the book's state is not known.
        """
        try:
            return await steps()
        except Exception as error:
            if self._written is None:
                raise
            log.exception("change.unfinished", location=error_location(error))
            return await self._answer_by_book(self._written, error)

    async def commit(self, write: Callable[[Connection], Awaitable[W]]) -> W:
        """Run the transaction that makes the change, keep the value that it returns, and return it."""

        async def attempt(conn: Connection) -> W:
            self.attempted = attempted = await write(conn)
            return attempted

        self._written = written = await run_transaction(self.ctx.pool, attempt)
        return written

    async def revert(self, write: Callable[[Connection], Awaitable[bool]]) -> bool:
        """Run the transaction that reverts the change. Returns its result: False if the change must stay."""
        self._is_reverting = True
        is_reverted = await run_transaction(self.ctx.pool, write)
        self._is_reverting = False
        if is_reverted:
            self._written = None
        return is_reverted

    async def _answer_by_book(self, written: W, error: Exception) -> R:
        if self.read is not None:
            try:
                async with asyncio.timeout(_READ_SECONDS), self.ctx.pool.acquire() as conn:
                    written = await self.read(conn, written)
            except DATABASE_UNAVAILABLE:
                if self._is_reverting:
                    raise OutcomeUnknown from error
        with said_of_written():
            return self.answer(written)


@contextmanager
def said_of_written() -> Iterator[None]:
    """Turn every error in this block into `OutcomeUnknown`: a committed change must never be reported as not made."""
    try:
        yield
    except Exception as defect:
        log.exception("change.not_said", location=error_location(defect))
        raise OutcomeUnknown from defect


async def commit_and_answer(
    ctx: BookingContext, write: Callable[[Connection], Awaitable[W]], answer: Callable[[W], R]
) -> R:
    """Make a change in one transaction, and return `answer` of the written value. Raises the errors of `Change.run`."""
    change = Change(ctx, answer)

    async def steps() -> R:
        return answer(await change.commit(write))

    return await change.run(steps)
