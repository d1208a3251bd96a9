"""Canaries: begin, judge and end the trials of images of all Tenants, every second while a trial is on.

The verdict depends on records in PostgreSQL and on the pods' state at the API server, so a restart of the operator loses
nothing. A paused Tenant's trial is judged, too: its callers are as real as any other's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog
from pydantic import ValidationError

from askproai_core.kube import ApiError, Unreachable
from askproai_operator import resources
from askproai_operator.api import Key, Tenant
from askproai_operator.api.conditions import Reason
from askproai_operator.api.runtime import Canary
from askproai_operator.api.tenant_status import CanaryState, CanaryStatus
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.canary_judge import CanaryPods, judge
from askproai_operator.controllers.conditions import round_down, tenants_with
from askproai_operator.controllers.plan_annotation import tenant_hold
from askproai_operator.controllers.tenant.canary import is_of, recorded_trial, wanted_canary
from askproai_operator.controllers.tenant.children.deployment import CANARY, TRACK, live_canary
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.database import DATABASE_ERRORS
from askproai_operator.engine import Backoff, EventRecord, Options, Result
from askproai_operator.resources import TENANT_LABEL
from askproai_operator.store.canary_outcomes import CanaryOutcomes, Trial

log = structlog.get_logger(__name__)

_EVERY: Final = timedelta(seconds=1)
_IDLE: Final = timedelta(seconds=10)  # a Tenant that asks for a canary makes the key due itself
_LONGEST_WAIT: Final = 200  # characters of a text from the cluster
_MOST_CALLERS: Final = 10_000  # until a trial passes, if the spec no longer names it but edits are held up

OPTIONS: Final = Options(Backoff(_EVERY, _IDLE, jitter=0.1), workers=1)


async def reconcile(_key: Key, context: ReconcileContext) -> Result:
    """Begin, judge or end the trials of all Tenants. A failure for one Tenant is retried and does not delay other Tenants."""
    on_trial: list[_OnTrial] = []
    is_complete = True
    for cached in tenants_with("canary", context):
        try:
            found = await _bring_up_to_date(cached, context)
        except Unreachable:
            raise
        except (ApiError, ValidationError) as error:  # ValidationError: a stored spec that this release cannot read
            is_complete = _failed(cached, error)
            continue
        if found is None or found.trial.state is CanaryState.TAKEN_BACK:
            continue
        if not found.tenant.spec.suspend or _has_pods(found.tenant, context):
            on_trial.append(found)
    outcomes = await _read_outcomes(on_trial, context)
    is_complete &= outcomes is not None
    for each in on_trial:
        try:
            await _judge(each, (outcomes or {}).get(each.tenant.metadata.dotted, CanaryOutcomes()), context)
        except Unreachable:
            raise
        except ApiError as error:
            is_complete = _failed(each.tenant, error)
    if not is_complete:
        return Result(requeue=True, requeue_reason="not every trial of an image could be judged")
    return Result(resync_after=_EVERY if on_trial else _IDLE)


@dataclass(frozen=True, slots=True)
class _OnTrial:
    tenant: Tenant
    canary: Canary
    trial: CanaryStatus


async def _bring_up_to_date(cached: Tenant, context: ReconcileContext) -> _OnTrial | None:
    """Begin the trial that the spec in effect asks for, or end a trial that it no longer asks for. Return the present trial.

    None if there is no trial. The record of a canary that was taken back stays until another trial begins.

    Pods of an ended trial are scaled down here first: an obstacle to the Tenant's reconcile, such as a refused key, would delay
    their deletion, too.
    """
    tenant = context.relations.tenant(cached.metadata.namespace, cached.metadata.name)
    if tenant is None:
        return None
    canary, trial = wanted_canary(tenant, context.settings), recorded_trial(tenant)
    if not is_of(trial, canary) and tenant_hold(tenant, context.relations) is not None:
        if trial is None:  # else the earlier spec's trial goes on and is judged
            return None
        canary = Canary(image=trial.image, percent=trial.percent, callers=canary.callers if canary else _MOST_CALLERS)
    if trial is not None and canary is not None and is_of(trial, canary):
        if trial.state is CanaryState.TAKEN_BACK:
            await _scale_to_zero(tenant, context)
        return _OnTrial(tenant, canary, trial)
    if trial is not None:
        await _scale_to_zero(tenant, context)
    if canary is None:
        # A verdict stays: the image may be asked for again.
        if trial is not None and trial.state is not CanaryState.TAKEN_BACK:
            await _write(tenant, None, context)
        return None
    # A name of its own, so that records of an earlier trial of this image are not counted.
    trial = CanaryStatus(
        image=canary.image,
        percent=canary.percent,
        track=f"{CANARY}-{uuid4().hex[:8]}",
        since=context.clock.now().replace(microsecond=0),
        state=CanaryState.RUNNING,
    )
    await _write(tenant, trial, context)
    log.info("canary.begun", tenant=tenant.metadata.dotted, image=trial.image, track=trial.track)
    return _OnTrial(tenant, canary, trial)


async def _read_outcomes(trials: Sequence[_OnTrial], context: ReconcileContext) -> Mapping[str, CanaryOutcomes] | None:
    """Return the outcomes of callers' requests by tenant; None if PostgreSQL does not answer. Then only the pods are judged."""
    if not trials:
        return {}
    try:
        return await context.database.read_canary_outcomes(
            [Trial(each.tenant.metadata.dotted, each.trial.track, each.trial.since) for each in trials]
        )
    except DATABASE_ERRORS as error:
        log.warning("canary.not_counted", tenants=len(trials), error=type(error).__name__)
        return None


