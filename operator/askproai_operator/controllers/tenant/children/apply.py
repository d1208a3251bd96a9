"""Apply a tenant's children in the order in which they need each other, and delete those that are no longer desired."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from askproai_operator.api import CanaryState, RuntimeMode, SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.addresses import Address
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.grant import report_refusal, take
from askproai_operator.controllers.holders import claimed_host_condition, find_holder, reserved_host_condition
from askproai_operator.controllers.tenant.canary import (
    canaries_key,
    canary_pods,
    image_of,
    is_of,
    newest_trial,
    wanted_canary,
)
from askproai_operator.controllers.tenant.children import autoscaling, routes
from askproai_operator.controllers.tenant.children.deployment import (
    CANARY,
    deployment,
    live_canary,
    plan_layout,
    service_account,
    tracing_variables,
)
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest, child_name
from askproai_operator.controllers.tenant.children.monitoring import (
    monitoring_condition,
    prometheus_rule,
    service_monitor,
)
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.controllers.tenant.children.published_page import withdraw_page
from askproai_operator.controllers.tenant.children.release import (
    Change,
    change_of,
    next_records,
    own_inputs,
    record_of,
    with_record,
)
from askproai_operator.controllers.tenant.children.secrets import admin_secret, config_map, reader_secret
from askproai_operator.controllers.tenant.children.services import metrics_service, services
from askproai_operator.controllers.tenant.exposure import used_base_url
from askproai_operator.credentials import Credentials
from askproai_operator.engine import ApiResource, ObservedObject, UnmanagedObject, find_condition, resources
from askproai_operator.grants import exposed_host, route_names
from askproai_operator.rollouts import RolloutRecord

# Children that may be absent, by the spec, by the cluster's CRDs or during a change of the mode; the suffix of their names.
_OPTIONAL = (
    (resources.AUTOSCALERS, "web"),
    (resources.AUTOSCALERS, "worker"),
    (resources.DEPLOYMENTS, "worker"),  # T-canary is not among them: `_apply_canary`
    (resources.BUDGETS, "worker"),
    (resources.SERVICES, "metrics"),
    (resources.SERVICE_MONITORS, ""),
    (resources.PROMETHEUS_RULES, ""),
)


_ROUTES = (resources.INGRESSES, resources.HTTP_ROUTES)  # each under one of `grants.route_names`


class Workloads(NamedTuple):
    """The Deployments of a tenant's mode as they are now, and the release that their pods wait for; None: for none."""

    deployments: Mapping[Component, ObservedObject]
    awaited: str | None = None


async def apply_children(
    tenant: Tenant,
    declared: Tenant,
    credentials: Credentials,
    *,
    config: str,
    admin_token: str,
    stores: Sequence[str],
    providers: Sequence[str],
    own_keys: Mapping[str, SecretKeyRef],
    further_keys: Mapping[str, SecretKeyRef],
    page_is_published: bool,
    context: ReconcileContext,
) -> Workloads:
    """Apply everything that the pods need, the pods, and what people need; return this mode's Deployments as they are now.

    `declared` is the Tenant as it was before the platform's ceilings, `config` the encoded TenantConfig; `stores` and `providers`
    are the URLs that the pods must reach. Raises UnmanagedObject.
    """
    first = [config_map(tenant, config), admin_secret(tenant, admin_token), *services(tenant)]
    policy = network_policy(tenant, stores, providers, context.settings, published=page_is_published)
    first += [service_account(tenant), policy]
    workloads = await _apply_workloads(tenant, declared, credentials, first, own_keys, further_keys, context)
    await context.kube.apply(reader_secret(tenant, admin_token))  # last: a foreign Secret of its name holds up no pods
    return workloads


