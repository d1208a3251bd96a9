"""Reconcile one Tenant: credentials, database, config, pods, the Cal.com webhook. Read from top to bottom."""

import secrets

import structlog

from askproai_core.database import DataOwnedByOther
from askproai_core.tenant_config import config_hash, encode
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of, first_failing
from askproai_operator.controllers.tenant.addresses import registered_calcom_url
from askproai_operator.controllers.tenant.ceilings import add_lowered, apply_ceilings
from askproai_operator.controllers.tenant.checks import CHECKS
from askproai_operator.controllers.tenant.children import apply_children, apply_monitoring, apply_routes
from askproai_operator.controllers.tenant.children.deployment import runtime_condition
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.deletion import delete_tenant
from askproai_operator.controllers.tenant.inputs import Inputs, gather, gather_own_secrets
from askproai_operator.controllers.tenant.status import database_condition, status_fields
from askproai_operator.controllers.tenant.stores import (
    DATABASE_ERRORS,
    ensure_database,
    ensure_redis_user,
    ensure_runtime_secret,
)
from askproai_operator.controllers.tenant.tenant_config import ResourceIds, compile_config
from askproai_operator.credentials import CALCOM_WEBHOOK, calcom_account
from askproai_operator.engine import GONE, Key, Result, UnmanagedObject, resources
from askproai_operator.providers import ProviderError, ensure_calcom_webhook, remove_calcom_webhook

log = structlog.get_logger(__name__)

# The triggers that concern appointments; their order does not matter.
CALCOM_TRIGGERS = tuple(
    f"BOOKING_{what}" for what in ("CREATED", "RESCHEDULED", "CANCELLED", "REQUESTED", "REJECTED", "NO_SHOW_UPDATED")
)


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Reconcile one Tenant. Level-triggered: safe to run again at any point."""
    tenant = context.relations.tenant(key.namespace, key.name)
    if tenant is None:
        return GONE  # no requeue: its deletion is complete
    if tenant.metadata.deletion_timestamp is not None:
        return await delete_tenant(tenant, context)
    if not await context.kube.add_finalizer(tenant):
        return GONE  # deleted a moment ago: its watch event requeues it where a finalizer still holds it
    try:
        return await _provision(tenant, context)
    except UnmanagedObject as error:
        conflict = bad(ConditionType.RUNTIME_AVAILABLE, Reason.OWNERSHIP_CONFLICT, error.message)
        reason = "no watch reports when a person removes an object that is not ours"
        return Result((conflict,), requeue=True, requeue_reason=reason)


async def _provision(tenant: Tenant, context: ReconcileContext) -> Result:
    tenant, lowered = apply_ceilings(tenant, context.settings)
    inputs = await gather(tenant, context)
    if failed := first_failing(CHECKS, inputs):
        # Not retried with backoff: a change of the Tenant or of a watched Secret requeues it at once, and the resync reads an
        # unwatched Secret, and asks a provider that did not answer, again.
        return Result((failed,))
    inputs = await gather_own_secrets(inputs, context)
    await _record_keys(inputs, context)
    valid = good(ConditionType.CREDENTIALS_VALID, "; ".join(inputs.credentials.unpermitted))
    urls = await ensure_runtime_secret(inputs, context)
    try:
        resource_ids, events = await ensure_database(inputs, urls.database, context)
    except DATABASE_ERRORS as error:
        details = {"sqlstate": getattr(error, "sqlstate", None), "owner_uid": getattr(error, "owner_uid", None)}
        log.warning("database.not_ready", tenant=tenant.metadata.dotted, error=type(error).__name__, **details)
        condition = database_condition(error)
        if isinstance(error, DataOwnedByOther):
            # Not requeued: a person adopts the rows or renames the Tenant, and that edit requeues it.
            return Result((valid, condition))
        return Result((valid, condition), requeue=True, requeue_reason=condition.message)
    cache = await ensure_redis_user(tenant, urls.redis, context)
    config = _encoded_config(inputs, resource_ids, context)
    credentials = inputs.credentials
    deployments = await apply_children(
        tenant,
        credentials,
        config=config,
        admin_token=inputs.admin_token or secrets.token_urlsafe(32),
        servers=[*filter(None, urls), credentials.retell_base_url, credentials.calendar_base_url],
        context=context,
    )
    if tenant.status.get("configHash") not in {None, config_hash(config)}:
        context.trigger_config_sync(*tenant.key[1:], config_hash(config))  # a kubelet may take 90 s to update the mount
    webhook = await _register_webhook(inputs, context)
    exposed = await apply_routes(tenant, inputs.address, context)
    monitored = await apply_monitoring(tenant, context)
    pods = add_lowered(runtime_condition(tenant, deployments), lowered)
    status = status_fields(
        inputs,
        context.installation_id,
        config_hash=config_hash(config),
        replicas=deployments[Component.WEB].replicas,
        webhook_registered=webhook.good,
    )
    return Result(
        (valid, good(ConditionType.DATABASE_READY), cache, pods, exposed, webhook, monitored),
        status,
        events=events,
        # Deployments are watched, and all else is tried again at the resync.
        requeue=exposed.reason is Reason.PENDING,
        requeue_reason="the status of an HTTPRoute is listed, not watched",
    )


async def _record_keys(inputs: Inputs, context: ReconcileContext) -> None:
    """Keep the keys for the deletion, and requeue the Tenants that use the same Retell key.

    Only keys that were just found good are kept, so nothing is ever sent with a refused or a shared one. A younger Tenant
    with the same key was reconciled before it could know of this one, and is refused now.
    """
    holder = inputs.key_holder
    if inputs.key_error is None:
        await context.kube.apply(teardown_secret(inputs.tenant, inputs.credentials, holder.key_hash))
    for other in inputs.other_key_holders:
        if other.key_hash == holder.key_hash:
            context.enqueue(Key(resources.TENANTS.kind, *other.tenant.split(".", 1)))


def _encoded_config(inputs: Inputs, resource_ids: ResourceIds, context: ReconcileContext) -> str:
    return encode(
        compile_config(
            inputs.tenant,
            inputs.branches,
            inputs.offerings,
            inputs.agents,
            resource_ids=resource_ids,
            foreign_numbers=inputs.foreign_numbers,
            path_prefix=inputs.address.path_prefix,
            installation_id=context.installation_id,
            calendar_base_url=inputs.credentials.calendar_base_url,
        )
    )


async def _register_webhook(inputs: Inputs, context: ReconcileContext) -> Condition:
    """Create or update our webhook at Cal.com; return the condition WebhooksRegistered.

    The URL is the webhook's identity, so a second run finds what the first one made.
    """
    kind, tenant, credentials = ConditionType.WEBHOOKS_REGISTERED, inputs.tenant, inputs.credentials
    if calcom_account(tenant) is None:
        return good(kind, "the calendar is local; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED)
    url, previous = inputs.address.urls(context.installation_id)["calcom"], registered_calcom_url(tenant)
    try:
        context.fence()
        client = context.providers.calcom(credentials.calendar_base_url, credentials.calcom_key)
        await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, credentials.values[CALCOM_WEBHOOK])
        if previous and previous != url:  # the tenant moved; the status names the old URL until this is done
            await remove_calcom_webhook(client, previous)
    except ProviderError as error:
        return condition_of(error, kind)
    return good(kind, "Cal.com tells us of bookings")
