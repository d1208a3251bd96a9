"""Make one RetellAgent true at Retell. Read from top to bottom: references, one look, one decision, its steps, what to tell."""

from askproai_operator.api import ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import ConditionType, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.apply import AgentGone, apply
from askproai_operator.controllers.agent.decide import Finding
from askproai_operator.controllers.agent.deletion import end
from askproai_operator.controllers.agent.ground import Ground, find_ground
from askproai_operator.controllers.agent.look import GRACE, look
from askproai_operator.controllers.agent.tell import PLAN_ANNOTATION, failed, observed_only, planned, settled, waiting
from askproai_operator.engine import GONE, Key, Result
from askproai_operator.providers import ProviderError


async def reconcile(key: Key, world: ReconcileContext) -> Result:
    """Make one RetellAgent true. Level-triggered: safe to run again at any point."""
    agent = world.relations.agent(key.namespace, key.name)
    if agent is None:
        return GONE
    if agent.metadata.deletion_timestamp is not None:
        return await end(agent, world, GRACE)
    if not await world.kube.add_finalizer(agent):
        return GONE
    try:
        ground = await find_ground(agent, world)
        if isinstance(ground, Finding):
            return _stopped(ground)
        if not agent.status.get("agentId") or agent.status.get("pending"):
            newest = await world.refetch(agent)  # we may create, and an old view would create twice
            if newest is None:
                return GONE
            agent = newest
        return await _make_true(agent, ground, world)
    except AgentGone:
        return GONE
    except ProviderError as error:
        return failed(error)


async def _make_true(agent: RetellAgent, ground: Ground, world: ReconcileContext) -> Result:
    seen = await look(agent, ground, world)
    plan, observed, known = seen.plan, seen.observed, seen.known
    if plan.refused is not None:
        return _stopped(plan.refused)
    if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
        return observed_only(plan, observed, known)
    if agent.metadata.annotations.get(PLAN_ANNOTATION) == "true":
        return planned(plan)
    if plan.wait is not None:
        return waiting(plan, plan.wait, known, world.clock.now())
    hands = await apply(plan, observed, known, ground, agent, world)
    return settled(plan, hands, observed)


def _stopped(why: Finding) -> Result:
    return Result((bad(ConditionType.SYNCED, why.reason, why.message),))
