"""Reconcile one Tenant: credentials, database, config, pods, the Cal.com webhook. Read from top to bottom."""

import secrets
from collections.abc import Collection, Hashable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from askproai_core.database import DataOwnedByOther
from askproai_core.tenant_config import config_hash, encode
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good, unknown
from askproai_operator.context import ReconcileContext, TenantUrl
from askproai_operator.controllers.addresses import Address, former_calcom_url, registered_calcom_url
from askproai_operator.controllers.ceilings import add_lowered, apply_ceilings
from askproai_operator.controllers.conditions import condition_of, first_failing
from askproai_operator.controllers.plan_annotation import plan_hold
from askproai_operator.controllers.tenant.canary import canary_condition, newest_trial
from askproai_operator.controllers.tenant.checks import CHECKS
from askproai_operator.controllers.tenant.children.deployment import live_canary, rollout_condition, runtime_condition
from askproai_operator.controllers.tenant.children.metadata import Component, child_name
from askproai_operator.controllers.tenant.children.monitoring import apply_monitoring
from askproai_operator.controllers.tenant.children.routes import apply_routes
from askproai_operator.controllers.tenant.children.secrets import teardown_secret
from askproai_operator.controllers.tenant.children.workloads import apply_children
from askproai_operator.controllers.tenant.data_keys import Encryption, ensure_encryption
from askproai_operator.controllers.tenant.deletion import delete_tenant, release_keys
from askproai_operator.controllers.tenant.exposure import as_exposed_before, exposed_condition, former_exposure_field
from askproai_operator.controllers.tenant.former_accounts import record_former_accounts
from askproai_operator.controllers.tenant.inputs import KEY_TEST, Inputs, gather, gather_own_objects, take_keys
from askproai_operator.controllers.tenant.notifications import notifications_condition
from askproai_operator.controllers.tenant.own_keys import OwnAccounts, linked_event_types, register_in_own_accounts
from askproai_operator.controllers.tenant.page import apply_page, page_condition, take_page_host
from askproai_operator.controllers.tenant.pod_keys import find_keys_in_use
from askproai_operator.controllers.tenant.quiet import note_quiet
from askproai_operator.controllers.tenant.shadow import is_copied, shadow_condition, shadows_key
from askproai_operator.controllers.tenant.signing_keys import SigningKeys, keep_signing_keys, record_registered
from askproai_operator.controllers.tenant.status import (
    credentials_condition,
    database_condition,
    status_fields,
    synced_condition,
    untried_calcom_key,
    untried_retell_key,
    verified_condition,
)
from askproai_operator.controllers.tenant.stores import (
    DATABASE_ERRORS,
    ensure_database,
    ensure_redis_user,
    ensure_runtime_secret,
    read_spool_condition,
    read_state,
)
from askproai_operator.controllers.tenant.stranded import fit_condition
from askproai_operator.controllers.tenant.tenant_config import ResourceIds, compile_config
from askproai_operator.controllers.tenant.withheld import find_former, find_withheld
from askproai_operator.credentials import CALCOM_KEY, CALCOM_WEBHOOK, calcom_account, read_own_secret
from askproai_operator.engine import (
    GONE,
    TOKEN_ANNOTATION,
    EventRecord,
    Key,
    ObservedObject,
    Result,
    UnmanagedObject,
    find_condition,
    resources,
)
from askproai_operator.grants import SubjectKind
from askproai_operator.providers import ProviderError, ensure_calcom_webhook, hash_key, remove_calcom_webhook

log = structlog.get_logger(__name__)

# The triggers that concern appointments; their order does not matter.
CALCOM_TRIGGERS = tuple(
    f"BOOKING_{what}" for what in ("CREATED", "RESCHEDULED", "CANCELLED", "REQUESTED", "REJECTED", "NO_SHOW_UPDATED")
)
# Absences, which keep free times from being offered, and another host for a booking: in the order in which servers learned them.
# An older server refuses them, and does without: the poll finds the same.
NEWER_CALCOM_TRIGGERS = ("OOO_CREATED", "BOOKING_REASSIGNED")


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
    relations, names = context.relations, tenant.key[1:]
    if held := plan_hold([tenant, *relations.branches(*names), *relations.offerings(*names)]):
        return Result(paused=held)  # no requeue: the end of the annotation enqueues this Tenant
    if not await context.kube.add_finalizer(tenant):
        return GONE  # deleted a moment ago: its watch event requeues it where a finalizer still holds it
    try:
        return await _provision(tenant, context)
    except UnmanagedObject as error:
        conflict = bad(ConditionType.RUNTIME_AVAILABLE, Reason.OWNERSHIP_CONFLICT, error.message)
        reason = "no watch reports when a person removes an object that is not ours"
        return Result((conflict,), requeue=True, requeue_reason=reason)


