"""The operator without its process, with real API server, watches, PostgreSQL and Valkey, and simulated providers."""

import asyncio
import base64
import json
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from askproai_core.clock import SystemClock
from askproai_core.fault_injection import FaultPoints
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext, Unverified
from askproai_operator.control_loop.informer import Informer
from askproai_operator.control_loop.login import access_by_kopf, kopf_login
from askproai_operator.control_loop.loop import ReconcileLoop
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import WorkQueue
from askproai_operator.controllers.config_sync import ConfigSyncController
from askproai_operator.controllers.exposure import ExposureController
from askproai_operator.controllers.orphan import LEDGER, ORPHAN
from askproai_operator.controllers.rollout_report import follow_rollouts
from askproai_operator.engine import Cache, Kube
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.grants import QUEUE_KIND
from askproai_operator.main import RESOURCE_CONTROLLERS, background_controllers, background_options
from askproai_operator.orphans import LABEL
from askproai_operator.providers import ProviderClients
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from askproai_operator.store.admin import AdminStore
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.example_tenant import load_manifests
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from askproai_sandbox.simulator.app import Simulator
from askproai_sandbox.simulator.faults import Fault
from tests.worlds import calcom_contract, retell_contract
from tests.worlds.databases import Database
from tests.worlds.exchanges import compared
from tests.worlds.waiting import SLOW_DISK, SOON, eventually, until

PREFIX = "kinds-"  # only such namespaces are reconciled: other tests leave objects behind
NAME = "salon-mueller"


@dataclass(frozen=True)
class Providers:
    """The simulators of both providers, with their URLs."""

    retell: RetellSimulator
    retell_url: str
    calcom: CalcomSimulator
    calcom_url: str


@dataclass
class RunningOperator:
    """A running operator, and the providers' simulators that it talks to.

    `writes` are method and path of each request to the API server that is no GET, `forbidden` the messages of those that it
    answered 403; `config_syncs` are namespace, tenant, config hash and keys of each change that pods are to be notified of.
    """

    context: ReconcileContext
    settings: Settings
    queue: WorkQueue
    informer: Informer
    retell: RetellSimulator
    calcom: CalcomSimulator
    writes: list[tuple[str, str]]
    config_syncs: list[tuple[Any, ...]]
    forbidden: list[str] = field(default_factory=list)
    ended: Counter[Key] = field(default_factory=Counter)  # reconciles

    async def reconcile_again(self, key: Key) -> None:
        """Have a key reconciled, and wait until a reconcile that began after the call has ended."""
        for _ in range(2):  # the first to end may be one that runs already
            before = self.ended[key]
            self.queue.add(key)
            await eventually(lambda before=before: self.ended[key] > before, SOON, f"a reconcile of {key}")

    @property
    def provided(self) -> Providers:
        """The providers, for another operator."""
        return Providers(self.retell, self.settings.retell_base_url, self.calcom, self.settings.calcom_base_url)

    def retry_orphans(self) -> None:
        """Make the orphans due that wait for their backoff."""
        for key in [key for key in self.queue._due if key.kind == ORPHAN]:
            self.queue.drop(key)
            self.queue.add(key)

    def inject_fault(self, simulator: Simulator, operation: str, kind: str, count: int) -> None:
        body = {"operation": operation, "fault": kind, "count": count}
        simulator.faults.active.append(Fault.parse(body, simulator.clock.now()))

    def end_faults(self) -> None:
        """End the faults of both providers, and close the circuits that they opened, so that no test waits for them."""
        self.retell.faults.clear()
        self.calcom.faults.clear()
        self.context.providers._states.clear()


@asynccontextmanager
async def served_providers(clock: SystemClock) -> AsyncIterator[Providers]:
    """Serve the simulators until the end of the block."""
    retell, calcom = RetellSimulator(clock), CalcomSimulator(clock)
    async with (
        compared(retell, retell_contract.check_exchange),
        compared(calcom, calcom_contract.check_exchange),
        serve(retell) as retell_url,
        serve(calcom) as calcom_url,
    ):
        yield Providers(retell, retell_url, calcom, calcom_url)


