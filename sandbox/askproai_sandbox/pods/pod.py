"""One pod: its volumes, its containers, and its status in the cluster."""

import asyncio
import shutil
import tempfile
import traceback
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import structlog

from askproai_sandbox.cluster import UNREACHED, ApiError, Object, object_key
from askproai_sandbox.pods.container import Container, PodContext
from askproai_sandbox.pods.spec import MissingInput, container_environment, unsupported_reason, volume_files

log = structlog.get_logger(__name__)

RETRY = timedelta(seconds=0.5)


class Pod:
    """One pod, which runs from `start()` to `end()`. Call `refresh()` when a ConfigMap or Secret of its namespace has changed."""

    def __init__(self, manifest: Object, address: str, context: PodContext) -> None:
        self.manifest = manifest
        self.key = object_key(manifest)
        self.address = address
        self._context = context
        self._path = f"/api/v1/namespaces/{manifest['metadata']['namespace']}/pods/{manifest['metadata']['name']}"
        self._uid = manifest["metadata"]["uid"]
        name = self.key.replace("/", "_")
        self._folder = context.directory / "pods" / name
        self._started_at = context.timestamp()
        self._inputs_changed = asyncio.Event()
        self._status_changed = asyncio.Event()
        self._mounted: dict[str, dict[str, bytes] | None] = {}
        self._conditions: dict[str, Object] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._mount_task: asyncio.Task[None] | None = None
        earlier = manifest.get("status", {}).get("containerStatuses") or []  # of an earlier runner
        restarts = {status["name"]: status["restartCount"] + 1 for status in earlier}
        self.containers = [
            Container(spec, name, address, context, self._changed, restarts.get(spec["name"], 0))
            for spec in manifest["spec"]["containers"]
        ]

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._publish_status())]
        for task in self._tasks:
            task.add_done_callback(self._report_fault)

    async def end(self, grace: timedelta, *, remove: bool) -> None:
        """End the processes. With `remove`, also delete the volumes (logs stay) and the pod object."""
        for task in (*self._tasks, *filter(None, (self._mount_task,))):
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
                return await self._context.client.delete(self._path, body)
            except (ApiError, *UNREACHED) as error:
                if isinstance(error, ApiError) and error.status == 409:  # a new pod has the name
                    return None
                log.warning("pod.not_removed", pod=self.key, error=f"{type(error).__name__}: {error}")
            await self._context.clock.sleep(RETRY)

    def _report_fault(self, task: asyncio.Task[None]) -> None:
        """Report a bug of the runner in its log and in the pod's status; the other pods keep running."""
        if not task.cancelled() and (error := task.exception()):
            # As plain text: structlog's own tracebacks show local variables, and here those are mounted Secrets.
            log.error("pod.runner_fault", pod=self.key, trace="".join(traceback.format_exception(error)))
            self._set_waiting("RunnerFault", f"the local pod runner failed ({type(error).__name__}); see its log")

    def refresh(self) -> None:
        """Update the mounted files after the delay; if the pod still waits for ConfigMaps or Secrets, look for them again."""
        self._inputs_changed.set()
        if self._mounted and (self._mount_task is None or self._mount_task.done()):
            self._mount_task = asyncio.create_task(self._mount_later())

    async def _mount_later(self) -> None:
        await self._context.clock.sleep(self._context.mount_delay)
        self.mount_again()

    def mount_again(self) -> None:
        """Update the files of the mounted volumes, if any; keep the old files if a ConfigMap or Secret is missing now."""
        if self._mounted:
            try:
                self._mount()
            except MissingInput as error:  # like a kubelet, keep the files as they are
                log.info("pod.keeps_old_files", pod=self.key, problem=str(error))

    async def _run(self) -> None:
        if reason := unsupported_reason(self.manifest):
            self._set_waiting("Unsupported", f"the local pod runner can not run this pod: {reason}")
            return
        await self._wait_until_mounted()
        async with asyncio.TaskGroup() as group:
            for container in self.containers:
                spec = container.spec
                mounts = {
                    mount["mountPath"].rstrip("/"): self._volume(mount["name"])
                    for mount in spec.get("volumeMounts") or []
                }
                values = {"HOSTNAME": self.manifest["metadata"]["name"]}
                values |= container_environment(self.manifest, spec, self.address, mounts)
                command = [*spec["command"], *(spec.get("args") or [])]
                group.create_task(container.run(command, values, self._folder))

    async def _wait_until_mounted(self) -> None:
        """Wait until all ConfigMaps and Secrets of the volumes exist, and mount the volumes."""
        while True:
            self._inputs_changed.clear()
            try:
                return self._mount()
            except MissingInput as error:
                self._set_waiting("CreateContainerConfigError", str(error))
            await self._inputs_changed.wait()

    def _volume(self, name: str) -> Path:
        return self._folder / "volumes" / name

    def _mount(self) -> None:
        namespace = self.manifest["metadata"]["namespace"]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for volume in self.manifest["spec"].get("volumes") or []:
            name = volume["name"]
            files = volume_files(volume, namespace, self._context.sources)
            if files is None:
                self._volume(name).mkdir(parents=True, exist_ok=True)
            elif self._mounted.get(name) != files:
                replace_files(self._volume(name), files)
            self._mounted[name] = files

    def _set_waiting(self, reason: str, message: str) -> None:
        for container in self.containers:
            if container.pid is None:
                container.set_waiting(reason, message)

    def _changed(self) -> None:
        self._status_changed.set()
        self._context.processes_changed()

    async def _publish_status(self) -> None:
        """Send the pod's status to the API server whenever it has changed, until cancelled."""
        published: Object = {}
        self._status_changed.set()
        while True:
            await self._status_changed.wait()
            self._status_changed.clear()
            status = self._status()
            if status == published:
                continue
            body: Object = {"metadata": {"uid": self._uid}, "status": status}
            try:
                await self._context.client.merge(f"{self._path}/status", body)
                published = status
            except ApiError as error:
                if error.status not in {404, 409}:  # deleted, or replaced by a pod of that name: the watch will show it
                    log.warning("pod.status_refused", pod=self.key, error=str(error))
            except UNREACHED as error:
                log.info("pod.status_unsent", pod=self.key, error=type(error).__name__)
                await self._context.clock.sleep(RETRY)
                self._status_changed.set()

    def _status(self) -> Object:
        ready = all(container.ready for container in self.containers)
        has_run = any(container.pid or container.restarts for container in self.containers)
        for type_, holds in (("Initialized", True), ("ContainersReady", ready), ("Ready", ready)):
            value = "True" if holds else "False"
            if self._conditions.get(type_, {}).get("status") != value:
                changed = {"type": type_, "status": value, "lastTransitionTime": self._context.timestamp()}
                self._conditions[type_] = changed
        initial = self.manifest.get("status", {})
        scheduled = [condition for condition in initial.get("conditions") or [] if condition["type"] == "PodScheduled"]
        return {
            "phase": "Running" if has_run else "Pending",
            "conditions": scheduled + [dict(condition) for condition in self._conditions.values()],
            "hostIP": "127.0.0.1",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": initial.get("startTime") or self._started_at,
            "containerStatuses": [container.status() for container in self.containers],
        }


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace all files of a mounted volume at once, as a kubelet does; `files` maps a path in the volume to its content.

    `folder/name` is a link to `..data/name`, and `..data` is a link to the folder of the current files. Readers see the change
    in one step, when a new `..data` is renamed over the old one; the old files are deleted afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = folder / "..data"
    old_generation = data.readlink() if data.is_symlink() else None
    generation = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for name, content in files.items():
        target = generation / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(content)
    new_data = folder / "..data_tmp"
    new_data.unlink(missing_ok=True)
    new_data.symlink_to(generation.name)
    new_data.replace(data)
    names = {Path(name).parts[0] for name in files}
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    for entry in folder.iterdir():
        if not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    if old_generation is not None:
        shutil.rmtree(folder / old_generation, ignore_errors=True)
