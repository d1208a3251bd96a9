"""A stand-in for the controllers of Deployments, the scheduler and the kubelets: pods are objects, none of them runs.

`python -m tests.load.scale.kubelet --kubeconfig FILE --port N`. For each Deployment of the operator it creates the pods, reports
them and the Deployment as ready, and answers what the operator asks of pods: at a pod's address the hash of the config that it
has read and of the keys that its annotation names, at the port N (the entrance) the proof of the tenant's URL. A pod reads a
changed config when its annotation changes, as a kubelet syncs the mount then. It differs from real ones in these points: a changed
template replaces no pod, there are no ReplicaSets and nodes, nothing is probed. Its writes are bounded to `RATE` requests a second.
"""

import argparse
import asyncio
import base64
import random
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from askproai_core.exposure_proof import proof_of
from askproai_core.logging import configure_logs
from askproai_core.tenant_config.config import config_hash
from askproai_operator.controllers.config_sync import HASH_ANNOTATION, KEYS_ANNOTATION, METRICS_PORTS
from askproai_operator.resources import MANAGED_SELECTOR, TENANT_LABEL
from askproai_sandbox.cluster import UNREACHED, ApiError, KubeClient, Mirror, Object, stop_signal

RATE: Final = 300
_WORKERS: Final = 16
_RETRY_SECONDS: Final = 0.5
_EXISTS: Final = 409
_SINCE: Final = "2026-11-20T08:00:00Z"


class Pace:
    """Admits `rate` requests a second, evenly."""

    def __init__(self, rate: float) -> None:
        self._gap, self._next = 1 / rate, 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now)
        pause, self._next = self._next - now, self._next + self._gap
        if pause > 0:
            await asyncio.sleep(pause)


