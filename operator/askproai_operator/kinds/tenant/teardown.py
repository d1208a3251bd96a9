"""End one Tenant: its agents first, then what it registered outside, then its role; its pods and rows follow.

It works without the user's Secret and without the tenant's pods: a deleted namespace takes both at once. The credentials
stand in `T-teardown`, which carries our finalizer and goes last but one.
"""

import base64
from datetime import timedelta

import asyncpg

from askproai_operator.api import DataPolicy, DeletionPolicy, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.engine import FINALIZER, GONE, EventType, Result, Warn, World, refs
from askproai_operator.external import CredentialRefused, ProviderError, remove_calcom_webhook
from askproai_operator.kinds.credentials import CALCOM_KEY
from askproai_operator.kinds.tenant import render
from askproai_operator.kinds.tenant.decide import address
from askproai_runtime.store import StoreError

BUDGET = timedelta(minutes=10)  # then a namespace must be able to end, even if a provider is away


async def tear_down(tenant: Tenant, world: World) -> Result:
    """Undo a Tenant step by step; safe to run again after each step."""
    meta = tenant.metadata
    if FINALIZER not in meta.finalizers:
        return GONE  # done, or never begun: another's finalizer holds it
    agents = world.cache.agents(meta.namespace, meta.name)
    if agents:  # the end of the last one wakes us
        names = ", ".join(sorted(agent.metadata.name for agent in agents))
        return _waits(f"waits until the RetellAgents {names} are gone: they need its credentials; delete them too")
    told: list[Warn] = []
    left: list[str] = []
    for step in (_remove_webhook, _drop_database):
        try:
            told += await step(tenant, world)
        except (ProviderError, StoreError) as error:
            left.append(str(error))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:  # their texts quote hosts and rows
            left.append(f"{type(error).__name__} while dropping the database role; if it stays, drop it by hand")
    minutes = BUDGET.seconds // 60
    if left and world.clock.now() - (meta.deletion_timestamp or world.clock.now()) <= BUDGET:
        return _waits(f"{'; '.join(left)}; tried again by itself for {minutes} minutes", retry=True)
    told += [Warn("LeftOver", f"given up after {minutes} minutes: {one}; remove the rest by hand") for one in left]
    # Nobody but us holds it with a finalizer, and a namespace that goes still takes a patch.
    await world.kube.patch(
        refs.SECRETS, meta.namespace, render.names(meta.name)["teardown"], {"metadata": {"finalizers": None}}
    )
    await world.kube.remove_finalizer(tenant)
    return Result(gone=True, warnings=tuple(told))


def _waits(text: str, *, retry: bool = False) -> Result:
    return Result((bad(ConditionType.CREDENTIALS_VALID, Reason.DELETING, text),), retry=retry)


async def _remove_webhook(tenant: Tenant, world: World) -> list[Warn]:
    """Remove our Cal.com webhook by the credentials that were kept for this moment."""
    now = address(tenant, world.settings.shared_base_url).urls(world.installation_id)["calcom"]
    urls = sorted({now, registered_url(tenant) or now})
    values = await kept_values(tenant, "teardown", world)
    if CALCOM_KEY not in values:  # nothing was ever registered: the key is kept before the first write outside
        return []
    if tenant.spec.deletion_policy is DeletionPolicy.ORPHAN:
        return [Warn("Orphaned", f"deletionPolicy Orphan: the webhook {now} stays at Cal.com", EventType.NORMAL)]
    world.fence()
    try:
        client = world.providers.calcom(values["calcom-base-url"], values[CALCOM_KEY])
        for url in urls:
            await remove_calcom_webhook(client, url)
    except CredentialRefused as error:  # no other key will come: to wait would only hold up the namespace
        return [Warn("LeftOver", f"{error}; the webhook {now} may be left at Cal.com: delete it there")]
    return []


async def _drop_database(tenant: Tenant, world: World) -> list[Warn]:
    """Drop the role; the rows stay for this UID, or go: only our own, never those that an earlier namesake left."""
    meta, erase = tenant.metadata, tenant.spec.data_policy is DataPolicy.ERASE
    await world.database.drop_tenant(f"{meta.namespace}.{meta.name}", erase=erase, uid=meta.uid)
    return []


async def kept_values(tenant: Tenant, child: str, world: World) -> dict[str, str]:
    """Give what one of our own Secrets keeps (`runtime`, `admin`, `teardown`); empty when there is none yet."""
    meta = tenant.metadata
    secret = await world.kube.get(refs.SECRETS, meta.namespace, render.names(meta.name)[child])
    return {name: base64.b64decode(value).decode() for name, value in ((secret or {}).get("data") or {}).items()}


def registered_url(tenant: Tenant) -> str | None:
    """Give the URL that Cal.com was told last."""
    url = (tenant.status.get("webhookUrls") or {}).get("calcom")
    return str(url) if url else None
