"""The cluster as a platform team sees it: kubectl, pods, who leads; and how a process of it is killed."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from askproai_sandbox.cluster import eventually

SYSTEM = "askproai-system"


class CommandFailed(AssertionError):
    """A program said no; the message is the end of what it said."""


async def run(*command: str, stdin: str | None = None) -> str:
    """Run a program and give what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate((stdin or "").encode())
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: {err.decode()[-2000:]}")
    return out.decode()


async def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return await run("kubectl", *arguments, stdin=stdin)


async def objects(*arguments: str) -> list[dict[str, Any]]:
    """Give the items of `kubectl get …`."""
    return list(json.loads(await kubectl("get", *arguments, "-o", "json"))["items"])


async def until(check: Any, seconds: float, what: str) -> float:
    """Wait for `check`, and give how long that took."""
    began = time.monotonic()
    await eventually(check, timedelta(seconds=seconds), what, every=0.1)
    return time.monotonic() - began


async def apply(*manifests: dict[str, Any], namespace: str = "default") -> None:
    await kubectl("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump_all(manifests))


async def holder(component: str) -> str:
    """Give who holds the Lease of operator or coordinator: `<pod>_…`, another one for each process."""
    path = "jsonpath={.spec.holderIdentity}"
    return await kubectl("get", "lease", f"askproai-{component}", "-n", SYSTEM, "-o", path)


async def pods(namespace: str, component: str) -> list[dict[str, Any]]:
    """Give the pods that are not about to go."""
    found = await objects("pods", "-n", namespace, "-l", f"app.kubernetes.io/component={component}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def starts(of: list[dict[str, Any]]) -> dict[str, int]:
    """Give how often each container of some pods was started again."""
    counts = ((p["metadata"]["name"], c) for p in of for c in p["status"]["containerStatuses"])
    return {f"{pod}/{one['name']}": one["restartCount"] for pod, one in counts}


async def kill(component: str, identity: str) -> str:
    """Kill the process of a replica with SIGKILL, where the node is this machine; else have its kubelet do it."""
    pod = identity.partition("_")[0]
    pid = process_of(component, pod)
    if pid is None:
        await kubectl("delete", "pod", pod, "-n", SYSTEM, "--grace-period=0", "--force")
        return "forced deletion"
    os.kill(pid, signal.SIGKILL)
    return "SIGKILL"


def process_of(component: str, pod: str) -> int | None:
    """Give the process of a pod; None where the pods run on another machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended, or is not ours to look at
            words, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes().split(b"\0")
            if component.encode() in words and f"ASKPROAI_POD_NAME={pod}".encode() in variables:
                return int(folder.name)
    return None