async def _provision(tenant: Tenant, context: ReconcileContext) -> Result:
    declared = tenant
    tenant, lowered = apply_ceilings(declared, context.settings)
    inputs = await gather(tenant, context)
    if first_failing(CHECKS, inputs) is None:
        inputs = await take_keys(inputs, context)
    failed = first_failing(CHECKS, inputs)
    if failed is None or inputs.was_provisioned:  # a wrong new key must not silence the calls that the former one signs
        keys = await keep_signing_keys(tenant, inputs.credentials, context, usable=failed is None)
    if failed:
        webhook_removed = await _remove_shared_webhook(inputs, context)
        # Not retried with backoff: a change of the Tenant or of a watched Secret requeues it at once, and the resync reads an
        # unwatched Secret again; a provider that did not answer is asked when its look is due.
        return Result((failed, *webhook_removed), resync_after=_next_run(inputs, context))
    inputs = await gather_own_objects(inputs, context)
    in_accounts = {
        _webhook_look(each, context) for each in (inputs.credentials.calcom_key, *inputs.own_keys.values.values())
    }
    context.memory.looks.retain(tenant.key, {KEY_TEST, *in_accounts})
    is_recorded, left = await _record_keys(inputs, context)
    urls = await ensure_runtime_secret(inputs, context)
    try:
        resource_ids, events = await ensure_database(inputs, urls.database, context)
        state = await read_state(inputs, context)
        deployed = _live_deployments(inputs, context)
        encryption = await ensure_encryption(tenant, deployed, inputs.data_keys, context)
        if (
            is_recorded and encryption.stored != inputs.data_keys
        ):  # a new key: what the deletion keeps must have it, too
            await _apply_teardown(replace(inputs, data_keys=encryption.stored), context)
    except DATABASE_ERRORS as error:
        details = {"sqlstate": getattr(error, "sqlstate", None), "owner_uid": getattr(error, "owner_uid", None)}
        log.warning("database.not_ready", tenant=tenant.metadata.dotted, error=type(error).__name__, **details)
        valid, condition = _keys_without_database(inputs, keys, context), database_condition(error)
        if isinstance(error, DataOwnedByOther):
            # Not requeued: a person adopts the rows or renames the Tenant, and that edit requeues it.
            return Result((valid, condition), events=left)
        return Result((valid, condition), events=left, requeue=True, requeue_reason=condition.message)
    cache = await ensure_redis_user(tenant, urls.redis, context)
    spool = await read_spool_condition(context)
    own_accounts = await _register_in_own_accounts(inputs, keys, context)
    inputs = replace(inputs, page=await take_page_host(tenant, inputs.page, context))
    linked = linked_event_types(inputs.offerings, inputs.applied, own_accounts.registered, deployed)
    config = _encoded_config(inputs, resource_ids, linked, encryption, context)
    credentials, admin_token = inputs.credentials, await _admin_token(inputs, context)
    deployments, awaited = await apply_children(
        tenant,
        declared,
        credentials,
        config=config,
        admin_token=admin_token,
        stores=[*filter(None, urls)],
        providers=[
            credentials.retell_base_url,
            credentials.calendar_base_url,
            *inputs.notifications.servers,
            *inputs.page.servers,
        ],
        own_keys=inputs.own_keys.refs,
        further_keys={**inputs.notifications.refs, **inputs.page.refs},
        page_is_published=inputs.page.url is not None,
        context=context,
    )
    in_use = find_keys_in_use(tenant, credentials, keys, admin_token, deployed, context.memory.pod_keys.get(tenant.key))
    if tenant.status.get("configHash") not in {None, config_hash(config)} or not in_use.by_all:
        # A kubelet may take 90 s to update what is mounted.
        context.trigger_config_sync(*tenant.key[1:], config_hash(config), in_use.wanted)
    webhook = await _register_webhook(inputs, keys, context, others_open=own_accounts.is_open)
    kept = inputs.exposure.kept
    former = as_exposed_before(tenant, kept, context.settings.shared_base_url)
    routed = await apply_routes(tenant, inputs.exposure.requested, kept, former, context)
    _request_proof(inputs, admin_token, routed, deployments[Component.WEB], context)
    page_routed = await apply_page(tenant, inputs.page.url, context)
    monitored = await apply_monitoring(tenant, context)
    pods = add_lowered(runtime_condition(tenant, deployments), lowered)
    status = status_fields(
        inputs,
        context.installation_id,
        config_hash=config_hash(config),
        replicas=deployments[Component.WEB].replicas,
        webhook_registered=webhook.good and not own_accounts.is_open,
    ) | {**former_exposure_field(former), "pageUrl": inputs.page.url, **in_use.status}
    conditions = (
        credentials_condition(
            webhook,
            state.refusals,
            untried_retell_key(inputs)
            or untried_calcom_key(webhook, is_untried=keys.is_untried(CALCOM_KEY, _calcom_hash(inputs, context))),
        ),
        in_use.condition,
        verified_condition(tenant, state.refused_since),
        good(ConditionType.DATABASE_READY),
        cache,
        spool,
        rollout_condition(tenant, deployments, awaited=awaited),
        pods,
        exposed_condition(tenant, inputs.exposure, routed),
        (own_accounts.failure if webhook.good else None) or webhook,
        synced_condition(tenant, state.backlog, state.poll, state.audit),
        fit_condition(tenant, state.stranded),
        monitored,
        *filter(
            None,
            (
                notifications_condition(inputs.notifications, state.failing),
                page_condition(tenant, inputs.page, page_routed),
                encryption.condition,
                _canary_condition(tenant, deployments[Component.WEB], context),
                _shadow_condition(tenant, context),
            ),
        ),
    )
    settled = replace(inputs, data_keys=encryption.stored)
    quiet_for = note_quiet(settled, keys, resource_ids.values(), conditions, context)
    return Result(
        conditions,
        status,
        events=(*left, *events),
        # Deployments are watched; all else is tried again at the resync, and at providers when a look is due. The facts about a
        # quiet Tenant that only PostgreSQL and Redis know are read with those of all others.
        requeue=Reason.PENDING in {routed.reason, page_routed.reason if page_routed else None},
        requeue_reason="the status of an HTTPRoute is listed, not watched",
        resync_after=quiet_for or _next_run(inputs, context),
    )


