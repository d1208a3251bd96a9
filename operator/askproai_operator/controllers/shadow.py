"""Shadows: begin, observe and end the shadows of all Tenants, every few seconds while one runs.

A shadow is a tenant of its own in the database, with a copy of the book, and a Deployment of its own. It changes nothing else
of the Tenant. A failure for one Tenant is retried and does not delay other Tenants (docs/decisions/0126-shadows.md).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
import structlog
from pydantic import ValidationError

from askproai_core import tenant_config as config
from askproai_core.data_keys import DATA_KEYS, KNOWN_TO_ALL_PODS, DataKeys, encode_data_keys, new_data_key
from askproai_core.kube import ApiError, Unreachable
from askproai_core.shadow_findings import ShadowDifference as FoundDifference
from askproai_operator import resources
from askproai_operator.api import Key, Tenant
from askproai_operator.api.runtime import Shadow
from askproai_operator.api.tenant_status import ShadowDifference, ShadowState, ShadowStatus
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.conditions import tenants_with
from askproai_operator.controllers.plan_annotation import tenant_hold
from askproai_operator.controllers.tenant.canary import image_of
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.secrets import config_map, tenant_secret
from askproai_operator.controllers.tenant.children.shadow import (
    SHADOW,
    shadow_children,
    shadow_deployment,
    shadow_policy,
)
from askproai_operator.controllers.tenant.database import DATABASE_ERRORS
from askproai_operator.controllers.tenant.shadow import (
    is_of_shadow,
    is_over,
    own_account_keys,
    recorded_shadow,
    shadow_config,
    wanted_shadow,
)
from askproai_operator.credentials import CALCOM_KEY, RETELL_KEY, read_own_secret
from askproai_operator.engine import Backoff, Options, Result, UnmanagedObject
from askproai_operator.login_urls import parse_login
from askproai_operator.store.shadows import shadow_name

log = structlog.get_logger(__name__)

_EVERY: Final = timedelta(seconds=5)
_IDLE: Final = timedelta(seconds=30)  # a Tenant that asks for a shadow makes the key due itself
_SHOWN: Final = 50  # calls
_MOST_TEXTS, _LONGEST_TEXT = 20, 200
_CONNECTIONS: Final = 5  # of the web process and the replaying process, and one for their replacement

OPTIONS: Final = Options(Backoff(timedelta(seconds=1), _IDLE, jitter=0.1), workers=1)


async def reconcile(_key: Key, context: ReconcileContext) -> Result:
    """Begin, update or end the shadows of all Tenants. A failure for one Tenant is retried and delays no other Tenant."""
    is_complete, runs = True, False
    for tenant in tenants_with("shadow", context):
        try:
            runs |= await _bring_forward(tenant, context)
        except Unreachable:
            raise
        except (ApiError, UnmanagedObject, ValidationError, msgspec.DecodeError, *DATABASE_ERRORS) as error:
            why = error.message if isinstance(error, ApiError) else None  # PostgreSQL's own texts quote hosts and rows
            log.warning(
                "shadow.not_brought_forward", tenant=tenant.metadata.dotted, error=type(error).__name__, why=why
            )
            is_complete = False
    if not is_complete:
        return Result(requeue=True, requeue_reason="not every shadow could be brought forward")
    return Result(resync_after=_EVERY if runs else _IDLE)


async def _bring_forward(cached: Tenant, context: ReconcileContext) -> bool:
    """Begin, update or end a Tenant's shadow as its spec in effect asks. Return True if it needs another look soon."""
    tenant = context.relations.tenant(cached.metadata.namespace, cached.metadata.name)
    if tenant is None or tenant.metadata.deletion_timestamp is not None:
        return False
    recorded, now = recorded_shadow(tenant), context.clock.now()
    wanted = _wanted(tenant, recorded, context)
    is_same = is_of_shadow(recorded, wanted)
    if recorded is not None and recorded.state is ShadowState.RUNNING and (not is_same or is_over(recorded, now)):
        ended = await _with_results(recorded, tenant, context)
        # The next run, which this write makes due, deletes its pods. A later run deletes the copies that the tenant's pods
        # make until they read the new config.
        end = {"state": ShadowState.ENDED, "withdrawn": not is_same}
        await _write(tenant, recorded, ended.model_copy(update=end), context)
        return True
    if recorded is not None and recorded.state is ShadowState.ENDED and (is_same or wanted is None):
        if wanted is None:  # recorded, so that the same shadow begins anew when it is asked for again
            await _write(tenant, recorded, recorded.model_copy(update={"withdrawn": True}), context)
        await _clear_away(tenant, context)
        return False
    if wanted is None:
        return False
    if not is_same and await _clear_away(tenant, context):
        return True  # the next run begins it: an object that is still in the cache would not be written now
    live = await _read_live(tenant, context)
    if live is None:
        return True
    running = recorded
    if running is None or not is_same:
        since = now.replace(microsecond=0)
        running = ShadowStatus(image=wanted.image, hours=wanted.hours, since=since, state=ShadowState.RUNNING)
    # Recorded before any of its objects is made, so that they are deleted later, even after a crash.
    await _write(tenant, recorded, await _with_results(running, tenant, context), context)
    await _run_pods(tenant, running.image, live, context)
    return True


