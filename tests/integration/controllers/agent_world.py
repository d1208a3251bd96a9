"""A tenant, a branch and an agent in a small in-memory cluster, and Retell's simulator behind a real socket."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx

from askproai_core.clock import FixedClock
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import reconcile
from askproai_operator.engine import FINALIZER, ApiError, Cache, Conflict, EventRecord, Key, Result, refs
from askproai_operator.engine.status import update_for_result
from askproai_operator.providers import ProviderClients
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
RETELL_KEY = "key_test_salon"
NUMBER = "+49301234567"
INBOUND_URL = "https://voice.example/salon/salon/retell/inbound"
MARKER = "inst-1/salon/mitte"
KEY = Key("RetellAgent", "salon", "mitte")
WRITES = {"POST", "PATCH", "DELETE", "PUT"}
READS_BY_POST = {"list-agents"}


class Crash(BaseException):
    """Stands for kill -9: nothing may catch it."""


@dataclass
class Faults:
    """Raises where the real fault points kill the process."""

    armed: str | None = None
    reached: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        self.reached.append(name)
        if name == self.armed:
            self.armed = None
            raise Crash(name)


@dataclass
class MemoryKube:
    """The few verbs that the agent kind uses; every write moves the resourceVersion and the cache, as the real one does."""

    cache: Cache
    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    no_events: bool = False
    writes: int = 0
    version: int = 1

    def put(self, ref: refs.Ref, raw: dict[str, Any]) -> None:
        self.version += 1
        raw["metadata"]["resourceVersion"] = str(self.version)
        self.objects[ref.kind, raw["metadata"]["namespace"], raw["metadata"]["name"]] = raw
        if ref in refs.CUSTOM:
            self.cache.put(ref, raw)

    async def get(self, ref: refs.Ref, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get((ref.kind, namespace, name))

    def _of(self, model: Any) -> dict[str, Any] | None:
        return self.objects.get((model.key.kind, model.key.namespace, model.key.name))

    async def patch_status(self, model: Any, status: dict[str, Any]) -> bool:
        raw = self._of(model)
        if raw is None:
            return False
        self.writes += 1
        merged = {**raw.get("status", {}), **status}
        self.put(
            refs.ref_of_kind(model.key.kind), {**raw, "status": {k: v for k, v in merged.items() if v is not None}}
        )
        return True

    async def add_finalizer(self, model: Any) -> bool:
        if FINALIZER in model.metadata.finalizers:
            return True
        raw = self._of(model)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            return False
        self.writes += 1
        self.put(refs.ref_of_kind(model.key.kind), {**raw, "metadata": {**raw["metadata"], "finalizers": [FINALIZER]}})
        return True

    async def remove_finalizer(self, model: Any) -> None:
        self.writes += 1
        raw = self.objects.pop((model.key.kind, model.key.namespace, model.key.name))
        self.cache.drop(refs.ref_of_kind(model.key.kind), model.key.namespace, model.key.name, raw["metadata"]["uid"])

    async def create(self, raw: dict[str, Any]) -> dict[str, Any]:
        meta = raw["metadata"]
        if (raw["kind"], meta["namespace"], meta["name"]) in self.objects:
            raise Conflict(409, "AlreadyExists", meta["name"])
        self.put(refs.ref_of_kind(raw["kind"]), {**raw, "metadata": {"uid": f"u-{meta['name']}", **meta}})
        return raw

    async def list(self, ref: refs.Ref, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        found = [raw for (kind, where, _), raw in self.objects.items() if (kind, where) == (ref.kind, namespace)]
        return [raw for raw in found if not selector or selector in (raw["metadata"].get("labels") or {})]

    async def patch(self, ref: refs.Ref, namespace: str, name: str, body: dict[str, Any]) -> None:
        self.writes += 1
        self.objects[ref.kind, namespace, name]["metadata"]["annotations"].update(body["metadata"]["annotations"])

    async def delete(self, ref: refs.Ref, namespace: str, name: str, uid: str) -> None:
        self.writes += 1
        assert self.objects.pop((ref.kind, namespace, name))["metadata"]["uid"] == uid

    async def tell(self, reason: str, message: str) -> None:
        self.events.append(("Normal", reason, message))

    async def event(self, model: Any, told: EventRecord) -> None:
        if self.no_events:
            raise ApiError(403, "Forbidden", "the namespace is going")
        self.events.append((told.type, told.reason, told.message))


@dataclass
class Scene:
    """Everything that a test of the agent kind touches."""

    world: ReconcileContext
    kube: MemoryKube
    faults: Faults
    clock: FixedClock
    simulator: RetellSimulator
    url: str
    http: httpx.AsyncClient
    results: list[Result] = field(default_factory=list)
    woken: list[Key] = field(default_factory=list)

    async def step(self) -> Result:
        """Reconcile once, and write what came of it as the engine does."""
        before = self.world.relations.agent("salon", "mitte")
        result = await reconcile(KEY, self.world)
        self.results.append(result)
        now = self.world.relations.agent("salon", "mitte")
        if not result.gone and now is not None and before is not None:
            told = update_for_result(before, now.status, result, self.clock.now())
            if told.patch:
                await self.kube.patch_status(now, told.patch)
        for event in result.events:
            try:
                await self.kube.event(before, event)
            except ApiError:
                assert self.kube.no_events
        return result

    async def settle(self, tries: int = 12) -> Result:
        """Reconcile as the queue would, letting the asked time pass, until there is nothing to do at once."""
        for _ in range(tries):
            result = await self.step()
            if result.gone or (not result.requeue and result.requeue_after is None):
                return result
            self.clock.move(result.requeue_after or timedelta(seconds=2))
        raise AssertionError(f"does not settle: {self.results[-1]}")

    async def crash_at(self, point: str) -> None:
        """Die at a fault point; the next reconcile is a new process with a fresh cache and no memory."""
        self.faults.armed = point
        try:
            for _ in range(6):
                await self.step()
        except Crash:
            return
        raise AssertionError(f"{point} was never reached, only {self.faults.reached}")

    def edit(self, **spec: Any) -> None:
        raw = self.kube.objects[tuple(KEY)]
        meta = {**raw["metadata"], "generation": raw["metadata"]["generation"] + 1}
        self.kube.put(refs.AGENTS, {**raw, "metadata": meta, "spec": {**raw["spec"], **spec}})

    def annotate(self, **annotations: str) -> None:
        raw = self.kube.objects[tuple(KEY)]
        self.kube.put(refs.AGENTS, {**raw, "metadata": {**raw["metadata"], "annotations": annotations}})

    def delete(self) -> None:
        raw = self.kube.objects[tuple(KEY)]
        self.kube.put(
            refs.AGENTS, {**raw, "metadata": {**raw["metadata"], "deletionTimestamp": self.clock.now().isoformat()}}
        )

    def restart(self) -> None:
        """Begin anew as another process does: it knows only what stands in the cluster now."""
        cache = self.kube.cache = Cache()
        self.world = replace(self.world, cache=cache, relations=Relations(cache))
        for (kind, _, _), raw in self.kube.objects.items():
            if kind != refs.SECRETS.kind:
                cache.put(refs.ref_of_kind(kind), raw)

    def remove(self, ref: refs.Ref, name: str) -> None:
        raw = self.kube.objects.pop((ref.kind, "salon", name))
        self.kube.cache.drop(ref, "salon", name, raw["metadata"]["uid"])

    def keep_key(self, key: str) -> None:
        """Write Secret `T-teardown`, as the Tenant's reconcile does when its key is found good."""
        data = {"retell-api-key": key, "retell-base-url": self.url}
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        metadata = {"name": "salon-teardown", "namespace": "salon", "uid": "u-s"}
        self.kube.put(refs.SECRETS, {"metadata": metadata, "data": encoded})

    def pods_serve(self, yes: bool) -> None:
        """Say what the Tenant's condition RuntimeAvailable says."""
        raw = tenant()
        raw["status"]["conditions"][1]["status"] = "True" if yes else "False"
        self.kube.put(refs.TENANTS, raw)

    def branch_numbers(self, *numbers: str) -> None:
        self.kube.put(refs.BRANCHES, branch(list(numbers)))

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        answer = await self.http.post("/_sim/faults", json={"operation": operation, "fault": kind, **more})
        assert answer.status_code == 200, answer.text

    async def retell(self, method: str, path: str, body: Any = None) -> Any:
        """Do something at Retell as a person with the dashboard would."""
        answer = await self.http.request(method, path, json=body, headers={"Authorization": f"Bearer {RETELL_KEY}"})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.simulator.journal.entries

    def written(self, since: int = 0) -> list[str]:
        """Give the operations that changed something at Retell (also the refused ones)."""
        return [
            e["operation"]
            for e in self.entries[since:]
            if e["method"] in WRITES and e["operation"] not in READS_BY_POST
        ]

    @property
    def workspace(self) -> dict[str, Any]:
        return self.simulator.dump()["workspaces"][RETELL_KEY]

    @property
    def status(self) -> dict[str, Any]:
        return self.kube.objects[tuple(KEY)].get("status", {})

    def condition(self, type_: str) -> dict[str, Any]:
        return next(c for c in self.status["conditions"] if c["type"] == type_)

    def assert_one_of_each(self) -> None:
        """One agent, one LLM, one binding to the explicit published version; nothing pending."""
        agents, llms = self.workspace["agents"], self.workspace["llms"]
        assert (len(agents), len(llms)) == (1, 1), (list(agents), list(llms))
        agent_id = next(iter(agents))
        latest = agents[agent_id][-1]
        assert latest["is_published"]
        bound = [{"agent_id": agent_id, "weight": 1, "agent_version": latest["version"]}]
        assert self.workspace["numbers"][NUMBER]["inbound_agents"] == bound
        assert (self.status["agentId"], self.status["llmId"]) == (agent_id, next(iter(llms)))
        assert self.status["publishedVersion"] == latest["version"]
        assert "pending" not in self.status


