"""The memory of the real processes when nothing happens: the demo's parts with one tenant Ready, and no call."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg

from askproai_sandbox.cluster import Child, ProcessError, kubectl, spawn
from askproai_sandbox.demo import State, StateError, read_state
from askproai_sandbox.example_tenant import EXAMPLES, SALON, seed_simulators
from tests.load.environment import ROOT, memory_rows
from tests.load.measure import Row
from tests.worlds.waiting import eventually

QUIET_SECONDS = 75  # after the last start; an unused connection is closed after 60
_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE ANY ('{askproai-web %,askproai-worker %}')"
)


async def idle_rows(directory: Path) -> list[Row]:
    """Start the demo's parts, apply the salon, and measure operator, web and worker when they have nothing to do."""
    command = [sys.executable, "-m", "askproai_sandbox.demo", "--directory", str(directory)]
    demo = await spawn("demo", command, directory=directory.parent, cwd=ROOT)
    try:
        # five minutes: the first start on a machine builds the control plane
        state = await eventually(lambda: _state(demo, directory), 480, "the demo's parts", every=0.05)
        await seed_simulators(state.retellUrl, state.calcomUrl)
        kubeconfig = Path(state.kubeconfig)
        await kubectl(kubeconfig, "apply", "-f", str(EXAMPLES / "salon.yaml"))
        ready = ("wait", "--for=condition=Ready", "--all", "-n", SALON.namespace, "--timeout=90s")
        await kubectl(kubeconfig, *ready, "tenants.askproai.de,retellagents")
        await asyncio.sleep(QUIET_SECONDS)
        pids = read_state(directory).pids
        pods = {name.rpartition("/")[2]: pid for name, pid in pids["pods"].items()}
        web, worker = memory_rows("idle web", pods["web"], "< 90 MB"), memory_rows("idle worker", pods["worker"])
        return [
            *memory_rows("idle operator, 1 tenant", pids["operator"][0]),
            *web,
            *worker,
            Row("idle pod, web and worker, proportional", web[1].value + worker[1].value, "MB", "< 100 MB"),
            Row("idle pod, database sessions", await _sessions(state.postgresDsn) * 2 / len(pids["pods"]), "", "0"),
        ]
    finally:
        await demo.stop(timedelta(seconds=30))


async def _sessions(dsn: str) -> int:
    """Return how many sessions the pods of all tenants have."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(_SESSIONS))
    finally:
        await connection.close()


def _state(demo: Child, directory: Path) -> State | None:
    """Return the demo's state once it is written. Raises ProcessError if the demo ended."""
    if demo.exit_code is not None:
        raise ProcessError(f"the demo's parts did not start:\n{demo.last_lines()}")
    try:
        return read_state(directory)
    except StateError:
        return None
