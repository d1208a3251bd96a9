"""A platform team's parts around the chart, on this machine and reachable from pods: database, providers, an ingress proxy.

Nothing shows the pods that this is a test: they have URLs of a PostgreSQL, a Retell and a Cal.com, and are called by Service.
"""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import yaml
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.example_tenant import EXAMPLES, SALON, seed_simulators
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from tests.e2e.node.cluster import SYSTEM, CommandFailed, api_server_port, apply, kubectl, run
from tests.worlds.model_calls import Turn, play_turns

CHART = EXAMPLES.parent / "charts" / "askproai"
ACKNOWLEDGED = range(200, 300)
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class OtherExample:
    """An example beside the salon's: its file, and the number that must be at Retell before it."""

    file: str
    namespace: str
    key: str
    number: str


OTHERS = (
    OtherExample("second-tenant.yaml", "praxis-weber", "key_demo_praxis", "+492217654321"),
    OtherExample("hotline.yaml", "haarwerk", "key_demo_haarwerk", "+49305550100"),
)
KINDS = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents")


@dataclass
class NodeEnvironment:
    """Everything outside the chart, and how to use it."""

    image: str
    address: str
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    retell: str
    calcom: str
    proxy_url: str = ""
    upstream: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    answered: Counter[int] = field(default_factory=Counter)

    async def helm(self, *arguments: str, chart: Path = CHART) -> str:
        """Install or upgrade the release, and wait until its pods are ready."""
        repository, _, tag = self.image.rpartition(":")
        values = {
            "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
            "settings": {
                "sharedBaseUrl": self.proxy_url,
                "providerHosts": [f"{self.address}:*"],
                "retellBaseUrl": self.retell,
                "calcomBaseUrl": self.calcom,
            },
            "redis": {"existingSecret": "askproai-redis"},
            "networkPolicy": {"enabled": True, "egressPorts": await self._ports()},
        }
        # The coordinator waits for a Secret; a kubelet looks for it after 0.5, 1.5, … 31.5, 63.5 and 127.5 s.
        options = ("--namespace", SYSTEM, "--values", "-", "--wait", "--timeout", "240s")
        command = ("upgrade", "--install", "askproai", str(chart), *options, *arguments)
        try:
            return await run("helm", *command, stdin=yaml.safe_dump(values))
        except CommandFailed as error:
            logs = await kubectl("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/name=askproai", "--tail=20", "--prefix")
            raise CommandFailed(f"{error}\n{await kubectl('get', 'pods,events', '-n', SYSTEM)}\n{logs}") from None

    async def _ports(self) -> list[int]:
        """Return the ports of all that operator and coordinator need."""
        urls = (self.postgres.superuser_dsn, self.redis.admin_url, self.retell, self.calcom, self.proxy_url)
        return sorted({await api_server_port(), *(port for url in urls if (port := urlsplit(url).port))})

    async def call(self, *say: str, to: str = SALON.number, **options: Any) -> CallRecord:
        return await play_call(self.retell, to, say, **options)

    async def play(self, *turns: Turn, to: str = SALON.number) -> CallRecord:
        return await play_turns(self.retell, to, *turns)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database as its superuser."""
        connection = await asyncpg.connect(self.postgres.superuser_dsn.removesuffix("postgres") + "askproai")
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def unfinished(self) -> int:
        sql = "SELECT count(*) AS n FROM webhook_events WHERE status IN ('received', 'processing', 'failed')"
        return int((await self.rows(sql))[0]["n"])

    async def workspace(self, key: str = SALON.retell_key) -> dict[str, Any]:
        state = await fetch(f"{self.retell}/_sim/state")
        return dict(state["workspaces"][key])

    async def webhooks(self, key: str = SALON.calcom_key) -> list[Any]:
        return list((await fetch(f"{self.calcom}/v2/webhooks", {"Authorization": f"Bearer {key}"}))["data"])


async def wait_until_ready(namespace: str = SALON.namespace) -> None:
    for kind in KINDS:
        await kubectl("wait", "--for=condition=Ready", "--all", "-n", namespace, "--timeout=240s", kind)


async def fetch(url: str, headers: dict[str, str] | None = None) -> Any:
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url, headers=headers) as response:
        return await response.json()


@asynccontextmanager
async def ingress_proxy(env: NodeEnvironment) -> AsyncIterator[str]:
    """Proxy `/<namespace>/<tenant>/…`, unchanged, to the ClusterIP of Service `<tenant>-web`, and yield the URL.

    There is one connection for each request and no retry: a refusal of a starting or stopping pod reaches the sender as 502, and
    is recorded in `refused`. Webhooks and call functions are the requests with POST: `answered` counts them by status, and
    `refused` has also those that a pod did not answer with 2xx.
    """
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:

        async def handle(request: web.Request) -> web.Response:
            response = await forward(request)
            if request.method == "POST":
                env.answered[response.status] += 1
                if response.status not in ACKNOWLEDGED and response.body:
                    env.refused.append(f"{request.path}: {response.status} {response.body!r}")
            return response

        async def forward(request: web.Request) -> web.Response:
            _, namespace, tenant, *_ = request.path.split("/")
            ip = env.upstream.get(tenant)
            if ip is None:
                ip = await kubectl(
                    "get", "service", f"{tenant}-web", "-n", namespace, "-o", "jsonpath={.spec.clusterIP}"
                )
                env.upstream[tenant] = ip
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            url = f"http://{ip}:8080{request.path_qs}"
            try:
                forwarded = session.request(request.method, url, headers=headers, data=await request.read())
                async with forwarded as response:
                    body = await response.read()
                    return web.Response(status=response.status, body=body, content_type=response.content_type)
            except (aiohttp.ClientError, TimeoutError) as error:
                env.refused.append(f"{request.path}: {type(error).__name__}: {error}")
                return web.Response(status=502)

        app = web.Application(client_max_size=9 << 20)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, env.address, 0).start()
        yield f"http://{env.address}:{runner.addresses[0][1]}"
        await runner.cleanup()


@asynccontextmanager
async def open_environment(directory: Path, image: str, address: str) -> AsyncIterator[NodeEnvironment]:
    """Start everything outside the chart, create the namespaces with their Secrets, and remove all of it at the end."""
    await remove_everything()
    postgres = EmbeddedPostgres(directory / "postgres", durable=False, address=address)
    redis = EmbeddedRedis(directory / "redis", address=address)
    await asyncio.gather(postgres.start(), redis.start())
    clock = SystemClock()
    async with (
        serve(RetellSimulator(clock), address=address) as retell,
        serve(CalcomSimulator(clock), address=address) as calcom,
    ):
        env = NodeEnvironment(image, address, postgres, redis, retell, calcom)
        await seed_simulators(retell, calcom)
        dsn = await postgres.create_database("askproai", "e2e-admin")
        try:
            async with ingress_proxy(env) as env.proxy_url:
                await apply(_namespace(SYSTEM), _namespace(SALON.namespace))
                await apply(
                    _secret("askproai-database", "DATABASE_ADMIN_URL", dsn),
                    _secret("askproai-redis", "REDIS_ADMIN_URL", redis.admin_url),
                    namespace=SYSTEM,
                )
                yield env
        finally:
            try:
                await remove_everything()
            finally:
                await postgres.remove()
                await redis.remove()


async def remove_everything() -> None:
    """Remove whatever a run, even an aborted one, has left; the tenants first, while their operator still runs."""
    tenants = (SALON.namespace, *(other.namespace for other in OTHERS))
    await kubectl("delete", "namespace", *tenants, "--ignore-not-found", "--timeout=240s")
    if await run("helm", "list", "-n", SYSTEM, "-a", "-q"):
        await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait", "--cascade", "foreground")
    await kubectl("delete", "crd", "--ignore-not-found", *(f"{kind}.askproai.de" for kind in PLURALS))
    await kubectl("delete", "namespace", SYSTEM, "--ignore-not-found", "--timeout=240s")


PLURALS = ("tenants", "branches", "serviceofferings", "retellagents")


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}


def _secret(name: str, key: str, value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: value}}


def missing(environment: Sequence[str] = ("KUBECONFIG", "ASKPROAI_E2E_IMAGE", "ASKPROAI_E2E_ADDRESS")) -> str:
    """Return a message with the missing requirements of the tests, or an empty one."""
    absent = [name for name in environment if not os.environ.get(name)]
    absent += [program for program in ("kubectl", "helm") if shutil.which(program) is None]
    return f"{', '.join(absent)} missing: `make e2e` brings them" if absent else ""
