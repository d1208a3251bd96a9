"""One container: a local process that is started again when it ends, with its probes."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import structlog

from askproai_runtime.seams import Clock
from askproai_sandbox.cluster import Child, Object, spawn

log = structlog.get_logger(__name__)

PROGRAMS = Path(sys.executable).parent  # not resolved: the virtual environment's own folder
PATH = f"{PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
BACKOFF_LONGEST = timedelta(seconds=30)
RAN_WELL_SECONDS = 30  # after so long a run the backoff begins anew
IMPATIENT_SECONDS = 0.25  # until a probe first succeeds it is asked more often than it says: people wait


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run, decided anew for each start, because Secrets and ConfigMaps change."""

    command: tuple[str, ...]
    environment: dict[str, str]
    cwd: Path


@dataclass(slots=True)
class Observed:
    """What the container's status is made of."""

    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False
    pid: int | None = None


class Container:
    """Keeps one container of a pod running until it is stopped; `changed()` is called when something about it changes."""

    def __init__(
        self,
        spec: Object,
        pod: str,
        address: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.name = str(spec["name"])
        self.observed = Observed()
        self._spec = spec
        self._pod = pod
        self._address = address
        self._session = session
        self._clock = clock
        self._changed = changed
        self._child: Child | None = None
        self._unhealthy = False

    async def run(self, launch: Callable[[], Launch], notes: Path, log_file: Path) -> None:
        """Start it, watch it, start it again, until cancelled. Then call `stop()`."""
        pause = timedelta(0)
        while True:
            plan = launch()
            child = self._child = await spawn(
                f"{self._pod}_{self.name}",
                plan.command,
                directory=notes,
                log=log_file,
                environment={
                    "PATH": PATH,
                    "HOME": str(plan.cwd),
                    "LANG": "C.UTF-8",
                    "TZ": "UTC",
                    "PYTHONUNBUFFERED": "1",
                }
                | plan.environment,
                cwd=plan.cwd,
            )
            begun, begun_at = self._clock.monotonic(), self._stamp()
            self._set({"running": {"startedAt": begun_at}}, child.pid)
            log.info("container.started", pod=self._pod, container=self.name, pid=child.pid)
            probing = asyncio.create_task(self._probe(child))
            try:
                code = await child.wait()
            finally:
                probing.cancel()
                with suppress(asyncio.CancelledError):
                    await probing
            ended = {"exitCode": code if code >= 0 else 128 - code, "startedAt": begun_at, "finishedAt": self._stamp()}
            self.observed.last_state = {"terminated": ended | {"reason": "Error" if code else "Completed"}}
            self.observed.restarts += 1
            if self._clock.monotonic() - begun > RAN_WELL_SECONDS:
                pause = timedelta(0)
            pause = min(max(pause * 2, timedelta(seconds=0.5)), BACKOFF_LONGEST)
            self._set({"waiting": {"reason": "CrashLoopBackOff", "message": f"again in {pause.total_seconds():g} s"}})
            log.info("container.ended", pod=self._pod, container=self.name, code=code, again_in=pause.total_seconds())
            await self._clock.sleep(pause)

    async def stop(self, grace: timedelta) -> None:
        if self._child is not None:
            await self._child.stop(grace)

    def waiting(self, reason: str, message: str) -> None:
        """Say why it does not run."""
        self._set({"waiting": {"reason": reason, "message": message}})

    def _set(self, state: Object, pid: int | None = None) -> None:
        self.observed.state = state
        self.observed.pid = pid
        self.observed.started = self.observed.ready = False
        self._changed()

    def _stamp(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _probe(self, child: Child) -> None:
        if startup := self._spec.get("startupProbe"):
            budget = int(startup.get("failureThreshold", 3)) * int(startup.get("periodSeconds", 10))
            deadline = self._clock.monotonic() + budget + int(startup.get("initialDelaySeconds", 0))
            while not await self._ask(startup):
                if self._clock.monotonic() > deadline:
                    await self._end_unhealthy(child, "startupProbe")
                    return
                await asyncio.sleep(IMPATIENT_SECONDS)
        self.observed.started = True
        if not self._spec.get("readinessProbe"):
            self.observed.ready = True
        self._changed()
        async with asyncio.TaskGroup() as group:
            if readiness := self._spec.get("readinessProbe"):
                group.create_task(self._follow_readiness(readiness))
            if liveness := self._spec.get("livenessProbe"):
                group.create_task(self._follow_liveness(liveness, child))

    async def _follow_readiness(self, probe: Object) -> None:
        period, wait = float(probe.get("periodSeconds", 10)), IMPATIENT_SECONDS
        failures = 0
        while True:
            good = await self._ask(probe)
            failures = 0 if good else failures + 1
            ready = good or (self.observed.ready and failures < int(probe.get("failureThreshold", 3)))
            if ready != self.observed.ready:
                self.observed.ready = ready
                self._changed()
            wait = period if good else min(wait * 1.5, period)
            await asyncio.sleep(wait)

    async def _follow_liveness(self, probe: Object, child: Child) -> None:
        await asyncio.sleep(float(probe.get("initialDelaySeconds", 0)))
        failures = 0
        while failures < int(probe.get("failureThreshold", 3)):
            await asyncio.sleep(float(probe.get("periodSeconds", 10)))
            failures = 0 if await self._ask(probe) else failures + 1
        await self._end_unhealthy(child, "livenessProbe")

    async def _end_unhealthy(self, child: Child, probe: str) -> None:
        log.info("container.unhealthy", pod=self._pod, container=self.name, probe=probe)
        await child.stop()

    async def _ask(self, probe: Object) -> bool:
        get = probe["httpGet"]
        url = f"http://{self._address}:{self._port(get['port'])}{get.get('path', '/')}"
        timeout = aiohttp.ClientTimeout(total=float(probe.get("timeoutSeconds", 1)))
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as answer:
                return 200 <= answer.status < 400
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _port(self, port: int | str) -> int:
        if isinstance(port, int):
            return port
        named = (one for one in self._spec.get("ports") or [] if one.get("name") == port)
        return int(next(named, {"containerPort": 0})["containerPort"])  # 0: a name that no port has never succeeds


def resolve(program: str) -> str:
    """Find a program as the image would: in our own folder first. Unknown ones stay, and fail with the name in the log."""
    return program if os.sep in program else shutil.which(program, path=PATH) or program
