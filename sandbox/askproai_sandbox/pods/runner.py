"""The pod runner: registers one Node and renews its Lease; watches the Node's pods and the objects that they mount."""

import asyncio
import json
import random
from datetime import timedelta
from pathlib import Path

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_sandbox.cluster import (
    UNREACHED,
    ApiError,
    KubeClient,
    Mirror,
    Object,
    object_key,
    reap_leftovers,
    write_atomically,
)
from askproai_sandbox.pods.container import PodContext
from askproai_sandbox.pods.pod import Pod
from askproai_sandbox.pods.spec import Sources

log = structlog.get_logger(__name__)

RENEW_INTERVAL = timedelta(seconds=10)
LEASE_SECONDS = 40
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CAPACITY = {"cpu": "10k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "10k"}  # no resource is limited
MOUNT_DELAY = timedelta(seconds=60)  # a kubelet's interval for mounted ConfigMaps and Secrets
SHUTDOWN_GRACE = timedelta(seconds=3)  # for all pods when the runner ends: people wait


class PodRunner:
    """Replaces the kubelet of Node `name`; all its files are in `directory`."""

    def __init__(
        self, client: KubeClient, directory: Path, name: str, clock: Clock, mount_delay: timedelta = MOUNT_DELAY
    ) -> None:
        self._client = client
        self._directory = directory.absolute()
        self._name = name
        self._clock = clock
        self._mount_delay = mount_delay
        self._pods: dict[str, Pod] = {}  # by uid: a name may be used again while the earlier pod still ends
        self._endings: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run pods until `stop` is set, then end their processes; the pod objects stay for the next runner."""
        await reap_leftovers(self._directory / "pids")
        self._write_pids()  # those of a killed runner are outdated
        config_maps = Mirror(self._client, "/api/v1/configmaps", self._input_changed)
        secrets = Mirror(self._client, "/api/v1/secrets", self._input_changed)
        pods = Mirror(self._client, "/api/v1/pods", self._pod_changed, fieldSelector=f"spec.nodeName={self._name}")
        await _register(self._client, self._name, self._clock)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0)) as session:
            self._context = PodContext(
                client=self._client,
                session=session,
                sources=Sources(config_maps.objects, secrets.objects),
                clock=self._clock,
                directory=self._directory,
                processes_changed=self._write_pids,
                mount_delay=self._mount_delay,
            )
            async with asyncio.TaskGroup() as group:
                heartbeat = _heartbeat(self._client, self._name, self._clock)
                tasks = [group.create_task(work) for work in (config_maps.run(), secrets.run(), heartbeat)]
                await config_maps.synced.wait()  # else the first pods would take optional Secrets for absent
                await secrets.synced.wait()
                tasks.append(group.create_task(pods.run()))
                log.info("runner.ready", node=self._name)
                await stop.wait()
                for task in tasks:
                    task.cancel()
            await asyncio.gather(
                *(pod.end(SHUTDOWN_GRACE, remove=False) for uid, pod in self._pods.items() if uid not in self._endings)
            )
            if self._endings:  # these delete pod objects; if the API server does not answer, the next runner does it
                await asyncio.wait(self._endings.values(), timeout=SHUTDOWN_GRACE.total_seconds())
            self._pods.clear()
            self._write_pids()

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._end(old, timedelta(0))  # the object is gone before its processes: deleted by force
        if new is None:
            return
        metadata = new["metadata"]
        pod = self._pods.get(metadata["uid"])
        if pod is None and new.get("status", {}).get("phase") not in {"Failed", "Succeeded"}:
            pod = self._pods[metadata["uid"]] = Pod(new, self._address(new), self._context)
            if not metadata.get("deletionTimestamp"):  # else an earlier runner ended before this pod did
                pod.start()
                log.info("pod.started", pod=pod.key, address=pod.address)
        elif pod is not None and _annotations(new) != _annotations(old):
            pod.mount_again()
        if metadata.get("deletionTimestamp"):
            self._end(new, timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0))

    def _input_changed(self, old: Object | None, new: Object | None) -> None:
        namespace = object_key(new or old or {}).partition("/")[0]
        for pod in self._pods.values():
            if pod.manifest["metadata"]["namespace"] == namespace:
                pod.refresh()

    def _end(self, manifest: Object, grace: timedelta) -> None:
        uid = manifest["metadata"]["uid"]
        if uid in self._pods and uid not in self._endings:
            self._endings[uid] = asyncio.create_task(self._end_and_remove(uid, grace))

    async def _end_and_remove(self, uid: str, grace: timedelta) -> None:
        try:
            await self._pods[uid].end(grace, remove=True)
        finally:
            self._pods.pop(uid, None)
            del self._endings[uid]
            self._write_pids()

    def _address(self, manifest: Object) -> str:
        """Return the pod's earlier address, or a random one of 4 million: other runners may use this machine, too."""
        if earlier := manifest.get("status", {}).get("podIP"):
            return str(earlier)
        taken = {pod.address for pod in self._pods.values()}
        while True:
            address = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            if address not in taken:
                return address

    def _write_pids(self) -> None:
        pids = {
            f"{pod.key}/{container.name}": container.pid
            for pod in self._pods.values()
            for container in pod.containers
            if container.pid
        }
        write_atomically(self._directory / "pods.json", json.dumps({"pids": pids}, indent=1))


def _annotations(pod: Object | None) -> Object:
    return (pod or {}).get("metadata", {}).get("annotations") or {}


async def _register(client: KubeClient, name: str, clock: Clock) -> None:
    """Create the Node and its Lease, and report the Node as ready."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    await _create(client, "/api/v1/nodes", {"kind": "Node", "metadata": {"name": name, "labels": labels}})
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "PodRunnerReady", "message": "local processes"}
    status = {
        "capacity": CAPACITY,
        "allocatable": CAPACITY,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "conditions": [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}],
    }
    await client.merge(f"/api/v1/nodes/{name}/status", {"status": status})
    # The API server taints each new Node as not ready; a controller would remove the taint, but later.
    await client.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
    await _create(client, LEASES, {"kind": "Lease", "metadata": {"name": name}, "spec": {"holderIdentity": name}})
    await _renew(client, name, clock)


async def _heartbeat(client: KubeClient, name: str, clock: Clock) -> None:
    """Renew the Lease until cancelled, which is all that the node controller requires of a living Node."""
    while True:
        await clock.sleep(RENEW_INTERVAL)
        try:
            await _renew(client, name, clock)
        except (ApiError, *UNREACHED) as error:
            log.warning("node.unrenewed", node=name, error=f"{type(error).__name__}: {error}")


async def _create(client: KubeClient, path: str, manifest: Object) -> None:
    """Create an object. Leave an object that exists from an earlier run unchanged."""
    try:
        await client.create(path, manifest)
    except ApiError as error:
        if error.status != 409:
            raise


async def _renew(client: KubeClient, name: str, clock: Clock) -> None:
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await client.merge(f"{LEASES}/{name}", {"spec": {"leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}})
