"""One pod: its volumes, its containers, and its status at the API server."""

import asyncio
import shutil
import traceback
from datetime import timedelta
from pathlib import Path

import structlog

from askproai_sandbox.cluster import UNREACHED, ApiError, Object, object_key
from askproai_sandbox.pods.container import Container, PodContext
from askproai_sandbox.pods.spec import MissingInput, container_environment, unsupported_reason, volume_files
from askproai_sandbox.pods.volumes import replace_files

log = structlog.get_logger(__name__)

RETRY = timedelta(seconds=0.5)


class Pod:
    """Runs from `start()` to `end()`; told of changed ConfigMaps and Secrets by `refresh()`."""

    def __init__(self, manifest: Object, address: str, around: PodContext) -> None:
        self.manifest = manifest
        self.key = object_key(manifest)
        self.address = address
        self._around = around
        self._path = f"/api/v1/namespaces/{manifest['metadata']['namespace']}/pods/{manifest['metadata']['name']}"
        self._uid = manifest["metadata"]["uid"]
        name = self.key.replace("/", "_")
        self._folder = around.directory / "pods" / name
        self._began = around.stamp()
        self._inputs = asyncio.Event()
        self._dirty = asyncio.Event()
        self._mounted: dict[str, dict[str, bytes] | None] = {}
        self._conditions: dict[str, Object] = {}
        self._tasks: list[asyncio.Task[None]] = []
        before = manifest.get("status", {}).get("containerStatuses") or []  # by a runner before us
        restarts = {one["name"]: one["restartCount"] + 1 for one in before}
        self.containers = [
            Container(spec, name, address, around, self._changed, restarts.get(spec["name"], 0))
            for spec in manifest["spec"]["containers"]
        ]

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
        body: Object = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._uid}}
        while True:
            try:
                return await self._around.client.delete(self._path, body)
            except (ApiError, *UNREACHED) as error:
                if isinstance(error, ApiError) and error.status == 409:  # another pod has the name by now
                    return None
                log.warning("pod.not_removed", pod=self.key, error=f"{type(error).__name__}: {error}")
            await self._around.clock.sleep(RETRY)

    def _see_failure(self, task: asyncio.Task[None]) -> None:
        """Say in log and status that this runner has a fault; the other pods go on."""
        if not task.cancelled() and (error := task.exception()):
            # as plain text: structlog's own tracebacks show local variables, and here those are mounted Secrets
            log.error("pod.runner_fault", pod=self.key, trace="".join(traceback.format_exception(error)))
            self._wait_all("RunnerFault", f"the local pod runner failed ({type(error).__name__}); see its log")

    def refresh(self) -> None:
        """Look again at what is mounted; a pod that waits for its inputs tries again."""
        self._inputs.set()
        if self._mounted:
            try:
                self._mount()
            except MissingInput as problem:  # it keeps the files that it has, as with a kubelet
                log.info("pod.keeps_old_files", pod=self.key, problem=str(problem))

    async def _run(self) -> None:
        if problem := unsupported_reason(self.manifest):
            self._wait_all("Unsupported", f"the local pod runner can not run this pod: {problem}")
            return
        await self._until_mounted()
        async with asyncio.TaskGroup() as group:
            for container in self.containers:
                spec = container.spec
                mounts = {
                    one["mountPath"].rstrip("/"): self._volume(one["name"]) for one in spec.get("volumeMounts") or []
                }
                values = {"HOSTNAME": self.manifest["metadata"]["name"]}
                values |= container_environment(self.manifest, spec, self.address, mounts)
                command = [*spec["command"], *(spec.get("args") or [])]
                group.create_task(container.run(command, values, self._folder))

    async def _until_mounted(self) -> None:
        """Mount as soon as all that is mounted exists."""
        while True:
            self._inputs.clear()
            try:
                return self._mount()
            except MissingInput as problem:
                self._wait_all("CreateContainerConfigError", str(problem))
            await self._inputs.wait()

    def _volume(self, name: str) -> Path:
        return self._folder / "volumes" / name

    def _mount(self) -> None:
        namespace = self.manifest["metadata"]["namespace"]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for volume in self.manifest["spec"].get("volumes") or []:
            name = volume["name"]
            files = volume_files(volume, namespace, self._around.sources)
            if files is None:
                self._volume(name).mkdir(parents=True, exist_ok=True)
            elif self._mounted.get(name) != files:
                replace_files(self._volume(name), files)
            self._mounted[name] = files

    def _wait_all(self, reason: str, message: str) -> None:
        for container in self.containers:
            if container.pid is None:
                container.wait(reason, message)

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
            body: Object = {"metadata": {"uid": self._uid}, "status": status}
            try:
                await self._around.client.merge(f"{self._path}/status", body)
                sent = status
            except ApiError as error:
                if error.status not in {404, 409}:  # gone, or another pod by that name: the watch will tell
                    log.warning("pod.status_refused", pod=self.key, error=str(error))
            except UNREACHED as error:
                log.info("pod.status_unsent", pod=self.key, error=type(error).__name__)
                await self._around.clock.sleep(RETRY)
                self._dirty.set()

    def _status(self) -> Object:
        ready = all(container.ready for container in self.containers)
        ran = any(container.pid or container.restarts for container in self.containers)
        for kind, good in (("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
            value = "True" if good else "False"
            if self._conditions.get(kind, {}).get("status") != value:
                self._conditions[kind] = {"type": kind, "status": value, "lastTransitionTime": self._around.stamp()}
        before = self.manifest.get("status", {})
        scheduled = [one for one in before.get("conditions") or [] if one["type"] == "PodScheduled"]
        return {
            "phase": "Running" if ran else "Pending",
            "conditions": scheduled + [dict(one) for one in self._conditions.values()],
            "hostIP": "127.0.0.1",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": before.get("startTime") or self._began,
            "containerStatuses": [container.status() for container in self.containers],
        }