def _next_run(inputs: Inputs, context: ReconcileContext) -> timedelta | None:
    """Return when the next look at a provider is due, if that is before the usual resync."""
    resync = context.settings.resync
    next_look = context.next_look(inputs.tenant.key, otherwise=resync)
    return next_look if next_look is not None and next_look < resync else None


async def _admin_token(inputs: Inputs, context: ReconcileContext) -> str:
    """Return the token of `T-admin`, or a new one.

    Read right before the apply and not with the other inputs: who deletes the Secret wants another token, and a reconcile that
    goes on with the former one would write that again.
    """
    meta = inputs.tenant.metadata
    values = await read_own_secret(context, meta.namespace, meta.name, "admin", uid=meta.uid)
    return values.get("token", "").strip() or secrets.token_urlsafe(32)


async def _record_keys(inputs: Inputs, context: ReconcileContext) -> tuple[bool, tuple[EventRecord, ...]]:
    """Keep the keys for the deletion, release those that they replace, and record what is left where those lead.

    Only keys that were just found good are kept, so nothing is ever sent with a refused or a shared one. The released claims are in
    `T-teardown` until then, so a crash in between forgets nothing. Returns whether they were recorded, and the Kubernetes Events
    about what is left.
    """
    if inputs.key_error is not None:
        return False, ()
    try:
        events = await record_former_accounts(inputs, context)
    except ProviderError as error:  # the former keys stay in T-teardown, and the resync tries again
        log.info("keys.not_recorded", tenant=inputs.tenant.metadata.dotted, error=str(error))
        return False, ()
    await release_keys(inputs.tenant, context, keep=[*inputs.keys.values(), *inputs.own_keys.subjects])
    await _apply_teardown(inputs, context)
    if events:  # the agents need what the new key leads to; no watch reports it
        for agent in inputs.agents:
            context.enqueue(agent.key)
    return True, events


async def _apply_teardown(inputs: Inputs, context: ReconcileContext) -> None:
    own = inputs.own_keys
    await context.kube.apply(
        teardown_secret(inputs.tenant, inputs.credentials, inputs.keys, own.values, own.subjects, inputs.data_keys)
    )


