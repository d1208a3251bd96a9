"""Delete one Tenant: first its agents, then its objects outside the cluster, then its role; its pods and rows follow.

It needs neither the user's Secret nor the tenant's pods, since the deletion of a namespace removes both at once. The
credentials are in `T-teardown`, which our finalizer keeps until only the Tenant itself is left. An object that cannot be
removed within the budget becomes an orphan, which is recorded and removed later.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from askproai_core.data_keys import DATA_KEYS, keys_to_copy
from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_core.providers import CredentialRefused, ProviderError
from askproai_operator import resources
from askproai_operator.api import DataPolicy, DeletionPolicy, RetellAgent, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.grant import release
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.routes import remove_routes
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX, teardown_release
from askproai_operator.controllers.tenant.kept_keys import keep_or_forget
from askproai_operator.controllers.tenant.page import withdraw_page
from askproai_operator.controllers.webhook_urls import address_of, registered_calcom_url
from askproai_operator.credentials import CALCOM_BASE_URL, CALCOM_KEY, own_keys, read_own_secret
from askproai_operator.engine import GONE, EventRecord, EventType, Result
from askproai_operator.grants import Subject, recorded_keys
from askproai_operator.orphans import (
    PAST_BUDGET,
    Orphan,
    OrphanedCache,
    OrphanedDatabase,
    OrphanedWebhooks,
    Owner,
    add_orphan,
)
from askproai_operator.providers import remove_calcom_webhook
from askproai_operator.redis_users import RedisAdminError
from askproai_operator.resources import FINALIZER

REMOVAL_ERRORS: Final = (ProviderError, RedisAdminError, DatabaseError, *DATABASE_UNAVAILABLE)
# Not worth the budget: no other key will come, and nothing depends on Redis. Waiting would only hold up the namespace.
_NO_WAIT: Final = (CredentialRefused, RedisAdminError)


def describe_agents(agents: Collection[RetellAgent]) -> str:
    """Return a text about the agents that a Tenant's deletion waits for; it asks to delete those that nobody is deleting yet."""
    text = f"waits until the RetellAgents {_names(agents)} are gone: they need its credentials"
    kept = [agent for agent in agents if agent.metadata.deletion_timestamp is None]
    if not kept:
        return f"{text}, and are being deleted"
    return f"{text}; delete {'them' if len(kept) == len(agents) else _names(kept)} too"


def _names(agents: Collection[RetellAgent]) -> str:
    return ", ".join(sorted(agent.metadata.name for agent in agents))


async def delete_tenant(tenant: Tenant, context: ReconcileContext) -> Result:
    """Remove a Tenant's objects outside the cluster, step by step. Safe to run again after each step."""
    meta = tenant.metadata
    if FINALIZER not in meta.finalizers:
        return GONE  # done, or never begun: somebody else's finalizer holds it, so there is nothing to requeue for
    agents = context.relations.agents(meta.namespace, meta.name)
    if agents:  # the deletion of the last agent requeues the Tenant
        return Result(_deleting(describe_agents(agents)))
    keys = await read_own_secret(context, meta.namespace, meta.name)
    kept = keys.pop(DATA_KEYS, None)  # no orphan needs the data keys
    failures: list[tuple[Orphan, Exception]] = []
    for remote in remote_objects(tenant, keys, context):
        try:
            await remove_remote(remote, keys, context)
        except REMOVAL_ERRORS as error:
            failures.append((remote, error))
    budget = context.settings.deletion_budget
    remaining = (meta.deletion_timestamp or context.clock.now()) + budget - context.clock.now()
    if remaining >= timedelta() and any(not isinstance(error, _NO_WAIT) for _, error in failures):
        text = "; ".join(failure_text(error) for _, error in failures)
        wait = next((error.retry_after for _, error in failures if isinstance(error, ProviderError)), None)
        # Requeued when the provider asks for it, at the latest right after the budget; with backoff if it names no time.
        after = min(wait, remaining + PAST_BUDGET) if wait else None
        conditions = _deleting(f"{text}; tried again by itself for {budget.total_seconds():.0f} s")
        return Result(conditions, requeue_after=after, requeue=after is None, requeue_reason=text)
    events = [await add_orphan(remote, keys, f"given up: {failure_text(error)}", context) for remote, error in failures]
    await remove_routes(tenant, context)
    await withdraw_page(tenant, context)
    await release_keys(tenant, context)
    encryption = await read_own_secret(context, meta.namespace, meta.name, ENCRYPTION_SUFFIX)
    await keep_or_forget(tenant, keys_to_copy(encryption.get(DATA_KEYS, kept), kept), context)
    # T-teardown first: nothing but our finalizer holds it, and a namespace that is being deleted still accepts a patch.
    teardown = child_name(meta.name, "teardown")
    await context.kube.patch(resources.SECRETS, meta.namespace, teardown, teardown_release())
    await context.kube.remove_finalizer(tenant)
    return Result(gone=True, events=(*events, *_orphaned(tenant, keys, context)))


