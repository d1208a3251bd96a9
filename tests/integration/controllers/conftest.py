"""The operator without its process: real API server, watches and PostgreSQL, simulated providers, a namespace per test."""

import asyncio
import base64
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import FaultPoints
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.config_sync import ConfigSyncController
from askproai_operator.controllers.orphan import ORPHAN, ledger_key
from askproai_operator.engine import Cache, Kube, resources
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.login import kopf_login
from askproai_operator.engine.loop import ReconcileLoop
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import WorkQueue
from askproai_operator.main import RESOURCE_CONTROLLERS, background_controllers, background_options
from askproai_operator.providers import ProviderClients
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.cluster import ControlPlane, KubeClient, ProcessError, eventually
from askproai_sandbox.databases import Database
from askproai_sandbox.example_tenant import load_manifests
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from askproai_sandbox.simulator.app import Simulator
from askproai_sandbox.simulator.faults import Fault

CRDS = Path(__file__).parents[3] / "crds"
SOON = timedelta(seconds=15)
PREFIX = "kinds-"  # only such namespaces are reconciled: other tests leave objects behind
NAME = "salon-mueller"


@dataclass
class Operator:
    """Everything that runs. `writes` are method and path of each request to the API server that is no GET."""

    world: ReconcileContext
    settings: Settings
    queue: WorkQueue
    informer: Informer
    retell: RetellSimulator
    calcom: CalcomSimulator
    writes: list[tuple[str, str]]
    nudged: list[tuple[str, str, str]]

    def retry_orphans(self) -> None:
        """Make the orphans due that wait for their backoff."""
        for key in [key for key in self.queue._due if key.kind == ORPHAN]:
            self.queue.drop(key)
            self.queue.add(key)

    def fault(self, simulator: Simulator, operation: str, kind: str, count: int) -> None:
        body = {"operation": operation, "fault": kind, "count": count}
        simulator.faults.active.append(Fault.parse(body, simulator.clock.now()))


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, module_database: Database, valkey: EmbeddedRedis
) -> AsyncIterator[Operator]:
    await control_plane.kubectl("apply", "--server-side", "-f", str(CRDS))
    await control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
    clock, metrics, cache, stop = SystemClock(), Metrics(), Cache(), asyncio.Event()
    relations = Relations(cache)
    sink = EventSink(cache, relations, lambda key: queue.add(key) if key.namespace.startswith(PREFIX) else None)
    login = partial(kopf_login, control_plane.kubeconfig)
    retell, calcom = RetellSimulator(clock), CalcomSimulator(clock)
    async with (
        serve(retell) as retell_url,
        serve(calcom) as calcom_url,
        Kube(login, sink, clock, namespace="default") as kube,
    ):
        settings = Settings(
            namespace="default",
            retell_base_url=retell_url,
            calcom_base_url=calcom_url,
            shared_base_url="https://voice.example",
            resync_seconds=60,
            deletion_budget_seconds=2,
            leftover_retry_seconds=1,
        )
        queue = WorkQueue(clock, metrics, options=background_options(settings))
        hosts = (*settings.provider_hosts, retell_url, calcom_url)
        async with ProviderClients(clock, hosts=hosts) as providers:
            database = AdminStore(module_database.dsn)
            redis = RedisAdmin(valkey.admin_url, clock)
            informer = Informer(sink, kube, clock, metrics, login)
            nudged: list[tuple[str, str, str]] = []
            world = ReconcileContext(
                kube=kube,
                cache=cache,
                relations=relations,
                settings=settings,
                clock=clock,
                faults=FaultPoints(),
                database=database,
                providers=providers,
                installation_id="inst-1",
                fence=lambda: None,
                enqueue=queue.add,
                trigger_config_sync=lambda *config: nudged.append(config),
                redis=redis,
            )
            writes: list[tuple[str, str]] = []
            send = kube._transport._send

            async def counted(method: str, path: str, *rest: Any) -> Any:
                if method != "GET":
                    writes.append((method, path))
                return await send(method, path, *rest)

            kube._transport._send = counted  # type: ignore[method-assign]
            await informer.prime()
            loop = asyncio.get_running_loop()

            def restore_signal_handlers() -> None:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)

            background = background_controllers(queue, metrics, ConfigSyncController(queue.add))
            controllers = {**RESOURCE_CONTROLLERS, **background}
            queue.add(ledger_key(settings))
            tasks = [
                asyncio.create_task(informer.run(stop, restore_signal_handlers)),
                asyncio.create_task(ReconcileLoop(controllers, world, queue, metrics).run(stop)),
            ]
            await asyncio.wait_for(informer.ready.wait(), 10)
            yield Operator(world, settings, queue, informer, retell, calcom, writes, nudged)
            stop.set()
            await asyncio.gather(*tasks)
            await database.close()
            await redis.close()