async def _remove_shared_webhook(inputs: Inputs, context: ReconcileContext) -> tuple[Condition, ...]:
    """Remove our webhook from the Cal.com account of another tenant, whose bookings it receives.

    The status says that it was registered there until a release that refuses shared keys. All else goes on: the pods still
    book at Cal.com, since a local calendar would offer times that are taken there.
    """
    kind, url = ConditionType.WEBHOOKS_REGISTERED, registered_calcom_url(inputs.tenant)
    if SubjectKind.CALCOM_KEY not in inputs.shared_keys or url is None:
        return ()
    text = "removed at Cal.com, because another tenant has this key; it comes back with a key of your own"
    removed = bad(kind, Reason.CREDENTIALS_SHARED, text)
    if find_condition(inputs.tenant, kind).get("reason") != Reason.CREDENTIALS_SHARED:
        try:
            context.fence()
            client = context.providers.calcom(inputs.credentials.calendar_base_url, inputs.credentials.calcom_key)
            await remove_calcom_webhook(client, url)
        except ProviderError as error:
            return (condition_of(error, kind),)
    context.memory.looks.forget(inputs.tenant.key, _webhook_look(inputs.credentials.calcom_key, context))
    return (removed,)


def _live_deployments(inputs: Inputs, context: ReconcileContext) -> list[ObservedObject]:
    """Return the tenant's Deployments, a canary among them while it has pods."""
    namespace, name = inputs.tenant.key[1:]
    live = [context.cache.child(resources.DEPLOYMENTS, namespace, child_name(name, part)) for part in Component]
    canary = live_canary(inputs.tenant, context.cache)
    return [each for each in (*live, canary if canary and canary.replicas else None) if each is not None]


def _canary_condition(tenant: Tenant, web: ObservedObject, context: ReconcileContext) -> Condition | None:
    live, trial = live_canary(tenant, context.cache), newest_trial(tenant, context.cache)
    pods = (live.replicas if live else None) or 0
    return canary_condition(tenant, trial, pods, web.replicas or 0, context.settings)


def _shadow_condition(tenant: Tenant, context: ReconcileContext) -> Condition | None:
    """Return ShadowAgrees, and have a shadow that is asked for, or was, begun or ended."""
    if tenant.spec.runtime.shadow is not None or "shadow" in tenant.status:
        context.enqueue(shadows_key(context.settings))
    return shadow_condition(tenant, context.settings)


def _encoded_config(
    inputs: Inputs,
    resource_ids: ResourceIds,
    linked: Collection[int],
    encryption: Encryption,
    context: ReconcileContext,
) -> str:
    return encode(
        compile_config(
            inputs.tenant,
            inputs.branches,
            inputs.offerings,
            inputs.agents,
            resource_ids=resource_ids,
            foreign_numbers=inputs.foreign_numbers,
            path_prefix=inputs.exposure.requested.path_prefix,
            former_path_prefix=inputs.exposure.former_path_prefix,
            installation_id=context.installation_id,
            calendar_base_url=inputs.credentials.calendar_base_url,
            retell_base_url=inputs.credentials.retell_base_url,
            applied_agents=inputs.applied.agents if inputs.applied else (),
            linked_own_event_types=linked,
            notification_channels=inputs.notifications.channels,
            logs_in_at_issuer=inputs.page.may_log_in,
            page_is_published=inputs.page.url is not None,
            public_url=inputs.exposure.in_use.base_url if inputs.exposure.in_use else "",
            withheld=find_withheld(
                inputs.tenant,
                inputs.offerings,
                inputs.applied,
                inputs.credentials.calendar_base_url,
                inputs.accounts,
            ),
            encrypt_bodies=encryption.is_on,
            shadow=is_copied(inputs.tenant, context.cache),
            withheld_event_types=find_former(inputs.tenant, inputs.offerings, inputs.accounts),
        )
    )


def _request_proof(
    inputs: Inputs, token: str, routed: Condition, web: ObservedObject, context: ReconcileContext
) -> None:
    """Have the requested URL tested, as soon as a pod is ready and until senders have the URL; not while suspended: no pod answers.

    A refused host is another tenant's. A changed annotation `reconcile-at` starts a test at once: a person has corrected something.
    """
    tenant, exposure = inputs.tenant, inputs.exposure
    if exposure.is_settled or tenant.spec.suspend:
        context.url_proofs.forget(*tenant.key[1:])
    elif web.status.get("readyReplicas") and (routed.good or routed.reason is Reason.PENDING):
        again = tenant.metadata.annotations.get(TOKEN_ANNOTATION, "")
        url = TenantUrl(*tenant.key[1:], tenant.metadata.uid, exposure.requested.base_url, token)
        context.url_proofs.request(url, again)


async def _register_in_own_accounts(inputs: Inputs, keys: SigningKeys, context: ReconcileContext) -> OwnAccounts:
    """Register the webhooks in the accounts of staff members' own keys; nothing before the URL of the tenant is proven."""
    if inputs.exposure.in_use is None:
        return OwnAccounts()
    register = partial(_ensure_webhook, inputs, inputs.exposure.in_use, keys, context)
    return await register_in_own_accounts(inputs.own_keys, register)