async def release_keys(tenant: Tenant, context: ReconcileContext, keep: Collection[Subject] = ()) -> None:
    """Release the grants of the keys that T-teardown records, except keys in `keep`, which the tenant goes on using."""
    secret = context.cache.secret(tenant.metadata.namespace, child_name(tenant.metadata.name, "teardown"))
    for subject in recorded_keys(secret.annotations) if secret is not None else ():
        if subject not in keep:
            await release(tenant, subject, context)


def remote_objects(tenant: Tenant, keys: Mapping[str, str], context: ReconcileContext) -> list[Orphan]:
    """Return the Tenant's objects outside the cluster that its deletion removes, as orphans. `keys` are T-teardown's values."""
    owner = Owner(*tenant.key, tenant.metadata.uid)
    found: list[Orphan] = []
    # Without a key in T-teardown nothing was registered: the key is written there before the first registration.
    if CALCOM_KEY in keys and tenant.spec.deletion_policy is not DeletionPolicy.ORPHAN:
        current = _calcom_webhook_url(tenant, context)
        found.append(OrphanedWebhooks(owner, tuple(sorted({current, registered_calcom_url(tenant) or current}))))
    found.append(OrphanedDatabase(owner, erase=tenant.spec.data_policy is DataPolicy.ERASE))
    return [*found, *([OrphanedCache(owner)] if context.redis is not None else [])]


async def remove_remote(remote: Orphan, keys: Mapping[str, str], context: ReconcileContext) -> None:
    """Remove one of a Tenant's remote objects. Raises one of REMOVAL_ERRORS if it cannot be removed now."""
    context.fence()
    match remote:
        case OrphanedWebhooks():
            await _remove_webhooks(remote.urls, keys, context)
        case OrphanedDatabase():  # keeps or erases the rows of this UID only, never those of an earlier Tenant of this name
            await context.database.drop_tenant(remote.owner.tenant, erase=remote.erase, uid=remote.owner.uid)
        case OrphanedCache() if context.redis is not None:
            await context.redis.drop_tenant(remote.owner.tenant)


async def _remove_webhooks(urls: Collection[str], keys: Mapping[str, str], context: ReconcileContext) -> None:
    """Remove our webhooks from all Cal.com accounts of `keys`. All accounts are tried; then an error of one of them is raised."""
    failures: list[ProviderError] = []
    for key in dict.fromkeys([keys[CALCOM_KEY], *own_keys(keys).values()]):
        try:
            client = context.providers.calcom(keys[CALCOM_BASE_URL], key)
            for url in urls:
                await remove_calcom_webhook(client, url)
        except ProviderError as error:
            failures.append(error)
    if failures:  # a failure that a retry may cure counts before a refused key
        raise next((error for error in failures if not isinstance(error, CredentialRefused)), failures[0])


def failure_text(error: Exception) -> str:
    """Return the text of an error if our own code wrote it; PostgreSQL's texts quote hosts and rows."""
    ours = isinstance(error, ProviderError | RedisAdminError | DatabaseError)
    return str(error) if ours else f"PostgreSQL: {type(error).__name__}"


def _orphaned(tenant: Tenant, keys: Mapping[str, str], context: ReconcileContext) -> list[EventRecord]:
    """Return the Kubernetes Event about the webhook that stays at Cal.com under deletionPolicy Orphan; empty under another."""
    if CALCOM_KEY not in keys or tenant.spec.deletion_policy is not DeletionPolicy.ORPHAN:
        return []
    text = f"deletionPolicy Orphan: the webhook {_calcom_webhook_url(tenant, context)} stays at Cal.com"
    return [EventRecord("Orphaned", text, EventType.NORMAL)]


def _deleting(text: str) -> tuple[Condition]:
    return (bad(ConditionType.CREDENTIALS_VALID, Reason.DELETING, text),)


def _calcom_webhook_url(tenant: Tenant, context: ReconcileContext) -> str:
    return address_of(tenant, context.settings.shared_base_url).urls(context.installation_id)["calcom"]
