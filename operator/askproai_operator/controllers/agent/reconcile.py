"""Reconcile one RetellAgent, from top to bottom: read the cluster, check it, read Retell, plan, carry out, report.

Retell reports no changes of agents and numbers, so only the next look finds a person's changes there. A look is due at
intervals, and after a change of anything from which the remote objects are made.

Changed services and staff are published when their manifests have settled: one apply of many services would otherwise publish
many partial versions, and bind the numbers to each while people call.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import msgspec

from askproai_core.providers import ProviderError
from askproai_operator.api import Key, ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import Reason
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.deletion import finalize
from askproai_operator.controllers.agent.execute import AgentGone, execute
from askproai_operator.controllers.agent.status import observed_only, planned, provider_failed, settled, waiting
from askproai_operator.controllers.agent_plan import (
    CHECKS,
    Desired,
    Plan,
    PlanInputs,
    PromptFrame,
    Target,
    differing_paths,
    gather,
    gather_remote,
    make_plan,
)
from askproai_operator.controllers.conditions import FOLLOWS, first_failing
from askproai_operator.controllers.plan_annotation import agent_hold
from askproai_operator.engine import GONE, TOKEN_ANNOTATION, Result
from askproai_operator.memory import CatalogueChange, Look

_SETTLED: Final = timedelta(seconds=5)  # without a change
_LONGEST_HOLD: Final = timedelta(seconds=30)  # since the first change

_CATALOGUE_SETTLES: Final = "services or staff changed a moment ago, and others may follow"

_LOOK: Final = "agent"


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Reconcile one RetellAgent. Level-triggered: safe to run again at any point."""
    agent = context.relations.agent(key.namespace, key.name)
    waiting_catalogue = context.memory.catalogues.pop(key, None)  # only a run that still delays it remembers it again
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
        if waiting_catalogue is not None:  # a catalogue that Retell failed to publish does not wait anew
            context.memory.catalogues.setdefault(key, waiting_catalogue)
        # Retried when Retell says, else by exponential backoff.
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
    """Check the cluster, then reconcile at Retell; if no look is due, return the last look's result. Raises `ProviderError`."""
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
        source = _look_source(agent, target, context)
        if (known := _find_look(agent, target, source, context)) is not None:
            # Retell's last answer still counts: the next request follows when the look is due, or when something here changes.
            return known
        result = await _reconcile_at_retell(agent, target, waiting_catalogue, context)
        return _keep_look(agent, target, source, result, context)
    except AgentGone:
        return GONE  # deleted while its plan was carried out


async def _reconcile_at_retell(
    agent: RetellAgent, target: Target, waiting_catalogue: CatalogueChange | None, context: ReconcileContext
) -> Result:
    """Observe the agent's objects at Retell, plan, and carry the plan out. Raises `ProviderError`, and `AgentGone` from a step."""
    if not agent.status.get("agentId") or agent.status.get("pending"):
        # The plan may create: with a cached status that lacks the last recorded id, it would create twice.
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
        # The next look finds changes at Retell.
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
    """Carry the plan out at Retell; a changed catalogue waits until its manifests have settled. Raises as `execute` does."""
    held = _hold_catalogue(agent, remote, target.frame, waiting_catalogue, context)
    if held is not None:
        desired, delay = held
        remote = replace(remote, desired=desired)
        plan = make_plan(remote)
        published = await execute(plan, remote, target, agent, context)
        result = settled(plan, published, target, remote.observation)
        # Then the catalogue has settled, unless a change of it enqueues this agent before.
        return replace(result, requeue_after=delay, requeue_reason=_CATALOGUE_SETTLES)
    published = await execute(plan, remote, target, agent, context)
    # The next look; sooner to see duplicates disappear.
    return settled(plan, published, target, remote.observation)


