"""One demo for all end-to-end tests: the same parts and code as `make demo KEEP=1`."""

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
from askproai_sandbox.cluster import kubectl
from askproai_sandbox.demo import State, read_state
from askproai_sandbox.demo.run import end_demo, run_demo
from askproai_sandbox.demo.scenario import DemoResult
from askproai_sandbox.example_tenant import SALON
from tests.worlds.waiting import eventually


@dataclass(frozen=True)
class Demo:
    """A running demo, the outcome of its scenario, and the text that a person saw."""

    directory: Path
    outcome: DemoResult
    text: str

    @property
    def state(self) -> State:
        return read_state(self.directory)

    async def kubectl(self, *arguments: str) -> str:
        return await kubectl(Path(self.state.kubeconfig), *arguments)

    async def ask(self, number: str, **args: Any) -> dict[str, Any]:
        """Ask for free slots in a call of its own, and return the function's answer."""
        calls = [{"name": "check_availability", "args": args}]
        record = await play_call(self.state.retellUrl, number, ["Guten Tag"], args=calls)
        assert record.errors == []
        return record.answers("check_availability")[0]

    async def open_days(self, count: int, *weekdays: int) -> list[date]:
        """Return the first days, at least a week ahead, on which the salon is open, so that none of them is a holiday."""
        days, day = list[date](), datetime.now(UTC).date() + timedelta(days=8)
        for _ in range(60):
            if len(days) < count and day.weekday() in weekdays:
                slots = (await self.ask(SALON.number, service="Haarschnitt", date=day.isoformat()))["slots"]
                days += [day] if any(slot["start"].startswith(day.isoformat()) for slot in slots) else []
            day += timedelta(days=1)
        assert len(days) == count
        return days

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
        """Wait until `check` returns something true, and return that."""
        return await eventually(check, seconds, what, every=0.05)


async def fetch(url: str, method: str = "GET", **kwargs: Any) -> Any:
    """Send a request and return the JSON of the response; an error status raises."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.request(method, url, **kwargs) as response,
    ):
        return await response.json()


async def play(directory: Path, *, keep: bool, kill: bool) -> tuple[DemoResult, str]:
    """Play the demo's scenario, and return its outcome and the text that a person saw."""
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