@dataclass
class Place:
    """One namespace, and what a person does in it."""

    operator: Operator
    client: KubeClient
    namespace: str
    key: str = field(default_factory=lambda: f"key_{uuid.uuid4().hex[:8]}")
    calcom_key: str = field(default_factory=lambda: f"cal_{uuid.uuid4().hex[:8]}")
    number: str = field(default_factory=lambda: f"+49301{uuid.uuid4().int % 10**6:06}")  # rings in one place only

    def path(self, kind: str, name: str = NAME) -> str:
        return resources.resource_of_kind(kind).path(self.namespace, name)

    async def create(self, kind: str, name: str = "", *, spec: Mapping[str, Any] | None = None, **meta: Any) -> dict:
        """Create the salon's object of a kind; fields of `spec` replace its own. Tenants are suspended: no pods run here."""
        manifest = load_manifests()[kind][0]
        manifest["metadata"] = {"name": name or manifest["metadata"]["name"], "namespace": self.namespace} | meta
        usual = {"Tenant": {"suspend": True}, "Branch": {"phoneNumbers": [{"number": self.number}]}}
        manifest["spec"] |= usual.get(kind, {}) | dict(spec or {})
        return await self.client.create(resources.resource_of_kind(kind).path(self.namespace), manifest)

    async def secret(self, *, watched: bool = True, **changed: str) -> None:
        """Create the Secret `providers`, or change keys of it. `watched` labels it, so that a change acts at once."""
        data = {"retell-api-key": self.key, "calcom-api-key": self.calcom_key, "calcom-webhook-secret": "whs"}
        meta = {"name": "providers", "labels": {"askproai.de/watch": "true"} if watched else {}}
        body = {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": data | changed}
        if await self.get("Secret", "providers") is None:
            await self.client.create(resources.SECRETS.path(self.namespace), body)
        else:
            await self.client.merge(self.path("Secret", "providers"), {"stringData": changed})

    async def get(self, kind: str, name: str = NAME) -> dict[str, Any] | None:
        return await self.operator.world.kube.get(resources.resource_of_kind(kind), self.namespace, name)

    async def secret_data(self, name: str) -> dict[str, str]:
        found = await self.get("Secret", name)
        return {k: base64.b64decode(v).decode() for k, v in ((found or {}).get("data") or {}).items()}

    async def condition(
        self, type_: str, status: str, reason: str = "", *, kind: str = "Tenant", name: str = NAME
    ) -> dict[str, Any]:
        """Wait for a condition and return it."""
        seen: list[Any] = []

        async def matching() -> dict[str, Any] | None:
            live = await self.get(kind, name)
            conditions = ((live or {}).get("status") or {}).get("conditions") or []
            seen[:] = [(found["type"], found["status"], found["reason"]) for found in conditions]
            found = next((condition for condition in conditions if condition["type"] == type_), None)
            return found if found and found["status"] == status and reason in {"", found["reason"]} else None

        try:
            return await eventually(matching, SOON, f"{kind} {name}: {type_}={status} {reason}")
        except ProcessError as error:
            raise AssertionError(f"{error}; {seen}") from error

    async def ready(self, kind: str = "Tenant", name: str = NAME) -> dict[str, Any]:
        await self.condition("Ready", "True", kind=kind, name=name)
        live = await self.get(kind, name)
        assert live is not None
        return live

    async def gone(self, kind: str, name: str = NAME) -> None:
        async def is_gone() -> bool:
            return await self.get(kind, name) is None

        await eventually(is_gone, SOON, f"{kind} {name} to be gone")

    async def events(self) -> list[tuple[str, str]]:
        found = await self.operator.world.kube.list(resources.EVENTS, self.namespace)
        ours = [event for event in found if event["source"].get("component") == "askproai-operator"]
        return [(event["type"], event["reason"]) for event in ours]

    def hooks(self) -> list[str]:
        """Return the URLs of the webhooks at Cal.com."""
        account = self.operator.calcom.dump()["accounts"].get(self.calcom_key, {})
        return [hook["subscriberUrl"] for hook in account.get("webhooks", [])]


@pytest.fixture
async def place(operator: Operator, kube_client: KubeClient) -> AsyncIterator[Place]:
    created = await new_place(operator, kube_client)
    yield created
    await kube_client.delete(f"/api/v1/namespaces/{created.namespace}")


@pytest.fixture
async def other_place(operator: Operator, kube_client: KubeClient) -> AsyncIterator[Place]:
    created = await new_place(operator, kube_client)
    yield created
    await kube_client.delete(f"/api/v1/namespaces/{created.namespace}")


async def new_place(operator: Operator, client: KubeClient) -> Place:
    namespace = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": namespace}})
    return Place(operator, client, namespace)
