"""The processes of the local cluster: each ends with its children, and no other process is ended."""

import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from askproai_sandbox.cluster import ControlPlane, ProcessError, eventually, reap_leftovers, spawn
from askproai_sandbox.cluster.processes import ProcessIdentity
from tests.worlds.local_salon import SOON

pytestmark = [pytest.mark.usefixtures("pod_runner"), pytest.mark.nightly]


def recorded_processes(folder: Path) -> list[ProcessIdentity]:
    """Return the processes that the pid files of a folder record."""
    return [ProcessIdentity(**json.loads(file.read_text())) for file in sorted(folder.glob("*.pid"))]


@pytest.mark.parametrize(("on_term", "code"), [("exit 3", 3), ("", -signal.SIGKILL)])
async def test_process_gets_sigterm_before_its_tree_is_killed(tmp_path: Path, on_term: str, code: int) -> None:
    script = f"trap '{on_term}' TERM; sleep 1000 & echo $! > child; while true; do wait; sleep 0.05; done"
    shell = await spawn("shell", ["sh", "-c", script], directory=tmp_path, cwd=tmp_path)
    text = await eventually(
        lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), SOON, "the child"
    )
    child = ProcessIdentity.of(int(text))
    assert child is not None
    assert await shell.stop(timedelta(seconds=0.5)) == code
    await eventually(lambda: not child.alive(), SOON, "the child's end")


async def test_only_related_leftover_processes_are_ended(tmp_path: Path) -> None:
    ours = await spawn("ours", ["sleep", "1000"], directory=tmp_path, dies_with_parent=False)
    unrelated = await spawn("stranger", ["sleep", "1000"], directory=tmp_path / "other")
    record = json.loads((tmp_path / "other" / "stranger.pid").read_text())
    (tmp_path / "reused.pid").write_text(json.dumps(record | {"started": record["started"] - 1}))
    assert await reap_leftovers(tmp_path) == ["ours"]
    assert await ours.wait() == -signal.SIGTERM
    assert unrelated.exit_code is None
    await unrelated.stop()


async def test_a_part_that_does_not_start_reports_why(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_text("a file where etcd wants its folder")
    with pytest.raises(ProcessError, match="etcd ended with"):
        await ControlPlane(tmp_path).start()
    assert recorded_processes(tmp_path) == []