@asynccontextmanager
async def running_operator(
    control_plane: ControlPlane,
    tenant_database: Database,
    valkey: EmbeddedRedis,
    *,
    kubeconfig: Path | None = None,
    namespace: str = "default",
    prober: Any | None = None,
    installation_id: str = "inst-1",
    providers: Providers | None = None,
    **settings_: Any,
) -> AsyncIterator[RunningOperator]:
    """Run the operator inside the test's process until the end of the block.

    It acts as the administrator, or as the user of `kubeconfig`; `namespace` is its own. Without a `prober` every public URL
    counts as reachable. `providers` may be another operator's. `settings_` are further settings.
    """
    clock, metrics, cache, stop = SystemClock(), Metrics(), Cache(), asyncio.Event()
    relations = Relations(cache)
    sink = EventSink(
        cache,
        relations,
        lambda key: queue.add(key) if key.namespace.startswith(PREFIX) or key.kind == QUEUE_KIND else None,
    )
    login = partial(kopf_login, kubeconfig or control_plane.kubeconfig)
    async with (
        served_providers(clock) if providers is None else nullcontext(providers) as simulated,
        Kube(partial(access_by_kopf, login), sink, clock, namespace=namespace) as kube,
    ):
        settings = Settings(
            namespace=namespace,
            retell_base_url=simulated.retell_url,
            calcom_base_url=simulated.calcom_url,
            shared_base_url="https://voice.example",
            fleet_page_host="Fleet.example",
            resync_seconds=90,  # ± a fifth: changes that no watch reports come later than SOON
            deletion_budget_seconds=2,
            leftover_retry_seconds=1,
            **settings_,
        )
        queue = WorkQueue(clock, metrics, options=background_options(settings))
        hosts = (*settings.provider_hosts, simulated.retell_url, simulated.calcom_url)
        async with ProviderClients(clock, hosts=hosts) as clients:
            database = AdminStore(tenant_database.dsn)
            redis = RedisAdmin(valkey.admin_url, clock, timeout=SLOW_DISK)
            informer = Informer(sink, kube, clock, metrics, login)
            config_syncs: list[tuple[Any, ...]] = []
            proofs = ExposureController(prober, queue.add) if prober is not None else None
            context = ReconcileContext(
                kube=kube,
                cache=cache,
                relations=relations,
                settings=settings,
                clock=clock,
                faults=FaultPoints(),
                database=database,
                providers=clients,
                installation_id=installation_id,
                fence=lambda: None,
                enqueue=queue.add,
                rollouts=follow_rollouts(cache, settings, clock, queue.add),
                trigger_config_sync=lambda *config: config_syncs.append(config),
                redis=redis,
                url_proofs=proofs or Unverified(),
            )
            writes: list[tuple[str, str]] = []
            forbidden: list[str] = []
            send = kube._transport._send

            async def counted(method: str, path: str, *rest: Any) -> Any:
                if method != "GET":
                    writes.append((method, path))
                status, answer = await send(method, path, *rest)
                if status == HTTPStatus.FORBIDDEN:
                    forbidden.append(f"{method} {path}: {answer.get('message')}")
                return status, answer

            kube._transport._send = counted  # type: ignore[method-assign]
            ended: Counter[Key] = Counter()
            done = queue.done

            def counted_done(key: Key) -> None:
                ended[key] += 1
                done(key)

            queue.done = counted_done  # type: ignore[method-assign]
            await informer.prime()
            loop = asyncio.get_running_loop()

            def restore_signal_handlers() -> None:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)

            background = background_controllers(queue, metrics, ConfigSyncController(queue.add), proofs)
            controllers = {**RESOURCE_CONTROLLERS, **background}
            queue.add(settings.background_key(LEDGER))
            tasks = [
                asyncio.create_task(informer.run(stop, restore_signal_handlers)),
                asyncio.create_task(ReconcileLoop(controllers, context, queue, metrics).run(stop)),
            ]
            await asyncio.wait_for(informer.ready.wait(), SOON)
            yield RunningOperator(
                context,
                settings,
                queue,
                informer,
                simulated.retell,
                simulated.calcom,
                writes,
                config_syncs,
                forbidden,
                ended,
            )
            stop.set()
            await asyncio.gather(*tasks)
            await database.close()
            await redis.close()


