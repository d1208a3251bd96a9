"""`T-teardown`, the copy of a tenant's keys for its deletion. A key is copied before anything is created with it.

When the keys change to another account, the copy is overwritten, and only the former key could clear the former account: agents
there would go on answering calls whose functions fail. So the objects in that account are first recorded as orphans, with the
former key (`controllers/orphan.py` removes them).
"""

from collections.abc import Mapping

import msgspec
import structlog

from askproai_core.providers import CredentialRefused, ProviderError
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import keeping_policy, remote_objects
from askproai_operator.controllers.agent_plan.observe import RecordedState
from askproai_operator.controllers.tenant import deletion
from askproai_operator.controllers.tenant.children.metadata import Manifest
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.credentials import CALCOM_BASE_URL, CALCOM_KEY, RETELL_BASE_URL, RETELL_KEY
from askproai_operator.engine import EventRecord
from askproai_operator.orphans import OrphanedAgent, OrphanedWebhooks, add_orphan
from askproai_operator.providers import hash_key, list_calcom_webhook_ids

log = structlog.get_logger(__name__)


async def record_keys(run: Run, context: ReconcileContext) -> None:
    """Store the present keys in T-teardown, release the grants of former keys, and record objects in former accounts as
    orphans.

    Only keys that were just found good are stored. Until then, `T-teardown` still has the keys to release.
    """
    run.are_keys_recorded, run.left = False, ()
    inputs = run.inputs
    if inputs.key_error is not None:
        return
    try:
        run.left = await _record_former_accounts(inputs, context)
    except ProviderError as error:  # the former keys stay in T-teardown, and the resync tries again
        log.info("keys.not_recorded", tenant=inputs.tenant.metadata.dotted, error=str(error))
        return
    await deletion.release_keys(inputs.tenant, context, keep=[*inputs.keys.values(), *inputs.own_keys.subjects])
    await context.kube.apply(render_teardown(inputs))
    run.are_keys_recorded = True
    if run.left:  # the agents need the objects of the new account; no watch reports them
        for agent in inputs.agents:
            context.enqueue(agent.key)


def render_teardown(inputs: Inputs) -> Manifest:
    """Return `T-teardown` with the present keys. Pure."""
    own = inputs.own_keys
    return teardown_secret(inputs.tenant, inputs.credentials, inputs.keys, own.values, own.subjects, inputs.data_keys)


async def _record_former_accounts(inputs: Inputs, context: ReconcileContext) -> tuple[EventRecord, ...]:
    """Record the objects in accounts that the Tenant used until now as orphans; return their events. No request without a
    change.

    A new key of the same account leaves nothing behind. Raises ProviderError if Retell does not answer.
    """
    former, present = inputs.teardown_values, inputs.credentials
    left: list[tuple[OrphanedAgent | OrphanedWebhooks, tuple[str, str]]] = []
    if RETELL_KEY in former and _retell(former) != (present.retell_base_url, present.retell_key):
        left += [(agent, (RETELL_BASE_URL, RETELL_KEY)) for agent in await _left_agents(inputs, context)]
    if CALCOM_KEY in former and _calcom(former) != (present.calendar_base_url, present.calcom_key):
        left += [(hooks, (CALCOM_BASE_URL, CALCOM_KEY)) for hooks in await _left_webhooks(inputs, context)]
    why = "the Tenant uses another account now"
    return tuple(
        [await add_orphan(orphan, {name: former[name] for name in names}, why, context) for orphan, names in left]
    )


async def _left_agents(inputs: Inputs, context: ReconcileContext) -> list[OrphanedAgent]:
    """Return the agents' objects in the former Retell workspace; empty if the present key belongs to the same workspace."""
    present = context.providers.retell(inputs.credentials.retell_base_url, inputs.credentials.retell_key)
    account = hash_key(context.installation_id, inputs.teardown_values[RETELL_KEY])
    left: list[OrphanedAgent] = []
    for cached in inputs.agents:
        agent = await context.refetch(cached)  # the cache may lack an id that was recorded a moment ago
        if agent is None or keeping_policy(agent) is not None:
            continue
        recorded = RecordedState.from_status(agent.status)
        found = (recorded.agent_id and await present.get_agent(recorded.agent_id)) or (
            recorded.llm_id and await present.get_llm(recorded.llm_id)
        )
        if found:
            return []
        if recorded.exists:
            left.append(msgspec.structs.replace(remote_objects(agent, context), former_account=account))
    return left


async def _left_webhooks(inputs: Inputs, context: ReconcileContext) -> list[OrphanedWebhooks]:
    """Return the Tenant's webhooks in the former Cal.com account; empty if the present key belongs to the same account.

    The account is the same if both keys list the same webhooks. If an account does not answer, it counts as another: the
    removal compares again. If the former key is refused, it counts as the same when the present key finds a webhook of ours.
    """
    former, credentials = inputs.teardown_values, inputs.credentials
    account = hash_key(context.installation_id, former[CALCOM_KEY])
    left = [
        msgspec.structs.replace(orphan, former_account=account)
        for orphan in deletion.remote_objects(inputs.tenant, former, context)
        if isinstance(orphan, OrphanedWebhooks)
    ]
    if not left or not credentials.calcom_key:
        return left
    urls = left[0].urls
    try:
        present_ids = (
            await _webhook_ids((credentials.calendar_base_url, credentials.calcom_key), urls, context) or set()
        )
        former_ids = await _webhook_ids(_calcom(former), urls, context)
    except ProviderError as error:
        log.info("former_account.not_compared", tenant=str(inputs.tenant.key), error=str(error))
        return left
    nothing_left = not present_ids.isdisjoint(former_ids) or not former_ids if former_ids is not None else present_ids
    return [] if nothing_left else left


async def _webhook_ids(account: tuple[str, str], urls: tuple[str, ...], context: ReconcileContext) -> set[str] | None:
    """Return the ids of the webhooks with these URLs in a Cal.com account (address and key); None if the key is refused."""
    try:
        return await list_calcom_webhook_ids(context.providers.calcom(*account), urls)
    except CredentialRefused:
        return None


def _retell(values: Mapping[str, str]) -> tuple[str, str]:
    return values.get(RETELL_BASE_URL, ""), values.get(RETELL_KEY, "")


def _calcom(values: Mapping[str, str]) -> tuple[str, str]:
    return values.get(CALCOM_BASE_URL, ""), values.get(CALCOM_KEY, "")