async def _apply_workloads(
    tenant: Tenant,
    declared: Tenant,
    credentials: Credentials,
    first: Sequence[Manifest],
    own_keys: Mapping[str, SecretKeyRef],
    further_keys: Mapping[str, SecretKeyRef],
    context: ReconcileContext,
) -> Workloads:
    """Apply the Deployments after what their pods need (`first`), with their budgets and autoscalers."""
    meta, split = tenant.metadata, tenant.spec.runtime.mode is RuntimeMode.SPLIT
    # Read right before the apply and not with the other inputs: an autoscaler writes replicas at any time.
    live = {
        part: context.cache.child(resources.DEPLOYMENTS, meta.namespace, child_name(meta.name, part))
        for part in Component
    }
    layout = plan_layout(tenant, live[Component.WEB], live[Component.WORKER])
    # Workers first: then the web pods give up theirs.
    components = (Component.WORKER, Component.WEB) if split else (Component.WEB,)
    budgets = [autoscaling.disruption_budget(tenant, component) for component in components]
    scaled = [part for part in components if autoscaling.scaled_by(tenant, part) is autoscaling.ScaledBy.AUTOSCALER]
    autoscalers = [autoscaling.autoscaler(tenant, component) for component in scaled]
    # An autoscaler is deleted before we ask for replicas ourselves, and created after we left them to it.
    await _prune(tenant, (resources.AUTOSCALERS, resources.BUDGETS), budgets + autoscalers, context)
    await context.kube.apply_all([*first, *budgets])
    pods = _Pods(
        partial(
            deployment, tenant, credentials, pull_secrets=context.settings.image_pull_secrets, own_keys=own_keys,
            further_keys=further_keys, variables=tracing_variables(context.settings),
        ),
        partial(own_inputs, declared, own_keys=own_keys.values(), further_keys=further_keys.values()),
        context.rollouts.release,
    )  # fmt: skip
    alone = {part: part is Component.WORKER or layout.web_alone for part in components}
    try:
        workloads = await _apply_deployments(tenant, pods, live, alone, scaled, context)
    finally:
        context.rollouts.end(tenant.key)
    await context.kube.apply_all(autoscalers)
    if not layout.workers:
        await _prune(tenant, (resources.DEPLOYMENTS,), (), context)
    await _apply_canary(tenant, pods, workloads, context)
    return workloads


@dataclass(frozen=True, slots=True)
class _Pods:
    """Renders the Deployments of a tenant, and digests its own contributions; the release of both."""

    render: Callable[..., Manifest]
    digest_inputs: Callable[..., str]
    release: str

    def record(self, image: str, component: Component, *, alone: bool, track: str = "") -> RolloutRecord:
        """Return the record of a Deployment, whatever its number of pods."""
        inputs = self.digest_inputs(component, alone=alone, track=track)
        return record_of(self.render(image, component, alone=alone, track=track), image, inputs, self.release)


async def _apply_deployments(
    tenant: Tenant,
    pods: _Pods,
    live: Mapping[Component, ObservedObject | None],
    alone: Mapping[Component, bool],
    scaled: Collection[Component],
    context: ReconcileContext,
) -> Workloads:
    """Apply the Deployments that `alone` names, in its order, or leave their pods as they are until it is the tenant's turn."""
    image = image_of(tenant, context.settings)
    wanted = {part: pods.record(image, part, alone=alone[part]) for part in alone}
    begin = partial(context.rollouts.begin, tenant.key)
    records = next_records(tenant, {part: live[part] for part in alone}, wanted, begin, context.clock.now())
    applied: dict[Component, ObservedObject] = {}
    for part in alone:
        known, replicas = live[part], autoscaling.initial_replicas(tenant, part, live[part])
        asked = None if part in scaled else replicas
        if records is None and known is not None:
            applied[part] = await _keep_pods(tenant, part, known, asked, context)
            continue
        record = (records or wanted)[part]
        render = partial(pods.render, image, part, alone=alone[part])
        if part in scaled and not autoscaling.is_handed_over(known):
            await context.kube.apply(with_record(render(replicas=replicas), record))
            await context.kube.hand_over(autoscaling.replicas_manifest(tenant, part, replicas))
        applied[part] = await context.kube.apply(with_record(render(replicas=asked), record))
    return Workloads(applied, pods.release if records is None else None)


async def _keep_pods(
    tenant: Tenant, suffix: str, live: ObservedObject, replicas: int | None, context: ReconcileContext
) -> ObservedObject:
    """Leave a Deployment as it is but for the number of pods; None: an autoscaler decides it.

    Not by an apply: the pod template is that of another release, and an apply without it would remove it.
    """
    if replicas is not None and live.replicas != replicas:
        namespace, name = tenant.metadata.namespace, child_name(tenant.metadata.name, suffix)
        await context.kube.patch(resources.DEPLOYMENTS, namespace, name, {"spec": {"replicas": replicas}})
    return live


