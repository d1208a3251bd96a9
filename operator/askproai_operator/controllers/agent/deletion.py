"""The end of a RetellAgent: its numbers are freed, then agent and LLM go. It always ends, at the latest after the budget:
what is left then is kept in the ledger and tried again from there.

It needs neither the tenant's pods nor the user's Secret, which a deleted namespace takes at once: the key is in `T-teardown`.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from askproai_operator.api import DeletionPolicy, ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.apply import delete_llm_if_unused, wake_others
from askproai_operator.controllers.agent.decide import without
from askproai_operator.controllers.agent.ground import marker, teardown_client, tenant_name
from askproai_operator.controllers.agent.observe import (
    Known,
    bound_agents,
    bound_ids,
    engine_of,
    marked_agents,
    webhook_change,
)
from askproai_operator.controllers.agent.render import owner_of, owner_of_llm
from askproai_operator.credentials import kept_values
from askproai_operator.engine import FINALIZER, GONE, EventRecord, EventType, Result
from askproai_operator.orphans import PAST_BUDGET, OrphanedAgent, Owner, add_orphan
from askproai_operator.providers import CredentialProblem, ProviderError, RetellClient

_LOOK_AGAIN: Final = timedelta(seconds=5)


async def end(agent: RetellAgent, world: ReconcileContext, grace: timedelta) -> Result:
    """Undo a RetellAgent; safe to run again after each step."""
    newest = await world.refetch(agent)  # the cache may lack an id that we kept a moment ago
    if newest is None or FINALIZER not in newest.metadata.finalizers:
        return GONE  # done, or never begun: another's finalizer holds it
    spec, known = newest.spec, Known.from_status(newest.status)
    if not (known.agent_id or known.llm_id or known.pending):
        return await _finish(newest, world)  # not even an intent was written
    tenant, owner = tenant_name(newest, world), Owner(*newest.key, newest.metadata.uid)
    left = OrphanedAgent(owner, marker(newest, world), tenant, known.agent_id, known.llm_id, known.numbers)
    if spec.management_policy is ManagementPolicy.OBSERVE_ONLY or spec.deletion_policy is DeletionPolicy.ORPHAN:
        observed_only = spec.management_policy is ManagementPolicy.OBSERVE_ONLY
        why = "managementPolicy ObserveOnly" if observed_only else "deletionPolicy Orphan"
        told = EventRecord("Orphaned", f"{why}: {left.describe()}; numbers as they are", EventType.NORMAL)
        return await _finish(newest, world, told)
    rest: timedelta | None = None
    try:
        why_not = await _remove(left, world)
    except ProviderError as error:
        why_not, rest = str(error), error.retry_after
    unsure = known.pending.since + grace - world.clock.now() if known.pending else timedelta()
    if why_not is None and unsure <= timedelta():
        return await _finish(newest, world)
    why = why_not or "a create had no answer; what it made is looked for once more"
    budget, deleted = world.settings.deletion_budget, newest.metadata.deletion_timestamp or world.clock.now()
    in_time = deleted + budget - world.clock.now()
    if in_time < timedelta():
        keys = await kept_values(world, newest.key.namespace, tenant) if tenant else {}
        text = f"given up after {budget.total_seconds():.0f} s: {why}"
        return await _finish(newest, world, await add_orphan(left, keys, text, world))
    text = f"{why}; tried again by itself for {budget.total_seconds():.0f} s"
    waiting = bad(ConditionType.SYNCED, Reason.DELETING, text)
    after = max(unsure, _LOOK_AGAIN) if why_not is None else rest and min(rest, in_time + PAST_BUDGET)
    return Result((waiting,), requeue_after=after, requeue=after is None, requeue_reason=text)


async def _finish(agent: RetellAgent, world: ReconcileContext, *told: EventRecord) -> Result:
    await world.kube.remove_finalizer(agent)
    return Result(gone=True, events=told)


async def _remove(left: OrphanedAgent, world: ReconcileContext) -> str | None:
    if left.tenant is None:
        return "the Tenant is not known any more"
    client = await teardown_client(world, left.owner.namespace, left.tenant)
    if isinstance(client, CredentialProblem):
        return f"the operator's copy of the Retell key is gone: {client.message}"
    world.fence()
    return await remove_remains(client, left, world)


async def remove_remains(client: RetellClient, left: OrphanedAgent, world: ReconcileContext) -> str | None:
    """Free the numbers, then delete agents, then LLMs; gives what is still there, or None."""
    agents = {*await marked_agents(client, left.marker), *([left.agent_id] if left.agent_id else [])}
    llms = {str(llm["llm_id"]) for llm in await client.list_llms() if owner_of_llm(llm) == left.marker}
    llms |= {left.llm_id} if left.llm_id else set()
    ours = await client.get_agent(left.agent_id) if left.agent_id else None
    if ours is not None:
        llm_id = engine_of(ours)[0]
        if owner_of(ours) in (left.marker, None):
            llms |= {llm_id} if llm_id else set()
        else:  # released and adopted by another: neither it nor its LLM nor its numbers are ours any more
            agents.discard(str(left.agent_id))
            llms.discard(str(llm_id))
    if await _free_numbers(client, agents, left.numbers) and left.tenant:
        wake_others(left.owner.key, left.tenant, world)
    world.faults.reach("after:unbind")
    for agent_id in sorted(agents - ({left.agent_id} if ours is None else set())):
        await client.delete_agent(agent_id)
    world.faults.reach("after:delete-agent")
    used = [llm_id for llm_id in sorted(llms) if not await delete_llm_if_unused(client, llm_id)]
    return f"an agent still uses the LLM {', '.join(used)}" if used else None


async def _free_numbers(client: RetellClient, agents: set[str], known: Iterable[str]) -> bool:
    """Unbind before deleting: a number bound to a deleted agent would decline its callers without a word.

    Its inbound webhook goes with it, or callers of whoever answers next would wait for a tenant that is gone.
    """
    names = {str(number.get("phone_number")) for number in await client.list_numbers() if agents & bound_ids(number)}
    freed = False
    for name in sorted(names | set(known)):
        number = await client.get_number(name)
        entries, changes = bound_agents(number), webhook_change(number, None)
        ours = any(str(entry.get("agent_id")) in agents for entry in entries)
        if ours:
            changes["inbound_agents"] = list(without(entries, agents)) or None
        if ours or (changes and not entries):
            await client.update_number(name, changes)
            freed = True
    return freed