def branch(numbers: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "Branch",
        "metadata": {"name": "mitte", "namespace": "salon", "uid": "u-branch", "generation": 1},
        "spec": {
            "tenantRef": {"name": "salon"},
            "displayName": "Salon Mitte",
            "phoneNumbers": [{"number": number} for number in numbers],
            "openingHours": [],
        },
        "status": {"phoneNumbers": numbers},
    }


def tenant(model: str = "Simple") -> dict[str, Any]:
    key = {"name": "providers", "key": "retell-api-key"}
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": "salon", "namespace": "salon", "uid": "u-tenant", "generation": 1},
        "spec": {
            "displayName": "Salon Müller",
            "businessModel": model,
            "retell": {"apiKeySecretRef": key},
            "calendar": {"provider": "Local"},
        },
        "status": {
            "webhookUrls": {
                "retell": "https://voice.example/salon/salon/webhooks/retell",
                "functions": "https://voice.example/salon/salon/retell/functions",
                "inbound": INBOUND_URL,
            },
            "conditions": [
                {"type": type_, "status": "True", "reason": "AsDeclared", "message": ""}
                for type_ in ("CredentialsValid", "RuntimeAvailable")
            ],
        },
    }


def agent(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "RetellAgent",
        "metadata": {"name": "mitte", "namespace": "salon", "uid": "u-agent", "generation": 1},
        "spec": {
            "branchRef": {"name": "mitte"},
            "displayName": "Empfang Mitte",
            "voiceId": "11labs-Carola",
            "llm": {"model": "gpt-5.1", "temperature": "0", "prompt": "Du bist der Empfang."},
            "functions": ["CheckAvailability", "BookAppointment"],
            **spec,
        },
    }


