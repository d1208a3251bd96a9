"""Carries a plan out, step by step. A crash after any step is followed by another look, never by a second create."""

from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from askproai_operator.api import RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.decide import PUBLISH, Act, Plan, Step
from askproai_operator.controllers.agent.diff import paths
from askproai_operator.controllers.agent.ground import Ground
from askproai_operator.controllers.agent.observe import Known, Observed, engine_of
from askproai_operator.engine import Key
from askproai_operator.providers import (
    Json,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RetellClient,
    UnknownOutcome,
)


class AgentGone(Exception):
    """Our object went away in the middle: its deletion comes next, and looks for everything that carries our marker."""


@dataclass(slots=True)
class Hands:
    """Who carries out a plan, and what came of it so far."""

    agent: RetellAgent
    world: ReconcileContext
    ground: Ground
    agent_id: str | None
    llm_id: str | None
    version: int  # that is being edited, or is published
    llm_version: int
    variables: Json  # the LLM's default variables, a person's among them

    async def keep(self, **fields: Any) -> None:
        """Make fields of our status durable now. The tenant's name is always among them: deletion finds its key by it."""
        fields = {"tenant": self.ground.tenant, "llmId": self.llm_id, **fields}
        if not await self.world.kube.patch_status(self.agent, fields):
            raise AgentGone

    async def intend(self, what: str) -> None:
        """Write down that there may be something from now on whose id we do not know."""
        await self.keep(pending={"what": what, "since": self.world.clock.now().isoformat(timespec="seconds")})

    async def create(self, what: str, call: Coroutine[Any, Any, Json]) -> Json:
        """Wait for a create whose intent is durable; the caller keeps the id."""
        try:
            created = await call
        except UnknownOutcome:
            await self.intend(what)  # it may yet commit: the grace period begins only now
            raise
        except ProviderError:
            await self.keep(pending=None)  # it surely did not happen: the next try need not wait
            raise
        self.world.faults.reach(f"after:create-{what}")
        return created


async def apply(
    plan: Plan, observed: Observed, known: Known, ground: Ground, agent: RetellAgent, world: ReconcileContext
) -> Hands:
    """Carry out the steps in order; gives the ids and the published version. Raises `ProviderError` where Retell stops us."""
    latest = (observed.agent if PUBLISH in plan.steps else observed.live_agent) or {"version": 0}
    hands = Hands(
        agent,
        world,
        ground,
        observed.agent_id,
        observed.llm_id,
        version=int(latest["version"]),
        llm_version=engine_of(latest)[1],
        variables=(observed.llm or {}).get("default_dynamic_variables") or {},
    )
    if plan.steps and observed.agent_id not in (None, known.agent_id):
        await hands.keep(agentId=observed.agent_id)  # found or adopted: from now on its deletion is ours, too
    for step in plan.steps:
        name = step.act.name.lower().replace("_", "-")
        if step.act in (Act.CREATE_LLM, Act.CREATE_AGENT):
            await hands.intend(name.removeprefix("create-"))
        world.faults.reach(f"before:{name}")
        world.fence()
        await _carry_out(step, hands)
        world.faults.reach(f"after:{name}")
    return hands


async def _carry_out(step: Step, hands: Hands) -> None:  # noqa: C901, PLR0912 (one case for each kind of step)
    client, wanted = hands.ground.client, hands.ground.wanted
    match step.act:
        case Act.CREATE_LLM:
            hands.llm_id = str((await hands.create("llm", client.create_llm(wanted.llm)))["llm_id"])
            await hands.keep(agentId=None, publishedVersion=None, pending=None)
        case Act.CREATE_AGENT:
            engine = {"type": "retell-llm", "llm_id": hands.llm_id}
            body = {"response_engine": engine, **wanted.agent}
            created = await hands.create("agent", client.create_agent(body))
            hands.agent_id, hands.version = str(created["agent_id"]), int(created.get("version") or 0)
            await hands.keep(agentId=hands.agent_id, pending=None)
        case Act.FORK:
            draft = await client.fork_agent(str(hands.agent_id), int(step.on[0]))
            hands.version, hands.llm_version = int(draft["version"]), engine_of(draft)[1]
        case Act.PATCH_LLM:
            changes = {name: wanted.llm[name] for name in step.on}
            if "default_dynamic_variables" in changes:  # replaced as a whole, so what a person added is sent along
                declared = changes["default_dynamic_variables"]
                given = {name: value for name, value in declared.items() if value}
                changes["default_dynamic_variables"] = {**declared, **hands.variables, **given}
            await client.update_llm(str(hands.llm_id), hands.llm_version, changes)
        case Act.PATCH_AGENT:
            changes = {name: wanted.agent[name] for name in step.on}
            await client.update_agent(str(hands.agent_id), hands.version, changes)
        case Act.PUBLISH:
            await _publish(hands)
        case Act.IMPORT:
            await client.import_number(dict(step.number.sip or {}) if step.number else {})
        case Act.BIND:
            pinned = {"agent_id": hands.agent_id, "weight": 1, "agent_version": hands.version}
            await client.update_number(step.on[0], {"inbound_agents": [pinned]})
        case Act.WEBHOOK | Act.NO_WEBHOOK:
            url = wanted.inbound_url if step.act is Act.WEBHOOK else None
            await client.update_number(step.on[0], {"inbound_webhook_url": url})
        case Act.UNBIND:
            await client.update_number(step.on[0], {"inbound_agents": list(step.others) or None})
            wake_others(hands.agent.key, hands.ground.tenant, hands.world)
        case Act.DELETE_AGENT:
            await client.delete_agent(step.on[0])
        case Act.DELETE_LLM:
            await delete_llm_if_unused(client, step.on[0])


async def _publish(hands: Hands) -> None:
    """Publish the draft if it is as declared. A field that Retell does not keep must not make a version each minute."""
    client, wanted = hands.ground.client, hands.ground.wanted
    draft = await client.get_agent(str(hands.agent_id), hands.version)
    llm = await client.get_llm(str(hands.llm_id), engine_of(draft)[1]) if draft else None
    if draft is None or llm is None:
        raise ProviderUnavailable("retell", "compare-draft", f"version {hands.version} can not be read yet")
    if lost := (*paths(wanted.agent, draft), *paths(wanted.llm, llm)):
        text = f"Retell did not keep {', '.join(lost)}; change these values"
        raise ProviderRefused("retell", "compare-draft", HTTPStatus.UNPROCESSABLE_ENTITY, text)
    if not draft.get("is_published"):  # to publish twice is refused, or a rollback (retell.md §2.1.4)
        await client.publish_agent(str(hands.agent_id), hands.version)


def wake_others(agent: Key, tenant: str, world: ReconcileContext) -> None:
    """A number was freed: whoever waits for it shall not leave its callers alone until the next resync."""
    for other in world.relations.agents(agent.namespace, tenant):
        if other.key != agent:
            world.enqueue(other.key)


async def delete_llm_if_unused(client: RetellClient, llm_id: str) -> bool:
    """Delete an LLM; False while an agent uses it (Retell's 400 guards it)."""
    try:
        await client.delete_llm(llm_id)
    except ProviderRefused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return False
    return True