class PodAddresses:
    """The config that each pod shows, each at an address of its own in 127.128.0.0/10, which the pod runner does not use."""

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}  # by address: the config that the pod has read
        self._keys: dict[str, str] = {}
        self._sites: dict[str, web.TCPSite] = {}
        self._number = random.randrange(16_000) * 256
        app = web.Application()
        app.router.add_get("/hashes", self._show_hashes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)

    async def start(self) -> None:
        await self._runner.setup()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def open(self, config: str) -> str:
        """Serve a new pod that has read this config; return its address. Raises OSError when a hundred addresses are taken."""
        for attempt in range(100):
            self._number += 1
            number = self._number % (1 << 22)
            address = f"127.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
            site = web.TCPSite(self._runner, address, METRICS_PORTS["web"], backlog=8)
            try:
                await site.start()
            except OSError:
                await site.stop()
                if attempt == 99:
                    raise
                continue
            self._sites[address], self._hashes[address] = site, config
            return address
        raise AssertionError

    def show(self, address: str, config: str, keys: str) -> None:
        if address in self._hashes:
            self._hashes[address], self._keys[address] = config, keys

    async def close(self, address: str) -> None:
        self._hashes.pop(address, None)
        self._keys.pop(address, None)
        if site := self._sites.pop(address, None):
            await site.stop()

    async def _show_hashes(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        return web.Response(text=f"{self._hashes.get(address, '')}\n{self._keys.get(address, '')}\n")


class Kubelet:
    """Creates the pods of the operator's Deployments and keeps them ready."""

    def __init__(self, client: KubeClient) -> None:
        self._client, self._pace, self._addresses = client, Pace(RATE), PodAddresses()
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._deployments = self._mirror("/apis/apps/v1/deployments", self._deployment_changed)
        self._pods = self._mirror("/api/v1/pods", self._pod_changed)
        self._configs = self._mirror("/api/v1/configmaps")
        self._secrets = Mirror(client, "/api/v1/secrets", labelSelector=MANAGED_SELECTOR)

    def _mirror(self, path: str, on_change: Any = lambda _old, _new: None) -> Mirror:
        return Mirror(self._client, path, on_change, labelSelector=MANAGED_SELECTOR)

    async def run(self, stop: asyncio.Event, port: int) -> None:
        await self._addresses.start()
        app = web.Application()
        app.router.add_get("/{namespace}/{tenant}/{prefix:webhooks|retell}/proof/{nonce}", self._prove)
        entrance = web.AppRunner(app, access_log=None)
        await entrance.setup()
        await web.TCPSite(entrance, "127.0.0.1", port).start()
        mirrors = (self._secrets, self._configs, self._pods, self._deployments)
        tasks = [asyncio.create_task(mirror.run()) for mirror in mirrors]
        tasks += [asyncio.create_task(self._work()) for _ in range(_WORKERS)]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await entrance.cleanup()
        await self._addresses.stop()

    def _deployment_changed(self, _old: Object | None, new: Object | None) -> None:
        if new is not None and not _is_rolled_out(new):
            self._add(_key(new))

    def _add(self, key: str) -> None:
        if key not in self._queued:
            self._queued.add(key)
            self._due.put_nowait(key)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        address = ((new or old or {}).get("status") or {}).get("podIP")
        if not address:
            return
        if new is None:
            task = asyncio.create_task(self._addresses.close(address))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        elif _annotations(new) != _annotations(old or new):
            self._addresses.show(address, self._config_of(new), _annotations(new).get(KEYS_ANNOTATION, ""))

    def _config_of(self, obj: Object) -> str:
        meta = obj["metadata"]
        config = self._configs.objects.get(f"{meta['namespace']}/{meta['labels'][TENANT_LABEL]}-config")
        return config_hash(config["data"]["tenant.json"]) if config else ""

    async def _work(self) -> None:
        while True:
            key = await self._due.get()
            self._queued.discard(key)
            try:
                await self._roll_out(key)
            except (ApiError, *UNREACHED):  # it is being deleted, or the server is busy
                await asyncio.sleep(_RETRY_SECONDS)
                if key in self._deployments.objects:
                    self._add(key)

    async def _roll_out(self, key: str) -> None:
        deployment = self._deployments.objects.get(key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp") or _is_rolled_out(deployment):
            return
        meta, replicas = deployment["metadata"], deployment["spec"]["replicas"]
        for number in range(replicas):
            if f"{key}-{number}" not in self._pods.objects:
                await self._create_pod(deployment, f"{meta['name']}-{number}")
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = dict.fromkeys(counts, replicas) | {"observedGeneration": meta["generation"]}
        await self._send(
            "PATCH",
            f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{meta['name']}/status",
            {"status": status},
        )
        number = replicas
        while f"{key}-{number}" in self._pods.objects:  # it was scaled down
            await self._send("DELETE", f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}-{number}", None)
            number += 1

    async def _create_pod(self, deployment: Object, name: str) -> None:
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
        metadata = {**template["metadata"], "name": name, "ownerReferences": [owner | {"controller": True}]}
        pods = f"/api/v1/namespaces/{meta['namespace']}/pods"
        try:
            await self._send("POST", pods, {"kind": "Pod", "metadata": metadata, "spec": template["spec"]})
        except ApiError as error:
            if error.status != _EXISTS:
                raise
        address = await self._addresses.open(self._config_of(deployment))
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": _SINCE}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
        await self._send("PATCH", f"{pods}/{name}/status", {"status": status})

    async def _send(self, method: str, path: str, body: Object | None) -> None:
        await self._pace.wait()
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        await self._client.request(method, path, body, content_type=content)

    async def _prove(self, request: web.Request) -> web.Response:
        match = request.match_info
        secret = self._secrets.objects.get(f"{match['namespace']}/{match['tenant']}-admin")
        if secret is None:
            return web.Response(status=404)
        token = base64.b64decode(secret["data"]["token"]).decode().strip()
        return web.Response(text=proof_of(token, match["nonce"]))


def _is_rolled_out(deployment: Object) -> bool:
    status, wanted = deployment.get("status") or {}, deployment["spec"]["replicas"]
    is_observed = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return is_observed and status.get("availableReplicas", 0) == status.get("replicas", 0) == wanted


def _annotations(pod: Object) -> dict[str, str]:
    found = pod["metadata"].get("annotations") or {}
    return {name: value for name, value in found.items() if name.startswith(HASH_ANNOTATION.partition("/")[0])}


def _key(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


async def _main(kubeconfig: Path, port: int) -> None:
    stop = stop_signal()
    async with KubeClient(kubeconfig) as client:
        with suppress(asyncio.CancelledError):
            await Kubelet(client).run(stop, port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the operator's pods ready, without running them.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True, help="of the entrance")
    options = parser.parse_args()
    configure_logs("warning", component="kubelet")
    asyncio.run(_main(options.kubeconfig, options.port))
