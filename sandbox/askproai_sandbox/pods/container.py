"""One container: a local process that is started again when it ends, with its probes."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import structlog

from askproai_core.clock import Clock
from askproai_sandbox.cluster import UNREACHED, Child, KubeClient, Object, ProcessError, eventually, port_is_free, spawn
from askproai_sandbox.pods.spec import Sources

log = structlog.get_logger(__name__)

PATH = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # our own folder first
BASE_ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
BACKOFF_LONGEST = timedelta(seconds=30)
RAN_WELL_SECONDS = 30  # after so long a run the backoff begins anew
IMPATIENT_SECONDS = 0.25  # until a probe first succeeds it is asked more often than it says: people wait


@dataclass(frozen=True, slots=True)
class PodContext:
    """What all pods of a runner share."""

    client: KubeClient
    session: aiohttp.ClientSession
    sources: Sources
    clock: Clock
    directory: Path
    told: Callable[[], None]
    """Called when a process came or went."""

    def stamp(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


class Container:
    """Keeps one container of a pod running until it is stopped; `changed()` is called when something about it changes."""

    def __init__(
        self, spec: Object, pod: str, address: str, around: PodContext, changed: Callable[[], None], restarts: int
    ) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.pid: int | None = None
        self.ready = False
        self.restarts = restarts
        self._started = False
        self._state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self._last_state: Object = {}
        self._pod = pod
        self._address = address
        self._around = around
        self._changed = changed
        self._child: Child | None = None

    def status(self) -> Object:
        """Give its containerStatus."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": "",
            "ready": self.ready,
            "started": self._started,
            "restartCount": self.restarts,
            "state": self._state,
            "lastState": self._last_state,
        }

    async def run(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start it, watch it, start it again, until cancelled. Then call `stop()`."""
        clock, pause = self._around.clock, timedelta(0)
        program = command[0] if os.sep in command[0] else shutil.which(command[0], path=PATH) or command[0]
        while True:
            await self._until_ports_are_free()
            child = self._child = await spawn(
                f"{self._pod}_{self.name}",
                [program, *command[1:]],
                directory=self._around.directory / "pids",
                log=folder / f"{self.name}.log",
                environment={**BASE_ENVIRONMENT, "HOME": str(folder), **environment},
                cwd=folder,
            )
            begun, begun_at = clock.monotonic(), self._around.stamp()
            self._set({"running": {"startedAt": begun_at}}, child.pid)
            log.info("container.started", pod=self._pod, container=self.name, pid=child.pid)
            async with asyncio.TaskGroup() as group:
                probing = group.create_task(self._probe(child))
                code = await child.wait()
                probing.cancel()
            if clock.monotonic() - begun > RAN_WELL_SECONDS:
                pause = timedelta(0)
            pause = min(max(pause * 2, timedelta(seconds=0.5)), BACKOFF_LONGEST)
            ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Error" if code else "Completed"}
            ended |= {"startedAt": begun_at, "finishedAt": self._around.stamp()}
            self._last_state = {"terminated": ended}
            self.restarts += 1
            self.wait("CrashLoopBackOff", f"again in {pause.total_seconds():g} s")
            log.info("container.ended", pod=self._pod, container=self.name, code=code, again_in=pause.total_seconds())
            await clock.sleep(pause)

    async def stop(self, grace: timedelta) -> None:
        if self._child is not None:
            await self._child.stop(grace)

    def wait(self, reason: str, message: str) -> None:
        """Say why it does not run."""
        self._set({"waiting": {"reason": reason, "message": message}})

    def _set(self, state: Object, pid: int | None = None) -> None:
        self._state, self.pid = state, pid
        self._started = self.ready = False
        self._changed()

    async def _until_ports_are_free(self) -> None:
        """Wait while another program holds a declared port: at all addresses of this machine, as ours is the pod's own."""
        told = False
        ports = [int(one["containerPort"]) for one in self.spec.get("ports") or []]
        while taken := [str(port) for port in ports if not port_is_free(port, self._address)]:
            if not told:
                self.wait(
                    "PortTaken",
                    f"another program of this machine listens on port {', '.join(taken)} of every address "
                    f"(0.0.0.0), so {self._address} can not; end it (`ss -ltnp` names it), and the pod goes on",
                )
                log.warning("container.port_taken", pod=self._pod, container=self.name, ports=taken)
                told = True
            await asyncio.sleep(IMPATIENT_SECONDS)

    async def _probe(self, child: Child) -> None:
        """Follow its probes, whose defaults the API server has filled in; who fails is ended, and so started again."""
        spec = self.spec
        if startup := spec.get("startupProbe"):
            budget = startup.get("initialDelaySeconds", 0) + startup["failureThreshold"] * startup["periodSeconds"]
            try:
                await eventually(lambda: self._ask(startup), timedelta(seconds=budget), "its start", IMPATIENT_SECONDS)
            except ProcessError:
                return await self._end_unhealthy(child, "startupProbe")
        self._started, self.ready = True, "readinessProbe" not in spec
        self._changed()
        async with asyncio.TaskGroup() as group:
            if "readinessProbe" in spec:
                group.create_task(self._follow_readiness(spec["readinessProbe"]))
            if "livenessProbe" in spec:
                group.create_task(self._follow_liveness(spec["livenessProbe"], child))
        return None

    async def _follow_readiness(self, probe: Object) -> None:
        wait, failures = IMPATIENT_SECONDS, 0
        while True:
            good = await self._ask(probe)
            failures = 0 if good else failures + 1
            ready = good or (self.ready and failures < probe["failureThreshold"])
            if ready != self.ready:
                self.ready = ready
                self._changed()
            wait = probe["periodSeconds"] if good else min(wait * 1.5, probe["periodSeconds"])
            await asyncio.sleep(wait)

    async def _follow_liveness(self, probe: Object, child: Child) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        failures = 0
        while failures < probe["failureThreshold"]:
            await asyncio.sleep(probe["periodSeconds"])
            failures = 0 if await self._ask(probe) else failures + 1
        await self._end_unhealthy(child, "livenessProbe")

    async def _end_unhealthy(self, child: Child, probe: str) -> None:
        log.info("container.unhealthy", pod=self._pod, container=self.name, probe=probe)
        await child.stop()

    async def _ask(self, probe: Object) -> bool:
        get = probe["httpGet"]
        named = {one.get("name"): one["containerPort"] for one in self.spec.get("ports") or []}
        port = named.get(get["port"], 0) if isinstance(get["port"], str) else get["port"]  # 0: never succeeds
        timeout = aiohttp.ClientTimeout(total=probe["timeoutSeconds"])
        try:
            url = f"http://{self._address}:{port}{get['path']}"
            async with self._around.session.get(url, timeout=timeout, allow_redirects=False) as answer:
                return 200 <= answer.status < 400
        except UNREACHED:
            return False