def _wanted(tenant: Tenant, recorded: ShadowStatus | None, context: ReconcileContext) -> Shadow | None:
    """Return the shadow that should run, or None. While edits of the Tenant have no effect, the recorded shadow goes on."""
    if tenant_hold(tenant, context.relations) is None:
        return wanted_shadow(tenant, context.settings)
    if recorded is None or recorded.withdrawn:
        return None
    return Shadow(image=recorded.image, hours=recorded.hours)


@dataclass(frozen=True, slots=True)
class _Live:
    """The config of the tenant's own pods, from which the shadow's is made, and their database URL, whose server it uses."""

    config: config.TenantConfig
    database_url: str


async def _read_live(tenant: Tenant, context: ReconcileContext) -> _Live | None:
    """Return config and database URL of the tenant's own pods; None until both have been written for this Tenant."""
    (namespace, name), uid = tenant.key[1:], tenant.metadata.uid
    config_map = await context.kube.get(resources.CONFIG_MAPS, namespace, child_name(name, "config"))
    text = ((config_map or {}).get("data") or {}).get("tenant.json")
    database_url = (await read_own_secret(context, namespace, name, "runtime", uid=uid)).get("DATABASE_URL")
    if text is None or database_url is None:
        return None
    return _Live(config.decode(text), database_url)


async def _run_pods(tenant: Tenant, image: str, live: _Live, context: ReconcileContext) -> None:
    """Apply the shadow's Deployment, and the ConfigMap, Secret and NetworkPolicy that its pods need."""
    (namespace, name), uid = tenant.key[1:], tenant.metadata.uid
    existing = await read_own_secret(context, namespace, name, SHADOW, uid=uid)
    password = parse_login(existing.get("DATABASE_URL"))[1] or secrets.token_urlsafe(32)
    shadow_url = context.database.tenant_dsn(shadow_name(tenant.metadata.dotted), password)
    # No provider knows these keys, and none is asked: the pods' policy lets them reach PostgreSQL alone.
    keys = {RETELL_KEY, CALCOM_KEY, "token", *own_account_keys(live.config)}
    values = {key: existing.get(key) or secrets.token_urlsafe(32) for key in keys} | {"DATABASE_URL": shadow_url}
    # A key of its own, also while nothing is encrypted: the tenant's own are not for the image on trial. Its only pod mounts it
    # before it begins.
    own_key = new_data_key(context.clock.now() - KNOWN_TO_ALL_PODS)
    values[DATA_KEYS] = existing.get(DATA_KEYS) or encode_data_keys(DataKeys((own_key,)))
    if context.database.ca:
        values["DATABASE_CA_FILE"] = context.database.ca
    await context.kube.apply(tenant_secret(tenant, SHADOW, values))
    resource_ids = await _ensure_rows(tenant, password, context)
    if resource_ids is None:
        return
    text = config.encode(shadow_config(live.config, resource_ids))
    await context.kube.apply_all(
        [config_map(tenant, text, SHADOW), shadow_policy(tenant, live.database_url, context.settings)]
    )
    # The limits of the platform for the tenant's own pods are those of these pods, too: one of them has the tenant's login.
    allowed, _ = apply_ceilings(tenant, context.settings)
    live_image = image_of(allowed, context.settings)
    await context.kube.apply(shadow_deployment(allowed, image, live_image, context.settings.image_pull_secrets))


