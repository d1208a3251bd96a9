"""Memory of the real processes when nothing happens: the demo's parts with one tenant Ready, and no call."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.load.measure import Row
from tests.load.rig import ROOT, memory

from askproai_sandbox.cluster import Child, eventually, program_folder, spawn
from askproai_sandbox.demo import State, StateError, read_state
from askproai_sandbox.demo.kubectl import kubectl
from askproai_sandbox.world import EXAMPLES, SALON, seed_simulators

QUIET = timedelta(seconds=10)  # after the last start; what a start needed is given back or kept by then


async def idle_memory(directory: Path, say: Callable[[str], None]) -> list[Row]:
    """Start the demo's parts, apply the salon, and look at operator, web and worker when they have nothing to do."""
    await program_folder(say)
    command = [sys.executable, "-m", "askproai_sandbox.demo", "--directory", str(directory / "demo")]
    stage = await spawn("stage", command, directory=directory, cwd=ROOT)
    try:
        state = await eventually(lambda: _state(stage, directory / "demo"), timedelta(minutes=2), "the demo's parts")
        await seed_simulators(state.retellUrl, state.calcomUrl)
        await kubectl(state, "apply", "-f", str(EXAMPLES / "salon.yaml"))
        for kind in ("tenants.askproai.de", "retellagents"):
            await kubectl(state, "wait", "--for=condition=Ready", "--all", "-n", SALON.namespace, "--timeout=90s", kind)
        await asyncio.sleep(QUIET.total_seconds())
        pids = read_state(directory / "demo").pids
        found = {"operator (1 tenant)": pids["operator"][0]}
        for kind in ("web", "worker"):
            found[kind] = next(pid for name, pid in sorted(pids["pods"].items()) if name.endswith(f"/{kind}"))
        return [row for name, pid in found.items() for row in memory_rows(f"idle memory: {name}", pid)]
    finally:
        await stage.stop(timedelta(seconds=30))


def memory_rows(name: str, pid: int) -> list[Row]:
    found = memory(pid)
    design = "< 90 MB" if name == "idle memory: web" else ""
    return [Row(f"{name}, resident", found["Rss"], "MB", design), Row(f"{name}, proportional", found["Pss"], "MB")]


def _state(stage: Child, directory: Path) -> State | None:
    assert stage.exit_code is None, f"the demo's parts did not start:\n{stage.last_lines()}"
    try:
        return read_state(directory)
    except StateError:
        return None
