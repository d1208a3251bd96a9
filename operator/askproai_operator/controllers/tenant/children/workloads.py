"""Apply a tenant's Deployments after what their pods need, and delete those that its mode does not have."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from askproai_operator.api import CanaryState, RuntimeMode, SecretKeyRef, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.canary import (
    canaries_key,
    canary_pods,
    image_of,
    is_of,
    newest_trial,
    wanted_canary,
)
from askproai_operator.controllers.tenant.children import autoscaling
from askproai_operator.controllers.tenant.children.deployment import (
    CANARY,
    deployment,
    live_canary,
    plan_layout,
    service_account,
    tracing_variables,
)
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest, child_name
from askproai_operator.controllers.tenant.children.network_policy import network_policy
from askproai_operator.controllers.tenant.children.optional import prune
from askproai_operator.controllers.tenant.children.release import (
    Change,
    change_of,
    next_records,
    own_inputs,
    record_of,
    with_record,
)
from askproai_operator.controllers.tenant.children.secrets import admin_secret, config_map, reader_secret
from askproai_operator.controllers.tenant.children.services import services
from askproai_operator.credentials import Credentials
from askproai_operator.engine import ObservedObject, resources
from askproai_operator.rollouts import RolloutRecord


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
    names = [child_name(meta.name, part) for part in Component]
    optional = [
        *((resources.AUTOSCALERS, name) for name in names),
        (resources.BUDGETS, child_name(meta.name, "worker")),
    ]
    await prune(tenant, optional, budgets + autoscalers, context)
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
        # T-canary is not among them: `_apply_canary`.
        await prune(tenant, [(resources.DEPLOYMENTS, child_name(meta.name, Component.WORKER))], (), context)
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
