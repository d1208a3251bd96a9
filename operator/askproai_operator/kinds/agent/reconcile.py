"""Make one RetellAgent true at Retell. Read from top to bottom: references, one look, one decision, its steps, what to tell."""

from datetime import timedelta
from typing import Any, Final

from askproai_operator.api import ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.engine import FINALIZER, GONE, Key, Result, World
from askproai_operator.external import REQUEST_TIMEOUT, ProviderError
from askproai_operator.kinds.agent.apply import AgentGone, apply
from askproai_operator.kinds.agent.decide import Finding, decide
from askproai_operator.kinds.agent.deletion import end
from askproai_operator.kinds.agent.ground import Ground, find_ground, marker
from askproai_operator.kinds.agent.observe import Known, observe
from askproai_operator.kinds.agent.render import desired
from askproai_operator.kinds.agent.tell import PLAN_ANNOTATION, failed, observed_only, planned, settled, waiting

# A create that we stopped waiting for may still commit, and a list may not show it yet.
GRACE: Final = REQUEST_TIMEOUT + timedelta(seconds=10)


async def reconcile(key: Key, world: World) -> Result:
    """Make one RetellAgent true. Level-triggered: safe to run again at any point."""
    agent = world.cache.agent(key.namespace, key.name)
    if agent is None:
        return GONE
    if agent.metadata.deletion_timestamp is not None:
        return await end(agent, world, GRACE)
    if FINALIZER not in agent.metadata.finalizers and not await world.kube.add_finalizer(agent):
        return GONE
    ground = await find_ground(agent, world)
    if isinstance(ground, Finding):
        return Result((bad(ConditionType.SYNCED, ground.reason, ground.message),))
    if not agent.status.get("agentId") or agent.status.get("pending"):  # we may create: an old view would create twice
        newest = await world.fresh(agent)
        if newest is None:
            return GONE
        agent = newest
    try:
        return await _make_true(agent, ground, world)
    except AgentGone:
        return GONE
    except ProviderError as error:
        return failed(error)


async def _make_true(agent: RetellAgent, ground: Ground, world: World) -> Result:
    known, wanted = Known.from_status(agent.status), desired(ground.declared)
    adopt = agent.spec.adopt.agent_id if agent.spec.adopt else None
    observed = await observe(
        ground.client,
        known,
        marker(agent, world),
        [number.e164 for number in wanted.numbers or ()],
        world.clock.now(),
        adopt=adopt,
        search=_search_twins(agent),
    )
    plan = decide(observed, wanted, known, GRACE, adopt)
    if plan.refused is not None:
        return Result((bad(ConditionType.SYNCED, plan.refused.reason, plan.refused.message),))
    if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
        return observed_only(plan, observed)
    if agent.metadata.annotations.get(PLAN_ANNOTATION) == "true":
        return planned(plan)
    if plan.wait is not None:
        return waiting(plan, plan.wait, world.clock.now())
    hands = await apply(plan, observed, wanted, agent, world, ground.client)
    return settled(plan, wanted, ground.tenant, ground.number_findings, hands, observed)


def _search_twins(agent: RetellAgent) -> bool:
    """Look for duplicates when a person changed something, and until the found ones are gone; not each minute."""
    synced: dict[str, Any] = next(
        (c for c in agent.status.get("conditions") or [] if c["type"] == ConditionType.SYNCED), {}
    )
    return (
        synced.get("reason") == Reason.DUPLICATE_FOUND or synced.get("observedGeneration") != agent.metadata.generation
    )
