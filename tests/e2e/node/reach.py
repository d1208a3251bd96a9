"""The ports that pods reach: connections from within them, to Services by name and to pods by address."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from tests.e2e.node.cluster import SYSTEM, apply, kubectl, pods
from tests.worlds.network_reach import MONITORING, PRACTICE, REACH, SALON, SOURCES, STRANGER

API = ("kubernetes", 443)
_SERVICES = {  # of the ports that have one; the others are asked at the pod's address
    **{(tenant, 8080): f"{tenant}-web.{tenant}" for tenant in (SALON, PRACTICE)},
    **{(tenant, 8081): f"{tenant}-admin.{tenant}" for tenant in (SALON, PRACTICE)},
    **{(name, port): f"askproai-{name}.{SYSTEM}" for name, port in (("postgres", 5432), ("valkey", 6379))},
    **{("simulators", port): f"askproai-simulators.{SYSTEM}" for port in (9000, 9001, 9002)},
    API: "kubernetes.default",
}
_CONNECT = """
import concurrent.futures, json, socket, sys

def connects(target):
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        return False
    return True

with concurrent.futures.ThreadPoolExecutor(32) as threads:
    results = zip(sys.argv[1:], threads.map(connects, sys.argv[1:]))
    print(json.dumps([target for target, is_open in results if is_open]))
"""
Reached = set[tuple[str, str, int]]  # source, target, port


async def start_bystanders(image: str) -> None:
    """Start a pod in the namespace of the monitoring, and one in a namespace that nobody names."""
    container = {"name": "bystander", "image": image, "command": ["sleep", "infinity"]}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    labels = {"app.kubernetes.io/component": "bystander"}
    for name in (MONITORING, STRANGER):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bystander", "labels": labels}, "spec": spec}
        await apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await apply(pod, namespace=name)
    for name in (MONITORING, STRANGER):
        await kubectl("wait", "--for=condition=Ready", "pod/bystander", "-n", name, "--timeout=180s")


async def remove_bystanders() -> None:
    await kubectl("delete", "namespace", MONITORING, STRANGER, "--ignore-not-found", "--timeout=180s")


async def reached() -> Reached:
    """Connect from each source of the table to each of its targets and to the API server, and return what was reached.

    A tenant is not asked about its own pods: its second pod is closed to the first, which reaches itself.
    """
    found = {name: await _pod(name) for name in {*SOURCES, *(target for target, _, _ in REACH)}}
    hosts = {
        (target, port): _SERVICES.get((target, port)) or found[target]["status"]["podIP"]
        for target, port in (*((target, port) for target, port, _ in REACH), API)
    }
    from_each = await asyncio.gather(*(_connect(found[source], hosts) for source in SOURCES))
    return {
        (source, *target)
        for source, targets in zip(SOURCES, from_each, strict=True)
        for target in targets
        if target[0] != source
    }


async def _pod(name: str) -> dict[str, Any]:
    components = {SALON: "web", PRACTICE: "web", MONITORING: "bystander", STRANGER: "bystander"}
    namespace, component = (name, components[name]) if name in components else (SYSTEM, name)
    return (await pods(namespace, component))[0]


async def _connect(pod: dict[str, Any], hosts: dict[tuple[str, int], str]) -> Iterable[tuple[str, int]]:
    meta, container = pod["metadata"], pod["spec"]["containers"][0]["name"]
    targets = {f"{host}:{port}": (name, port) for (name, port), host in hosts.items()}
    command = ("exec", "-n", meta["namespace"], meta["name"], "-c", container, "--", "python3", "-c", _CONNECT)
    return [targets[each] for each in json.loads(await kubectl(*command, *targets))]
