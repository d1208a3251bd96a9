"""One container: a local process that is restarted when it ends, and its probes."""

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
MAX_BACKOFF = timedelta(seconds=30)
BACKOFF_RESET_SECONDS = 30  # a container that ran longer is restarted with the shortest backoff
STARTUP_POLL_SECONDS = 0.25  # interval of a probe before its first success: people wait


@dataclass(frozen=True, slots=True)
class PodContext:
    """The data that all pods of a runner share. Call `processes_changed` after a container's process has started or ended."""

    client: KubeClient
    session: aiohttp.ClientSession
    sources: Sources
    clock: Clock
    directory: Path
    processes_changed: Callable[[], None]
    mount_delay: timedelta

    def timestamp(self) -> str:
        """Return the time as Kubernetes writes it."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


class Container:
    """Keeps the process of one container of a pod running; `changed()` is called after each change of its status."""

    def __init__(
        self, spec: Object, pod: str, address: str, context: PodContext, changed: Callable[[], None], restarts: int
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
        self._context = context
        self._changed = changed
        self._child: Child | None = None

    def status(self) -> Object:
        """Return the entry for `containerStatuses` of the pod."""
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
        """Start, probe and restart the process until cancelled. Call `stop()` afterwards: cancelling does not end the process."""
        clock, backoff = self._context.clock, timedelta(0)
        program = command[0] if os.sep in command[0] else shutil.which(command[0], path=PATH) or command[0]
        while True:
            await self._wait_for_ports()
            child = self._child = await spawn(
                f"{self._pod}_{self.name}",
                [program, *command[1:]],
                directory=self._context.directory / "pids",
                log=folder / f"{self.name}.log",
                environment={**BASE_ENVIRONMENT, "HOME": str(folder), **environment},
                cwd=folder,
            )
            started, started_at = clock.monotonic(), self._context.timestamp()
            self._set({"running": {"startedAt": started_at}}, child.pid)
            log.info("container.started", pod=self._pod, container=self.name, pid=child.pid)
            async with asyncio.TaskGroup() as group:
                probing = group.create_task(self._probe(child))
                code = await child.wait()
                probing.cancel()
            if clock.monotonic() - started > BACKOFF_RESET_SECONDS:
                backoff = timedelta(0)
            backoff = min(max(backoff * 2, timedelta(seconds=0.5)), MAX_BACKOFF)
            terminated = {"exitCode": code if code >= 0 else 128 - code, "reason": "Error" if code else "Completed"}
            terminated |= {"startedAt": started_at, "finishedAt": self._context.timestamp()}
            self._last_state = {"terminated": terminated}
            self.restarts += 1
            seconds = backoff.total_seconds()
            self.set_waiting("CrashLoopBackOff", f"again in {seconds:g} s")
            log.info("container.ended", pod=self._pod, container=self.name, code=code, again_in=seconds)
            await clock.sleep(backoff)

    async def stop(self, grace: timedelta) -> None:
        if self._child is not None:
            await self._child.stop(grace)

    def set_waiting(self, reason: str, message: str) -> None:
        """Set the state to waiting, with the reason why the container does not run."""
        self._set({"waiting": {"reason": reason, "message": message}})

    def _set(self, state: Object, pid: int | None = None) -> None:
        self._state, self.pid = state, pid
        self._started = self.ready = False
        self._changed()

    async def _wait_for_ports(self) -> None:
        """Wait while another program listens on a declared port on 0.0.0.0: then the pod cannot use the port at its address."""
        reported = False
        ports = [int(port["containerPort"]) for port in self.spec.get("ports") or []]
        while taken := [str(port) for port in ports if not port_is_free(port, self._address)]:
            if not reported:
                self.set_waiting(
                    "PortTaken",
                    f"another program of this machine listens on port {', '.join(taken)} of every address "
                    f"(0.0.0.0), so {self._address} can not; end it (`ss -ltnp` names it), and the pod goes on",
                )
                log.warning("container.port_taken", pod=self._pod, container=self.name, ports=taken)
                reported = True
            await asyncio.sleep(STARTUP_POLL_SECONDS)

    async def _probe(self, child: Child) -> None:
        """Run the probes, whose defaults the API server has filled in, and end a process whose startup or liveness probe fails."""
        spec = self.spec
        if startup := spec.get("startupProbe"):
            budget = startup.get("initialDelaySeconds", 0) + startup["failureThreshold"] * startup["periodSeconds"]
            try:
                timeout = timedelta(seconds=budget)
                await eventually(lambda: self._run_probe(startup), timeout, "its start", STARTUP_POLL_SECONDS)
            except ProcessError:
                return await self._end_unhealthy(child, "startupProbe")
        self._started, self.ready = True, "readinessProbe" not in spec
        self._changed()
        async with asyncio.TaskGroup() as group:
            if "readinessProbe" in spec:
                group.create_task(self._probe_readiness(spec["readinessProbe"]))
            if "livenessProbe" in spec:
                group.create_task(self._probe_liveness(spec["livenessProbe"], child))
        return None

    async def _probe_readiness(self, probe: Object) -> None:
        pause, failures = STARTUP_POLL_SECONDS, 0
        while True:
            success = await self._run_probe(probe)
            failures = 0 if success else failures + 1
            ready = success or (self.ready and failures < probe["failureThreshold"])
            if ready != self.ready:
                self.ready = ready
                self._changed()
            pause = probe["periodSeconds"] if success else min(pause * 1.5, probe["periodSeconds"])
            await asyncio.sleep(pause)

    async def _probe_liveness(self, probe: Object, child: Child) -> None:
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        failures = 0
        while failures < probe["failureThreshold"]:
            await asyncio.sleep(probe["periodSeconds"])
            failures = 0 if await self._run_probe(probe) else failures + 1
        await self._end_unhealthy(child, "livenessProbe")

    async def _end_unhealthy(self, child: Child, probe: str) -> None:
        log.info("container.unhealthy", pod=self._pod, container=self.name, probe=probe)
        await child.stop()

    async def _run_probe(self, probe: Object) -> bool:
        get = probe["httpGet"]
        ports = {port.get("name"): port["containerPort"] for port in self.spec.get("ports") or []}
        port = ports.get(get["port"], 0) if isinstance(get["port"], str) else get["port"]  # port 0 never succeeds
        timeout = aiohttp.ClientTimeout(total=probe["timeoutSeconds"])
        try:
            url = f"http://{self._address}:{port}{get['path']}"
            async with self._context.session.get(url, timeout=timeout, allow_redirects=False) as answer:
                return 200 <= answer.status < 400
        except UNREACHED:
            return False