@dataclass
class TenantNamespace:
    """A namespace that the operator reconciles, and what a person does and sees in it."""

    operator: RunningOperator
    client: KubeClient
    name: str
    retell_key: str = field(default_factory=lambda: f"key_{uuid.uuid4().hex[:8]}")
    calcom_key: str = field(default_factory=lambda: f"cal_{uuid.uuid4().hex[:8]}")
    number: str = field(default_factory=lambda: f"+49301{uuid.uuid4().int % 10**6:06}")  # belongs to one namespace only

    @property
    def tenant(self) -> str:
        """The Tenant's name in the database and in the providers' URLs."""
        return f"{self.name}.{NAME}"

    @property
    def key(self) -> Key:
        return Key("Tenant", self.name, NAME)

    def path(self, kind: str, name: str = NAME) -> str:
        return resources.resource_of_kind(kind).path(self.name, name)

    async def create(self, kind: str, name: str = "", *, spec: Mapping[str, Any] | None = None, **meta: Any) -> dict:
        """Create the salon's object of a kind; fields of `spec` replace its own. Tenants are suspended: no pods run here."""
        manifest = load_manifests()[kind][0]
        manifest["metadata"] = {"name": name or manifest["metadata"]["name"], "namespace": self.name} | meta
        usual = {"Tenant": {"suspend": True}, "Branch": {"phoneNumbers": [{"number": self.number}]}}
        manifest["spec"] |= usual.get(kind, {}) | dict(spec or {})
        return await self.client.create(resources.resource_of_kind(kind).path(self.name), manifest)

    async def create_salon(self, *kinds: str, spec: Mapping[str, Any] | None = None) -> None:
        """Write the Secret `providers`, and create the objects of these kinds (by default the Tenant, which `spec` is for)."""
        await self.write_secret()
        for kind in kinds or ("Tenant",):
            await self.create(kind, spec=spec if kind == "Tenant" else None)

    async def open_salon(self, *kinds: str, spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Create a salon, wait until its Tenant is ready, and return that."""
        await self.create_salon(*kinds, spec=spec)
        return await self.wait_until_ready()

    async def write_secret(self, *, permitted: bool = True, **changed: str) -> None:
        """Create the Secret `providers`, or change keys of it. The operator uses only one that is `permitted`."""
        data = {"retell-api-key": self.retell_key, "calcom-api-key": self.calcom_key, "calcom-webhook-secret": "whs"}
        if await self.get("Secret", "providers") is None:
            await self.create_secret("providers", data | changed, permitted=permitted)
        else:
            await self.client.merge(self.path("Secret", "providers"), {"stringData": changed})

    async def create_secret(self, name: str, values: Mapping[str, str], *, permitted: bool = True) -> None:
        """Create a Secret, by default with the label that permits the operator to use it."""
        meta = {"name": name, "labels": {"askproai.de/use": "true"} if permitted else {}}
        body = {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": values}
        await self.client.create(resources.SECRETS.path(self.name), body)

    async def get(self, kind: str, name: str = NAME) -> dict[str, Any] | None:
        return await self.operator.context.kube.get(resources.resource_of_kind(kind), self.name, name)

    async def edit(self, spec: Mapping[str, Any], kind: str = "Tenant", name: str = NAME) -> dict[str, Any]:
        """Replace fields of an object's spec; return the object."""
        return await self.client.merge(self.path(kind, name), {"spec": spec})

    async def annotate(self, name: str, value: str | None = "true", *, kind: str = "Tenant", of: str = NAME) -> None:
        """Set an annotation `askproai.de/…` of an object; None removes it."""
        await self.client.merge(self.path(kind, of), {"metadata": {"annotations": {f"askproai.de/{name}": value}}})

    async def config(self) -> dict[str, Any]:
        """Return the config of the pods; it is empty until there is one."""
        live = await self.get("ConfigMap", f"{NAME}-config")
        return json.loads(live["data"]["tenant.json"]) if live else {}

    async def secret_data(self, name: str) -> dict[str, str]:
        found = await self.get("Secret", name)
        return {k: base64.b64decode(v).decode() for k, v in ((found or {}).get("data") or {}).items()}

    async def wait_for_condition(
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

        return await eventually(
            matching, SOON, lambda: f"{kind} {name}: {type_}={status} {reason}; its conditions are {seen}"
        )

    async def wait_until_ready(self, kind: str = "Tenant", name: str = NAME) -> dict[str, Any]:
        await self.wait_for_condition("Ready", "True", kind=kind, name=name)
        live = await self.get(kind, name)
        assert live is not None
        return live

    async def wait_for(
        self, kind: str, name: str, holds: Callable[[dict[str, Any] | None], object], what: str
    ) -> dict[str, Any]:
        """Wait until `holds` is true of an object (None while it does not exist), and return the object."""

        return await until(lambda: self.get(kind, name), holds, what)

    async def wait_until_gone(self, kind: str, name: str = NAME, seconds: float = SOON) -> None:
        await until(lambda: self.get(kind, name), lambda live: live is None, f"{kind} {name} to be gone", seconds)

    async def recreate(self) -> None:
        """Delete the namespace with everything in it, and create an empty one of its name."""
        await self.client.delete(f"/api/v1/namespaces/{self.name}")
        kube = self.operator.context.kube
        await until(
            lambda: kube.get(resources.NAMESPACES, "", self.name), lambda live: live is None, f"the end of {self.name}"
        )
        await self.client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": self.name}})

    async def write_strangers_secret(self) -> None:
        """Write the Secret `providers` with the key of another Retell workspace, which no other namespace uses."""
        await self.write_secret(**{"retell-api-key": f"key_of_a_stranger_{self.name}"})

    async def orphans(self) -> list[dict[str, Any]]:
        """Return the entries of this namespace's objects in the ledger."""
        entries = await self.operator.context.kube.list(resources.SECRETS, "default", LABEL)
        return [entry for entry in entries if f" {self.name}/" in entry["metadata"]["annotations"]["askproai.de/what"]]

    async def reconcile_again(self) -> None:
        """Have the Tenant reconciled, and wait until a reconcile that began after the call has ended."""
        await self.operator.reconcile_again(self.key)

    def writes(self, since: int) -> list[tuple[str, str]]:
        """Return the operator's writes in this namespace from its write number `since` on."""
        return [write for write in self.operator.writes[since:] if self.name in write[1]]

    async def events(self) -> list[tuple[str, str]]:
        found = await self.operator.context.kube.list(resources.EVENTS, self.name)
        ours = [event for event in found if event["source"].get("component") == "askproai-operator"]
        return [(event["type"], event["reason"]) for event in ours]

    async def wait_for_event(self, type_: str, reason: str) -> None:
        """Wait for an Event: each comes after the status."""
        await until(self.events, lambda events: (type_, reason) in events, f"the event {reason}")

    def calcom_secrets(self) -> list[str]:
        """Return the secrets by which Cal.com signs for the webhooks."""
        account = self.operator.calcom.accounts[self.calcom_key]
        return [account.webhook_body(hook)["secret"] for hook in account.webhooks.values()]

    def calcom_webhooks(self, key: str | None = None) -> list[str]:
        """Return the URLs of the webhooks at Cal.com, in the account of this key or of the tenant's own."""
        account = self.operator.calcom.dump()["accounts"].get(key or self.calcom_key, {})
        return [hook["subscriberUrl"] for hook in account.get("webhooks", [])]


async def create_namespace(operator: RunningOperator, client: KubeClient) -> TenantNamespace:
    """Create a namespace that the operator reconciles."""
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": name}})
    return TenantNamespace(operator, client, name)