async def _apply_canary(tenant: Tenant, pods: _Pods, workloads: Workloads, context: ReconcileContext) -> None:
    """Run the pods of the trial that the status allows, beside the web pods; without a canary delete its Deployment.

    The status is read right before the apply: a verdict that came during this reconcile must not be undone by it. While the other
    pods wait for a release, those of a trial that goes on wait, too.
    """
    canary, trial = wanted_canary(tenant, context.settings), newest_trial(tenant, context.cache)
    (namespace, name), live = tenant.key[1:], live_canary(tenant, context.cache)
    is_over = trial is None or trial.state is CanaryState.TAKEN_BACK
    if not is_of(trial, canary) and not (canary is None and is_over):
        context.enqueue(canaries_key(context.settings))  # begins or ends a trial, and makes the Tenant due again
    if live is not None and (canary is None or trial is None):
        await context.kube.delete(resources.DEPLOYMENTS, namespace, child_name(name, CANARY), live.uid)
    if canary is None or trial is None or not is_of(trial, canary):
        return
    runs = trial.state is not CanaryState.TAKEN_BACK and not tenant.spec.suspend
    others = workloads.deployments[Component.WEB].replicas or 0
    replicas = canary_pods(others, canary.percent) if runs else 0
    record = pods.record(canary.image, Component.WEB, alone=True, track=trial.track)
    # Without a record it may be of another trial, whose pods must not be judged as those of this one.
    is_other = change_of(live, record, is_edited=True) is Change.EDIT
    if workloads.awaited is not None and live is not None and not is_other:
        await _keep_pods(tenant, CANARY, live, replicas, context)
        return
    manifest = pods.render(canary.image, Component.WEB, alone=True, replicas=replicas, track=trial.track)
    await context.kube.apply(with_record(manifest, record))


async def apply_routes(
    tenant: Tenant, address: Address, kept: str | None, former: Tenant | None, context: ReconcileContext
) -> Condition:
    """Apply the Ingress or HTTPRoute that the tenant asks for; return the condition Exposed.

    So is the route of `kept`, another URL at which senders still arrive, from the tenant with its `former` exposure. Where that is
    not known, the route is left as it is.
    """
    refused = await _take_host(tenant, address, context)
    live = _live_routes(tenant, context)
    desired = [
        routes.choose_name(tenant, manifest, live[resources.resource_of(manifest)], kept)
        for manifest in (_render_routes(tenant, context) if refused is None else ())
    ]
    beside = _name_routes_beside(desired, live, former, context) if former is not None else []
    installed = [manifest for manifest in desired if _is_installed(manifest, context)]
    still_installed = [manifest for manifest in beside if _is_installed(manifest, context)]
    # First the one by which senders arrive.
    conflict = await _apply_unless_foreign([*still_installed, *installed], ConditionType.EXPOSED, context)
    await _prune_routes(tenant, [*still_installed, *installed], kept, context)
    if refused is not None:
        return refused
    if conflict is not None:
        return conflict
    if desired and not installed:
        return routes.no_gateway_api_condition(tenant, address)
    if any(resources.resource_of(manifest) is resources.HTTP_ROUTES for manifest in installed):
        # Not from the cache, where its status is as old as the last list: HTTPRoutes are listed, not watched.
        name = installed[0]["metadata"]["name"]
        route = await context.kube.get(resources.HTTP_ROUTES, tenant.metadata.namespace, name)
        return routes.http_route_condition(tenant, address, (route or {}).get("status") or {})
    return routes.exposed_condition(address)


def _render_routes(tenant: Tenant, context: ReconcileContext) -> list[Manifest]:
    rendered = (routes.ingress(tenant, context.settings), routes.http_route(tenant, context.settings))
    return [manifest for manifest in rendered if manifest is not None]


def _name_routes_beside(
    desired: Iterable[Manifest],
    live: Mapping[ApiResource, Mapping[str, str]],
    former: Tenant,
    context: ReconcileContext,
) -> list[Manifest]:
    """Return the routes of the former exposure, under names that the `desired` ones leave."""
    if not _is_free(former, context):
        return []
    former, _ = apply_ceilings(former, context.settings)  # its exposure is as the manifest had it
    taken = {(resources.resource_of(manifest), manifest["metadata"]["name"]) for manifest in desired}
    return [
        routes.choose_name_beside(former, manifest, live[ref], {name for kind, name in taken if kind is ref})
        for manifest in _render_routes(former, context)
        if (ref := resources.resource_of(manifest))
    ]


def _is_free(former: Tenant, context: ReconcileContext) -> bool:
    """Return whether no other tenant has the former host. It is granted while it is served; who deletes grants releases it."""
    return all(find_holder(former, subject, context, scope) is None for subject, scope in exposed_host(former).items())


