"""Which pods run here: one Node, kept alive by its Lease, the watch of its pods, and the changes of what they mount."""

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

RENEWED_EVERY = timedelta(seconds=10)
LEASE_SECONDS = 40
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CAPACITY = {"cpu": "10k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "10k"}  # nothing is metered here
LAST_GRACE = timedelta(seconds=3)  # at the runner's own end: whoever stops it waits


class PodRunner:
    """Plays the kubelet of Node `name`; everything it keeps is in `directory`."""

    def __init__(self, client: KubeClient, directory: Path, name: str, clock: Clock) -> None:
        self._client = client
        self._directory = directory.absolute()
        self._name = name
        self._clock = clock
        self._pods: dict[str, Pod] = {}  # by uid: a name may come again while its first bearer still ends
        self._endings: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run pods until `stop`, then end their processes; the pod objects stay for the next runner."""
        await reap_leftovers(self._directory / "pids")
        self._record()  # what a killed runner wrote there is true no longer
        config_maps = Mirror(self._client, "/api/v1/configmaps", self._input_changed)
        secrets = Mirror(self._client, "/api/v1/secrets", self._input_changed)
        pods = Mirror(self._client, "/api/v1/pods", self._pod_changed, fieldSelector=f"spec.nodeName={self._name}")
        await _register(self._client, self._name, self._clock)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0)) as session:
            self._around = PodContext(
                client=self._client,
                session=session,
                sources=Sources(config_maps.objects, secrets.objects),
                clock=self._clock,
                directory=self._directory,
                told=self._record,
            )
            async with asyncio.TaskGroup() as group:
                beat = _heartbeat(self._client, self._name, self._clock)
                tasks = [group.create_task(one) for one in (config_maps.run(), secrets.run(), beat)]
                await config_maps.synced.wait()  # else an optional Secret would seem absent to the first pods
                await secrets.synced.wait()
                tasks.append(group.create_task(pods.run()))
                log.info("runner.ready", node=self._name)
                await stop.wait()
                for task in tasks:
                    task.cancel()
            await asyncio.gather(
                *(pod.end(LAST_GRACE, remove=False) for uid, pod in self._pods.items() if uid not in self._endings)
            )
            if self._endings:  # as long as the API server answers; else the next runner ends them
                await asyncio.wait(self._endings.values(), timeout=LAST_GRACE.total_seconds())
            self._pods.clear()
            self._record()

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
            self._end(old, timedelta(0))  # gone without waiting for us: deleted by force
        if new is None:
            return
        metadata = new["metadata"]
        pod = self._pods.get(metadata["uid"])
        if pod is None and new.get("status", {}).get("phase") not in {"Failed", "Succeeded"}:
            pod = self._pods[metadata["uid"]] = Pod(new, self._address(new), self._around)
            if not metadata.get("deletionTimestamp"):  # a runner before us did not get to end it
                pod.start()
                log.info("pod.started", pod=pod.key, address=pod.address)
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
            self._endings[uid] = asyncio.create_task(self._see_off(uid, grace))

    async def _see_off(self, uid: str, grace: timedelta) -> None:
        try:
            await self._pods[uid].end(grace, remove=True)
        finally:
            self._pods.pop(uid, None)
            del self._endings[uid]
            self._record()

    def _address(self, manifest: Object) -> str:
        """Give the address it had, or a free one: drawn from 4 million, as other runners may share this machine."""
        if had := manifest.get("status", {}).get("podIP"):
            return str(had)
        taken = {pod.address for pod in self._pods.values()}
        while True:
            drawn = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            if drawn not in taken:
                return drawn

    def _record(self) -> None:
        pids = {
            f"{pod.key}/{container.name}": container.pid
            for pod in self._pods.values()
            for container in pod.containers
            if container.pid
        }
        write_atomically(self._directory / "pods.json", json.dumps({"pids": pids}, indent=1))


async def _register(client: KubeClient, name: str, clock: Clock) -> None:
    """Make the Node and say that it is ready."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    await _ensure(client, "/api/v1/nodes", {"kind": "Node", "metadata": {"name": name, "labels": labels}})
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "PodRunnerReady", "message": "local processes"}
    status = {
        "capacity": CAPACITY,
        "allocatable": CAPACITY,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        "conditions": [ready | {"lastHeartbeatTime": now, "lastTransitionTime": now}],
    }
    await client.merge(f"/api/v1/nodes/{name}/status", {"status": status})
    # the API server taints each new Node as not ready; a controller would take it off, but later
    await client.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
    await _ensure(client, LEASES, {"kind": "Lease", "metadata": {"name": name}, "spec": {"holderIdentity": name}})
    await _renew(client, name, clock)


async def _heartbeat(client: KubeClient, name: str, clock: Clock) -> None:
    """Renew the Lease until cancelled; the node controller asks for no more than that."""
    while True:
        await clock.sleep(RENEWED_EVERY)
        try:
            await _renew(client, name, clock)
        except (ApiError, *UNREACHED) as error:
            log.warning("node.unrenewed", node=name, error=f"{type(error).__name__}: {error}")


async def _ensure(client: KubeClient, path: str, thing: Object) -> None:
    try:
        await client.create(path, thing)
    except ApiError as error:
        if error.status != 409:  # it is there, from an earlier run
            raise


async def _renew(client: KubeClient, name: str, clock: Clock) -> None:
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    await client.merge(f"{LEASES}/{name}", {"spec": {"leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}})
