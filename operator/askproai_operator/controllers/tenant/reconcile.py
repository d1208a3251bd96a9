"""Reconcile one Tenant: read and check, then the table of its concerns, from top to bottom."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from askproai_core.tenant_config.config import config_hash
from askproai_operator.api import Key, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.ceilings import add_lowered, apply_ceilings
from askproai_operator.controllers.conditions import first_failing
from askproai_operator.controllers.plan_annotation import tenant_hold
from askproai_operator.controllers.tenant.calcom_webhook import (
    register_webhook,
    remove_shared_webhook,
    webhooks_registered,
)
from askproai_operator.controllers.tenant.calendar_sync import synced_condition
from askproai_operator.controllers.tenant.canary import canary_healthy
from askproai_operator.controllers.tenant.checks import CHECKS
from askproai_operator.controllers.tenant.children.deployment import rollout_condition, runtime_condition
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.monitoring import apply_monitoring
from askproai_operator.controllers.tenant.children.release import RELEASE
from askproai_operator.controllers.tenant.children.routes import apply_routes
from askproai_operator.controllers.tenant.children.workloads import apply_workloads, observe_deployments
from askproai_operator.controllers.tenant.credentials import credentials_valid, refused_keys, take_keys
from askproai_operator.controllers.tenant.data_keys import ensure_encryption
from askproai_operator.controllers.tenant.database import ensure_database
from askproai_operator.controllers.tenant.deletion import delete_tenant
from askproai_operator.controllers.tenant.exposure import exposed_condition, former_exposure_field, former_url_fields
from askproai_operator.controllers.tenant.inputs import gather, gather_applied_config, gather_own_secrets
from askproai_operator.controllers.tenant.notifications import gather_notifications, notifications_condition
from askproai_operator.controllers.tenant.own_keys import gather_own_keys, register_own_accounts
from askproai_operator.controllers.tenant.page import gather_page, page_condition, publish_page, take_page_host
from askproai_operator.controllers.tenant.pod_keys import have_keys_read, requests_verified
from askproai_operator.controllers.tenant.quiet import note_quiet
from askproai_operator.controllers.tenant.redis import ensure_redis
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.controllers.tenant.shadow import shadow_condition, wake_shadow
from askproai_operator.controllers.tenant.signing_keys import keep_signing_keys
from askproai_operator.controllers.tenant.stranded import fit_condition
from askproai_operator.controllers.tenant.teardown import record_keys
from askproai_operator.controllers.tenant.tenant_config import render_config
from askproai_operator.controllers.tenant.withheld import find_not_found
from askproai_operator.controllers.webhook_urls import former_calcom_url
from askproai_operator.engine import GONE, Result, UnmanagedObject

# Fills in its fields of the run. A `Result` ends the reconcile.
Step = Callable[[Run, ReconcileContext], Awaitable[Result | None]]


@dataclass(frozen=True, slots=True)
class Concern:
    """One concern of a Tenant: up to four functions of its file.

    The `gather` functions of all concerns run first, in the order of the table: they read. Then run all `early` functions,
    whose writes are durable before a pod or a provider gets anything new. Then run all `apply` functions, and last all
    `condition` functions, which change nothing.
    """

    gather: Step | None = None
    early: Step | None = None
    apply: Step | None = None
    condition: Callable[[Run, ReconcileContext], Condition | None] | None = None


# The order of the rows is that of the work within each column, and the precedence of the conditions: the first one that is not good
# is the reason of Ready.
CONCERNS: Final = (
    # T-teardown, before a new key is used: the deletion must know each account with an object of the tenant.
    Concern(gather=gather_own_secrets, early=record_keys, condition=credentials_valid),
    Concern(gather=gather_own_keys),
    Concern(condition=lambda run, _: run.in_use.condition),
    Concern(condition=requests_verified),
    Concern(early=ensure_database, condition=lambda _run, _: good(ConditionType.DATABASE_READY)),
    # A new data key, also in T-teardown, before a pod encrypts with it.
    Concern(early=ensure_encryption),
    Concern(early=ensure_redis, condition=lambda run, _: run.cache),
    Concern(condition=lambda run, _: run.spool),
    Concern(gather=gather_applied_config, apply=render_config),
    Concern(
        gather=observe_deployments,
        apply=apply_workloads,
        condition=lambda run, _: rollout_condition(run.tenant, *run.workloads),
    ),
    Concern(
        condition=lambda run, _: add_lowered(runtime_condition(run.tenant, run.workloads.deployments), run.lowered)
    ),
    Concern(apply=have_keys_read),
    Concern(condition=lambda run, _: exposed_condition(run.tenant, run.inputs.exposure, run.routed)),
    # Early in staff members' accounts: pods book there only with our webhook.
    Concern(early=register_own_accounts, apply=register_webhook, condition=webhooks_registered),
    # After the webhook, which has left the former URL before its route is deleted.
    Concern(apply=apply_routes),
    Concern(condition=lambda run, _: synced_condition(run.tenant, run.state.backlog, run.state.poll, run.state.audit)),
    Concern(condition=lambda run, _: fit_condition(run.tenant, run.state.stranded)),
    Concern(apply=apply_monitoring, condition=lambda run, _: run.monitored),
    Concern(
        gather=gather_notifications,
        condition=lambda run, _: notifications_condition(run.inputs.notifications, run.state.failing),
    ),
    # The grant of the host, before the pods serve the page there.
    Concern(
        gather=gather_page,
        early=take_page_host,
        apply=publish_page,
        condition=lambda run, _: page_condition(run.tenant, run.inputs.page, run.page_routed),
    ),
    Concern(condition=lambda run, _: run.encryption.condition),
    Concern(condition=canary_healthy),
    Concern(apply=wake_shadow, condition=lambda run, context: shadow_condition(run.tenant, context.settings)),
)


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Reconcile one Tenant. Level-triggered: safe to run again at any point."""
    context.memory.quiet.pop(key, None)
    context.rollouts.forget(key)
    tenant = context.relations.tenant(key.namespace, key.name)
    if tenant is None or tenant.metadata.deletion_timestamp is not None:
        context.url_proofs.forget(key.namespace, key.name)
        context.memory.looks.forget(key)
        context.memory.logins.forget(key)
        context.memory.pod_keys.pop(key, None)
    if tenant is None:
        return GONE  # no requeue: its deletion is complete
    if tenant.metadata.deletion_timestamp is not None:
        return await delete_tenant(tenant, context)
    if held := tenant_hold(tenant, context.relations):
        return Result(paused=held)  # no requeue: the end of the annotation enqueues this Tenant
    if not await context.kube.add_finalizer(tenant):
        return GONE  # deleted a moment ago: its watch event requeues it where a finalizer still holds it
    try:
        return await _provision(tenant, context)
    except UnmanagedObject as error:
        conflict = bad(ConditionType.RUNTIME_AVAILABLE, Reason.OWNERSHIP_CONFLICT, error.message)
        reason = "no watch reports when a person removes an object that is not ours"
        return Result((conflict,), requeue=True, requeue_reason=reason)


