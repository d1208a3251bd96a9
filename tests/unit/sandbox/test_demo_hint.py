"""The commands that `make demo KEEP=1` prints at its end can be pasted."""

import io
import shlex
import sys
from pathlib import Path

import pytest
from rich.console import Console

from askproai_sandbox.cluster import ProcessError, spawn
from askproai_sandbox.demo.run import _print_how_to_keep, _print_next_commands, _wait_for_state
from askproai_sandbox.demo.state import State
from tests.worlds.waiting import eventually


def test_printed_demo_commands_exist_and_book():
    screen = io.StringIO()
    state = State("/x/kubeconfig", "http://127.0.0.1:1", "http://127.0.0.1:2", "postgresql://x", "redis://x")
    _print_next_commands(state, Path(".demo"), Console(file=screen, width=132))
    lines = [shlex.split(line) for line in screen.getvalue().splitlines() if line.startswith("  ")]
    exported = dict(word.split("=", 1) for word in lines[0][1:])
    assert Path(exported["PATH"].split(":")[0], "askproai").exists(), "a newcomer's PATH has no askproai"
    assert lines[1][0] == "askproai"
    assert "Name ist" in lines[1][-1], "without a name the agent asks back, and nothing is booked"


def test_ending_demo_prints_how_to_continue():
    screen = io.StringIO()
    _print_how_to_keep(Console(file=screen, width=132))
    [command] = [shlex.split(line) for line in screen.getvalue().splitlines() if line.startswith("  ")]
    assert (Path(command[0]).exists(), command[1:]) == (True, ["demo", "--keep"])


async def test_demo_ended_from_outside_reports_that_cause(tmp_path: Path):
    """The second `make demo` in a checkout ends the first, whose log is gone by then."""
    environment = await spawn("stage", [sys.executable, "-c", ""], directory=tmp_path)
    await eventually(lambda: environment.exit_code is not None, what="its end")
    environment.log.unlink()
    with pytest.raises(ProcessError, match="ended from outside"):
        await _wait_for_state(environment, tmp_path / "demo")