@asynccontextmanager
async def scene(*, number_there: bool = True, **spec: Any) -> AsyncIterator[Scene]:
    clock = FixedClock(START)
    simulator = RetellSimulator(clock)
    async with serve(simulator) as url, ProviderClients(clock) as providers, httpx.AsyncClient(base_url=url) as http:
        cache = Cache()
        kube = MemoryKube(cache)
        kube.put(refs.TENANTS, tenant())
        kube.put(refs.BRANCHES, branch([NUMBER]))
        kube.put(refs.AGENTS, agent(**spec))
        faults = Faults()
        woken: list[Key] = []
        world = ReconcileContext(
            kube=kube,
            cache=cache,
            relations=Relations(cache),
            settings=Settings(namespace="askproai-system", leftover_retry_seconds=30),
            clock=clock,
            faults=faults,
            database=SimpleNamespace(),
            providers=providers,
            installation_id="inst-1",
            fence=lambda: None,
            enqueue=woken.append,
        )
        made = Scene(world, kube, faults, clock, simulator, url, http, woken=woken)
        made.keep_key(RETELL_KEY)
        if number_there:
            await made.retell(
                "POST", "/import-phone-number", {"phone_number": NUMBER, "termination_uri": "sip.example"}
            )
            simulator.journal.clear()
        yield made
