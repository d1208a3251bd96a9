"""Deletes the objects of a RetellAgent at Retell: its numbers are freed, then agent and LLM are deleted.

A deletion always ends, at the latest when its budget is spent. The objects that are left then become an orphan, recorded in a
Secret and removed later (`controllers/orphan.py`). Deletion needs neither the tenant's pods nor the user's Secret, which the
deletion of a namespace removes at once: the key is in the Secret `<tenant>-teardown`.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from askproai_core.providers import ProviderError
from askproai_operator.api import DeletionPolicy, ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.execute import delete_llm_if_unused, enqueue_other_agents
from askproai_operator.controllers.agent_plan import (
    GRACE,
    agent_owner,
    entries_without,
    llm_owner,
    marker,
    retell_client,
)
from askproai_operator.controllers.agent_plan.observe import (
    RecordedState,
    bound_agents,
    bound_ids,
    engine_of,
    list_marked_agents,
    webhook_change,
)
from askproai_operator.credentials import read_own_secret
from askproai_operator.engine import GONE, EventRecord, EventType, Result
from askproai_operator.orphans import PAST_BUDGET, OrphanedAgent, Owner, add_orphan
from askproai_operator.providers import CredentialProblem, RetellClient
from askproai_operator.resources import FINALIZER

_PENDING_INTERVAL: Final = timedelta(seconds=5)


async def finalize(agent: RetellAgent, context: ReconcileContext) -> Result:
    """Delete the agent's objects at Retell, then remove our finalizer. Safe to run again after each step."""
    newest = await context.refetch(agent)  # the cache may lack an id that was recorded a moment ago
    if newest is None or FINALIZER not in newest.metadata.finalizers:
        return GONE  # finished before; or nothing was ever created, and the finalizer of somebody else holds the object
    recorded = RecordedState.from_status(newest.status)
    if not recorded.exists:
        return await _finish(newest, context)  # not even an intent was recorded, so there is nothing at Retell
    orphan = remote_objects(newest, context)
    tenant = orphan.tenant
    if policy := keeping_policy(newest):
        event = EventRecord("Orphaned", f"{policy}: {orphan.describe()}; numbers as they are", EventType.NORMAL)
        return await _finish(newest, context, event)
    retry_after: timedelta | None = None
    try:
        obstacle = await _remove(orphan, context)
    except ProviderError as error:
        obstacle, retry_after = str(error), error.retry_after
    unseen = recorded.pending.since + GRACE - context.clock.now() if recorded.pending else timedelta()
    if obstacle is None and unseen <= timedelta():
        return await _finish(newest, context)
    cause = obstacle or "a create had no answer; what it made is looked for once more"
    budget, deleted_at = context.settings.deletion_budget, newest.metadata.deletion_timestamp or context.clock.now()
    budget_left = deleted_at + budget - context.clock.now()
    if budget_left < timedelta():
        keys = await read_own_secret(context, newest.key.namespace, tenant) if tenant else {}
        text = f"given up after {budget.total_seconds():.0f} s: {cause}"
        return await _finish(newest, context, await add_orphan(orphan, keys, text, context))
    text = f"{cause}; tried again by itself for {budget.total_seconds():.0f} s"
    deleting = bad(ConditionType.SYNCED, Reason.DELETING, text)
    if obstacle is None:
        after = max(unseen, _PENDING_INTERVAL)  # by then a pending create is visible
        return Result((deleting,), requeue_after=after, requeue_reason=text)
    if retry_after is not None:
        # Retried when Retell says, but no later than the end of the budget.
        after = min(retry_after, budget_left + PAST_BUDGET)
        return Result((deleting,), requeue_after=after, requeue_reason=text)
    return Result((deleting,), requeue=True, requeue_reason=text)  # Retell named no time: exponential backoff


