"""Reconcile one RetellAgent, from top to bottom: read the cluster, check it, read Retell, plan, carry out, report."""

from dataclasses import replace

from askproai_operator.api import ManagementPolicy, RetellAgent
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.deletion import finalize
from askproai_operator.controllers.agent.execute import AgentGone, execute
from askproai_operator.controllers.agent.look import find_look, keep_look, look_source
from askproai_operator.controllers.agent.settling import REASON, hold_catalogue
from askproai_operator.controllers.agent.status import (
    observed_only,
    planned,
    provider_failed,
    settled,
    waiting,
)
from askproai_operator.controllers.agent_plan import CHECKS, Plan, PlanInputs, Target, gather, gather_remote, make_plan
from askproai_operator.controllers.conditions import FOLLOWS, first_failing
from askproai_operator.controllers.plan_annotation import agent_hold
from askproai_operator.engine import GONE, Key, Result
from askproai_operator.memory import CatalogueChange
from askproai_operator.providers import ProviderError


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Reconcile one RetellAgent. Level-triggered: safe to run again at any point."""
    agent = context.relations.agent(key.namespace, key.name)
    waiting_catalogue = context.memory.catalogues.pop(key, None)  # remembered again only by a run that still delays it
    if agent is None or agent.metadata.deletion_timestamp is not None:
        context.memory.looks.forget(key)
    if agent is None:
        return GONE  # `finalize` did what there was to do
    if agent.metadata.deletion_timestamp is not None:
        return await finalize(agent, context)
    if not await context.kube.add_finalizer(agent):
        return GONE  # deleted before anything of it was created
    try:
        result = await _provision(agent, waiting_catalogue, context)
    except ProviderError as error:
        if waiting_catalogue is not None:  # what Retell keeps from being published does not wait anew
            context.memory.catalogues.setdefault(key, waiting_catalogue)
        # When Retell asks us to come back, else by exponential backoff.
        result = provider_failed(error)
        if result.requeue_after is not None:
            settings = context.settings
            after = context.memory.looks.wait(1, settings.drift, settings.resync, error)
            result = replace(result, requeue_after=after)
    # A plan is shown by the run that made it, and no longer.
    return replace(result, status={"plan": None, **result.status})


async def _provision(
    agent: RetellAgent, waiting_catalogue: CatalogueChange | None, context: ReconcileContext
) -> Result:
    """Check the cluster, then ask Retell if it is due; each return is one exit of the path. Raises `ProviderError`."""
    try:
        inputs = await gather(agent, context, CHECKS)  # in the cluster; Retell is asked nothing before the checks pass
        if failure := first_failing(CHECKS, inputs):
            # No retry: a change of the missing or wrong object enqueues this agent, or the resync finds it.
            if inputs.references.look_again is not None:
                return Result((failure,), requeue_after=inputs.references.look_again, requeue_reason=FOLLOWS)
            reason = "a Branch that is not created anew by then is closed, and callers are to hear so"
            return Result((failure,), requeue_after=inputs.closes_after, requeue_reason=reason)
        target = inputs.target
        assert target is not None  # else a check had failed
        source = look_source(agent, target, context)
        if (known := find_look(agent, target, source, context)) is not None:
            # The last answer of Retell is new enough: it is asked again when it is due, or when something here changed.
            return known
        result = await _reconcile_at_retell(agent, target, waiting_catalogue, context)
        return keep_look(agent, target, source, result, context)
    except AgentGone:
        return GONE  # deleted while its plan was carried out


async def _reconcile_at_retell(
    agent: RetellAgent, target: Target, waiting_catalogue: CatalogueChange | None, context: ReconcileContext
) -> Result:
    """Observe at Retell, plan and carry out. Raises `ProviderError` and `AgentGone`."""
    if not agent.status.get("agentId") or agent.status.get("pending"):
        # This may create, and a cached status that lacks the last recorded id would create twice.
        newest = await context.refetch(agent)
        if newest is None:
            return GONE  # a new object of its name is enqueued by its own creation
        agent = newest
    remote = await gather_remote(agent, target, context)
    plan = make_plan(remote)
    if plan.refused is not None:
        # No retry: a person has to act, here or at Retell, where the next look finds it.
        return Result((plan.refused,))
    if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
        # The next look finds what changes at Retell.
        return observed_only(plan, remote.observation, remote.recorded)
    if held := agent_hold(agent, target.sources):
        # The removal of the annotation enqueues this agent.
        return planned(plan, held)
    if plan.wait is not None:
        # Again when the grace period has passed, or before it to use a pending object as soon as it appears.
        return waiting(plan, plan.wait, remote.recorded, context.clock.now())
    return await _apply(plan, remote, target, agent, waiting_catalogue, context)


async def _apply(
    plan: Plan,
    remote: PlanInputs,
    target: Target,
    agent: RetellAgent,
    waiting_catalogue: CatalogueChange | None,
    context: ReconcileContext,
) -> Result:
    """Carry the plan out, but publish a changed catalogue only when its manifests have settled. Raises as `execute` does."""
    held = hold_catalogue(agent, remote, target.frame, waiting_catalogue, context)
    if held is not None:
        desired, delay = held
        remote = replace(remote, desired=desired)
        plan = make_plan(remote)
        published = await execute(plan, remote, target, agent, context)
        result = settled(plan, published, target, remote.observation)
        # Then the catalogue has settled, unless a change of it enqueues this agent before.
        return replace(result, requeue_after=delay, requeue_reason=REASON)
    published = await execute(plan, remote, target, agent, context)
    # The next look; sooner to see duplicates disappear.
    return settled(plan, published, target, remote.observation)
