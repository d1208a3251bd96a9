"""Reviews one grant: releases the holders that no longer need it, and removes routes of Tenants that do not hold its host.

Reconciles of custom resources only take grants. Releasing them here also works for a holder that is paused, refused for
another reason, or deleted without our finalizer.
"""

import itertools
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any, Final

import structlog
from msgspec.structs import replace

from askproai_core.api_resource import ApiResource
from askproai_operator import resources
from askproai_operator.api import Key, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.grant.first_holder import replace_holders
from askproai_operator.engine import GONE, ObservedObject, Options, Result
from askproai_operator.grants import (
    KEY_ANNOTATIONS,
    LABEL,
    PAGE_PATH,
    ROUTED_PATHS,
    Holder,
    Subject,
    SubjectKind,
    find_other,
    holder_of,
    page_route_name,
    queue_key,
    read_grant,
    recorded_keys,
    requested_subjects,
    route_names,
    used_host,
)
from askproai_operator.resources import resource_of_kind

log = structlog.get_logger(__name__)

# So that no custom resource waits while thousands of grants are reviewed at a start.
OPTIONS: Final = Options(workers=2)
# Between two reviews; a change reported by a watch makes a grant due at once.
_INTERVAL: Final = timedelta(minutes=10)
# A holder may be missing because a backup is being restored, in any order, or because it was deleted while no operator ran.
RESTORE_TIME: Final = timedelta(hours=1)
# A taken key is recorded in T-teardown within seconds; a reconcile that still wants the key takes it again.
UNUSED_TIME: Final = timedelta(minutes=10)
_ROUTES: Final = (resources.INGRESSES, resources.HTTP_ROUTES)