def remote_objects(agent: RetellAgent, context: ReconcileContext) -> OrphanedAgent:
    """Return the agent's objects at Retell, as its status records them."""
    recorded, owner = RecordedState.from_status(agent.status), Owner(*agent.key, agent.metadata.uid)
    tenant = context.relations.tenant_of(agent)
    return OrphanedAgent(owner, marker(agent, context), tenant, recorded.agent_id, recorded.llm_id, recorded.numbers)


def keeping_policy(agent: RetellAgent) -> str | None:
    """Return, as text for the event, the policy that keeps the agent's objects at Retell; None if they are to be deleted."""
    if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
        return "managementPolicy ObserveOnly"
    return "deletionPolicy Orphan" if agent.spec.deletion_policy is DeletionPolicy.ORPHAN else None


async def _finish(agent: RetellAgent, context: ReconcileContext, *events: EventRecord) -> Result:
    await context.kube.remove_finalizer(agent)
    return Result(gone=True, events=events)


async def _remove(orphan: OrphanedAgent, context: ReconcileContext) -> str | None:
    """Remove an agent's objects at Retell with the tenant's key. Return why an object stays, or None. Raises ProviderError."""
    if orphan.tenant is None:
        return "the Tenant is not known any more"
    client = await retell_client(context, orphan.owner.namespace, orphan.tenant)
    if isinstance(client, CredentialProblem):
        return f"the operator's copy of the Retell key is gone: {client.message}"
    context.fence()
    return await remove_remote_objects(client, orphan, context)


async def remove_remote_objects(client: RetellClient, orphan: OrphanedAgent, context: ReconcileContext) -> str | None:
    """Free the numbers, then delete the agents, then the LLMs at Retell: those that `orphan` records, and all with its marker.

    Return a text about the LLMs that an agent still uses, which stay; None if nothing is left. Raises ProviderError.
    """
    agent_id, llm_id = orphan.agent_id, orphan.llm_id
    agents = {*await list_marked_agents(client, orphan.marker), *([agent_id] if agent_id else [])}
    llms = {str(llm["llm_id"]) for llm in await client.list_llms() if llm_owner(llm) == orphan.marker}
    llms |= {llm_id} if llm_id else set()
    agent = await client.get_agent(agent_id) if agent_id else None
    if agent is not None:
        answering_llm = engine_of(agent)[0]
        if agent_owner(agent) in (orphan.marker, None):
            llms |= {answering_llm} if answering_llm else set()
        else:  # released and adopted by another owner: neither it nor its LLM nor its numbers are ours any more
            agents.discard(str(agent_id))
            llms.discard(str(answering_llm))
    if await _free_numbers(client, agents, orphan.numbers) and orphan.tenant:
        enqueue_other_agents(orphan.owner.key, orphan.tenant, context)
    context.faults.reach("after:unbind")
    for existing in sorted(agents - ({agent_id} if agent is None else set())):
        await client.delete_agent(existing)
    context.faults.reach("after:delete-agent")
    used = [llm for llm in sorted(llms) if not await delete_llm_if_unused(client, llm)]
    return f"an agent still uses the LLM {', '.join(used)}" if used else None


async def _free_numbers(client: RetellClient, agents: set[str], recorded: Iterable[str]) -> bool:
    """Unbind these agents from all numbers that Retell lists or that are `recorded`; return True if any number was changed.

    Call this before agents are deleted: a number bound to a deleted agent declines its callers silently. The inbound webhook of
    these numbers is removed, too, or the next owner's callers would wait for a tenant that is gone.
    """
    listed = {str(number.get("phone_number")) for number in await client.list_numbers() if agents & bound_ids(number)}
    freed = False
    for e164 in sorted(listed | set(recorded)):
        number = await client.get_number(e164)
        entries, changes = bound_agents(number), webhook_change(number, None)
        is_ours = any(str(entry.get("agent_id")) in agents for entry in entries)
        if is_ours:
            changes["inbound_agents"] = list(entries_without(entries, agents)) or None
        if is_ours or (changes and not entries):
            await client.update_number(e164, changes)
            freed = True
    return freed
