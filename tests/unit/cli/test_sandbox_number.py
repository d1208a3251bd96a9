"""`askproai sandbox number`: a business's number at the simulated Retell, that of the environment."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from threading import Event, Thread

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_core.clock import SystemClock
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve

KEY = "key_demo_zahn"


@pytest.fixture
def retell(monkeypatch: pytest.MonkeyPatch) -> Iterator[RetellSimulator]:
    """A simulated Retell in a thread of its own, which refuses keys that it does not know."""
    simulator, listening, stop = RetellSimulator(SystemClock()), Event(), Event()
    simulator.settings["any_key"] = 0.0

    async def run() -> None:
        async with AsyncExitStack() as stack:
            monkeypatch.setenv("ASKPROAI_SIMULATED_RETELL", await stack.enter_async_context(serve(simulator)))
            listening.set()
            await asyncio.to_thread(stop.wait)

    thread = Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert listening.wait(10)
    yield simulator
    stop.set()
    thread.join(10)


def number(*arguments: str) -> "tuple[int, str]":
    result = CliRunner().invoke(app, ["sandbox", "number", *arguments])
    return result.exit_code, result.output


def test_a_number_is_imported_with_a_key_that_is_new(retell: RetellSimulator) -> None:
    assert number("0511 7654300", "--key", KEY) == (
        0,
        f"+495117654300 is at the simulated Retell, with the key {KEY}\n",
    )
    assert "+495117654300" in str(retell.dump()["workspaces"][KEY])


def test_a_number_that_is_there_already_is_refused_with_the_cause(retell: RetellSimulator) -> None:
    number("0511 7654300", "--key", KEY)
    code, shown = number("0511 7654300", "--key", KEY)
    assert (code, "has a key already" in shown) == (1, True)


def test_what_is_no_number_is_refused_before_anything_is_asked() -> None:
    code, shown = number("zahn", "--key", KEY)
    assert (code, "zahn" in shown) == (2, True)


def test_without_simulators_the_command_says_how_to_start_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKPROAI_SIMULATED_RETELL", "http://127.0.0.1:9")
    code, shown = number("0511 7654300", "--key", KEY)
    assert (code, "does not answer" in shown) == (1, True)
