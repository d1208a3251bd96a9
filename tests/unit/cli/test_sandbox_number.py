"""`askproai sandbox number`: a business's number at the simulated Retell that the environment names."""

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
from askproai_sandbox.simulator.faults import Fault, FaultKind

KEY, OTHER = "key_demo_zahn", "key_demo_other"


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


def test_number_is_imported_with_a_new_key(retell: RetellSimulator) -> None:
    assert number("0511 7654300", "--key", KEY) == (
        0,
        f"+495117654300 is at the simulated Retell, with the key {KEY}\n",
    )
    assert "+495117654300" in str(retell.dump()["workspaces"][KEY])


def test_existing_number_is_refused_with_the_cause(retell: RetellSimulator) -> None:
    number("0511 7654300", "--key", KEY)
    code, shown = number("0511 7654300", "--key", KEY)
    assert (code, shown) == (1, f"+495117654300 has the key {KEY} already: nothing is to be done\n")


def owners(retell: RetellSimulator) -> list[str]:
    return [key for key, workspace in retell.workspaces.items() if "+495117654300" in workspace.numbers]


def test_number_of_another_key_is_refused_with_advice(retell: RetellSimulator) -> None:
    number("0511 7654300", "--key", KEY)
    code, shown = number("0511 7654300", "--key", OTHER)
    assert (code, owners(retell)) == (1, [KEY])
    assert all(said in shown for said in (KEY, "--move", "--remove"))
    assert OTHER not in retell.workspaces, "a key is made only for a number that it gets"


def test_a_number_is_moved_to_another_key(retell: RetellSimulator) -> None:
    number("0511 7654300", "--key", KEY)
    code, _ = number("0511 7654300", "--key", OTHER, "--move")
    assert (code, owners(retell)) == (0, [OTHER])


@pytest.mark.parametrize("options", [(), ("--key", KEY)])
def test_a_number_is_removed(retell: RetellSimulator, options: tuple[str, ...]) -> None:
    number("0511 7654300", "--key", KEY)
    assert number("0511 7654300", "--remove", *options)[0] == 0
    assert owners(retell) == []
    code, shown = number("0511 7654300", "--remove", *options)
    assert (code, "is not at the simulated Retell" in shown) == (1, True)


def test_number_of_two_keys_is_removed_from_one(retell: RetellSimulator) -> None:
    number("0511 7654300", "--key", KEY)
    number("0511 7654301", "--key", OTHER)
    retell.workspaces[OTHER].numbers |= retell.workspaces[KEY].numbers
    assert owners(retell) == [KEY, OTHER]
    assert number("0511 7654300", "--remove", "--key", OTHER)[0] == 0
    assert owners(retell) == [KEY]


def test_active_fault_is_not_blamed_on_the_key(retell: RetellSimulator) -> None:
    retell.faults.active.append(Fault(FaultKind.DOWN, count=None))
    code, shown = number("0511 7654300", "--key", KEY)
    assert code == 1
    assert shown.startswith("the simulated Retell failed (503): a fault may be on")
    retell.faults.clear()
    assert number("0511 7654300", "--key", "secret") == (
        1,
        "the simulated Retell refused it (400): a key begins with key_\n",
    )


def test_importing_a_number_requires_the_key() -> None:
    code, shown = number("0511 7654300")
    assert (code, "--key" in shown) == (2, True)


def test_invalid_number_is_refused_before_any_question() -> None:
    code, shown = number("zahn", "--key", KEY)
    assert (code, "zahn" in shown) == (2, True)


def test_command_without_simulators_explains_their_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKPROAI_SIMULATED_RETELL", "http://127.0.0.1:9")
    code, shown = number("0511 7654300", "--key", KEY)
    assert (code, "does not answer" in shown) == (1, True)