async def _judge(each: _OnTrial, outcomes: CanaryOutcomes, context: ReconcileContext) -> None:
    tenant, trial, met = each.tenant, each.trial, outcomes.canary
    verdict = judge(outcomes, await _find_pods(tenant, trial, context), each.canary.callers, context.clock.now())
    if verdict.state is CanaryState.TAKEN_BACK:
        await _take_back(tenant, trial, outcomes, verdict.why, context)
        return
    shown: dict[str, Any] = {"state": verdict.state}
    # It stays passed if PostgreSQL does not answer, or if the spec now asks for more callers.
    if trial.state is CanaryState.PASSED:
        shown = {}
    if met.callers:
        shown |= {"callers": round_down(met.callers), "failed_callers": met.failed_callers}
    newest = trial.model_copy(update=shown)
    if newest != trial:
        await _write(tenant, newest, context)


async def _take_back(
    tenant: Tenant, trial: CanaryStatus, outcomes: CanaryOutcomes, why: str, context: ReconcileContext
) -> None:
    """Record that the canary was taken back, then scale its pods to zero: after a crash in between, the next run does that."""
    now = context.clock.now()
    text = (
        f"{trial.image} was taken back on {now:%Y-%m-%d at %H:%M} UTC, since {why}. {outcomes.canary.callers} callers met it. All"
        " requests go to the other pods. It is not tried again before image or percent of runtime.canary change;"
        f" askproai calls list --outcome failed -t {tenant.metadata.dotted} shows whom it failed"
    )
    counts = {"callers": outcomes.canary.callers, "failed_callers": outcomes.canary.failed_callers}
    verdict = {"state": CanaryState.TAKEN_BACK, "message": text, **counts}
    context.fence()
    await _write(tenant, trial.model_copy(update=verdict), context)
    await _scale_to_zero(tenant, context)
    log.warning("canary.taken_back", tenant=tenant.metadata.dotted, image=trial.image, why=why, **counts)
    await context.kube.record_event(tenant, EventRecord(Reason.CANARY_TAKEN_BACK, text))


def _has_pods(tenant: Tenant, context: ReconcileContext) -> bool:
    live = live_canary(tenant, context.cache)
    return live is not None and live.replicas != 0


async def _scale_to_zero(tenant: Tenant, context: ReconcileContext) -> None:
    """Scale the canary's Deployment to zero; pods drain as at each roll-out. Later reconciles of the Tenant keep it at zero."""
    namespace, name = tenant.metadata.namespace, child_name(tenant.metadata.name, CANARY)
    if _has_pods(tenant, context):
        await context.kube.patch(resources.DEPLOYMENTS, namespace, name, {"spec": {"replicas": 0}})


async def _write(tenant: Tenant, trial: CanaryStatus | None, context: ReconcileContext) -> None:
    """Write the trial into the Tenant's status (None removes it), and make the Tenant due, which updates pods and condition."""
    value = None if trial is None else trial.model_dump(by_alias=True, mode="json")
    await context.kube.patch_status(tenant, {"canary": value})
    context.enqueue(tenant.key)


async def _find_pods(tenant: Tenant, trial: CanaryStatus, context: ReconcileContext) -> CanaryPods:
    namespace, name = tenant.key[1:]
    live = live_canary(tenant, context.cache)
    if live is None or not live.replicas:
        return CanaryPods()
    pods = await context.kube.list(resources.PODS, namespace, f"{TENANT_LABEL}={name},{TRACK}={CANARY}")
    return observe_pods(live.status, pods, trial)


def observe_pods(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], trial: CanaryStatus) -> CanaryPods:
    """Return the state of a trial's pods: `deployment` is a Deployment's status, and pods of earlier trials are ignored. Pure."""
    present = [each for each in pods if not each["metadata"].get("deletionTimestamp") and _is_of_trial(each, trial)]
    containers = [each for pod in present for each in (pod.get("status") or {}).get("containerStatuses") or ()]
    found: Mapping[str, Mapping[str, Any]] = {each["type"]: each for each in deployment.get("conditions") or ()}
    available, refused = found.get("Available", {}), found.get("ReplicaFailure", {})
    is_unready = available.get("status") == "False"
    refusal = str(refused.get("message") or "")[:_LONGEST_WAIT] if refused.get("status") == "True" else ""
    return CanaryPods(
        restarts=sum(each.get("restartCount", 0) for each in containers),
        unready_since=max(trial.since, datetime.fromisoformat(available["lastTransitionTime"])) if is_unready else None,
        waits_for=next(filter(None, (*map(_waiting, containers), *map(_unscheduled, present), refusal)), ""),
    )


def _is_of_trial(pod: Mapping[str, Any], trial: CanaryStatus) -> bool:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return any(each.get("value") == trial.track for container in containers for each in container.get("env") or ())


def _waiting(container: Mapping[str, Any]) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = (container.get("lastState") or {}).get("terminated") or {}
    text = waiting or (
        {"reason": ended.get("reason"), "message": f"exit code {ended.get('exitCode')}"} if ended else {}
    )
    return ": ".join(filter(None, (text.get("reason"), text.get("message"))))[:_LONGEST_WAIT]


def _unscheduled(pod: Mapping[str, Any]) -> str:
    conditions: Sequence[Mapping[str, Any]] = (pod.get("status") or {}).get("conditions") or ()
    refused: Mapping[str, Any] = next(
        (each for each in conditions if each["type"] == "PodScheduled" and each["status"] == "False"), {}
    )
    return str(refused.get("message") or "")[:_LONGEST_WAIT]


def _failed(tenant: Tenant, error: Exception) -> bool:
    log.warning("canary.not_judged", tenant=tenant.metadata.dotted, error=str(error))
    return False
