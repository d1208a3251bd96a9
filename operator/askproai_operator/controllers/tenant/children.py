"""Apply a tenant's children in the order in which they need each other, and delete those that are wanted no more."""

from collections.abc import Iterable
from functools import partial

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.api.tenant import RuntimeMode
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant import decide, exposure, monitoring, pods, render
from askproai_operator.controllers.tenant.render import Component, Manifest, ScaledBy
from askproai_operator.credentials import Credentials
from askproai_operator.engine import NotOurs, ObservedObject, Ref, refs

# Each may be there or not, as the spec, the cluster's CRDs or a change of the mode have it.
_COME_AND_GO = (
    (refs.AUTOSCALERS, "-web"),
    (refs.AUTOSCALERS, "-worker"),
    (refs.DEPLOYMENTS, "-worker"),
    (refs.BUDGETS, "-worker"),
    (refs.INGRESSES, ""),
    (refs.HTTP_ROUTES, ""),
    (refs.SERVICES, "-metrics"),
    (refs.SERVICE_MONITORS, ""),
    (refs.PROMETHEUS_RULES, ""),
)


async def apply_pods(
    tenant: Tenant, credentials: Credentials, servers: Iterable[str], world: ReconcileContext
) -> dict[Component, ObservedObject]:
    """Make the Deployments and what stands around them; gives the Deployments of this mode as they are now.

    `servers` are the URLs that the pods must reach.
    """
    meta, split = tenant.metadata, tenant.spec.runtime.mode is RuntimeMode.SPLIT
    live = {one: world.cache.child(refs.DEPLOYMENTS, meta.namespace, f"{meta.name}-{one}") for one in Component}
    layout = pods.layout(tenant, live[Component.WEB], live[Component.WORKER])
    # Workers first: the web pods give theirs up
    wanted = (Component.WORKER, Component.WEB) if split else (Component.WEB,)
    around = [pods.service_account(tenant), pods.network_policy(tenant, servers, world.settings)]
    around += [pods.disruption_budget(tenant, one) for one in wanted]
    scaled = [one for one in wanted if pods.scaled_by(tenant, one) is ScaledBy.AUTOSCALER]
    autoscalers = [pods.autoscaler(tenant, one) for one in scaled]
    # An autoscaler goes before we ask for replicas ourselves, and comes after we left them to it.
    await _prune(tenant, (refs.AUTOSCALERS, refs.BUDGETS), around + autoscalers, world)
    for manifest in around:
        await world.kube.apply(manifest)
    made: dict[Component, ObservedObject] = {}
    for one in wanted:
        alone = one is Component.WORKER or layout.web_alone
        draw = partial(render.deployment, tenant, credentials, world.settings.runtime_image, one, alone=alone)
        number = pods.begin_with(tenant, one, live[one])
        if one in scaled and not pods.handed_over(live[one]):
            await world.kube.apply(draw(replicas=number))
            await world.kube.hand_over(_replicas(tenant, one, number))
        made[one] = await world.kube.apply(draw() if one in scaled else draw(replicas=number))
    for manifest in autoscalers:
        await world.kube.apply(manifest)
    if not layout.workers:
        await _prune(tenant, (refs.DEPLOYMENTS,), (), world)
    return made


async def expose(tenant: Tenant, where: decide.Address, world: ReconcileContext) -> Condition:
    """Make the Ingress or the HTTPRoute that is asked for, and tell whether senders reach the tenant."""
    claimed = exposure.claimed(tenant, world.cache.list(Tenant), world.settings)
    ways = (exposure.ingress(tenant, world.settings), exposure.http_route(tenant, world.settings))
    wanted = [made for made in ways if made is not None and not claimed]
    there = [made for made in wanted if _can_be(made, world)]
    conflict = await _apply_beside(there, ConditionType.EXPOSED, world)
    await _prune(tenant, (refs.INGRESSES, refs.HTTP_ROUTES), there, world)
    if claimed:
        return decide.claimed_twice(where)
    if conflict is not None:
        return conflict
    if wanted and not there:
        return decide.no_gateway_api(tenant, where)
    if any(refs.ref_of(made) is refs.HTTP_ROUTES for made in there):  # its status is listed but once a minute
        live = await world.kube.get(refs.HTTP_ROUTES, tenant.metadata.namespace, tenant.metadata.name)
        return decide.route_condition(where, (live or {}).get("status") or {})
    return decide.exposed_condition(where)


async def monitor(tenant: Tenant, world: ReconcileContext) -> Condition:
    """Make what Prometheus reads, as far as the cluster knows its CRDs."""
    made = (monitoring.service_monitor(tenant, world.settings), monitoring.prometheus_rule(tenant, world.settings))
    there = [one for one in made if _can_be(one, world)]
    wanted = [*([monitoring.metrics_service(tenant)] if there else []), *there]
    conflict = await _apply_beside(wanted, ConditionType.MONITORING_READY, world)
    await _prune(tenant, (refs.SERVICES, refs.SERVICE_MONITORS, refs.PROMETHEUS_RULES), wanted, world)
    return conflict or decide.monitoring_condition([str(one["kind"]) for one in made if one not in there])


async def _apply_beside(
    manifests: Iterable[Manifest], kind: ConditionType, world: ReconcileContext
) -> Condition | None:
    """Apply what the pods serve without; gives the condition where a stranger's object has the name of one."""
    try:
        for manifest in manifests:
            await world.kube.apply(manifest)
    except NotOurs as error:
        return bad(kind, Reason.OWNERSHIP_CONFLICT, error.message)
    return None


def _can_be(manifest: Manifest, world: ReconcileContext) -> bool:
    ref = refs.ref_of(manifest)
    return ref not in refs.FOREIGN or ref in world.cache.served


def _replicas(tenant: Tenant, component: Component, number: int) -> Manifest:
    """Give the one field that changes hands."""
    meta, ref = tenant.metadata, refs.DEPLOYMENTS
    name = {"name": f"{meta.name}-{component}", "namespace": meta.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": name, "spec": {"replicas": number}}


async def _prune(tenant: Tenant, kinds: Iterable[Ref], wanted: Iterable[Manifest], world: ReconcileContext) -> None:
    """Delete those of our children of these kinds that come and go, and that are not wanted now."""
    meta = tenant.metadata
    kept = {(refs.ref_of(made), made["metadata"]["name"]) for made in wanted}
    for ref, suffix in _COME_AND_GO:
        name = f"{meta.name}{suffix}"
        child = world.cache.child(ref, meta.namespace, name)
        if ref in kinds and child is not None and (ref, name) not in kept:
            await world.kube.delete(ref, meta.namespace, name, child.uid)
