"""Carries out a plan at Retell. After a crash at any step, the next reconcile observes again; nothing is created twice."""

from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from askproai_core.providers import Json, ProviderError, ProviderRefused, ProviderUnavailable, UnknownOutcome
from askproai_operator.api import Key, RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent_plan import PUBLISH, Action, Plan, PlanInputs, Step, Target, differing_paths
from askproai_operator.controllers.agent_plan.observe import engine_of
from askproai_operator.providers import RetellClient


class AgentGone(Exception):
    """Raised if our RetellAgent was deleted during its plan. Its deletion then finds all objects with our marker."""


@dataclass(frozen=True, slots=True)
class Published:
    """The ids of agent and LLM, and the version that answers calls, after a plan was carried out."""

    agent_id: str | None
    llm_id: str | None
    version: int


async def execute(
    plan: Plan, inputs: PlanInputs, target: Target, agent: RetellAgent, context: ReconcileContext
) -> Published:
    """Carry out the plan's steps. Raises ProviderError if Retell refuses or fails, AgentGone if our object is gone, NotLeader."""
    observation = inputs.observation
    latest = (observation.agent if PUBLISH in plan.steps else observation.published_agent) or {"version": 0}
    executor = Executor(
        agent,
        context,
        target,
        observation.agent_id,
        observation.llm_id,
        version=int(latest["version"]),
        llm_version=engine_of(latest)[1],
        live_variables=(observation.llm or {}).get("default_dynamic_variables") or {},
    )
    if plan.steps and observation.agent_id not in (None, inputs.recorded.agent_id):
        await executor.record(agentId=observation.agent_id)  # found or adopted: its deletion is ours from now on
    for step in plan.steps:
        await executor.take(step)
    return Published(executor.agent_id, executor.llm_id, executor.version)


