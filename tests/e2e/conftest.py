"""One demo for all end-to-end tests: the same parts and the same code as `make demo KEEP=1`."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from rich.console import Console

from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.cluster import eventually, kubectl
from askproai_sandbox.demo import State, read_state
from askproai_sandbox.demo.run import end_demo, run_demo
from askproai_sandbox.demo.scenario import DemoResult
from askproai_sandbox.example_tenant import SALON


@dataclass(frozen=True)
class Demo:
    """A demo that runs, what its story gave, and what a person saw."""

    directory: Path
    outcome: DemoResult
    text: str

    @property
    def state(self) -> State:
        return read_state(self.directory)

    async def kubectl(self, *arguments: str) -> str:
        return await kubectl(Path(self.state.kubeconfig), *arguments)

    async def ask(self, number: str, **args: Any) -> dict[str, Any]:
        """Ask for free times in a call of its own, and give the function's answer."""
        calls = [{"name": "check_availability", "args": args}]
        record = await play_call(self.state.retellUrl, number, ["Guten Tag"], args=calls)
        assert record.errors == []
        return record.answers("check_availability")[0]

    async def open_days(self, count: int, *weekdays: int) -> list[date]:
        """Give the first days, a week off at least, on which the salon is open: none of them is a holiday."""
        found, day = list[date](), datetime.now(UTC).date() + timedelta(days=8)
        for _ in range(60):
            if len(found) < count and day.weekday() in weekdays:
                slots = (await self.ask(SALON.number, service="Haarschnitt", date=day.isoformat()))["slots"]
                found += [day] if any(slot["start"].startswith(day.isoformat()) for slot in slots) else []
            day += timedelta(days=1)
        assert len(found) == count
        return found

    async def call(self, number: str, *say: str, **kwargs: Any) -> CallRecord:
        return await play_call(self.state.retellUrl, number, say, **kwargs)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database as its superuser."""
        connection = await asyncpg.connect(self.state.postgresDsn)
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def until(self, check: Callable[[], Awaitable[Any]], seconds: float, what: str) -> Any:
        return await eventually(check, timedelta(seconds=seconds), what)


async def fetch(url: str, method: str = "GET", **kwargs: Any) -> Any:
    """Ask a server, and give its JSON; an error status raises."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.request(method, url, **kwargs) as answer,
    ):
        return await answer.json()


async def play(directory: Path, *, keep: bool, kill: bool) -> tuple[DemoResult, str]:
    """Play the demo's story, and give it with what a person saw."""
    screen = io.StringIO()
    outcome = await run_demo(
        keep=keep, kill=kill, console=Console(file=screen, width=132), directory=directory, dies_with_parent=True
    )
    return outcome, screen.getvalue()


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("e2e") / "demo"
    outcome, text = await play(directory, keep=True, kill=False)
    yield Demo(directory, outcome, text)
    await asyncio.shield(end_demo(directory))
