"""The reports of the watch over the sessions."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from askproai_operator.store.admin import AdminStore
from askproai_operator.store.sessions import EndedSession, WatchStep

Check = Callable[[], Awaitable[None]]


class Report:
    """The reports of one watch."""

    def __init__(self) -> None:
        self.ended: list[EndedSession] = []
        self.failed: list[tuple[WatchStep, str]] = []

    def failure(self, step: WatchStep, role: str, _: Exception) -> None:
        self.failed.append((step, role))

    def suspended(self) -> set[str]:
        return {session.role for session in self.ended if session.suspended}


@asynccontextmanager
async def checks(admin: AdminStore, report: Report) -> AsyncIterator[Check]:
    """Yield a check of sessions that has already read the roles of the database."""
    async with admin.watch_sessions(report.ended.append, report.failure) as check:
        await check()
        yield check
