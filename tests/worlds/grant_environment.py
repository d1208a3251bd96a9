"""An API server in memory and its operators, for tests that grant hosts, numbers and keys."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from askproai_core.fault_injection import FaultPoints
from askproai_core.kube import Access
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.grant import grant_keys, reconcile, take
from askproai_operator.controllers.rollout_report import follow_rollouts
from askproai_operator.engine import Cache, Kube, Result
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.grants import Holder, Subject, SubjectKind, read_grant
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from askproai_operator.shards import Shard
from tests.worlds.clock import FixedClock
from tests.worlds.memory_api_server import NO_AUTHORITIES, MemoryApiServer
from tests.worlds.salon_models import raw as manifest

OPERATOR_NAMESPACE = "askproai-system"
ALONE = Shard(home=OPERATOR_NAMESPACE)
NUMBER = "+49301234567"
NUMBER_SUBJECT = Subject(SubjectKind.NUMBER, NUMBER)
HOST = "salon.example"
HOST_SUBJECT = Subject(SubjectKind.HOST, HOST)
LISTED = {"phoneNumbers": [{"number": NUMBER}]}
ROUTED = {"exposure": {"host": HOST, "ingress": {}}}


@dataclass
class GrantEnvironment:
    """An API server, and the operators that share it."""

    api: MemoryApiServer
    clock: FixedClock
    url: str
    stack: AsyncExitStack
    context: ReconcileContext
    sink: EventSink

    async def operator(self, shard: Shard = ALONE) -> tuple[ReconcileContext, EventSink]:
        """Return a new process, which knows only the objects that are in the cluster now."""
        cache = Cache()
        relations = Relations(cache)
        sink = EventSink(cache, relations, lambda _: None, observes=shard.observes)
        access = Access(self.url, NO_AUTHORITIES, lambda: None)
        kube = await self.stack.enter_async_context(
            Kube(lambda: access, sink, self.clock, namespace=OPERATOR_NAMESPACE)
        )
        settings = Settings(
            namespace=OPERATOR_NAMESPACE,
            shared_base_url="https://voice.example",
            fleet_page_host="fleet.example",
            shard_count=shard.count,
            shard_index=shard.index,
        )
        context = ReconcileContext(
            kube=kube,
            cache=cache,
            relations=relations,
            settings=settings,
            clock=self.clock,
            faults=FaultPoints(),
            database=SimpleNamespace(),
            providers=SimpleNamespace(),
            installation_id="inst-1",
            fence=lambda: None,
            enqueue=lambda _: None,
            rollouts=follow_rollouts(cache, settings, self.clock, lambda _: None),
        )
        for ref in (*resources.CUSTOM, *resources.CHILDREN):
            for obj in await kube.list(ref):
                sink.prime(ref, obj)
        return context, sink

    async def restart(self, shard: Shard = ALONE) -> None:
        """Replace the operator's process by a new one of the given shard."""
        self.context, self.sink = await self.operator(shard)

    def put(self, kind: str, namespace: str, *, age: int = 0, uid: str = "", status: Any = None, **spec: Any) -> Any:
        """Store an object that is `age` days old; the watches report it."""
        created = (self.clock.now() - timedelta(days=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        obj = manifest(kind, **spec)
        name = "mitte" if kind == "Branch" else "salon"
        meta = {"name": name, "namespace": namespace, "creationTimestamp": created, "uid": uid or f"{kind}-{namespace}"}
        ref = resources.resource_of_kind(kind)
        stored = self.api.put(ref, {**obj, "metadata": meta, "status": status or {}})
        self.sink.observe(ref, stored)
        return self.context.cache.get(Key(kind, namespace, name))

    def put_ingress(self, namespace: str, host: str = HOST, prefix: str = "") -> None:
        meta = {"name": "salon", "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": resources.MANAGER}}
        rules = [{"host": host, "http": {"paths": [{"path": f"{prefix}/webhooks"}, {"path": f"{prefix}/retell"}]}}]
        stored = self.api.put(resources.INGRESSES, {"metadata": meta, "spec": {"rules": rules}})
        self.sink.observe(resources.INGRESSES, stored)

    def remove(self, kind: str, namespace: str, name: str = "", *, seen: bool = True) -> None:
        """Remove an object; the watches report it only if it is `seen`."""
        name = name or ("mitte" if kind == "Branch" else "salon")
        gone = self.api.remove((kind, namespace, name))
        if seen:
            self.sink.forget(resources.resource_of_kind(kind), namespace, name, gone["metadata"]["uid"])

    def watch(self) -> None:
        """Report the present grants and routes to the operators."""
        for ref in (resources.CONFIG_MAPS, resources.INGRESSES):
            for where, uid in dict(self.context.cache.uids(ref)).items():
                if (ref.kind, *where) not in self.api.objects:
                    self.sink.forget(ref, *where, uid)
            for (kind, _, _), obj in list(self.api.objects.items()):
                if kind == ref.kind:
                    self.sink.observe(ref, obj)

    async def take(self, model: Any, subject: Subject, scope: str = "") -> Holder | None:
        holder = await take(model, subject, self.context, scope)
        self.watch()
        return holder

    async def review(self) -> list[Result]:
        """Review all grants."""
        self.watch()
        results = [await reconcile(key, self.context) for key in grant_keys(self.context)]
        self.watch()
        return results

    def holders(self, subject: Subject) -> list[str]:
        """Return the namespaces and UIDs of the holders, as the API server has them."""
        stored = self.api.objects.get(("ConfigMap", OPERATOR_NAMESPACE, subject.name))
        grant = read_grant(stored["metadata"]["annotations"]) if stored else None
        return [holder.uid for holder in grant.holders] if grant else []
