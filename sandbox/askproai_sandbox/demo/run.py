"""`askproai demo`: start the stage, tell its progress, play the story, end it or leave it running."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from askproai_sandbox.cluster import Child, ProcessError, program_folder, reap_leftovers, spawn
from askproai_sandbox.demo.environment import PROJECT
from askproai_sandbox.demo.report import show
from askproai_sandbox.demo.scenario import DemoResult, Scenario
from askproai_sandbox.demo.state import DIRECTORY, State, StateError, read_state, state_file

_STARTUP = timedelta(minutes=3)
_GRACE = timedelta(seconds=30)  # the stage ends its parts one after the other


async def run_demo(
    *, keep: bool, kill: bool, console: Console, directory: Path = DIRECTORY, tied: bool | None = None
) -> DemoResult:
    """Play the demo once. Raises ProcessError or StoryError when it does not hold.

    `keep` leaves it running; `tied` ends it when this process ends, however it ends (default: unless it is kept).
    """
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {line}", highlight=False, soft_wrap=True)

    await program_folder(say)
    if await end_demo(directory):
        say("ended the demo that was still running")
    fault = ["--operator-fault", "after:create-llm"] if kill else []
    command = [sys.executable, "-m", "askproai_sandbox.demo", "--directory", str(directory), *fault]
    state_file(directory).unlink(missing_ok=True)
    (_outside(directory) / "stage.log").unlink(missing_ok=True)
    stage = await spawn(
        "stage",
        command,
        directory=_outside(directory),
        cwd=PROJECT,
        dies_with_parent=not keep if tied is None else tied,
    )
    stays = False
    try:
        teller = asyncio.create_task(_tell(stage, say))
        state = await _state(stage, directory)
        story = Scenario(directory, PROJECT / "examples", kill=kill, say=say)
        outcome = await story.play()
        teller.cancel()
        show(outcome, console)
        say("done: one call, one appointment, in both books")
        if keep:
            _tell_how_to_go_on(state, directory, console)
        stays = keep
        return outcome
    finally:
        if not stays:
            await stage.stop(_GRACE)


async def end_demo(directory: Path = DIRECTORY) -> bool:
    """End a demo that was left running, or was killed and left parts behind; tell whether one was."""
    outside = _outside(directory)
    return outside.exists() and bool(await reap_leftovers(outside, grace=_GRACE))


def _outside(directory: Path) -> Path:
    """Give where the stage's own log and pid file stand: beside the folder that it empties."""
    return directory.absolute().parent / ".cache" / directory.name.lstrip(".")


async def _tell(stage: Child, say: Callable[[str], None]) -> None:
    """Pass on what the stage reports."""
    told = 0
    while True:
        lines = stage.log.read_text(errors="replace").splitlines() if stage.log.exists() else []
        for line in lines[told:]:
            say(line)
        told = len(lines)
        await asyncio.sleep(0.2)


async def _state(stage: Child, directory: Path) -> State:
    """Wait until every part is up."""
    deadline = time.monotonic() + _STARTUP.total_seconds()
    while time.monotonic() < deadline:
        if stage.exit_code is not None:
            why = stage.last_lines(30) or "it was ended from outside, as `make down` or another `make demo` here does"
            raise ProcessError(f"the demo's parts did not start:\n{why}")
        try:
            return read_state(directory)
        except StateError:
            await asyncio.sleep(0.2)
    raise ProcessError(f"the demo's parts were not up within {_STARTUP}; see {stage.log}")


def _tell_how_to_go_on(state: State, directory: Path, console: Console) -> None:
    console.print(
        f"\nIt keeps running. Addresses and tokens: {state_file(directory)}\n"
        f"  export KUBECONFIG={state.kubeconfig} PATH={Path(sys.executable).parent}:$PATH\n"
        '  askproai call --to +49301234567 --say "Ich hätte gern einen Haarschnitt morgen um zehn." '
        '--say "Ja, mein Name ist Max Muster."\n'
        "  make down",
        highlight=False,
        soft_wrap=True,
    )