async def _take_host(tenant: Tenant, address: Address, context: ReconcileContext) -> Condition | None:
    """Take the grant of the tenant's own host and path; return the condition Exposed where it cannot have them.

    Without it a namespace could draw another's callers to its own pods. The paths of the shared host need no grant: each contains
    its tenant's name, and nobody may name that host.
    """
    for subject, scope in exposed_host(tenant).items():
        if reserved := context.settings.what_is_reserved(subject.value):
            return reserved_host_condition(tenant, subject.value, reserved)
        holder = await take(tenant, subject, context, scope)
        if holder is not None:
            refused = claimed_host_condition(address)
            if find_condition(tenant, ConditionType.EXPOSED).get("message") != refused.message:
                await report_refusal(tenant, subject, holder, context)
            return refused
    return None


async def remove_routes(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete the Ingresses and HTTPRoutes. A host is granted to another tenant only after they are gone."""
    await _prune_routes(tenant, (), None, context)
    await withdraw_page(tenant, context)


def _live_routes(tenant: Tenant, context: ReconcileContext) -> dict[ApiResource, dict[str, str]]:
    """Return the URLs that the tenant's routes serve, by kind and name.

    A route that has lost its annotation serves the URL that senders have, or had before the last change.
    """
    found: dict[ApiResource, dict[str, str]] = {}
    for ref in _ROUTES:
        names = route_names(tenant.metadata.name)
        live = {name: context.cache.child(ref, tenant.metadata.namespace, name) for name in names}
        served = str(tenant.status.get("formerUrl") or used_base_url(tenant) or "")
        found[ref] = {name: child.annotations.get(routes.SERVED_URL, served) for name, child in live.items() if child}
    return found


async def _prune_routes(
    tenant: Tenant, desired: Iterable[Manifest], kept: str | None, context: ReconcileContext
) -> None:
    """Delete the routes that are neither among the desired manifests nor for `kept`."""
    namespace = tenant.metadata.namespace
    keep = {(resources.resource_of(manifest), manifest["metadata"]["name"]) for manifest in desired}
    for ref, served in _live_routes(tenant, context).items():
        for name, url in served.items():
            child = context.cache.child(ref, namespace, name)
            if child is not None and (ref, name) not in keep and (kept is None or url != kept):
                await context.kube.delete(ref, namespace, name, child.uid)


async def apply_monitoring(tenant: Tenant, context: ReconcileContext) -> Condition:
    """Apply what Prometheus reads, as far as the cluster has its CRDs; return the condition MonitoringReady."""
    renderers = {resources.SERVICE_MONITORS: service_monitor, resources.PROMETHEUS_RULES: prometheus_rule}
    absent = [
        ref.kind for ref in renderers if ref not in context.cache.served
    ]  # one may come while the others are written
    installed = [render(tenant, context.settings) for ref, render in renderers.items() if ref.kind not in absent]
    desired = [*([metrics_service(tenant)] if installed else []), *installed]
    conflict = await _apply_unless_foreign(desired, ConditionType.MONITORING_READY, context)
    await _prune(tenant, (resources.SERVICES, resources.SERVICE_MONITORS, resources.PROMETHEUS_RULES), desired, context)
    return conflict or monitoring_condition(absent)


async def _apply_unless_foreign(
    manifests: Iterable[Manifest], kind: ConditionType, context: ReconcileContext
) -> Condition | None:
    """Apply children that the pods serve without. Return a condition where somebody else's object has the name of one."""
    try:
        for manifest in manifests:
            await context.kube.apply(manifest)
    except UnmanagedObject as error:
        return bad(kind, Reason.OWNERSHIP_CONFLICT, error.message)
    return None


def _is_installed(manifest: Manifest, context: ReconcileContext) -> bool:
    """Return whether the cluster serves the kind, which may be of a foreign CRD."""
    ref = resources.resource_of(manifest)
    return ref not in resources.FOREIGN or ref in context.cache.served


async def _prune(
    tenant: Tenant, kinds: Iterable[ApiResource], desired: Iterable[Manifest], context: ReconcileContext
) -> None:
    """Delete the optional children of these kinds that exist and are not among the desired manifests."""
    meta = tenant.metadata
    keep = {(resources.resource_of(manifest), manifest["metadata"]["name"]) for manifest in desired}
    for ref, suffix in _OPTIONAL:
        name = child_name(meta.name, suffix) if suffix else meta.name
        child = context.cache.child(ref, meta.namespace, name)
        if ref in kinds and child is not None and (ref, name) not in keep:
            await context.kube.delete(ref, meta.namespace, name, child.uid)
