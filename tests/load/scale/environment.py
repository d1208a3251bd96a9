"""A control plane, PostgreSQL, Valkey, both providers' simulators, the stand-in kubelet, and the operator's real processes."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from askproai_sandbox.cluster import (
    Child,
    ControlPlane,
    ControlPlaneOptions,
    KubeClient,
    ProcessError,
    eventually,
    free_port,
    spawn,
    write_atomically,
)
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from tests.load.environment import ROOT, process
from tests.load.scale.counters import POLICY, AuditLog, Counts, cpu_milliseconds, provider_counts
from tests.load.scale.kubelet import RATE

OPERATOR, KUBELET, SCALE = "operator", "kubelet", "scale"  # users of the API server
SYSTEM: Final = "askproai-system"
_CRDS: Final = ROOT / "crds"
# The stand-in replaces them, or they need missing parts: nodes, a metrics API.
_WITHOUT: Final = ("deployment", "replicaset", "horizontal-pod-autoscaler", "node-lifecycle", "taint-eviction")


@dataclass
class Operator:
    """One replica."""

    child: Child
    port: int

    async def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series with these labels."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            text = await response.text()
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    async def is_primed(self) -> bool:
        """Return whether its cache is filled, which a standby says in its log only."""
        return '"cache.primed"' in await asyncio.to_thread(self.child.log.read_text)

    async def leads(self) -> bool:
        """Return whether it leads and its cache is filled."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/readyz") as response,
            ):
                ready = response.status == 200
            return ready and await self.metric("askproai_leader") == 1
        except aiohttp.ClientError:
            if self.child.exit_code is not None:
                raise ProcessError(f"{self.child.name} ended:\n{self.child.last_lines()}") from None
            return False


@dataclass
class ScaleEnvironment:
    """All parts; `operators` are the replicas that run. `client` is the API server's client of the measurement."""

    directory: Path
    plane: ControlPlane
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    client: KubeClient
    urls: dict[str, str]  # of the providers and the entrance
    children: dict[str, Child]
    audit: AuditLog
    settings: dict[str, str]  # of the operator
    operators: list[Operator] = field(default_factory=list)
    _counts: Counts = field(default_factory=Counts)
    _ended_cpu: int = 0  # milliseconds of replicas that have ended

    async def counts(self) -> Counts:
        """Return everything that was counted until now."""
        for request in self.audit.read():
            if request.ref.namespace == SYSTEM and request.ref.resource == "events":
                continue  # Events about the operator itself: its Lease, a missing admission policy
            self._counts.requests[request.party, request.kind, request.resource] += 1
        providers = {name: self.urls[name] for name in ("retell", "calcom")}
        self._counts.providers = await provider_counts(providers)
        cpu = {name: cpu_milliseconds(pid) for name, pid in self._pids().items()}
        cpu[OPERATOR] = self.operator_cpu()
        cpu["this process"] = int(time.process_time() * 1000)  # without its children, which are all the others
        self._counts.cpu.update({name: value - self._counts.cpu[name] for name, value in cpu.items()})
        return Counts(self._counts.requests.copy(), self._counts.providers.copy(), self._counts.cpu.copy())

    def operator_cpu(self) -> int:
        """Return the milliseconds of CPU time of all replicas, also of those that have ended."""
        return self._ended_cpu + sum(cpu_milliseconds(each.child.pid) for each in self.operators)

    def _pids(self) -> dict[str, int]:
        children = {name: child.pid for name, child in self.children.items()}
        servers = {"postgres": self.postgres.pid, "valkey": self.redis.pid}
        own = {name: pid for name, pid in self.plane.pids.items() if name in {"etcd", "apiserver", "controllers"}}
        return {**own, **servers, **children}

    async def start_operator(self, name: str, *, instrumented: bool = False, **environment: str) -> Operator:
        """Start a replica with further variables of its environment, and wait until it serves its probes."""
        port = free_port()
        health = {"ASKPROAI_HEALTH_PORT": str(port), "ASKPROAI_METRICS_PORT": str(port), "ASKPROAI_POD_NAME": name}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("ASKPROAI_")}
        module = "tests.load.scale.instrumented" if instrumented else "askproai_operator.main"
        command = [sys.executable, "-c", f"from {module} import main; main()", "run"]
        settings = inherited | self.settings | health | environment
        child = await spawn(name, command, directory=self.directory, environment=settings, cwd=ROOT)
        operator = Operator(child, port)
        self.operators.append(operator)
        await eventually(lambda: b"health.serving" in child.log.read_bytes(), seconds(60), f"{name} to start")
        return operator

    async def stop_operator(self, operator: Operator, *, kill: bool = False) -> None:
        self._ended_cpu += cpu_milliseconds(operator.child.pid)
        self.operators.remove(operator)
        if kill:
            os.kill(operator.child.pid, 9)
            await operator.child.wait()
        else:
            await operator.child.stop(seconds(30))

    async def settled(self, bound: float, quiet_seconds: float = 5) -> None:
        """Wait until the operator has written nothing for a while and no key waits. Raises ProcessError after `bound` seconds."""
        loop = asyncio.get_running_loop()
        writes, since = -1, loop.time()

        async def quiet() -> bool:
            nonlocal writes, since
            counts = await self.counts()
            depths = [await self.operators[-1].metric("workqueue_depth", priority=each) for each in ("edit", "change")]
            if counts.writes(OPERATOR) != writes or any(depths):
                writes, since = counts.writes(OPERATOR), loop.time()
            return loop.time() - since >= quiet_seconds

        await eventually(quiet, seconds(bound), "the operator to come to rest", every=0.5)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@asynccontextmanager
