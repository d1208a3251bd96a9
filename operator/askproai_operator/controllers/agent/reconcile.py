"""Reconcile one RetellAgent, from top to bottom: read the cluster, check it, read Retell, plan, carry out, report."""

from askproai_operator.api import ManagementPolicy
from askproai_operator.controllers.agent.checks import CHECKS
from askproai_operator.controllers.agent.deletion import finalize
from askproai_operator.controllers.agent.execute import AgentGone, execute
from askproai_operator.controllers.agent.inputs import first_failing, gather, gather_remote
from askproai_operator.controllers.agent.plan import make_plan
from askproai_operator.controllers.agent.status import (
    PLAN_ANNOTATION,
    not_ready,
    observed_only,
    planned,
    provider_failed,
    settled,
    waiting,
)
from askproai_operator.engine import GONE, Key, Result, World
from askproai_operator.providers import ProviderError


async def reconcile(key: Key, world: World) -> Result:  # noqa: C901 (one path with its exits, read from top to bottom)
    """Reconcile one RetellAgent. Level-triggered: safe to run again at any point."""
    agent = world.cache.agent(key.namespace, key.name)
    if agent is None:
        return GONE  # deleted; `finalize` did what there was to do
    if agent.metadata.deletion_timestamp is not None:
        return await finalize(agent, world)
    if not await world.kube.add_finalizer(agent):
        return GONE  # deleted before anything of it was created
    try:
        inputs = await gather(agent, world, CHECKS)  # the cluster only
        if failure := first_failing(CHECKS, inputs):
            return not_ready(failure)  # no retry: a change of what is missing or wrong enqueues this agent
        target = inputs.target
        assert target is not None  # else a check had failed
        if not agent.status.get("agentId") or agent.status.get("pending"):
            newest = await world.fresh(
                agent
            )  # this may create, and a cached status without the last id would create twice
            if newest is None:
                return GONE  # deleted; a new object of its name is enqueued by its own creation
            agent = newest
        remote = await gather_remote(agent, target, world)
        plan = make_plan(remote)
        if plan.refused is not None:
            return not_ready(
                plan.refused
            )  # no retry: a person has to act at Retell, and the resync finds what was done
        if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
            return observed_only(plan, remote.observation, remote.recorded)  # resync: it finds changes at Retell
        if agent.metadata.annotations.get(PLAN_ANNOTATION) == "true":
            return planned(plan)  # resync; removing the annotation enqueues it
        if plan.wait is not None:
            return waiting(
                plan, plan.wait, remote.recorded, world.clock.now()
            )  # again when the grace period has passed
        published = await execute(plan, remote, target, agent, world)
        return settled(plan, published, target, remote.observation)  # resync, or soon while duplicates were found
    except AgentGone:
        return GONE  # deleted while its plan was carried out
    except ProviderError as error:
        return provider_failed(error)  # backoff, or exactly when Retell asks us to come back
