"""The cluster as a platform team uses it: kubectl, pods, the holders of Leases; and how to kill one of its processes."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

SYSTEM = "askproai-system"


class CommandFailed(AssertionError):
    """A program failed; the message is the end of its standard error."""


async def run(*command: str, stdin: str | None = None) -> str:
    """Run a program and return its standard output. Raises CommandFailed."""
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
    """Return the items of `kubectl get …`."""
    return list(json.loads(await kubectl("get", *arguments, "-o", "json"))["items"])


async def apply(*manifests: dict[str, Any], namespace: str = "default") -> None:
    await kubectl("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump_all(manifests))


async def api_server_port() -> int:
    """Return the port of the API server's endpoints, which a policy of pods must admit, not that of its Service."""
    (slice_,) = await objects("endpointslices", "-n", "default", "-l", "kubernetes.io/service-name=kubernetes")
    return int(slice_["ports"][0]["port"])


async def lease(component: str) -> dict[str, Any]:
    """Return the spec of the operator's or coordinator's Lease."""
    found = await kubectl("get", "lease", f"askproai-{component}", "-n", SYSTEM, "-o", "json")
    return dict(json.loads(found)["spec"])


async def holder(component: str) -> str:
    """Return the holder of that Lease: `<pod>_…`, different for each process; empty once it is released."""
    return str((await lease(component)).get("holderIdentity", ""))


async def pods(namespace: str, component: str) -> list[dict[str, Any]]:
    """Return the pods that are not being deleted."""
    listed = await objects("pods", "-n", namespace, "-l", f"app.kubernetes.io/component={component}")
    return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]


def restarts(listed: list[dict[str, Any]]) -> dict[str, int]:
    """Return how often each container of the listed pods was restarted."""
    containers = ((pod["metadata"]["name"], status) for pod in listed for status in pod["status"]["containerStatuses"])
    return {f"{pod}/{status['name']}": status["restartCount"] for pod, status in containers}


async def kill(component: str, identity: str) -> str:
    """Kill a replica by SIGKILL if the node is this machine, else by a forced deletion; return which it was."""
    pod = identity.partition("_")[0]
    pid = process_of(component, pod)
    if pid is None:
        await kubectl("delete", "pod", pod, "-n", SYSTEM, "--grace-period=0", "--force")
        return "forced deletion"
    os.kill(pid, signal.SIGKILL)
    return "SIGKILL"


def process_of(component: str, pod: str) -> int | None:
    """Return the process id of a pod, or None if the pods run on another machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or belongs to another user
            command, variables = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes().split(b"\0")
            if component.encode() in command and f"ASKPROAI_POD_NAME={pod}".encode() in variables:
                return int(folder.name)
    return None
