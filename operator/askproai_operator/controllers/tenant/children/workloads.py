"""Apply a tenant's Deployments after the objects that their pods need, and delete Deployments that its mode does not have."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from askproai_core.reader_token import reader_token_of
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.runtime import RuntimeMode
from askproai_operator.api.tenant_status import CanaryState
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.canary import (
    CANARIES,
    canary_pods,
    image_of,
    is_of,
    newest_trial,
    wanted_canary,
)
from askproai_operator.controllers.tenant.children import autoscaling
from askproai_operator.controllers.tenant.children.deployment import (
    CANARY,
    PodInputs,
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
from askproai_operator.controllers.tenant.children.secrets import config_map, tenant_secret
from askproai_operator.controllers.tenant.children.services import services
from askproai_operator.controllers.tenant.run import Run, Workloads
from askproai_operator.credentials import read_own_secret
from askproai_operator.engine import ObservedObject
from askproai_operator.rollouts import RolloutRecord
from askproai_operator.settings import Settings


async def observe_deployments(run: Run, context: ReconcileContext) -> None:
    """Read the tenant's Deployments from the cache into the run; the canary's Deployment, too, while it has pods."""
    namespace, name = run.tenant.key[1:]
    live = [context.cache.child(resources.DEPLOYMENTS, namespace, child_name(name, part)) for part in Component]
    canary = live_canary(run.tenant, context.cache)
    run.deployed = [each for each in (*live, canary if canary and canary.replicas else None) if each is not None]


async def apply_workloads(run: Run, context: ReconcileContext) -> None:
    """Apply the Deployments, and before them all objects that their pods need; then objects for people. Raises UnmanagedObject."""
    run.admin_token = await _read_admin_token(run.tenant, context)
    run.workloads = await _apply_workloads(run, context)
    # Last: a foreign Secret of the same name must not delay the pods.
    await context.kube.apply(tenant_secret(run.tenant, "reader", {"token": reader_token_of(run.admin_token)}))


async def _read_admin_token(tenant: Tenant, context: ReconcileContext) -> str:
    """Return the bearer token of the private API from `T-admin`, or a new token.

    It is read right before the apply, not with the other inputs: a person who deletes the Secret wants a new token, and a
    reconcile with the former token would write that again.
    """
    meta = tenant.metadata
    values = await read_own_secret(context, meta.namespace, meta.name, "admin", uid=meta.uid)
    return values.get("token", "").strip() or secrets.token_urlsafe(32)


def _before_pods(run: Run, settings: Settings) -> list[Manifest]:
    """Return the manifests to apply before the pods: config, token, Services, ServiceAccount and NetworkPolicy."""
    tenant, keys, notifications, page = run.tenant, run.inputs.credentials, run.inputs.notifications, run.inputs.page
    providers = [keys.retell_base_url, keys.calendar_base_url, *notifications.servers, *page.servers]
    stores, published = [*filter(None, run.urls)], page.url is not None
    policy = network_policy(tenant, stores, providers, settings, published=published)
    mounted = [config_map(tenant, run.config), tenant_secret(tenant, "admin", {"token": run.admin_token})]
    return [*mounted, *services(tenant), service_account(tenant), policy]


async def _apply_workloads(run: Run, context: ReconcileContext) -> Workloads:
    """Apply the Deployments with their budgets and autoscalers, after the objects that their pods need."""
    tenant = run.tenant
    meta, split = tenant.metadata, tenant.spec.runtime.mode is RuntimeMode.SPLIT
    # Read right before the apply and not with the other inputs: an autoscaler writes replicas at any time.
    live = {
        part: context.cache.child(resources.DEPLOYMENTS, meta.namespace, child_name(meta.name, part))
        for part in Component
    }
    layout = plan_layout(tenant, live[Component.WEB], live[Component.WORKER])
    # Workers first: the web pods lose theirs only afterwards.
    components = (Component.WORKER, Component.WEB) if split else (Component.WEB,)
    budgets = [autoscaling.disruption_budget(tenant, component) for component in components]
    scaled = [part for part in components if autoscaling.scaled_by(tenant, part) is autoscaling.ScaledBy.AUTOSCALER]
    autoscalers = [autoscaling.autoscaler(tenant, component) for component in scaled]
    # An autoscaler is deleted before we set replicas, and created after we have stopped setting them.
    web, worker = (child_name(meta.name, part) for part in Component)
    optional = ((resources.AUTOSCALERS, web), (resources.AUTOSCALERS, worker), (resources.BUDGETS, worker))
    await prune(tenant, optional, budgets + autoscalers, context)
    await context.kube.apply_all([*_before_pods(run, context.settings), *budgets])
    pods = _Pods.of(run, context)
    alone = {part: part is Component.WORKER or layout.web_alone for part in components}
    try:
        workloads = await _apply_deployments(tenant, pods, live, alone, scaled, context)
    finally:
        context.rollouts.end(tenant.key)
    await context.kube.apply_all(autoscalers)
    if not layout.workers:
        # T-canary is not among them: `_apply_canary`.
        await prune(tenant, [(resources.DEPLOYMENTS, worker)], (), context)
    await _apply_canary(tenant, pods, workloads, context)
    return workloads


@dataclass(frozen=True, slots=True)
class _Pods:
    """Renders the manifests of a tenant's Deployments, and their rollout records, from the inputs of one run."""

    render: Callable[..., Manifest]
    digest_inputs: Callable[..., str]
    release: str

    @classmethod
    def of(cls, run: Run, context: ReconcileContext) -> "_Pods":
        """Return the renderer for a run, with only the keys that their Secrets permit to use."""
        inputs, pull_secrets = run.inputs, tuple(context.settings.image_pull_secrets)
        own, further = inputs.own_keys.refs, {**inputs.notifications.refs, **inputs.page.refs}
        variables = tracing_variables(context.settings)
        pods = PodInputs(run.tenant, inputs.credentials, own, further, pull_secrets, variables)
        digest_inputs = partial(own_inputs, run.declared, own_keys=own.values(), further_keys=further.values())
        return cls(partial(deployment, pods), digest_inputs, context.rollouts.release)

    def record(self, image: str, component: Component, *, alone: bool, track: str = "") -> RolloutRecord:
        """Return the rollout record of a Deployment. It does not depend on the number of pods."""
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
    """Apply the Deployments in the order of `alone`; before the tenant's turn, keep the pods and change only their number."""
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
    """Leave a Deployment as it is except for its number of pods. `replicas` is None if an autoscaler decides the number.

    This is a patch: the live pod template is another release's, and an apply without the template would remove it.
    """
    if replicas is not None and live.replicas != replicas:
        namespace, name = tenant.metadata.namespace, child_name(tenant.metadata.name, suffix)
        await context.kube.patch(resources.DEPLOYMENTS, namespace, name, {"spec": {"replicas": replicas}})
    return live