async def _ensure_rows(tenant: Tenant, password: str, context: ReconcileContext) -> Mapping[int, int] | None:
    """Create or update the shadow's login and rows. Return its resource ids by the tenant's; None if the Tenant is being
    deleted.

    The Tenant's deletion may have run at the same time, and dropped rows before they were made. No later run sees that Tenant.
    """
    name, uid = tenant.metadata.dotted, tenant.metadata.uid
    context.fence()
    try:
        resource_ids = await context.database.ensure_shadow(name, uid, password, _CONNECTIONS)
    finally:
        is_deleted = _is_deleted(tenant, context)
        if is_deleted:
            await context.database.drop_shadow(name, uid)
    return None if is_deleted else resource_ids


def _is_deleted(tenant: Tenant, context: ReconcileContext) -> bool:
    newest = context.cache.get(tenant.key)
    if newest is None or newest.metadata.uid != tenant.metadata.uid:
        return True
    return newest.metadata.deletion_timestamp is not None


async def _clear_away(tenant: Tenant, context: ReconcileContext) -> bool:
    """Delete a shadow's objects and rows, but not its status. Return True if the cluster still had an object. Safe to repeat."""
    namespace, was_there = tenant.metadata.namespace, False
    for ref, name in shadow_children(tenant):
        found = (
            context.cache.secret(namespace, name)
            if ref is resources.SECRETS
            else context.cache.child(ref, namespace, name)
        )
        # A Secret of somebody else may have the name.
        if found is not None and found.labels.get(resources.MANAGED_LABEL) == resources.MANAGER:
            was_there = True
            await context.kube.delete(ref, namespace, name, found.uid)
    context.fence()
    await context.database.drop_shadow(tenant.metadata.dotted)
    return was_there


async def _with_results(recorded: ShadowStatus, tenant: Tenant, context: ReconcileContext) -> ShadowStatus:
    found = await context.database.read_shadow_results(tenant.metadata.dotted, _SHOWN)
    return recorded.model_copy(
        update={
            "has_begun": found.has_begun,
            "compared": found.compared,
            "not_compared": found.not_compared,
            "calls_that_differ": found.calls_that_differ,
            "differences": tuple(_shown(each) for each in found.differences),
        }
    )


def _shown(found: FoundDifference) -> ShadowDifference:
    def bound(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(each[:_LONGEST_TEXT] for each in texts[:_MOST_TEXTS])

    return ShadowDifference(
        call=found.call_id[:_LONGEST_TEXT],
        only_live=bound(found.only_live),
        only_shadow=bound(found.only_shadow),
        answers_live=bound(found.answers_live),
        answers_shadow=bound(found.answers_shadow),
    )


async def _write(tenant: Tenant, former: ShadowStatus | None, shadow: ShadowStatus, context: ReconcileContext) -> None:
    """Write a changed shadow into the status, and make the Tenant due, which updates its config and condition.

    If an older CRD drops a field, the status is unchanged, and the Tenant is not enqueued: else it and this task would enqueue
    each other for ever.
    """
    if shadow == former:
        return
    await context.kube.patch_status(tenant, {"shadow": shadow.model_dump(by_alias=True, mode="json")})
    newest = context.cache.get(tenant.key)
    if isinstance(newest, Tenant) and recorded_shadow(newest) != former:
        context.enqueue(tenant.key)
