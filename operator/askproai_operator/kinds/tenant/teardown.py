"""End one Tenant: its agents first, then what it registered outside, then its role; its pods and rows follow.

It works without the user's Secret and without the tenant's pods: a deleted namespace takes both at once. The credentials
stand in `T-teardown`, which carries our finalizer and goes last but one.
"""

import base64
from datetime import timedelta

import asyncpg

from askproai_operator.api import DataPolicy, DeletionPolicy, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.engine import GONE, Result, Warn, World, refs
from askproai_operator.external import CredentialRefused, ProviderError, remove_calcom_webhook
from askproai_operator.kinds.tenant import render
from askproai_operator.kinds.tenant.decide import address

BUDGET = timedelta(minutes=10)  # then a namespace must be able to end, even if a provider is away
_LOOK_AGAIN = timedelta(seconds=5)


async def tear_down(tenant: Tenant, world: World) -> Result:
    """Undo a Tenant step by step; safe to run again after each step."""
    meta = tenant.metadata
    agents = world.cache.agents(meta.namespace, meta.name)
    if agents:
        names = ", ".join(sorted(agent.metadata.name for agent in agents))
        text = f"waits until the RetellAgents {names} are gone: they need its credentials; delete them too"
        return Result(conditions=(bad(ConditionType.CREDENTIALS_VALID, Reason.DELETING, text),), after=_LOOK_AGAIN)
    try:
        warnings = await _remove_webhook(tenant, world)
        await world.database.drop_tenant(
            f"{meta.namespace}.{meta.name}", erase=tenant.spec.data_policy is DataPolicy.ERASE
        )
    except (ProviderError, asyncpg.PostgresError, OSError) as error:
        if not _overdue(tenant, world):
            text = f"{type(error).__name__} while cleaning up: {error}; tried again by itself for {BUDGET.seconds // 60} minutes"
            return Result(conditions=(bad(ConditionType.CREDENTIALS_VALID, Reason.DELETING, text),), retry=True)
        warnings = (
            Warn("LeftOver", f"given up after {BUDGET.seconds // 60} minutes: {error}; remove the rest by hand"),
        )
    for warning in warnings:
        await world.kube.event(tenant, "Warning", warning.reason, warning.message)
    teardown = await world.kube.get(refs.SECRETS, meta.namespace, render.names(meta.name)["teardown"])
    if teardown is not None:
        await world.kube.remove_finalizer(teardown | {"apiVersion": "v1", "kind": "Secret"})
    await world.kube.remove_finalizer(tenant)
    return GONE


async def _remove_webhook(tenant: Tenant, world: World) -> tuple[Warn, ...]:
    """Remove our Cal.com webhook by the credentials that were kept for this moment."""
    if tenant.spec.calendar.calcom is None:
        return ()
    url = address(tenant, world.settings.shared_base_url).urls(world.installation_id)["calcom"]
    if tenant.spec.deletion_policy is DeletionPolicy.ORPHAN:
        return (Warn("Orphaned", f"deletionPolicy Orphan: the webhook {url} stays at Cal.com"),)
    kept = await world.kube.get(refs.SECRETS, tenant.metadata.namespace, render.names(tenant.metadata.name)["teardown"])
    values = {name: base64.b64decode(value).decode() for name, value in ((kept or {}).get("data") or {}).items()}
    if "calcom-api-key" not in values:
        return ()  # nothing was ever registered: the key is kept before the first write outside
    client = world.providers.calcom(values["calcom-base-url"], values["calcom-api-key"])
    try:
        await remove_calcom_webhook(client, url)
    except CredentialRefused as error:
        return (Warn("LeftOver", f"{error}; the webhook {url} may be left at Cal.com"),)
    return ()


def _overdue(tenant: Tenant, world: World) -> bool:
    deleted = tenant.metadata.deletion_timestamp
    return deleted is not None and world.clock.now() - deleted > BUDGET