@dataclass(slots=True)
class Executor:
    """The execution of one plan: the ids and versions of agent and LLM at Retell, as they are after the steps done so far."""

    agent: RetellAgent
    context: ReconcileContext
    target: Target
    agent_id: str | None
    llm_id: str | None
    version: int  # of the agent that is being edited, or is published
    llm_version: int
    live_variables: Json  # the LLM's default variables at Retell, a person's among them

    async def take(self, step: Step) -> None:
        """Carry out one step at Retell, between its two fault points. Raises NotLeader if another process may lead."""
        name = step.action.name.lower().replace("_", "-")
        if step.action in (Action.CREATE_LLM, Action.CREATE_AGENT):
            await self.record_intent(name.removeprefix("create-"))
        self.context.faults.reach(f"before:{name}")
        self.context.fence()
        await self._write(step)
        self.context.faults.reach(f"after:{name}")

    async def record(self, **fields: Any) -> None:
        """Write fields into the agent's status now, and the tenant's name, by which a deletion finds the key. Raises AgentGone."""
        fields = {"tenant": self.target.tenant, "llmId": self.llm_id, **fields}
        if not await self.context.kube.patch_status(self.agent, fields):
            raise AgentGone

    async def record_intent(self, kind: str) -> None:
        """Record in the status, before a create, that an agent or LLM (`kind`) whose id we do not know may exist from now on."""
        since = self.context.clock.now().isoformat(timespec="seconds")
        await self.record(pending={"what": kind, "since": since})

    async def create(self, kind: str, request: Coroutine[Any, Any, Json]) -> Json:
        """Await a create at Retell whose intent is recorded, and return the new agent or LLM. The caller has to record its id."""
        try:
            created = await request
        except UnknownOutcome:
            await self.record_intent(kind)  # it may commit later, so the grace period begins only now
            raise
        except ProviderError:
            await self.record(pending=None)  # it surely did not happen: the next try need not wait
            raise
        self.context.faults.reach(f"after:create-{kind}")
        return created

    async def _write(self, step: Step) -> None:  # noqa: C901, PLR0912 (one case for each action)
        client, desired = self.target.client, self.target.desired
        match step.action:
            case Action.CREATE_LLM:
                self.llm_id = str((await self.create("llm", client.create_llm(desired.llm)))["llm_id"])
                await self.record(agentId=None, publishedVersion=None, pending=None)
            case Action.CREATE_AGENT:
                engine = {"type": "retell-llm", "llm_id": self.llm_id}
                body = {"response_engine": engine, **desired.agent}
                created = await self.create("agent", client.create_agent(body))
                self.agent_id, self.version = str(created["agent_id"]), int(created.get("version") or 0)
                # With its URL, so that the Tenant, which reads both, is due once.
                await self.record(agentId=self.agent_id, webhookUrl=desired.agent.get("webhook_url"), pending=None)
            case Action.FORK:
                draft = await client.fork_agent(str(self.agent_id), int(step.arguments[0]))
                self.version, self.llm_version = int(draft["version"]), engine_of(draft)[1]
            case Action.PATCH_LLM:
                changes = {name: desired.llm[name] for name in step.arguments}
                if "default_dynamic_variables" in changes:
                    changes["default_dynamic_variables"] = self._merge_variables(changes["default_dynamic_variables"])
                await client.update_llm(str(self.llm_id), self.llm_version, changes)
            case Action.PATCH_AGENT:
                changes = {name: desired.agent[name] for name in step.arguments}
                await client.update_agent(str(self.agent_id), self.version, changes)
            case Action.PUBLISH:
                await self._publish()
            case Action.IMPORT:
                await client.import_number(dict(step.number.sip or {}) if step.number else {})
            case Action.BIND:
                pinned = {"agent_id": self.agent_id, "weight": 1, "agent_version": self.version}
                await client.update_number(step.arguments[0], {"inbound_agents": [pinned]})
            case Action.WEBHOOK | Action.NO_WEBHOOK:
                url = desired.inbound_url if step.action is Action.WEBHOOK else None
                await client.update_number(step.arguments[0], {"inbound_webhook_url": url})
            case Action.UNBIND:
                await client.update_number(step.arguments[0], {"inbound_agents": list(step.remaining) or None})
                enqueue_other_agents(self.agent.key, self.target.tenant, self.context)
            case Action.DELETE_AGENT:
                await client.delete_agent(step.arguments[0])
            case Action.DELETE_LLM:
                await delete_llm_if_unused(client, step.arguments[0])

    def _merge_variables(self, declared: Json) -> Json:
        """Return the LLM's default variables: ours and a person's, since an update at Retell replaces all variables."""
        with_values = {name: value for name, value in declared.items() if value}
        return {**declared, **self.live_variables, **with_values}

    async def _publish(self) -> None:
        """Publish the draft. Raises ProviderRefused if Retell lost a declared field, or each reconcile would publish again."""
        client, desired = self.target.client, self.target.desired
        draft = await client.get_agent(str(self.agent_id), self.version)
        llm = await client.get_llm(str(self.llm_id), engine_of(draft)[1]) if draft else None
        if draft is None or llm is None:
            raise ProviderUnavailable("retell", "compare-draft", f"version {self.version} can not be read yet")
        if lost := (*differing_paths(desired.agent, draft), *differing_paths(desired.llm, llm)):
            text = f"Retell did not keep {', '.join(lost)}; change these values"
            raise ProviderRefused("retell", "compare-draft", HTTPStatus.UNPROCESSABLE_ENTITY, text)
        # To publish a version again is refused, or a rollback (docs/vendors/retell.md).
        if not draft.get("is_published"):
            await client.publish_agent(str(self.agent_id), self.version)


def enqueue_other_agents(agent: Key, tenant: str, context: ReconcileContext) -> None:
    """Enqueue the tenant's other agents after this agent freed a number: one of them may be waiting to bind it."""
    for other in context.relations.agents(agent.namespace, tenant):
        if other.key != agent:
            context.memory.looks.forget(other.key)
            context.enqueue(other.key)


async def delete_llm_if_unused(client: RetellClient, llm_id: str) -> bool:
    """Delete an LLM. Return False if an agent uses it, which Retell refuses with 400. Raises ProviderError for other failures."""
    try:
        await client.delete_llm(llm_id)
    except ProviderRefused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return False
    return True