async def _apply_canary(tenant: Tenant, pods: _Pods, workloads: Workloads, context: ReconcileContext) -> None:
    """Apply the Deployment of the canary's trial in the status, beside the web pods. Without a canary, delete it.

    The status is read right before the apply: a verdict that came during this reconcile must not be undone. While the other
    pods wait for a release, the pods of a running trial wait, too.
    """
    canary, trial = wanted_canary(tenant, context.settings), newest_trial(tenant, context.cache)
    (namespace, name), live = tenant.key[1:], live_canary(tenant, context.cache)
    is_over = trial is None or trial.state is CanaryState.TAKEN_BACK
    if not is_of(trial, canary) and not (canary is None and is_over):
        # It begins or ends the trial, and makes the Tenant due again.
        context.enqueue(context.settings.background_key(CANARIES))
    if live is not None and (canary is None or trial is None):
        await context.kube.delete(resources.DEPLOYMENTS, namespace, child_name(name, CANARY), live.uid)
    if canary is None or trial is None or not is_of(trial, canary):
        return
    runs = trial.state is not CanaryState.TAKEN_BACK and not tenant.spec.suspend
    others = workloads.deployments[Component.WEB].replicas or 0
    replicas = canary_pods(others, canary.percent) if runs else 0
    record = pods.record(canary.image, Component.WEB, alone=True, track=trial.track)
    # Without a record, the pods may belong to another trial, and must not be judged as this trial's.
    is_other = change_of(live, record) is Change.EDIT
    if workloads.awaited is not None and live is not None and not is_other:
        await _keep_pods(tenant, CANARY, live, replicas, context)
        return
    manifest = pods.render(canary.image, Component.WEB, alone=True, replicas=replicas, track=trial.track)
    await context.kube.apply(with_record(manifest, record))