async def open_environment(
    directory: Path, report: Callable[[str], None], *, durable: bool = True, **settings: str
) -> AsyncIterator[ScaleEnvironment]:
    """Start everything but the operator; end everything afterwards. `settings` are further ones of the operator."""
    write_atomically(directory / "audit-policy.yaml", POLICY)
    audit = directory / "audit.log"
    flags = (
        f"--audit-policy-file={directory / 'audit-policy.yaml'}",
        f"--audit-log-path={audit}",
        "--audit-log-maxsize=8192",
    )
    off = ",".join(f"-{name}-controller" for name in _WITHOUT)
    options = ControlPlaneOptions(
        users=(OPERATOR, KUBELET, SCALE),
        apiserver_flags=flags,
        # The usual limit of 20 requests a second would determine the result.
        controller_flags=(f"--controllers={off}", f"--kube-api-qps={RATE}", f"--kube-api-burst={2 * RATE}"),
        scheduler=False,
    )
    plane = ControlPlane(directory / "cluster", report, options)
    postgres, redis = EmbeddedPostgres(directory / "postgres", durable=durable), EmbeddedRedis(directory / "redis")
    names = ("retell", "calcom", "entrance")
    ports = {name: free_port() for name in names}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    try:
        await asyncio.gather(plane.start(), postgres.start(), redis.start())
        dsn = await postgres.create_database("askproai", "scale-admin")
        await plane.kubectl("apply", "--server-side", "-f", str(_CRDS))
        await plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(_CRDS))
        await plane.kubectl("create", "namespace", SYSTEM)
        values = {
            "KUBECONFIG": plane.kubeconfig_of(OPERATOR), "DATABASE_ADMIN_URL": dsn, "REDIS_ADMIN_URL": redis.admin_url,
            "PROVIDER_HOSTS": "127.0.0.1:*", "RETELL_BASE_URL": urls["retell"], "CALCOM_BASE_URL": urls["calcom"],
            "SHARED_BASE_URL": urls["entrance"], "BIND_ADDRESS": "127.0.0.1", **settings,
        }  # fmt: skip
        module = [sys.executable, "-m"]
        simulators = [
            process(
                directory,
                name,
                [*module, f"askproai_sandbox.{name}", "--port", str(ports[name])],
                f"{urls[name]}/_sim/counts",
            )
            for name in ("retell", "calcom")
        ]
        kubelet = [
            *module,
            "tests.load.scale.kubelet",
            "--kubeconfig",
            plane.kubeconfig_of(KUBELET),
            "--port",
            str(ports["entrance"]),
        ]
        async with simulators[0] as retell, simulators[1] as calcom, KubeClient(plane.kubeconfig_of(SCALE)) as client:
            children = {"retell": retell, "calcom": calcom}
            children["kubelet"] = await spawn("kubelet", kubelet, directory=directory, cwd=ROOT)
            env = ScaleEnvironment(
                directory, plane, postgres, redis, client, urls, children, AuditLog(audit),
                {f"ASKPROAI_{name}": str(value) for name, value in values.items()},
            )  # fmt: skip
            try:
                yield env
            finally:
                for operator in list(env.operators):
                    await env.stop_operator(operator)
                await children["kubelet"].stop()
    finally:
        await plane.stop()
        await asyncio.gather(postgres.remove(), redis.remove())
