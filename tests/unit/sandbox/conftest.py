"""Both simulators, served on loopback, and a receiver of their requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import Result
from played_calls import NUMBER, Call, Tools, salon
from sandbox_clients import Api, Receiver
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.demo import State
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import Simulator, serve
from tests.worlds import calcom_contract, retell_contract
from tests.worlds.clock import FixedClock
from tests.worlds.exchanges import compared


async def _api(simulator: Simulator, key: str) -> AsyncIterator[Api]:
    async with serve(simulator) as url, aiohttp.ClientSession() as session:
        yield Api(url, session, key)


@pytest.fixture
async def retell() -> AsyncIterator[Api]:
    simulator = RetellSimulator(SystemClock())
    async with compared(simulator, retell_contract.check_exchange):
        async for api in _api(simulator, "key_test_one"):
            yield api


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))  # a Friday


@pytest.fixture
async def calcom(clock: FixedClock) -> AsyncIterator[Api]:
    simulator = CalcomSimulator(clock)
    async with compared(simulator, calcom_contract.check_exchange):
        async for api in _api(simulator, "cal_test_one"):
            api.version = "2024-08-13"
            yield api


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver("")

    async def handle(request: web.Request) -> web.Response:
        receiver.requests.append((request.path, request.headers.copy(), await request.read()))
        answer = receiver.answers.get(request.path, {})
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()


@pytest.fixture
def tools(receiver: Receiver) -> list[dict[str, Any]]:
    """Return the two call functions as an LLM's version declares them."""

    def tool(name: str, required: list[str], *properties: str) -> dict[str, Any]:
        schema = {"type": "object", "properties": {p: {"type": "string"} for p in properties}, "required": required}
        return {
            "type": "custom",
            "name": name,
            "url": f"{receiver.url}/{name}",
            "timeout_ms": 8000,
            "speak_after_execution": True,
            "parameters": schema,
        }

    return [
        tool("check_availability", [], "service", "date", "time", "part_of_day"),
        tool("book_appointment", ["start", "customer_name"], "start", "service", "customer_name"),
    ]


@pytest.fixture
async def call(retell: Api, receiver: Receiver, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that runs `askproai call` against a demo whose only business is the salon."""
    await salon(retell, receiver, tools)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text(State("", retell.url, "", "", "").text())

    def run(*arguments: str, **options: Any) -> Awaitable[Result]:
        return asyncio.to_thread(CliRunner().invoke, app, ["call", "--to", NUMBER, *arguments], **options)

    return run
