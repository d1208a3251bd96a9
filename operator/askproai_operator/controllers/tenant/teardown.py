"""End one Tenant: its agents first, then what it registered outside, then its role; its pods and rows follow.

It works without the user's Secret and without the tenant's pods: a deleted namespace takes both at once. The credentials
stand in `T-teardown`, which carries our finalizer and goes last but one. What cannot be removed in time goes into the ledger.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import asyncpg

from askproai_core.database import StoreError
from askproai_operator.api import DataPolicy, DeletionPolicy, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant import render
from askproai_operator.controllers.tenant.decide import address
from askproai_operator.credentials import CALCOM_BASE_URL, CALCOM_KEY, kept_values
from askproai_operator.engine import FINALIZER, GONE, EventRecord, EventType, Result, refs
from askproai_operator.orphans import (
    PAST_BUDGET,
    Orphan,
    OrphanedCache,
    OrphanedDatabase,
    OrphanedWebhooks,
    Owner,
    add_orphan,
)
from askproai_operator.providers import CredentialRefused, ProviderError, RedisError, remove_calcom_webhook

UNDO_ERRORS: Final = (ProviderError, RedisError, StoreError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
# No other key will come, and nobody needs Redis: to wait would only hold up the namespace.
_NO_WAIT: Final = (CredentialRefused, RedisError)


async def tear_down(tenant: Tenant, world: ReconcileContext) -> Result:
    """Undo a Tenant step by step; safe to run again after each step."""
    meta = tenant.metadata
    if FINALIZER not in meta.finalizers:
        return GONE  # done, or never begun: another's finalizer holds it
    agents = world.relations.agents(meta.namespace, meta.name)
    if agents:  # the end of the last one wakes us
        names = ", ".join(sorted(agent.metadata.name for agent in agents))
        return _waits(f"waits until the RetellAgents {names} are gone: they need its credentials; delete them too")
    keys = await kept_values(world, meta.namespace, meta.name)
    left: list[tuple[Orphan, Exception]] = []
    for one in remains(tenant, keys, world):
        try:
            await undo(one, keys, world)
        except UNDO_ERRORS as error:
            left.append((one, error))
    budget = world.settings.deletion_budget
    in_time = (meta.deletion_timestamp or world.clock.now()) + budget - world.clock.now()
    if in_time >= timedelta() and any(not isinstance(error, _NO_WAIT) for _, error in left):
        why = "; ".join(why_not(error) for _, error in left)
        rest = next((error.retry_after for _, error in left if isinstance(error, ProviderError)), None)
        after = min(rest, in_time + PAST_BUDGET) if rest else None
        return _waits(f"{why}; tried again by itself for {budget.total_seconds():.0f} s", after, requeue=after is None)
    told = [await add_orphan(one, keys, f"given up: {why_not(error)}", world) for one, error in left]
    # Nobody but us holds it with a finalizer, and a namespace that goes still takes a patch.
    await world.kube.patch(
        refs.SECRETS, meta.namespace, render.names(meta.name)["teardown"], {"metadata": {"finalizers": None}}
    )
    await world.kube.remove_finalizer(tenant)
    return Result(gone=True, events=(*told, *_orphaned(tenant, keys, world)))


def remains(tenant: Tenant, keys: Mapping[str, str], world: ReconcileContext) -> list[Orphan]:
    """Give what a Tenant has outside the cluster and does not want to leave there."""
    owner = Owner(*tenant.key, tenant.metadata.uid)
    found: list[Orphan] = []
    # Without a kept key nothing was ever registered: it is kept before the first write outside.
    if CALCOM_KEY in keys and tenant.spec.deletion_policy is not DeletionPolicy.ORPHAN:
        now = _webhook_url(tenant, world)
        found.append(OrphanedWebhooks(owner, tuple(sorted({now, registered_url(tenant) or now}))))
    found.append(OrphanedDatabase(owner, erase=tenant.spec.data_policy is DataPolicy.ERASE))
    return [*found, *([OrphanedCache(owner)] if world.redis is not None else [])]


async def undo(left: Orphan, keys: Mapping[str, str], world: ReconcileContext) -> None:
    """Remove one of a Tenant's remains. Raises one of UNDO_ERRORS where it cannot be done now."""
    world.fence()
    match left:
        case OrphanedWebhooks():
            client = world.providers.calcom(keys[CALCOM_BASE_URL], keys[CALCOM_KEY])
            for url in left.urls:
                await remove_calcom_webhook(client, url)
        case OrphanedDatabase():  # rows stay for this UID, or go: only our own, never those that an earlier namesake left
            await world.database.drop_tenant(left.owner.tenant, erase=left.erase, uid=left.owner.uid)
        case OrphanedCache() if world.redis is not None:
            await world.redis.drop_tenant(left.owner.tenant)


def why_not(error: Exception) -> str:
    """Give the text of an error that we wrote ourselves; PostgreSQL's own quote hosts and rows."""
    return (
        str(error)
        if isinstance(error, ProviderError | RedisError | StoreError)
        else f"PostgreSQL: {type(error).__name__}"
    )


def _orphaned(tenant: Tenant, keys: Mapping[str, str], world: ReconcileContext) -> list[EventRecord]:
    if CALCOM_KEY not in keys or tenant.spec.deletion_policy is not DeletionPolicy.ORPHAN:
        return []
    text = f"deletionPolicy Orphan: the webhook {_webhook_url(tenant, world)} stays at Cal.com"
    return [EventRecord("Orphaned", text, EventType.NORMAL)]


def _waits(text: str, requeue_after: timedelta | None = None, *, requeue: bool = False) -> Result:
    return Result(
        (bad(ConditionType.CREDENTIALS_VALID, Reason.DELETING, text),),
        requeue_after=requeue_after,
        requeue=requeue,
        requeue_reason=text,
    )


def _webhook_url(tenant: Tenant, world: ReconcileContext) -> str:
    return address(tenant, world.settings.shared_base_url).urls(world.installation_id)["calcom"]


def registered_url(tenant: Tenant) -> str | None:
    """Give the URL that Cal.com was told last."""
    url = (tenant.status.get("webhookUrls") or {}).get("calcom")
    return str(url) if url else None
