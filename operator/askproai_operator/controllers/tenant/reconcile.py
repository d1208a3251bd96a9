"""Reconcile one Tenant: credentials, database, config, pods, the Cal.com webhook. Read from top to bottom."""

import secrets

import structlog

from askproai_core.database import DataOwnedByOther
from askproai_core.tenant_config import config_hash, encode
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.conditions import condition_of, first_failing
from askproai_operator.controllers.credentials import CALCOM_WEBHOOK, calcom_account
from askproai_operator.controllers.tenant.addresses import registered_calcom_url
from askproai_operator.controllers.tenant.checks import CHECKS
from askproai_operator.controllers.tenant.children import apply_children, apply_monitoring, apply_routes
from askproai_operator.controllers.tenant.children.deployment import runtime_condition
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.deletion import delete_tenant
from askproai_operator.controllers.tenant.inputs import Inputs, gather
from askproai_operator.controllers.tenant.status import database_condition, status_fields
from askproai_operator.controllers.tenant.stores import (
    DATABASE_ERRORS,
    ensure_database,
    ensure_redis_user,
    ensure_runtime_secret,
)
from askproai_operator.controllers.tenant.tenant_config import ResourceIds, compile_config
from askproai_operator.engine import GONE, Key, Result, UnmanagedObject, World, resources
from askproai_operator.providers import ProviderError, ensure_calcom_webhook, remove_calcom_webhook

log = structlog.get_logger(__name__)

# The triggers that concern appointments; their order does not matter.
CALCOM_TRIGGERS = tuple(
    f"BOOKING_{what}" for what in ("CREATED", "RESCHEDULED", "CANCELLED", "REQUESTED", "REJECTED", "NO_SHOW_UPDATED")
)


async def reconcile(key: Key, world: World) -> Result:
    """Reconcile one Tenant. Level-triggered: safe to run again at any point."""
    tenant = world.cache.tenant(key.namespace, key.name)
    if tenant is None:
        return GONE  # no requeue: its deletion is complete
    if tenant.metadata.deletion_timestamp is not None:
        return await delete_tenant(tenant, world)
    if not await world.kube.add_finalizer(tenant):
        return GONE  # deleted a moment ago: its watch event requeues it where a finalizer still holds it
    try:
        return await _provision(tenant, world)
    except UnmanagedObject as error:
        # Requeued with backoff: no watch reports that a person removed an object that we do not own.
        return Result((bad(ConditionType.RUNTIME_AVAILABLE, Reason.OWNERSHIP_CONFLICT, error.message),), retry=True)


async def _provision(tenant: Tenant, world: World) -> Result:
    inputs = await gather(tenant, world)
    if failed := first_failing(CHECKS, inputs):
        # Not retried with backoff: a change of the Tenant or of a watched Secret requeues it at once, and the resync reads an
        # unwatched Secret, and asks a provider that did not answer, again.
        return Result((failed,))
    await _record_keys(inputs, world)
    valid = good(ConditionType.CREDENTIALS_VALID)
    urls = await ensure_runtime_secret(inputs, world)
    try:
        resource_ids, events = await ensure_database(inputs, urls.database, world)
    except DATABASE_ERRORS as error:
        state = getattr(error, "sqlstate", None)
        log.warning("database.not_ready", tenant=tenant.metadata.dotted, error=type(error).__name__, sqlstate=state)
        # Requeued with backoff, unless a person has to adopt the rows or rename the Tenant: that edit requeues it.
        return Result((valid, database_condition(error)), retry=not isinstance(error, DataOwnedByOther))
    cache = await ensure_redis_user(tenant, urls.redis, world)
    config = _encoded_config(inputs, resource_ids, world)
    credentials = inputs.credentials
    deployments = await apply_children(
        tenant,
        credentials,
        config=config,
        admin_token=inputs.admin_token or secrets.token_urlsafe(32),
        servers=[*filter(None, urls), credentials.retell_base_url, credentials.calcom_base_url],
        world=world,
    )
    if tenant.status.get("configHash") not in {None, config_hash(config)}:
        world.nudge(*tenant.key[1:], config_hash(config))  # else a kubelet may take 90 seconds to update the mount
    webhook = await _register_webhook(inputs, world)
    exposed = await apply_routes(tenant, inputs.address, world)
    monitored = await apply_monitoring(tenant, world)
    pods = runtime_condition(tenant, deployments)
    status = status_fields(
        inputs,
        world.installation_id,
        config_hash=config_hash(config),
        replicas=deployments[Component.WEB].replicas,
        webhook_registered=webhook.good,
    )
    return Result(
        (valid, good(ConditionType.DATABASE_READY), cache, pods, exposed, webhook, monitored),
        status,
        warnings=events,
        # Requeued with backoff for a Gateway's answer only: HTTPRoutes are listed, not watched. Deployments are watched, and
        # all else is tried again at the resync.
        retry=exposed.reason is Reason.PENDING,
    )


async def _record_keys(inputs: Inputs, world: World) -> None:
    """Keep the keys for the deletion, and requeue the Tenants that use the same Retell key.

    Only keys that were just found good are kept, so nothing is ever sent with a refused or a shared one. A younger Tenant
    with the same key was reconciled before it could know of this one, and is refused now.
    """
    holder = inputs.key_holder
    if inputs.key_error is None:
        await world.kube.apply(teardown_secret(inputs.tenant, inputs.credentials, holder.key_hash))
    for other in inputs.other_key_holders:
        if other.key_hash == holder.key_hash:
            world.enqueue(Key(resources.TENANTS.kind, *other.tenant.split(".", 1)))


def _encoded_config(inputs: Inputs, resource_ids: ResourceIds, world: World) -> str:
    return encode(
        compile_config(
            inputs.tenant,
            inputs.branches,
            inputs.offerings,
            inputs.agents,
            resource_ids=resource_ids,
            foreign_numbers=inputs.foreign_numbers,
            path_prefix=inputs.address.path_prefix,
            installation_id=world.installation_id,
            calcom_base_url=inputs.credentials.calcom_base_url,
        )
    )


async def _register_webhook(inputs: Inputs, world: World) -> Condition:
    """Create or update our webhook at Cal.com; return the condition WebhooksRegistered.

    The URL is the webhook's identity, so a second run finds what the first one made.
    """
    kind, tenant, credentials = ConditionType.WEBHOOKS_REGISTERED, inputs.tenant, inputs.credentials
    if calcom_account(tenant) is None:
        return good(kind, "the calendar is local; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED)
    url, previous = inputs.address.urls(world.installation_id)["calcom"], registered_calcom_url(tenant)
    try:
        world.fence()
        client = world.providers.calcom(credentials.calcom_base_url, credentials.calcom_key)
        await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, credentials.values[CALCOM_WEBHOOK])
        if previous and previous != url:  # the tenant moved; the status names the old URL until this is done
            await remove_calcom_webhook(client, previous)
    except ProviderError as error:
        return condition_of(error, kind)
    return good(kind, "Cal.com tells us of bookings")