async def _register_webhook(
    inputs: Inputs, keys: SigningKeys, context: ReconcileContext, *, others_open: bool
) -> Condition:
    """Create or update our webhook at Cal.com; return the condition WebhooksRegistered.

    A changed secret is sent when the pods have it: Cal.com never repeats an event that was answered 401.

    The URL is the webhook's identity, so a second run finds what the first one made. While `others_open`, another account may
    sign with the former secret still.
    """
    kind, tenant, credentials = ConditionType.WEBHOOKS_REGISTERED, inputs.tenant, inputs.credentials
    if calcom_account(tenant) is None:
        return good(kind, "the calendar is local; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED)
    in_use = inputs.exposure.in_use
    if in_use is None and tenant.spec.suspend:
        return good(kind, "Cal.com gets our webhook when pods run again and answer at its URL", Reason.SUSPENDED)
    if in_use is None:
        return bad(kind, Reason.PENDING, "Cal.com gets our webhook when its URL leads to the pods; see Exposed")
    try:
        secret, refused = await _ensure_webhook(inputs, in_use, keys, context, credentials.calcom_key)
        await record_registered(
            tenant,
            keys,
            context,
            registered={} if others_open else {CALCOM_WEBHOOK: secret},
            accepted={CALCOM_KEY: _calcom_hash(inputs, context)},
        )
    except ProviderError as error:
        return condition_of(error, kind)
    return good(kind, _heard_of(refused))


def _keys_without_database(inputs: Inputs, keys: SigningKeys, context: ReconcileContext) -> Condition:
    """Return CredentialsValid of a run that does not come to Cal.com: a key that nobody could try there stays Unknown."""
    kind = ConditionType.CREDENTIALS_VALID
    if (untried := untried_retell_key(inputs)) is not None:
        return untried
    former = find_condition(inputs.tenant, kind)
    is_waiting = former.get("status") == Status.UNKNOWN and former.get("reason") == Reason.PROVIDER_UNAVAILABLE
    if is_waiting and keys.is_untried(CALCOM_KEY, _calcom_hash(inputs, context)):
        return unknown(kind, Reason.PROVIDER_UNAVAILABLE, former["message"])
    return good(kind)


def _calcom_hash(inputs: Inputs, context: ReconcileContext) -> str:
    """Return a hash of the Tenant's own key at Cal.com and of the server that it is for."""
    credentials = inputs.credentials
    return hash_key(context.installation_id, f"{credentials.calendar_base_url} {credentials.calcom_key}")


def _heard_of(refused: Collection[str]) -> str:
    if not refused:
        return "Cal.com tells us of bookings"
    return (
        f"Cal.com tells us of bookings. Its server refuses the trigger {', '.join(sorted(refused))}, so such changes are known"
        " after five minutes: update that server to have them known at once"
    )


async def _ensure_webhook(
    inputs: Inputs, address: Address, keys: SigningKeys, context: ReconcileContext, calcom_key: str
) -> tuple[str, Collection[str]]:
    """Register our webhook in the account of a key; return the secret that it signs with, and the newer triggers that the server
    refuses. Raises ProviderError.

    Cal.com is asked when anything of it changes, or the last answer is too old: it does not report that a person removes a webhook.
    """
    url = address.urls(context.installation_id)["calcom"]
    previous = former_calcom_url(inputs.tenant, context.installation_id)
    meta, base_url = inputs.tenant.metadata, inputs.credentials.calendar_base_url
    secret = keys.to_register(CALCOM_WEBHOOK, inputs.credentials.values[CALCOM_WEBHOOK], context.clock.now())
    moved_from = previous if previous != url else None

    async def register() -> frozenset[str]:
        context.fence()
        client = context.providers.calcom(base_url, calcom_key)
        refused = await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, secret, newer=NEWER_CALCOM_TRIGGERS)
        if moved_from:  # the status names the old URL until this is done
            await remove_calcom_webhook(client, moved_from)
        return refused

    edits = (meta.uid, meta.generation, meta.annotations.get(TOKEN_ANNOTATION))
    source = (*edits, base_url, url, moved_from, hash_key(context.installation_id, secret))
    refused = await context.look(inputs.tenant.key, _webhook_look(calcom_key, context), source, register)
    return secret, refused


def _webhook_look(calcom_key: str, context: ReconcileContext) -> Hashable:
    """Return the name of the look at our webhook in the account of a key."""
    return "webhook", hash_key(context.installation_id, calcom_key)