def grant_keys(context: ReconcileContext) -> list[Key]:
    """Return the queue's key for each grant in the cache, by which the grant is reviewed."""
    own, ref = context.settings.namespace, resources.CONFIG_MAPS
    names = [name for namespace, name in context.cache.uids(ref) if namespace == own]
    return [
        queue_key(name) for name in names if (child := context.cache.child(ref, own, name)) and LABEL in child.labels
    ]


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Remove the holders that no longer need the grant with this key. Level-triggered: safe to run again at any point."""
    child = context.cache.child(resources.CONFIG_MAPS, context.settings.namespace, key.name)
    if child is None:
        return GONE
    grant = read_grant(child.annotations)
    if grant is None:
        log.error("grant.unreadable", config_map=key.name)
        return Result(requeue_after=_INTERVAL, requeue_reason="a person has to correct or delete the ConfigMap")
    reviewed = [await _review(holder, grant.subject, context) for holder in grant.holders]
    remaining = tuple(holder for holder in reviewed if holder is not None)
    await replace_holders(grant, child, remaining, context)
    if grant.kind is SubjectKind.HOST:
        await _remove_routes_of_others(grant.subject, remaining, context)
    own = [holder for holder in remaining if context.settings.shard.owns(holder.namespace)]
    if any(not _is_needed(holder, grant.subject, context) for holder in own):
        return Result(requeue=True, requeue_reason="a holder is missing, or its route still exists")
    return Result(requeue_after=_INTERVAL, requeue_reason="nothing is expected; a missed event must not last")


async def _review(holder: Holder, subject: Subject, context: ReconcileContext) -> Holder | None:
    """Return the holder as it is to be recorded in the grant; None if it is to be released.

    A holder of another shard is left alone: only that shard's operator observes it and knows whether it needs the grant.
    """
    if not context.settings.shard.owns(holder.namespace):
        return holder
    if _is_needed(holder, subject, context):
        return replace(holder, absent_since=None)
    if await _is_routed(holder, subject, context):
        return holder  # requests still arrive: released when the route is gone, which may be after its Tenant
    model, now = context.cache.get(holder.key), context.clock.now()
    since = holder.absent_since or now
    if model is not None and model.metadata.uid == holder.uid and subject.kind in KEY_ANNOTATIONS:
        return replace(holder, absent_since=since) if now - since < UNUSED_TIME else None
    if context.cache.saw_deletion(holder.uid) or (model is not None and model.metadata.uid == holder.uid):
        return None
    live = await context.kube.get(resource_of_kind(holder.kind), holder.namespace, holder.name)
    if live is not None and live["metadata"]["uid"] == holder.uid:
        return replace(holder, absent_since=None)  # the cache lags
    if now - since >= RESTORE_TIME:
        return None
    if holder.absent_since is None:
        log.warning("grant.holder_missing", subject=subject.name, holder=str(holder.key), kept_for=str(RESTORE_TIME))
    return replace(holder, absent_since=since)


def _is_needed(holder: Holder, subject: Subject, context: ReconcileContext) -> bool:
    """Return True if the holder exists and its spec or status names the subject.

    For a host or number, a namesake with another UID counts, too: it was restored, and takes the entry over. A key is needed
    if T-teardown records it, or records no key of its kind yet, as for a new Tenant. A Tenant itself releases its former key,
    unless the process ends before.
    """
    model = context.cache.get(holder.key)
    if model is None:
        return False
    if subject.kind in KEY_ANNOTATIONS:
        secret = context.cache.secret(holder.namespace, f"{holder.name}-teardown")
        recorded = secret.annotations if secret is not None else {}
        is_used = KEY_ANNOTATIONS[subject.kind] not in recorded or subject in recorded_keys(recorded)
        return model.metadata.uid == holder.uid and is_used
    return holder.scope in (requested_subjects(model).get(subject), used_host(model).get(subject))


async def _remove_routes_of_others(subject: Subject, holders: Iterable[Holder], context: ReconcileContext) -> None:
    """Delete the routes of Tenants that name the host (`subject`) but do not hold it, even of paused Tenants.

    A pause keeps the operator from working on an object. It must not keep another tenant's host.
    """
    for key in context.relations.requesting(subject):
        tenant = context.cache.get(key)
        if not isinstance(tenant, Tenant):
            continue
        own = holder_of(tenant, requested_subjects(tenant)[subject])
        if find_other(holders, own) is not None and not any(holder.key == key for holder in holders):
            await remove_routes(own, subject, context)


async def remove_routes(holder: Holder, subject: Subject, context: ReconcileContext) -> None:
    """Delete the Ingresses and HTTPRoutes of a Tenant that route any path of the host."""
    async for ref, name, child, _ in _routes(holder, subject, context):
        await context.kube.delete(ref, holder.namespace, name, child.uid)
        log.warning("route.removed", kind=ref.kind, tenant=str(holder.key), subject=subject.name)


async def _is_routed(holder: Holder, subject: Subject, context: ReconcileContext) -> bool:
    """Return True if an Ingress or HTTPRoute of the holder still routes the host at the holder's paths."""
    routed = {f"{holder.scope}{path}" for path in ROUTED_PATHS} | {PAGE_PATH}
    async for *_, paths in _routes(holder, subject, context):
        if paths & routed:
            return True
    return False


async def _routes(
    holder: Holder, subject: Subject, context: ReconcileContext
) -> AsyncIterator[tuple[ApiResource, str, ObservedObject, frozenset[str]]]:
    """Yield each of our Ingresses and HTTPRoutes of the holder that routes the host now: resource, name, object, routed paths."""
    if subject.kind is not SubjectKind.HOST:
        return
    for ref, name in itertools.product(_ROUTES, (*route_names(holder.name), page_route_name(holder.name))):
        child = context.cache.child(ref, holder.namespace, name)
        raw = await context.kube.get(ref, holder.namespace, name) if child is not None else None
        paths = _paths_of(raw, subject.value) if raw is not None else frozenset()
        if child is not None and paths:
            yield ref, name, child, paths


def _paths_of(route: dict[str, Any], host: str) -> frozenset[str]:
    """Return the paths that an Ingress or HTTPRoute routes at this host; empty if it does not route the host."""
    rules: list[dict[str, Any]] = route["spec"].get("rules") or []
    if route["kind"] == resources.HTTP_ROUTES.kind:
        is_of_host = host in (route["spec"].get("hostnames") or ())
        matches = [match for rule in rules for match in rule.get("matches") or () if is_of_host]
        return frozenset(str(match.get("path", {}).get("value", "")) for match in matches)
    of_host = [rule for rule in rules if rule.get("host") == host]
    return frozenset(
        str(path.get("path", "")) for rule in of_host for path in (rule.get("http") or {}).get("paths") or ()
    )
