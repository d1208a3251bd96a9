"""The demo's environment: every part as a process of this machine, and the state file with their addresses.

It is a process of its own (`python -m askproai_sandbox.demo`), so that a demo can be left running. A `kill -9` of it kills its
children, too.
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
from askproai_sandbox.demo.state import State, TenantDirectory, state_file
from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer
from askproai_sandbox.example_tenant import require_known_keys
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis

PROJECT = Path(__file__).resolve().parents[3]
_REFRESH_INTERVAL = timedelta(milliseconds=500)
_UNANSWERED_REPORTED = 20  # refreshes, 10 s
_RESTART_DELAY = timedelta(seconds=1)
_STARTUP = timedelta(seconds=60)
_POD_PORTS = (8080, 8081, 9090, 9091)
_COORDINATOR_PODS = "askproai-system/askproai-coordinator-"
_SUPERVISED = ("operator", "pod-runner", "entrance")


class DemoEnvironment:
    """All parts of the demo, with their files below `directory`. `run` starts them, keeps `state.json` current, and ends them."""

    def __init__(
        self, directory: Path, *, operator_fault: str | None = None, report: Callable[[str], None] = print
    ) -> None:
        """`operator_fault` is a fault point that is armed in the first process of the operator only."""
        self.directory = directory.absolute()
        self._fault = operator_fault
        self._report = report
        self._children: dict[str, Child] = {}
        self._cluster = ControlPlane(self.directory / "cluster", report)
        self._postgres = EmbeddedPostgres(self.directory / "postgres")
        self._redis = EmbeddedRedis(self.directory / "redis")
        self._commands: dict[str, list[str]] = {}
        self._environment: dict[str, str] = {}
        self._unanswered = 0  # refreshes of the state file in a row

    async def run(self, stop: asyncio.Event) -> None:
        """Run the demo until `stop` is set. Each run starts with empty state. Raises ProcessError, EmbeddedError."""
        await self.remove()
        self.directory.mkdir(parents=True, mode=0o700)
        try:
            state = await self._start_all()
            servers = (
                self._supervise_server("PostgreSQL", self._postgres),
                self._supervise_server("Valkey", self._redis),
            )
            work = (self._maintain_state_file(state), *servers, *map(self._supervise, _SUPERVISED))
            tasks = [asyncio.create_task(coroutine) for coroutine in work]
            stopped = asyncio.ensure_future(stop.wait())
            await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            for task in tasks:
                if task.done():
                    task.result()  # raises why it ended: none of them ends by itself
                task.cancel()
        finally:
            await self._stop_all()

    async def remove(self) -> None:
        """End the processes that an earlier run left behind, and delete all data of the demo."""
        for folder in (self.directory, self.directory / "cluster", self.directory / "runner" / "pids"):
            if folder.exists():
                await reap_leftovers(folder)
        await self._postgres.remove()
        await self._redis.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _start_all(self) -> State:
        """Start the parts in the order of their dependencies. Return the demo's state, without pods, which start later."""
        taken = [port for port in _POD_PORTS if not port_is_free(port, "127.64.0.1")]
        if taken:
            raise ProcessError(
                f"the pods need the ports {taken}, which another program holds on all addresses: end that one first"
            )
        self._report("PostgreSQL, Valkey and the Kubernetes API server")
        await asyncio.gather(self._postgres.start(), self._redis.start(), self._cluster.start())
        admin_dsn = await self._postgres.create_database("askproai", "demo-admin")
        await self._apply_manifests()
        self._report("Retell and Cal.com (simulated), a mail catcher, the ingress proxy, the pod runner")
        ports = {name: free_port() for name in ("retell", "calcom", "mails", "smtp", "entrance", "health")}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self._commands = self._commands_with(ports)
        for name in ("retell", "calcom", "mails", "entrance", "pod-runner"):
            await self._start(name)
        for name, path in (("retell", "_sim/journal"), ("calcom", "_sim/journal"), ("mails", "mails")):
            await self._wait_until_up(name, f"{urls[name]}/{path}")
        await require_known_keys(urls["retell"])
        self._report("the operator")
        self._environment = self._operator_environment(admin_dsn, urls, ports["health"])
        fault = {"ASKPROAI_TESTING": "1", "ASKPROAI_FAULT": self._fault} if self._fault else {}
        await self._start("operator", **fault)
        return State(
            kubeconfig=str(self._cluster.kubeconfig),
            retellUrl=urls["retell"],
            calcomUrl=urls["calcom"],
            postgresDsn=self._postgres.superuser_dsn.removesuffix("postgres") + "askproai",
            redisUrl=self._redis.admin_url,
            mailsUrl=urls["mails"],
            smtpPort=ports["smtp"],
        )

    async def _apply_manifests(self) -> None:
        """Apply the CRDs, and the objects that the coordinator needs and that the chart would install."""
        self._report("custom resource definitions")
        crds = str(PROJECT / "crds")
        await self._cluster.kubectl("apply", "--server-side", "-f", crds)
        await self._cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", crds)
        template = Path(__file__).with_name("system.yaml").read_text()
        manifest = self.directory / "system.yaml"
        write_atomically(manifest, template.replace("<kubeconfig>", str(self._cluster.kubeconfig)))
        await self._cluster.kubectl("apply", "-f", str(manifest))

    def _commands_with(self, ports: Mapping[str, int]) -> dict[str, list[str]]:
        """Return the command line of each part that is our own program, keyed by the part's name."""
        kubeconfig = self._cluster.kubeconfig

        def module(name: str, **options: object) -> list[str]:
            values = [part for option, value in options.items() for part in (f"--{option}", str(value))]
            return [sys.executable, "-m", f"askproai_sandbox.{name}", *values]

        return {
            "retell": module("retell", port=ports["retell"]),
            "calcom": module("calcom", port=ports["calcom"]),
            "mails": [*module("mail_catcher", port=ports["mails"]), "--smtp-port", str(ports["smtp"])],
            "entrance": module("ingress_proxy", kubeconfig=kubeconfig, port=ports["entrance"]),
            "pod-runner": module("pods", kubeconfig=kubeconfig, directory=self.directory / "runner"),
            "operator": [str(Path(sys.executable).with_name("askproai-operator")), "run"],
        }

    def _operator_environment(self, admin_dsn: str, urls: Mapping[str, str], health_port: int) -> dict[str, str]:
        return {
            "ASKPROAI_KUBECONFIG": str(self._cluster.kubeconfig),
            "ASKPROAI_DATABASE_ADMIN_URL": admin_dsn,
            "ASKPROAI_REDIS_ADMIN_URL": self._redis.admin_url,
            "ASKPROAI_PROVIDER_HOSTS": "api.retellai.com,api.cal.com,api.cal.eu,127.0.0.1:*",
            "ASKPROAI_NOTIFICATION_HOSTS": "*,127.0.0.1:*",
            "ASKPROAI_RETELL_BASE_URL": urls["retell"],
            "ASKPROAI_CALCOM_BASE_URL": urls["calcom"],
            "ASKPROAI_SHARED_BASE_URL": urls["entrance"],
            "ASKPROAI_BIND_ADDRESS": "127.0.0.1",
            "ASKPROAI_HEALTH_PORT": str(health_port),
            "ASKPROAI_METRICS_PORT": str(health_port),
        }

    async def _start(self, name: str, **environment: str) -> Child:
        """Start one part of the demo. All parts get the same environment variables; only the operator reads settings from them."""
        settings = {**os.environ, **self._environment, **environment}
        self._children[name] = await spawn(
            name, self._commands[name], directory=self.directory, environment=settings, cwd=PROJECT
        )
        return self._children[name]

    async def _wait_until_up(self, name: str, url: str) -> None:
        """Wait until a part of the demo answers at `url`. Raises ProcessError, with the end of its log if the part has ended."""

        async def up() -> bool:
            child = self._children[name]
            if child.exit_code is not None:
                raise ProcessError(f"{name} ended with {child.exit_code}:\n{child.last_lines()}")
            return await _answers(url)

        await eventually(up, _STARTUP, f"{name} to answer")

    async def _supervise(self, name: str) -> None:
        """Restart a part whenever it ends, as its Deployment would.

        Simulators and the mail catcher are not restarted, because a new process would not have their data.
        """
        while True:
            child = self._children[name]
            self._report(f"{name} ended ({_describe_exit(await child.wait())}); it is started again")
            await asyncio.sleep(_RESTART_DELAY.total_seconds())
            await self._start(name)

    async def _supervise_server(self, name: str, server: EmbeddedServer) -> None:
        while True:
            await asyncio.sleep(_RESTART_DELAY.total_seconds())
            if not server.running:
                self._report(f"{name} ended; it is started again on the same data")
                await server.start()

    async def _maintain_state_file(self, state: State) -> None:
        """Rewrite `state.json` after each change, such as a new tenant or a restarted pod."""
        written = ""
        async with KubeClient(self._cluster.kubeconfig) as client:
            directory = TenantDirectory(
                client, self.directory / "runner" / "pods.json", self._environment["ASKPROAI_SHARED_BASE_URL"]
            )
            while True:
                if await self._refresh(directory, state):
                    state.pids = self._pids(directory.pod_pids)
                    if state.text() != written:
                        written = state.text()
                        write_atomically(state_file(self.directory), written)
                await asyncio.sleep(_REFRESH_INTERVAL.total_seconds())

    async def _refresh(self, directory: TenantDirectory, state: State) -> bool:
        """Update the state. Return False if the API server could not answer, as with 429 during the set-up of a CRD.

        After a start this is over within seconds, so it is reported only if it lasts longer.
        """
        try:
            await directory.refresh(state)
        except (ApiError, aiohttp.ClientError) as error:
            self._unanswered += 1
            if self._unanswered == _UNANSWERED_REPORTED:
                self._report(
                    f"the API server does not answer yet; {state_file(self.directory)} is written when it does: {error}"
                )
            return False
        self._unanswered = 0
        return True

    def _pids(self, pods: Mapping[str, int]) -> dict[str, object]:
        children = {name: child.pid for name, child in self._children.items()}
        coordinator = {key: pid for key, pid in pods.items() if key.startswith(_COORDINATOR_PODS)}
        return {
            "operator": [children["operator"]],
            "coordinator": list(coordinator.values()),
            "podRunner": children["pod-runner"],
            "entrance": children["entrance"],
            "postgres": self._postgres.pid,
            "redis": self._redis.pid,
            "apiserver": self._cluster.pids.get("apiserver"),
            "retell": children["retell"],
            "calcom": children["calcom"],
            "mails": children["mails"],
            "pods": {key: pid for key, pid in pods.items() if key not in coordinator},
        }

    async def _stop_all(self) -> None:
        """End the parts, clients before servers."""
        state_file(self.directory).unlink(missing_ok=True)
        for name in ("operator", "pod-runner", "entrance", "retell", "calcom", "mails"):
            if child := self._children.pop(name, None):
                await child.stop()
        await self._cluster.stop()
        await self._redis.stop()
        await self._postgres.stop()


def _describe_exit(code: int) -> str:
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
    """Run the environment as a process."""
    parser = argparse.ArgumentParser(description="Run all parts of the demo until SIGTERM.")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--operator-fault", default=None, help="a fault point at which the first operator kills itself")
    arguments = parser.parse_args()
    try:
        asyncio.run(_main(arguments.directory, arguments.operator_fault))
    except (ProcessError, EmbeddedError) as error:
        sys.exit(f"the demo's parts did not start: {error}")
