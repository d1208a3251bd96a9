"""The stage: every part of the demo as a process of this machine, and the file that says where each one is.

It runs as a process of its own (`python -m askproai_sandbox.demo`), so that a demo can be left running, and so that a
`kill -9` of it takes its children along: they are on its leash.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import aiohttp

from askproai_sandbox.cluster import (
    ApiError,
    Child,
    ControlPlane,
    KubeClient,
    ProcessError,
    eventually,
    free_port,
    port_is_free,
    reap_leftovers,
    spawn,
    stop_signal,
    write_atomically,
)
from askproai_sandbox.demo.directory import Directory
from askproai_sandbox.demo.state import State, state_file
from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis

PROJECT = Path(__file__).resolve().parents[3]
_REFRESH = timedelta(milliseconds=500)
_RESTART_PAUSE = timedelta(seconds=1)
_STARTUP = timedelta(seconds=60)
_POD_PORTS = (8080, 8081, 9090, 9091)
_COORDINATOR = "askproai-system/askproai-coordinator-"  # its pods
_RESTARTED = ("operator", "pod-runner", "entrance")


class DemoEnvironment:
    """All parts of the demo below `directory`; `run` brings them up, keeps `state.json` current, and ends them."""

    def __init__(
        self, directory: Path, *, operator_fault: str | None = None, report: Callable[[str], None] = print
    ) -> None:
        """Take where to keep everything; `operator_fault` arms a fault point in the operator's first start only."""
        self.directory = directory.absolute()
        self._fault = operator_fault
        self._report = report
        self._children: dict[str, Child] = {}
        self._cluster = ControlPlane(self.directory / "cluster", report)
        self._postgres = EmbeddedPostgres(self.directory / "postgres")
        self._redis = EmbeddedRedis(self.directory / "redis")
        self._commands: dict[str, list[str]] = {}
        self._environment: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run the demo until `stop`. It starts from empty state each time."""
        await self._clear()
        try:
            state = await self._raise()
            servers = (
                self._supervise_server("PostgreSQL", self._postgres),
                self._supervise_server("Valkey", self._redis),
            )
            work = (self._keep_state(state), *servers, *map(self._supervise, _RESTARTED))
            duties = [asyncio.create_task(duty) for duty in work]
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait([*duties, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            for duty in duties:
                if duty.done():
                    duty.result()  # a part of the stage itself failed: say so
                duty.cancel()
        finally:
            await self._lower()

    async def _clear(self) -> None:
        for folder in (self.directory, self.directory / "cluster", self.directory / "runner" / "pids"):
            if folder.exists():
                await reap_leftovers(folder)
        await self._postgres.remove()
        await self._redis.remove()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True, mode=0o700)

    async def _raise(self) -> State:
        """Start the parts in the order in which they need each other."""
        taken = [port for port in _POD_PORTS if not port_is_free(port, "127.64.0.1")]
        if taken:
            raise ProcessError(
                f"the pods need the ports {taken}, which another program holds on all addresses: end that one first"
            )
        self._report("PostgreSQL, Valkey and the Kubernetes API server")
        await asyncio.gather(self._postgres.start(), self._redis.start(), self._cluster.start())
        admin_dsn = await self._postgres.create_database("askproai", "demo-admin")
        self._report("custom resource definitions")
        await self._cluster.kubectl("apply", "--server-side", "-f", str(PROJECT / "crds"))
        await self._cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(PROJECT / "crds"))
        made = (
            Path(__file__).with_name("system.yaml").read_text().replace("<kubeconfig>", str(self._cluster.kubeconfig))
        )
        write_atomically(self.directory / "system.yaml", made)
        await self._cluster.kubectl("apply", "-f", str(self.directory / "system.yaml"))
        self._report("Retell and Cal.com (simulated), the entrance, the pod runner")
        ports = {name: free_port() for name in ("retell", "calcom", "entrance", "health")}
        kubeconfig = str(self._cluster.kubeconfig)
        here = ["--kubeconfig", kubeconfig]
        module = [sys.executable, "-m"]
        self._commands = {
            "retell": [*module, "askproai_sandbox.retell", "--port", str(ports["retell"])],
            "calcom": [*module, "askproai_sandbox.calcom", "--port", str(ports["calcom"])],
            "entrance": [*module, "askproai_sandbox.ingress_proxy", *here, "--port", str(ports["entrance"])],
            "pod-runner": [*module, "askproai_sandbox.pods", *here, "--directory", str(self.directory / "runner")],
            "operator": [str(Path(sys.executable).with_name("askproai-operator")), "run"],
        }
        for name in ("retell", "calcom", "entrance", "pod-runner"):
            await self._start(name)
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        for name in ("retell", "calcom"):
            await self._until_up(name, f"{urls[name]}/_sim/journal")
        self._report("the operator")
        self._environment = {
            "ASKPROAI_KUBECONFIG": kubeconfig,
            "ASKPROAI_DATABASE_ADMIN_URL": admin_dsn,
            "ASKPROAI_REDIS_ADMIN_URL": self._redis.admin_url,
            "ASKPROAI_PROVIDER_HOSTS": "api.retellai.com,api.cal.com,api.cal.eu,127.0.0.1:*",
            "ASKPROAI_RETELL_BASE_URL": urls["retell"],
            "ASKPROAI_CALCOM_BASE_URL": urls["calcom"],
            "ASKPROAI_SHARED_BASE_URL": urls["entrance"],
            "ASKPROAI_BIND_ADDRESS": "127.0.0.1",
            "ASKPROAI_HEALTH_PORT": str(ports["health"]),
            "ASKPROAI_METRICS_PORT": str(ports["health"]),
        }
        fault = {"ASKPROAI_TESTING": "1", "ASKPROAI_FAULT": self._fault} if self._fault else {}
        await self._start("operator", **fault)
        return State(
            kubeconfig=kubeconfig,
            retellUrl=urls["retell"],
            calcomUrl=urls["calcom"],
            postgresDsn=self._postgres.superuser_dsn.removesuffix("postgres") + "askproai",
            redisUrl=self._redis.admin_url,
        )

    async def _start(self, name: str, **environment: str) -> Child:
        """Start one part; the operator alone reads its settings from the environment."""
        settings = {**os.environ, **self._environment, **environment}
        self._children[name] = await spawn(
            name, self._commands[name], directory=self.directory, environment=settings, cwd=PROJECT
        )
        return self._children[name]

    async def _until_up(self, name: str, url: str) -> None:
        """Wait until a part answers; one that ended says why."""

        async def up() -> bool:
            child = self._children[name]
            if child.exit_code is not None:
                raise ProcessError(f"{name} ended with {child.exit_code}:\n{child.last_lines()}")
            return await _answers(url)

        await eventually(up, _STARTUP, f"{name} to answer")

    async def _supervise(self, name: str) -> None:
        """Keep a part running, as its Deployment would. The simulators are not: what they know would be lost."""
        while True:
            child = self._children[name]
            self._report(f"{name} ended ({_how(await child.wait())}); it is started again")
            await asyncio.sleep(_RESTART_PAUSE.total_seconds())
            await self._start(name)

    async def _supervise_server(self, name: str, server: EmbeddedServer) -> None:
        while True:
            await asyncio.sleep(_RESTART_PAUSE.total_seconds())
            if not server.running:
                self._report(f"{name} ended; it is started again on the same data")
                await server.start()

    async def _keep_state(self, state: State) -> None:
        """Write `state.json` whenever something moved: tenants that are applied later, pods that were restarted."""
        written = ""
        async with KubeClient(self._cluster.kubeconfig) as client:
            directory = Directory(
                client, self.directory / "runner" / "pods.json", self._environment["ASKPROAI_SHARED_BASE_URL"]
            )
            while True:
                if await self._refreshed(directory, state):
                    state.pids = self._pids(directory.pod_pids)
                    if state.text() != written:
                        written = state.text()
                        write_atomically(state_file(self.directory), written)
                await asyncio.sleep(_REFRESH.total_seconds())

    async def _refreshed(self, directory: Directory, state: State) -> bool:
        """Look again; False while the API server cannot answer (a new CRD's storage starts with 429), then the next look counts."""
        try:
            await directory.refresh(state)
        except (ApiError, aiohttp.ClientError) as error:
            self._report(f"state.json waits for the API server: {error}")
            return False
        return True

    def _pids(self, pods: Mapping[str, int]) -> dict[str, object]:
        own = {name: child.pid for name, child in self._children.items()}
        coordinator = {key: pid for key, pid in pods.items() if key.startswith(_COORDINATOR)}
        return {
            "operator": [own["operator"]],
            "coordinator": list(coordinator.values()),
            "podRunner": own["pod-runner"],
            "entrance": own["entrance"],
            "postgres": self._postgres.pid,
            "redis": self._redis.pid,
            "apiserver": self._cluster.pids.get("apiserver"),
            "retell": own["retell"],
            "calcom": own["calcom"],
            "pods": {key: pid for key, pid in pods.items() if key not in coordinator},
        }

    async def _lower(self) -> None:
        """End the parts, those first that others do not need."""
        state_file(self.directory).unlink(missing_ok=True)
        for name in ("operator", "pod-runner", "entrance", "retell", "calcom"):
            if child := self._children.pop(name, None):
                await child.stop()
        await self._cluster.stop()
        await self._redis.stop()
        await self._postgres.stop()


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


async def _answers(url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status == 200
    return False


async def _main(directory: Path, fault: str | None) -> None:
    def report(line: str) -> None:
        print(line, flush=True)

    await DemoEnvironment(directory, operator_fault=fault, report=report).run(stop_signal())


def main() -> None:
    """Run the stage as a process."""
    parser = argparse.ArgumentParser(description="Run all parts of the demo until SIGTERM.")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--operator-fault", default=None, help="a fault point at which the first operator kills itself")
    arguments = parser.parse_args()
    try:
        asyncio.run(_main(arguments.directory, arguments.operator_fault))
    except (ProcessError, EmbeddedError) as error:
        sys.exit(f"the demo's parts did not start: {error}")
