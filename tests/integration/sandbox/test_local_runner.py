"""The processes of the local cluster: what is killed is started again, and nothing is left behind."""

import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from askproai_sandbox.cluster import ControlPlane, KubeClient, Object, ProcessError, eventually, reap_leftovers, spawn
from askproai_sandbox.cluster.processes import ProcessIdentity
from tests.worlds.local_salon import SOON, web_status

pytestmark = [pytest.mark.usefixtures("pod_runner"), pytest.mark.nightly]


@asynccontextmanager
async def own_runner(plane: ControlPlane, folder: Path, node: str) -> AsyncIterator[Any]:
    command = [sys.executable, "-m", "askproai_sandbox.pods", "--kubeconfig", plane.kubeconfig]
    child = await spawn("runner", [*command, "--directory", folder, "--node", node], directory=folder)
    try:
        yield child
    finally:
        await child.stop()


async def test_a_killed_runner_ends_its_pods_and_the_next_one_runs_them(
    control_plane: ControlPlane, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    sleeper = {"name": "web", "image": "x", "command": ["sleep", "1000"]}
    spec = {"nodeName": "second", "containers": [sleeper], "terminationGracePeriodSeconds": 0}

    async def running() -> int | None:
        pids = json.loads((tmp_path / "pods.json").read_text())["pids"] if (tmp_path / "pods.json").exists() else {}
        pid: int | None = pids.get(f"{kube_namespace}/sleeper/web")
        return pid if pid and ProcessIdentity.of(pid) else None

    async def reported(restarts: int) -> bool:
        statuses = (await kube_client.get(f"{base}/sleeper"))["status"].get("containerStatuses") or [{"state": {}}]
        return "running" in statuses[0]["state"] and statuses[0]["restartCount"] == restarts

    async with own_runner(control_plane, tmp_path, "second") as first:
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec})
        process = ProcessIdentity.of(await eventually(running, SOON, "the pod"))
        assert process is not None
        await eventually(lambda: reported(0), SOON, "its status")
        os.kill(first.pid, signal.SIGKILL)
        await eventually(lambda: not process.alive(), SOON, "its end with the runner")
    async with own_runner(control_plane, tmp_path, "second"):
        await eventually(running, SOON, "the pod again")
        await eventually(lambda: reported(1), SOON, "the counted restart")
        await kube_client.delete(f"{base}/sleeper")
        await eventually(lambda: not recorded_processes(tmp_path / "pids"), SOON, "its end")
    await kube_client.delete("/api/v1/nodes/second")


def recorded_pids(folder: Path) -> dict[str, int]:
    pids: dict[str, int] = json.loads((folder / "pods.json").read_text())["pids"]
    return pids


async def test_a_port_that_another_program_holds_is_named_and_waited_for(
    kube_client: KubeClient, kube_namespace: str
) -> None:
    """On a developer's machine another program may listen on 0.0.0.0:8080."""
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        web = {"name": "web", "image": "x", "command": ["sleep", "1000"], "ports": [{"containerPort": port}]}
        spec = {"nodeName": "local", "containers": [web], "terminationGracePeriodSeconds": 0}
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "web"}, "spec": spec})

        async def state() -> Object:
            container_state: Object = web_status(await kube_client.get(f"{base}/web"))["state"]
            return container_state

        async def refused() -> Object | None:
            waiting: Object = (await state()).get("waiting") or {}
            return waiting if waiting.get("reason") == "PortTaken" else None

        waiting = await eventually(refused, SOON, "the report of the taken port")
        assert f"port {port} " in waiting["message"]
        assert "ss -ltnp" in waiting["message"], "the message says what to do"

    async def runs() -> bool:
        return "running" in await state()

    await eventually(runs, SOON, "the pod, once the port is free")


