"""The Node that the runner stands for: registered once, kept alive by its Lease as a kubelet does."""

from datetime import timedelta

import aiohttp
import structlog

from askproai_runtime.seams import Clock
from askproai_sandbox.cluster import ApiError, KubeClient, Object

log = structlog.get_logger(__name__)

RENEWED_EVERY = timedelta(seconds=10)
LEASE_SECONDS = 40
STATUS_EVERY = 30  # renewals: 5 minutes, as a kubelet whose status did not change
CAPACITY = {"cpu": "10k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "10k"}  # nothing is metered here


async def register(client: KubeClient, name: str, clock: Clock) -> None:
    """Make the Node and say that it is ready."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    await _ensure(client, "/api/v1/nodes", {"kind": "Node", "metadata": {"name": name, "labels": labels}})
    await _tell_status(client, name, clock)
    # the API server taints each new Node as not ready; a controller would take it off, but later
    await client.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
    lease: Object = {"kind": "Lease", "metadata": {"name": name}, "spec": {"holderIdentity": name}}
    lease["apiVersion"] = "coordination.k8s.io/v1"
    await _ensure(client, f"{_leases()}", lease)
    await _renew(client, name, clock)


async def heartbeat(client: KubeClient, name: str, clock: Clock) -> None:
    """Renew the Lease every ten seconds and the status every five minutes, until cancelled."""
    beats = 0
    while True:
        await clock.sleep(RENEWED_EVERY)
        beats += 1
        try:
            await _renew(client, name, clock)
            if beats % STATUS_EVERY == 0:
                await _tell_status(client, name, clock)
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("node.unrenewed", node=name, error=f"{type(error).__name__}: {error}")


def _leases() -> str:
    return "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


async def _ensure(client: KubeClient, path: str, thing: Object) -> None:
    try:
        await client.create(path, thing)
    except ApiError as error:
        if error.status != 409:  # it is there, from an earlier run
            raise


async def _renew(client: KubeClient, name: str, clock: Clock) -> None:
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await client.merge(f"{_leases()}/{name}", {"spec": {"leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}})


async def _tell_status(client: KubeClient, name: str, clock: Clock) -> None:
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "PodRunnerReady", "message": "local processes"}
    status = {
        "capacity": CAPACITY,
        "allocatable": CAPACITY,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "conditions": [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}],
    }
    await client.merge(f"/api/v1/nodes/{name}/status", {"status": status})