def _hold_catalogue(
    agent: RetellAgent,
    inputs: PlanInputs,
    frame: PromptFrame | None,
    known: CatalogueChange | None,
    context: ReconcileContext,
) -> tuple[Desired, timedelta] | None:
    """Return the desired state with the published catalogue and the time to wait; None if the new catalogue is to be published
    now.

    `known` is the change that has waited since an earlier run; the new or longer wait is remembered. Only the prompt is held
    back; numbers are bound as always. After an edit of the agent, or a reconcile requested by annotation, nothing is held back.
    """
    held, was_edited = _with_published_catalogue(inputs, frame), _was_edited(agent)
    if held is None or was_edited:
        return None
    prompt, now = inputs.desired.llm["general_prompt"], context.clock.monotonic()
    if known is None:
        known = CatalogueChange(prompt, now, now)
    elif known.prompt != prompt:
        known = replace(known, prompt=prompt, last=now)
    due = min(known.last + _SETTLED.total_seconds(), known.since + _LONGEST_HOLD.total_seconds())
    if due <= now:
        return None
    context.memory.catalogues[agent.key] = known
    return held, timedelta(seconds=due - now)


def _with_published_catalogue(inputs: PlanInputs, frame: PromptFrame | None) -> Desired | None:
    """Return the desired state with the prompt published now; None unless the catalogue, and only the catalogue, differs."""
    agent, llm = inputs.observation.published_agent, inputs.observation.published_llm
    if agent is None or llm is None or frame is None:
        return None
    prompt = str(llm.get("general_prompt") or "")
    if prompt == inputs.desired.llm["general_prompt"] or not frame.fits(prompt):
        return None
    held = replace(inputs.desired, llm={**inputs.desired.llm, "general_prompt": prompt})
    return None if differing_paths(held.llm, llm) or differing_paths(held.agent, agent) else held


def _was_edited(agent: RetellAgent) -> bool:
    meta, status = agent.metadata, agent.status
    is_requested = meta.annotations.get(TOKEN_ANNOTATION, "") != (status.get("lastReconcileToken") or "")
    return is_requested or status.get("observedGeneration") != meta.generation


def _look_source(agent: RetellAgent, target: Target, context: ReconcileContext) -> Hashable:
    """Return a value that changes when a new look at Retell is needed: with each edit, the desired bodies, and the key."""
    meta, api = agent.metadata, target.client.api
    made_from = (
        target.desired,
        target.number_problems,
        target.tenant,
        target.suspended,
        target.closed_branch,
        target.transfers_to,
        target.former_marker,
        agent_hold(agent, target.sources),
        (api.base_url, api.key, context.installation_id),
    )
    text = msgspec.json.encode(made_from, order="deterministic")
    return meta.uid, meta.generation, meta.annotations.get(TOKEN_ANNOTATION), hashlib.sha256(text).digest()


def _find_look(agent: RetellAgent, target: Target, source: Hashable, context: ReconcileContext) -> Result | None:
    """Return the last look's result while the look is valid; None if a new look at Retell must follow.

    A look is valid if it has the same `source` and is not due again, and if no create is recorded whose answer never came.
    """
    known = context.memory.looks.find(agent.key, _LOOK, source)
    if known is None or known.is_due(context.clock.monotonic()) or agent.status.get("pending"):
        # A look that ends in the middle of its writes must not leave a former one.
        misses = known.misses if known is not None else 0
        context.memory.looks.keep(agent.key, _LOOK, Look(source, None, float("-inf"), misses))
        return None
    result: Result = known.answer
    return _with_next_run(result, agent, target, context)


def _keep_look(
    agent: RetellAgent, target: Target, source: Hashable, result: Result, context: ReconcileContext
) -> Result:
    """Remember a look's result unless it requeues, and schedule the next look: soon if one of its conditions is not good."""
    if result.gone or result.requeue or result.requeue_after is not None:
        return result
    looks, settings = context.memory.looks, context.settings
    started = looks.find(agent.key, _LOOK, source)
    if started is None:
        return result  # another object freed a number meanwhile
    is_good = all(each.good and each.reason is not Reason.DUPLICATE_FOUND for each in result.conditions)
    misses = 0 if is_good else started.misses + 1
    wait = looks.wait(misses, settings.drift, settings.resync)
    looks.keep(agent.key, _LOOK, Look(source, replace(result, events=()), context.due_after(wait), misses))
    return _with_next_run(result, agent, target, context)


def _with_next_run(result: Result, agent: RetellAgent, target: Target, context: ReconcileContext) -> Result:
    """Set the next run to the next look; not for an agent with a SIP trunk, whose unlabeled Secret no watch reports."""
    if any(number.sip for number in target.desired.numbers or ()):
        return result
    return replace(result, resync_after=context.next_look(agent.key, otherwise=context.settings.drift))