async def _provision(declared: Tenant, context: ReconcileContext) -> Result:
    """Read and check the Tenant, run the table of its concerns, and return the result. A failing check ends the run early."""
    run = Run(declared, *apply_ceilings(declared, context.settings))
    run.inputs = await gather(run.tenant, context)
    if first_failing(CHECKS, run.inputs) is None:
        await take_keys(run, context)
    failed = first_failing(CHECKS, run.inputs)
    signing = run.tenant, run.inputs.credentials, context
    if failed is None or run.inputs.was_provisioned:
        # T-signing-keys is written first: after a wrong new key, requests with the former key must still be accepted.
        run.keys = await keep_signing_keys(*signing, refused=refused_keys(run.inputs), is_held=failed is not None)
    if failed:
        webhook_removed = await remove_shared_webhook(run.inputs, context)
        # Not retried with backoff: a change of the Tenant or of a watched Secret requeues it at once, and the resync reads an
        # unwatched Secret again; a provider that did not answer is asked when its look is due.
        return Result((failed, *webhook_removed), resync_after=_next_run(run, context))
    gathered, early = [each.gather for each in CONCERNS], [each.early for each in CONCERNS]
    for step in filter(None, [*gathered, *early, *(each.apply for each in CONCERNS)]):
        if (ended := await step(run, context)) is not None:
            await keep_signing_keys(*signing, is_held=True)  # the status still names the former keys
            return ended
    conditions = tuple(filter(None, (each.condition(run, context) for each in CONCERNS if each.condition)))
    routed, page_routed = run.routed, run.page_routed
    return Result(
        conditions,
        _status(run, context),
        events=(*run.left, *run.adopted),
        # Deployments are watched; all else is tried again at the resync, and at providers when a look is due. The facts about a
        # quiet Tenant that only PostgreSQL and Redis know are read with those of all others.
        requeue=Reason.PENDING in {routed.reason, page_routed.reason if page_routed else None},
        requeue_reason="the status of an HTTPRoute is listed, not watched",
        resync_after=note_quiet(run, conditions, context) or _next_run(run, context),
    )


def _next_run(run: Run, context: ReconcileContext) -> timedelta | None:
    """Return the time until the Tenant's next look at a provider; None if the usual resync comes first."""
    resync = context.settings.resync
    next_look = context.next_look(run.tenant.key, otherwise=resync)
    return next_look if next_look is not None and next_look < resync else None


def _status(run: Run, context: ReconcileContext) -> dict[str, Any]:
    fields = status_fields(
        run.inputs,
        context.installation_id,
        config_hash=config_hash(run.config),
        replicas=run.workloads.deployments[Component.WEB].replicas,
        webhook_registered=run.webhook.good and not run.own_accounts.is_open,
    )
    return fields | {**former_exposure_field(run.former), "pageUrl": run.inputs.page.url, **run.in_use.status}


def status_fields(
    inputs: Inputs, installation_id: str, *, config_hash: str, replicas: int | None, webhook_registered: bool
) -> dict[str, Any]:
    """Return the status fields of a tenant that was provisioned.

    If Cal.com's webhook could not be registered, the status keeps the URL that was registered before: it is the only record of
    a webhook that still has to be removed.
    """
    in_use = inputs.exposure.in_use
    not_found = find_not_found(inputs.tenant, inputs.offerings, inputs.accounts)
    urls = in_use.urls(installation_id) if in_use is not None else None
    if urls is not None and not webhook_registered:
        urls["calcom"] = former_calcom_url(inputs.tenant, installation_id) or urls["calcom"]
    return {
        "key": inputs.tenant.metadata.dotted,
        "webhookUrls": urls,
        **former_url_fields(inputs.exposure),
        "configHash": config_hash,
        "release": RELEASE,
        "eventTypesNotFound": [{"eventTypeId": number} for number in not_found] or None,
        "branches": len(inputs.branches),
        "replicas": replicas,
    }
