"""One pod: its volumes, its containers, and its status at the API server."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import structlog

from askproai_runtime.seams import Clock
from askproai_sandbox.cluster import ApiError, KubeClient, Object, object_key
from askproai_sandbox.pods.container import Container, Launch, resolve
from askproai_sandbox.pods.spec import NotYet, Sources, environment, expanded, files_of, folder_name, refusal
from askproai_sandbox.pods.volumes import swap

log = structlog.get_logger(__name__)

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all pods of a runner share."""

    client: KubeClient
    session: aiohttp.ClientSession
    sources: Sources
    clock: Clock
    directory: Path
    told: Callable[[], None]
    """Called when a process came or went."""


class Pod:
    """Runs from `run()` to `end()`; told of changed ConfigMaps and Secrets by `refresh()`."""

    def __init__(self, manifest: Object, address: str, around: Surroundings) -> None:
        self.manifest = manifest
        self.key = object_key(manifest)
        self.address = address
        self._around = around
        self._path = f"/api/v1/namespaces/{manifest['metadata']['namespace']}/pods/{manifest['metadata']['name']}"
        self._folder = around.directory / "pods" / folder_name(manifest)
        self._began = self._stamp()
        self._inputs = asyncio.Event()
        self._dirty = asyncio.Event()
        self._mounted: dict[str, dict[str, bytes] | None] = {}
        self._conditions: dict[str, Object] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.containers = [
            Container(
                spec,
                pod=folder_name(manifest),
                address=address,
                session=around.session,
                clock=around.clock,
                changed=self._changed,
            )
            for spec in manifest["spec"]["containers"]
        ]
        for before in manifest.get("status", {}).get("containerStatuses") or []:  # a runner before us ran it
            for container in self.containers:
                if container.name == before["name"]:
                    container.observed.restarts = before["restartCount"] + 1

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._tell_status())]
        for task in self._tasks:
            task.add_done_callback(self._see_failure)

    async def end(self, grace: timedelta, *, remove: bool) -> None:
        """End its processes; with `remove`, its files (logs stay) and its object at the API server."""
        for task in self._tasks:
            task.cancel()
            await asyncio.wait([task])
        await asyncio.gather(*(container.stop(grace) for container in self.containers))
        log.info("pod.ended", pod=self.key)
        if remove:
            shutil.rmtree(self._folder / "volumes", ignore_errors=True)
            await self._remove()

    async def _remove(self) -> None:
        body: Object = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.manifest["metadata"]["uid"]}}
        while True:
            try:
                return await self._around.client.delete(self._path, body)
            except ApiError as error:
                if error.status == 409:  # another pod has the name by now
                    return None
                log.warning("pod.not_removed", pod=self.key, error=str(error))
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("pod.not_removed", pod=self.key, error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    def _see_failure(self, task: asyncio.Task[None]) -> None:
        """Say in log and status that this runner has a fault; the other pods go on."""
        if not task.cancelled() and (error := task.exception()):
            log.error("pod.runner_fault", pod=self.key, exc_info=error)
            self._wait_all("RunnerFault", f"the local pod runner failed: {error!r}; see its log")

    def refresh(self) -> None:
        """Look again at what is mounted; a pod that waits for its inputs tries again."""
        self._inputs.set()
        if self._mounted:
            try:
                self._mount()
            except NotYet as problem:  # it keeps the files that it has, as with a kubelet
                log.info("pod.keeps_old_files", pod=self.key, problem=str(problem))

    async def _run(self) -> None:
        if problem := refusal(self.manifest):
            self._wait_all("Unsupported", f"the local pod runner can not run this pod: {problem}")
            return
        await self._when_possible(self._mount)
        async with asyncio.TaskGroup() as group:
            for container, spec in zip(self.containers, self.manifest["spec"]["containers"], strict=True):
                group.create_task(self._run_container(container, spec))

    async def _run_container(self, container: Container, spec: Object) -> None:
        while True:
            await self._when_possible(lambda: self._launch(spec))
            log_file = self._folder / f"{container.name}.log"
            try:
                await container.run(lambda: self._launch(spec), self._around.directory / "pids", log_file)
            except NotYet as problem:  # what it needs went away between two starts
                container.waiting("CreateContainerConfigError", str(problem))

    async def _when_possible(self, step: Callable[[], object]) -> None:
        """Take `step`, as soon as all that it needs is there."""
        while True:
            self._inputs.clear()
            try:
                step()
            except NotYet as problem:
                self._wait_all("CreateContainerConfigError", str(problem))
                await self._inputs.wait()
            else:
                return

    def _launch(self, spec: Object) -> Launch:
        mounts = {
            mount["mountPath"].rstrip("/"): self._volume(mount["name"]) for mount in spec.get("volumeMounts") or []
        }
        values = environment(self.manifest, spec, self.address, mounts, self._around.sources)
        command = [expanded(part, values) for part in [*spec["command"], *(spec.get("args") or [])]]
        values = {"HOSTNAME": self.manifest["metadata"]["name"]} | values
        return Launch((resolve(command[0]), *command[1:]), values, self._folder)

    def _volume(self, name: str) -> Path:
        return self._folder / "volumes" / name

    def _mount(self) -> None:
        namespace = self.manifest["metadata"]["namespace"]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for volume in self.manifest["spec"].get("volumes") or []:
            name = volume["name"]
            files = files_of(volume, namespace, self._around.sources)
            if files is None:
                self._volume(name).mkdir(parents=True, exist_ok=True)
            elif self._mounted.get(name) != files:
                swap(self._volume(name), files)
            self._mounted[name] = files

    def _wait_all(self, reason: str, message: str) -> None:
        for container in self.containers:
            if container.observed.pid is None:
                container.waiting(reason, message)

    def _changed(self) -> None:
        self._dirty.set()
        self._around.told()

    async def _tell_status(self) -> None:
        """Keep the status at the API server true. Nothing is sent when nothing changed."""
        sent: Object = {}
        self._dirty.set()
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            status = self._status()
            if status == sent:
                continue
            uid = self.manifest["metadata"]["uid"]
            try:
                await self._around.client.merge(f"{self._path}/status", {"metadata": {"uid": uid}, "status": status})
                sent = status
            except ApiError as error:
                if error.status not in {404, 409}:  # gone, or another pod by that name: the watch will tell
                    log.warning("pod.status_refused", pod=self.key, error=str(error))
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("pod.status_unsent", pod=self.key, error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                self._dirty.set()

    def _status(self) -> Object:
        ready = all(container.observed.ready for container in self.containers)
        ran = any(container.observed.pid or container.observed.restarts for container in self.containers)
        for kind, good in (("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
            value = "True" if good else "False"
            if self._conditions.get(kind, {}).get("status") != value:
                self._conditions[kind] = {"type": kind, "status": value, "lastTransitionTime": self._stamp()}
        before = self.manifest.get("status", {})
        scheduled = [one for one in before.get("conditions") or [] if one["type"] == "PodScheduled"]
        return {
            "phase": "Running" if ran else "Pending",
            "conditions": scheduled + [dict(one) for one in self._conditions.values()],
            "hostIP": "127.0.0.1",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": before.get("startTime") or self._began,
            "containerStatuses": [
                {
                    "name": container.name,
                    "image": spec["image"],
                    "imageID": "",
                    "ready": container.observed.ready,
                    "started": container.observed.started,
                    "restartCount": container.observed.restarts,
                    "state": container.observed.state,
                    "lastState": container.observed.last_state,
                }
                for container, spec in zip(self.containers, self.manifest["spec"]["containers"], strict=True)
            ],
        }

    def _stamp(self) -> str:
        return self._around.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
