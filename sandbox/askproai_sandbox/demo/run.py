"""`askproai demo`: start the environment, show its progress, play the scenario, then end the demo or leave it running."""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from askproai_sandbox.cluster import Child, ProcessError, reap_leftovers, spawn
from askproai_sandbox.demo.environment import PROJECT, DemoEnvironment
from askproai_sandbox.demo.report import show
from askproai_sandbox.demo.scenario import DemoResult, Scenario
from askproai_sandbox.demo.state import DIRECTORY, State, StateError, read_state, state_file
from askproai_sandbox.programs import link_kubectl, program_folder

_STARTUP = timedelta(minutes=3)
_GRACE = timedelta(seconds=30)  # the environment ends its parts one after the other


async def run_demo(
    *, keep: bool, kill: bool, console: Console, directory: Path = DIRECTORY, dies_with_parent: bool | None = None
) -> DemoResult:
    """Play the demo once. Raises ProcessError when a part does not start, and ScenarioError when a promise does not hold.

    `keep` leaves it running; `dies_with_parent` kills it when this process dies, however it dies (default: unless `keep`).
    """
    started = time.monotonic()

    def report(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {line}", highlight=False, soft_wrap=True)

    link_kubectl(await program_folder(report))
    if await end_demo(directory):
        report("ended the demo that was still running")
    fault = ["--operator-fault", "after:create-llm"] if kill else []
    command = [sys.executable, "-m", "askproai_sandbox.demo", "--directory", str(directory), *fault]
    state_file(directory).unlink(missing_ok=True)
    folder = _process_folder(directory)
    (folder / "stage.log").unlink(missing_ok=True)
    if dies_with_parent is None:
        dies_with_parent = not keep
    environment = await spawn("stage", command, directory=folder, cwd=PROJECT, dies_with_parent=dies_with_parent)
    keep_running = False
    try:
        progress = asyncio.create_task(_forward_reports(environment, report))
        await _wait_for_state(environment, directory)
        result = await Scenario(directory, PROJECT / "examples", kill=kill, report=report).play()
        progress.cancel()
        show(result, console)
        report("done: one call, one appointment, in both books")
        if keep:
            _print_next_commands(read_state(directory), directory, console)  # now with the pods of the salon
        else:
            _print_how_to_keep(console)
        keep_running = keep
        return result
    finally:
        if not keep_running:
            await environment.stop(_GRACE)


async def end_demo(directory: Path = DIRECTORY) -> bool:
    """End a demo that was left running, or the remaining processes of a killed demo. Return True if there were any."""
    folder = _process_folder(directory)
    return folder.exists() and bool(await reap_leftovers(folder, grace=_GRACE))


async def remove_demo(directory: Path = DIRECTORY) -> None:
    """End a demo and delete all its data: `directory`, its process folder, and PostgreSQL's data, which may be elsewhere."""
    await end_demo(directory)
    await DemoEnvironment(directory).remove()
    shutil.rmtree(_process_folder(directory), ignore_errors=True)


def _process_folder(directory: Path) -> Path:
    """Return the folder of the environment's log and pid file. It is not in `directory`, which the environment empties."""
    return directory.absolute().parent / ".cache" / directory.name.lstrip(".")


async def _forward_reports(environment: Child, report: Callable[[str], None]) -> None:
    """Pass each line that the environment's process prints to `report`, until cancelled."""
    reported = 0
    while True:
        lines = environment.log.read_text(errors="replace").splitlines() if environment.log.exists() else []
        for line in lines[reported:]:
            report(line)
        reported = len(lines)
        await asyncio.sleep(0.2)


async def _wait_for_state(environment: Child, directory: Path) -> None:
    """Wait until all parts of the demo run. Raises ProcessError after 3 minutes, or if the environment's process ends earlier."""
    deadline = time.monotonic() + _STARTUP.total_seconds()
    while time.monotonic() < deadline:
        if environment.exit_code is not None:
            log_tail = environment.last_lines(30)
            reason = log_tail or "it was ended from outside, as `make down` or another `make demo` here does"
            raise ProcessError(f"the demo's parts did not start:\n{reason}")
        try:
            read_state(directory)
        except StateError:
            await asyncio.sleep(0.2)
        else:
            return
    raise ProcessError(f"the demo's parts were not up within {_STARTUP}; see {environment.log}")


def _print_how_to_keep(console: Console) -> None:
    askproai = Path(sys.executable).parent / "askproai"
    console.print(
        "\nEverything ends now. To call the salon yourself, leave it running (make demo KEEP=1):\n"
        f"  {askproai} demo --keep",
        highlight=False,
        soft_wrap=True,
    )


def _print_next_commands(state: State, directory: Path, console: Console) -> None:
    pages = [
        f"  The page of {tenant}: {url}/ (token {state.adminTokens[tenant]})\n"
        for tenant, url in state.adminUrls.items()
        if tenant in state.adminTokens
    ]
    console.print(
        f"\nIt keeps running. Addresses and tokens: {state_file(directory)}\n"
        f"{''.join(pages)}"
        f"  export KUBECONFIG={state.kubeconfig} PATH={Path(sys.executable).parent}:$PATH\n"
        '  askproai call --to +49301234567 --say "Ich hätte gern einen Haarschnitt am Mittwoch um elf." '
        '--say "Ja, mein Name ist Max Muster."\n'
        "  askproai call --to +49301234567  (you speak, line by line; Ctrl-D hangs up)\n"
        "  askproai demo --down",
        highlight=False,
        soft_wrap=True,
    )
