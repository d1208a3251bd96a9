"""Carries a plan out, step by step. A crash after any step is followed by another look, never by a second create."""

from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from askproai_operator.api import RetellAgent
from askproai_operator.engine import Conflict, World
from askproai_operator.external import Json, ProviderError, ProviderRefused, RetellClient, UnknownOutcome
from askproai_operator.kinds.agent import decide as plan_steps
from askproai_operator.kinds.agent.decide import Plan
from askproai_operator.kinds.agent.diff import paths
from askproai_operator.kinds.agent.observe import Observed, engine_of
from askproai_operator.kinds.agent.render import Desired

_STATUS_TRIES = 5


class AgentGone(Exception):
    """Our object went away in the middle: its deletion comes next, and looks for everything that carries our marker."""


@dataclass(slots=True)
class Hands:
    """Who carries out a plan, and what came of it so far."""

    agent: RetellAgent
    world: World
    client: RetellClient
    desired: Desired
    agent_id: str | None
    llm_id: str | None
    version: int  # that is being edited, or is published
    variables: Json  # the LLM's default variables, a person's among them

    async def keep(self, **fields: Any) -> None:
        """Make fields of our status durable now. Losing an id would leak an object, so conflicts are tried again."""
        for attempt in range(1, _STATUS_TRIES + 1):
            try:
                kept = await self.world.kube.patch_status(self.agent, fields)
            except Conflict:
                if attempt == _STATUS_TRIES:
                    raise
                continue
            if not kept:
                raise AgentGone
            return

    async def intend(self, what: str) -> None:
        """Write down that something may exist from now on, and be sure that it is us who may make it."""
        self.world.fence()
        if await self.world.fresh(self.agent) is None:
            raise AgentGone
        await self.keep(llmId=self.llm_id, pending=self.intent(what))

    async def create(self, call: Coroutine[Any, Any, Json]) -> Json:
        """Wait for a create; when it surely did not happen, take the intent back, so that the next try need not wait."""
        try:
            return await call
        except UnknownOutcome:
            raise
        except ProviderError:
            await self.keep(pending=None)
            raise

    def intent(self, what: str) -> dict[str, str]:
        return {"what": what, "since": self.world.clock.now().isoformat(timespec="seconds")}


async def apply(
    plan: Plan, observed: Observed, desired: Desired, agent: RetellAgent, world: World, client: RetellClient
) -> Hands:
    """Carry out the steps in order; gives the ids and the published version. Raises `ProviderError` where Retell stops us."""
    latest = observed.agent if plan_steps.Publish() in plan.steps else observed.live_agent
    version = int((latest or {"version": 0})["version"])
    variables = (observed.llm or {}).get("default_dynamic_variables") or {}
    hands = Hands(agent, world, client, desired, observed.agent_id, observed.llm_id, version, variables)
    for step in plan.steps:
        await _carry_out(step, hands)
    return hands


async def _carry_out(step: plan_steps.Step, hands: Hands) -> None:  # noqa: C901 (one line for each kind of step)
    client = hands.client
    match step:
        case plan_steps.CreateLlm():
            await _create_llm(hands)
        case plan_steps.CreateAgent():
            await _create_agent(hands)
        case plan_steps.ForkDraft(base):
            hands.world.fence()
            hands.version = int((await client.fork_agent(str(hands.agent_id), base))["version"])
            hands.world.faults.reach("after:fork")
        case plan_steps.PatchLlm(fields):
            await client.update_llm(str(hands.llm_id), await _llm_version(hands), _llm_changes(hands, fields))
            hands.world.faults.reach("after:patch-llm")
        case plan_steps.PatchAgent(fields):
            await client.update_agent(str(hands.agent_id), hands.version, {n: hands.desired.agent[n] for n in fields})
            hands.world.faults.reach("after:patch-agent")
        case plan_steps.Publish():
            await _publish(hands)
        case plan_steps.ImportNumber(number):
            await client.import_number(dict(number.sip or {}))
            hands.world.faults.reach("after:import")
        case plan_steps.BindNumber(number):
            hands.world.faults.reach("before:bind")
            entry = {"agent_id": hands.agent_id, "weight": 1, "agent_version": hands.version}
            await client.bind_number(number, [entry])
            hands.world.faults.reach("after:bind")
        case plan_steps.UnbindNumber(number, others):
            await client.bind_number(number, list(others) or None)
        case plan_steps.DeleteAgent(agent_id):
            await client.delete_agent(agent_id)
        case plan_steps.DeleteLlm(llm_id):
            await delete_llm_if_unused(client, llm_id)


async def _create_llm(hands: Hands) -> None:
    await hands.intend("llm")
    hands.world.faults.reach("before:create-llm")
    hands.world.fence()
    created = await hands.create(hands.client.create_llm(hands.desired.llm))
    hands.world.faults.reach("after:create-llm")
    hands.llm_id = str(created["llm_id"])
    # One write: the LLM's id, and the intent of the create that follows at once.
    await hands.keep(llmId=hands.llm_id, agentId=None, publishedVersion=None, pending=hands.intent("agent"))


async def _create_agent(hands: Hands) -> None:
    await hands.intend("agent")
    hands.world.faults.reach("before:create-agent")
    hands.world.fence()
    engine = {"type": "retell-llm", "llm_id": hands.llm_id}
    created = await hands.create(hands.client.create_agent({"response_engine": engine, **hands.desired.agent}))
    hands.world.faults.reach("after:create-agent")
    hands.agent_id, hands.version = str(created["agent_id"]), int(created.get("version") or 0)
    await hands.keep(agentId=hands.agent_id, llmId=hands.llm_id, pending=None)


def _llm_changes(hands: Hands, fields: tuple[str, ...]) -> Json:
    """A PATCH replaces each field as a whole, so the variables that a person added are sent along with ours."""
    changes = {name: hands.desired.llm[name] for name in fields}
    if "default_dynamic_variables" in changes:
        changes["default_dynamic_variables"] = {**hands.variables, **changes["default_dynamic_variables"]}
    return changes


async def _llm_version(hands: Hands) -> int:
    """Give the LLM's version that is paired with the draft we edit."""
    if hands.agent_id is None:
        return 0
    draft = await hands.client.get_agent(hands.agent_id, hands.version)
    return engine_of(draft)[1] or 0 if draft else hands.version


async def _publish(hands: Hands) -> None:
    """Publish the draft if it is as declared. A field that Retell does not keep must not make a version each minute."""
    draft = await hands.client.get_agent(str(hands.agent_id), hands.version)
    llm_id, llm_version = engine_of(draft) if draft else (None, None)
    llm = await hands.client.get_llm(llm_id, llm_version) if llm_id else None
    lost = (*paths(hands.desired.agent, draft or {}), *paths(hands.desired.llm, llm or {}))
    if lost:
        raise ProviderRefused(
            "retell", "compare-draft", HTTPStatus.OK, f"Retell did not keep {', '.join(lost)}; change these values"
        )
    hands.world.faults.reach("before:publish")
    await hands.client.publish_agent(str(hands.agent_id), hands.version)
    hands.world.faults.reach("after:publish")


async def delete_llm_if_unused(client: RetellClient, llm_id: str) -> bool:
    """Delete an LLM; False while an agent uses it (Retell's 400 guards it)."""
    try:
        await client.delete_llm(llm_id)
    except ProviderRefused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return False
    return True