async def test_a_runner_that_ended_or_was_killed_leaves_no_process_in_its_list(
    control_plane: ControlPlane, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    """`pods.json` becomes `pids.pods` of state.json. A number there must never be that of another process."""
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    sleeper = {"name": "web", "image": "x", "command": ["sleep", "1000"]}
    spec = {"nodeName": "third", "containers": [sleeper], "terminationGracePeriodSeconds": 0}
    async with own_runner(control_plane, tmp_path, "third"):
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec})
        listed = lambda: (tmp_path / "pods.json").exists() and recorded_pids(tmp_path)  # noqa: E731
        await eventually(listed, SOON, "the pod")
    assert recorded_pids(tmp_path) == {}
    (tmp_path / "pods.json").write_text(json.dumps({"pids": {"n/killed/web": 1}}))
    await kube_client.delete(f"{base}/sleeper")
    async with own_runner(control_plane, tmp_path, "third"):
        await eventually(lambda: recorded_pids(tmp_path) == {}, SOON, "an empty list")
    await kube_client.delete("/api/v1/nodes/third")


async def test_next_start_ends_processes_of_killed_container(tmp_path: Path) -> None:
    """The parent death signal reaches the child alone: a grandchild outlives a `kill -9` of us until the next start."""
    program = f"""
import asyncio, pathlib
from askproai_sandbox.cluster import spawn
async def main():
    script = "sleep 1000 & echo $! > child; wait"
    folder = pathlib.Path({str(tmp_path)!r})
    await spawn("shell", ["sh", "-c", script], directory=folder, cwd=folder)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    killed = await spawn("killed", [sys.executable, "-c", program], directory=tmp_path / "outside")
    written = lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text()  # noqa: E731
    grandchild = ProcessIdentity.of(int(await eventually(written, SOON, "the grandchild")))
    assert grandchild is not None
    (shell,) = recorded_processes(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    await eventually(lambda: not shell.alive(), SOON, "the shell's end with its parent")
    assert grandchild.alive()
    assert await reap_leftovers(tmp_path) == ["shell"]
    assert not grandchild.alive()
    assert recorded_processes(tmp_path) == []


def recorded_processes(folder: Path) -> list[ProcessIdentity]:
    """Return the processes that the pid files of a folder record."""
    return [ProcessIdentity(**json.loads(file.read_text())) for file in sorted(folder.glob("*.pid"))]


@pytest.mark.parametrize(("on_term", "code"), [("exit 3", 3), ("", -signal.SIGKILL)])
async def test_a_process_gets_sigterm_and_is_then_killed_with_what_it_started(
    tmp_path: Path, on_term: str, code: int
) -> None:
    script = f"trap '{on_term}' TERM; sleep 1000 & echo $! > child; while true; do wait; sleep 0.05; done"
    shell = await spawn("shell", ["sh", "-c", script], directory=tmp_path, cwd=tmp_path)
    text = await eventually(
        lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), SOON, "the child"
    )
    child = ProcessIdentity.of(int(text))
    assert child is not None
    assert await shell.stop(timedelta(seconds=0.5)) == code
    await eventually(lambda: not child.alive(), SOON, "the child's end")


async def test_leftover_processes_are_ended_but_never_an_unrelated_one(tmp_path: Path) -> None:
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


async def test_a_killed_demo_ends_its_control_plane_and_the_next_one_has_its_data(tmp_path: Path) -> None:
    """As for `make demo` after a kill -9. Only the parent is killed here; its parts must not stay behind."""
    program = f"""
import asyncio, pathlib
from askproai_sandbox.cluster import ControlPlane
async def main():
    async with ControlPlane(pathlib.Path({str(tmp_path)!r})) as plane:
        await plane.kubectl("create", "namespace", "kept")
        print("made", plane.pids, flush=True)
        await asyncio.sleep(1000)
asyncio.run(main())
"""
    demo = await spawn("demo", [sys.executable, "-c", program], directory=tmp_path / "demo")
    await eventually(lambda: b"made" in demo.log.read_bytes(), SOON, "the plane")
    parts = recorded_processes(tmp_path)
    assert len(parts) == 4
    os.kill(demo.pid, signal.SIGKILL)
    await eventually(lambda: not any(part.alive() for part in parts), SOON, "the end of the parts")
    assert recorded_processes(tmp_path) == parts
    async with ControlPlane(tmp_path) as again:
        assert "kept" in await again.kubectl("get", "namespaces")
    assert recorded_processes(tmp_path) == []
