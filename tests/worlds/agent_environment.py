"""A tenant, a branch and an agent at an API server in memory, and Retell's simulator, both behind a real socket."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx

from askproai_core.kube import Access, ApiError
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import reconcile
from askproai_operator.controllers.rollout_report import follow_rollouts
from askproai_operator.engine import Cache, Kube, Result
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.engine.ready_condition import update_for_result
from askproai_operator.memory import Memory
from askproai_operator.providers import ProviderClients
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from tests.worlds import retell_contract
from tests.worlds.clock import FixedClock
from tests.worlds.exchanges import compared
from tests.worlds.memory_api_server import NO_AUTHORITIES, MemoryApiServer, serve_api

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
OPERATOR_NAMESPACE = "askproai-system"
RETELL_KEY = "key_test_salon"
NUMBER = "+49301234567"
INBOUND_URL = "https://voice.example/salon/salon/retell/inbound"
MARKER = "inst-1/salon/mitte"
KEY = Key("RetellAgent", "salon", "mitte")
WITH_TRANSFER = {"functions": ["CheckAvailability", "BookAppointment", "TransferToHuman"], "transferTo": "+49301234599"}
WRITES = {"POST", "PATCH", "DELETE", "PUT"}
READS_BY_POST = {"list-agents"}


class Crash(BaseException):
    """The end of the process by SIGKILL, which no `except Exception` may catch."""


@dataclass
class CrashPoints:
    """Fault points that raise `Crash` where the real ones kill the process."""

    armed: str | None = None
    reached: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        self.reached.append(name)
        if name == self.armed:
            self.armed = None
            raise Crash(name)


@dataclass
class AgentEnvironment:
    """Everything that a test of the RetellAgent controller touches."""

    context: ReconcileContext
    sink: EventSink
    api: MemoryApiServer
    api_url: str
    faults: CrashPoints
    clock: FixedClock
    simulator: RetellSimulator
    retell_url: str
    http: httpx.AsyncClient
    stack: AsyncExitStack
    results: list[Result] = field(default_factory=list)
    enqueued: list[Key] = field(default_factory=list)  # by the controller, not by watches

    # The operator

    async def reconcile(self) -> Result:
        """Reconcile once, and write status and events as the engine does."""
        before = self.context.relations.agent("salon", "mitte")
        result = await reconcile(KEY, self.context)
        self.results.append(result)
        now = self.context.relations.agent("salon", "mitte")
        if not result.gone and now is not None and before is not None:
            patch = update_for_result(before, now.status, result, self.clock.now()).patch
            if patch:
                await self.context.kube.patch_status(now, patch)
        for event in result.events:
            assert before is not None
            try:
                await self.context.kube.record_event(before, event)
            except ApiError:  # the engine goes on without it
                assert self.api.forbidden
        return result

    async def settle(self, attempts: int = 12) -> Result:
        """Reconcile as the queue would, advancing the clock to each requested time, until no requeue is requested."""
        for _ in range(attempts):
            result = await self.reconcile()
            if result.gone or (not result.requeue and result.requeue_after is None):
                return result
            self.clock.advance(result.requeue_after or timedelta(seconds=2))
        raise AssertionError(f"still requeued: {self.results[-1]}")

    async def settle_quietly(self) -> None:
        """Settle, and assert that nothing is written at Retell meanwhile."""
        at = len(self.retell_requests)
        await self.settle()
        assert self.retell_writes(at) == []

    async def crash_at(self, point: str) -> None:
        """Reconcile until the process dies at a fault point, and start a new one."""
        self.faults.armed = point
        try:
            for _ in range(6):
                await self.reconcile()
        except Crash:
            await self.restart()
            return
        raise AssertionError(f"{point} was never reached, but {self.faults.reached}")

    async def restart(self) -> None:
        """Replace the process by a new one, which knows only the objects that are in the cluster now."""
        self.sink, kube = await _connect(self.api_url, self.clock, self.stack)
        known = {"cache": self.sink.cache, "relations": Relations(self.sink.cache), "memory": Memory()}
        self.context = replace(self.context, kube=kube, **known)
        for ref in resources.CUSTOM:
            for raw in await kube.list(ref):
                self.sink.prime(ref, raw)

    # Changes in the cluster by people and other controllers; watches report them at once

    def put(self, ref: resources.ApiResource, raw: dict[str, Any]) -> None:
        self._report(ref, self.api.put(ref, raw))

    def edit(self, **spec: Any) -> None:
        """Replace fields of the agent's spec."""
        self._report(resources.AGENTS, self.api.edit(tuple(KEY), spec=spec))

    def annotate(self, **annotations: str) -> None:
        """Replace all annotations of the agent."""
        self._report(resources.AGENTS, self.api.edit(tuple(KEY), annotations=annotations))

    def delete(self) -> None:
        """Delete the agent, as kubectl does."""
        raw = self.api.objects[tuple(KEY)]
        held = self.api.delete(tuple(KEY))
        if held is None:
            self.sink.forget(resources.AGENTS, "salon", "mitte", raw["metadata"]["uid"])
        else:
            self._report(resources.AGENTS, held)

    def remove(self, ref: resources.ApiResource, name: str) -> None:
        """Remove an object of the salon's namespace, whatever its finalizers."""
        raw = self.api.remove((ref.kind, "salon", name))
        self.sink.forget(ref, "salon", name, raw["metadata"]["uid"])

    def _report(self, ref: resources.ApiResource, raw: dict[str, Any]) -> None:
        if ref in resources.CUSTOM:
            self.sink.observe(ref, raw)

    def put_teardown_secret(self, key: str) -> None:
        """Write Secret `<tenant>-teardown`, as the Tenant's controller does once Retell has accepted the key."""
        data = {"retell-api-key": key, "retell-base-url": self.retell_url}
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        metadata = {"name": "salon-teardown", "namespace": "salon", "uid": "u-s"}
        self.put(resources.SECRETS, {"metadata": metadata, "data": encoded})

    def set_runtime_available(self, available: bool) -> None:
        self.set_tenant_condition("RuntimeAvailable", available)

    def set_tenant_condition(self, kind: str, good: bool) -> None:
        raw = tenant()
        condition = next(each for each in raw["status"]["conditions"] if each["type"] == kind)
        condition["status"] = "True" if good else "False"
        self.put(resources.TENANTS, raw)

    def set_branch_numbers(self, *numbers: str) -> None:
        self.put(resources.BRANCHES, branch(list(numbers)))

    # Retell

    async def inject_fault(self, operation: str, kind: str, **parameters: Any) -> None:
        """Let the simulator fail at an operation."""
        body = {"operation": operation, "fault": kind, **parameters}
        answer = await self.http.post("/_sim/faults", json=body)
        assert answer.status_code == 200, answer.text

    async def request_retell(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to Retell as if a person had used the dashboard; return the answer's JSON."""
        answer = await self.http.request(method, path, json=body, headers={"Authorization": f"Bearer {RETELL_KEY}"})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def publish_by_hand(self, llm: dict[str, Any] | None = None, **fields: object) -> None:
        """Publish a version of the agent with other fields, and of its LLM, as a person does with the dashboard."""
        agent_id = self.status["agentId"]
        path, body = f"/create-agent-version/{agent_id}", {"base_version": self.status["publishedVersion"]}
        version = (await self.request_retell("POST", path, body))["version"]
        await self.request_retell("PATCH", f"/update-agent/{agent_id}?version={version}", fields)
        if llm is not None:
            await self.request_retell("PATCH", f"/update-retell-llm/{self.status['llmId']}?version={version}", llm)
        await self.request_retell("POST", f"/publish-agent-version/{agent_id}", {"version": version})

    async def create_by_hand(self) -> str:
        """Create and publish an agent as a person would, without our marker; return its id."""
        remote = await self.create_draft(None, general_prompt="alt", default_dynamic_variables={"gruss": "Servus"})
        await self.request_retell("POST", f"/publish-agent-version/{remote}", {"version": 0})
        return remote

    async def create_draft(self, name: str | None, **llm: object) -> str:
        """Create an agent of a given name, with an LLM of its own, that nobody has published; return its id."""
        made = await self.request_retell("POST", "/create-retell-llm", {"start_speaker": "agent", **llm})
        body = {"response_engine": {"type": "retell-llm", "llm_id": made["llm_id"]}, "voice_id": "11labs-Adrian"}
        body |= {} if name is None else {"agent_name": name}
        return str((await self.request_retell("POST", "/create-agent", body))["agent_id"])

    async def bind_by_hand(self, number: str, agent_id: str | None, **version: int) -> None:
        """Bind a number to an agent, or unbind it (None), as a person does in the dashboard."""
        bound = agent_id and [{"agent_id": agent_id, "weight": 1, **version}]
        path = f"/update-phone-number/{number.replace('+', '%2B')}"
        await self.request_retell("PATCH", path, {"inbound_agents": bound})

    async def call(self) -> CallRecord:
        """Call the number, and ask for an appointment."""
        return await play_call(
            self.retell_url, NUMBER, ["Guten Tag, ich hätte gern einen Haarschnitt am Freitag um zehn"]
        )

    @property
    def answering_llm(self) -> dict[str, Any]:
        """The LLM of the version that answers callers."""
        llm: dict[str, Any] = self.workspace["llms"][self.status["llmId"]][self.status["publishedVersion"]]
        return llm

    @property
    def retell_requests(self) -> list[dict[str, Any]]:
        """Every request to Retell, from the simulator's journal."""
        return self.simulator.journal.entries

    def retell_writes(self, since: int = 0) -> list[str]:
        """Return the operations of all requests except reads, refused ones included, from request number `since`."""
        return [
            entry["operation"]
            for entry in self.retell_requests[since:]
            if entry["method"] in WRITES and entry["operation"] not in READS_BY_POST
        ]

    @property
    def workspace(self) -> dict[str, Any]:
        return self.simulator.dump()["workspaces"][RETELL_KEY]

    # The agent's status and the objects at Retell

    @property
    def status(self) -> dict[str, Any]:
        return self.api.objects[tuple(KEY)].get("status", {})

    def condition(self, type_: str) -> dict[str, Any]:
        return next(c for c in self.status["conditions"] if c["type"] == type_)

    def assert_one_of_each(self) -> None:
        """Assert one agent, one LLM, and one binding to the explicit published version; nothing pending."""
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


def _manifest(kind: str, name: str, uid: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "salon", "uid": uid, "generation": 1}
    return {"apiVersion": "askproai.de/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def branch(numbers: list[str]) -> dict[str, Any]:
    listed = [{"number": number} for number in numbers]
    spec = {"tenantRef": {"name": "salon"}, "displayName": "Salon Mitte", "phoneNumbers": listed, "openingHours": []}
    return _manifest("Branch", "mitte", "u-branch", spec) | {"status": {"phoneNumbers": numbers}}


def tenant(model: str = "Simple") -> dict[str, Any]:
    key = {"apiKeySecretRef": {"name": "providers", "key": "retell-api-key"}}
    spec = {"displayName": "Salon Müller", "businessModel": model, "retell": key, "calendar": {"provider": "Local"}}
    urls = {
        "retell": "https://voice.example/salon/salon/webhooks/retell",
        "functions": "https://voice.example/salon/salon/retell/functions",
        "inbound": INBOUND_URL,
    }
    conditions = [
        {"type": type_, "status": "True", "reason": "AsDeclared", "message": ""}
        for type_ in ("CredentialsValid", "RuntimeAvailable")
    ]
    return _manifest("Tenant", "salon", "u-tenant", spec) | {"status": {"webhookUrls": urls, "conditions": conditions}}


def agent(**spec: Any) -> dict[str, Any]:
    usual = {
        "branchRef": {"name": "mitte"},
        "displayName": "Empfang Mitte",
        "voiceId": "11labs-Carola",
        "llm": {"model": "gpt-5.1", "temperature": "0", "prompt": "Du bist der Empfang."},
        "functions": ["CheckAvailability", "BookAppointment"],
    }
    return _manifest("RetellAgent", "mitte", "u-agent", usual | spec)


def _new_sink() -> EventSink:
    cache = Cache()
    return EventSink(cache, Relations(cache), lambda _: None)


async def _connect(url: str, clock: FixedClock, stack: AsyncExitStack) -> tuple[EventSink, Kube]:
    """Return a sink with an empty cache, and the client that writes to both API server and cache."""
    sink = _new_sink()
    access = Access(url, NO_AUTHORITIES, lambda: None)
    kube = Kube(lambda: access, sink, clock, namespace=OPERATOR_NAMESPACE)
    return sink, await stack.enter_async_context(kube)


@asynccontextmanager
async def open_agent_environment(
    *, with_number: bool = True, drift_seconds: int = 0, **spec: Any
) -> AsyncIterator[AgentEnvironment]:
    """Yield an environment with one agent, its spec changed by `spec`. Without `with_number` its number is not at Retell yet.

    Each reconcile asks Retell, unless `drift_seconds` sets a longer interval.
    """
    clock = FixedClock(START)
    simulator, api = RetellSimulator(clock), MemoryApiServer(clock.now)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(compared(simulator, retell_contract.check_exchange))
        url = await stack.enter_async_context(serve(simulator))
        api_url = await stack.enter_async_context(serve_api(api))
        providers = await stack.enter_async_context(ProviderClients(clock))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, verify=NO_AUTHORITIES))
        sink, kube = await _connect(api_url, clock, stack)
        faults = CrashPoints()
        enqueued: list[Key] = []
        settings = Settings(namespace=OPERATOR_NAMESPACE, leftover_retry_seconds=30, drift_seconds=drift_seconds)
        context = ReconcileContext(
            kube=kube,
            cache=sink.cache,
            relations=Relations(sink.cache),
            settings=settings,
            clock=clock,
            faults=faults,
            database=SimpleNamespace(),
            providers=providers,
            installation_id="inst-1",
            fence=lambda: None,
            enqueue=enqueued.append,
            rollouts=follow_rollouts(sink.cache, settings, clock, lambda _: None),
        )
        env = AgentEnvironment(
            context, sink, api, api_url, faults, clock, simulator, url, http, stack, enqueued=enqueued
        )
        env.put(resources.TENANTS, tenant())
        env.put(resources.BRANCHES, branch([NUMBER]))
        env.put(resources.AGENTS, agent(**spec))
        env.put_teardown_secret(RETELL_KEY)
        if with_number:
            await env.request_retell(
                "POST", "/import-phone-number", {"phone_number": NUMBER, "termination_uri": "sip.example"}
            )
            simulator.journal.clear()
        yield env
