"""A Tenant's canary: the canary that the spec asks for, the trial in the status, and the condition CanaryHealthy. Pure.

Only `controllers/canary` begins a trial, judges it and writes `status.canary`. The reconcile of the Tenant runs the pods that
the status allows.
"""

from typing import Any, Final

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.runtime import Canary
from askproai_operator.api.tenant_status import CanaryState, CanaryStatus
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.tenant.children.deployment import live_canary
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.engine import Cache, find_condition
from askproai_operator.settings import Settings

CANARIES: Final = "Canaries"
_HUNDRED: Final = 100


def image_of(tenant: Tenant, settings: Settings) -> str:
    """Return the image of all the tenant's pods but a canary's. Call it with a Tenant that has passed the ceilings."""
    return tenant.spec.runtime.image or settings.runtime_image


def wanted_canary(tenant: Tenant, settings: Settings) -> Canary | None:
    """Return the canary that the spec asks for, within the ceilings; None without one, or if all pods have its image anyway."""
    if tenant.spec.runtime.canary is None:
        return None
    allowed, _ = apply_ceilings(tenant, settings)
    canary = allowed.spec.runtime.canary
    return None if canary is None or canary.image == image_of(allowed, settings) else canary


def recorded_trial(tenant: Tenant) -> CanaryStatus | None:
    """Return the trial of a canary that the Tenant's status records; None without one."""
    found: Any = tenant.status.get("canary")
    return CanaryStatus.model_validate(found) if found else None


def newest_trial(tenant: Tenant, objects: Cache) -> CanaryStatus | None:
    """Return the trial in the cached status, newer than the reconcile's own Tenant: a verdict may come meanwhile."""
    newest = objects.get(tenant.key)
    return recorded_trial(newest) if isinstance(newest, Tenant) else None


def is_of(trial: CanaryStatus | None, canary: Canary | None) -> bool:
    """Return True if the trial is of this canary: image and percent are equal. `callers` only moves the trial's end."""
    return trial is not None and canary is not None and (trial.image, trial.percent) == (canary.image, canary.percent)


def canary_pods(others: int, percent: int) -> int:
    """Return how many canary pods run beside the `others`: at most `percent` of all pods, but at least one."""
    return max(1, others * percent // (_HUNDRED - percent))


def canary_healthy(run: Run, context: ReconcileContext) -> Condition | None:
    """Return CanaryHealthy, from the trial in the newest cached status: a verdict may have come during this reconcile."""
    tenant, live = run.tenant, live_canary(run.tenant, context.cache)
    pods = (live.replicas if live else None) or 0
    others = run.workloads.deployments[Component.WEB].replicas or 0
    return canary_condition(tenant, newest_trial(tenant, context.cache), pods, others, context.settings)


def canary_condition(
    tenant: Tenant, trial: CanaryStatus | None, pods: int, others: int, settings: Settings
) -> Condition | None:
    """Return CanaryHealthy; None if there never was a canary. `pods` and `others` are the numbers of canary and other web pods."""
    kind, canary = ConditionType.CANARY_HEALTHY, wanted_canary(tenant, settings)
    if canary is None:
        if not find_condition(tenant, kind):
            return None
        return good(kind, "no other image than that of all pods is asked for", Reason.NOT_REQUESTED)
    if tenant.spec.suspend:
        return good(kind, "spec.suspend is true: no pods run", Reason.SUSPENDED)
    if trial is None or not is_of(trial, canary):
        return good(kind, f"the trial of {canary.image} begins", Reason.PROGRESSING)
    if trial.state is CanaryState.TAKEN_BACK:
        return bad(kind, Reason.CANARY_TAKEN_BACK, trial.message)
    met = (
        f"{pods} of {pods + others} web pods run {canary.image}, so about {_HUNDRED * pods // max(1, pods + others)} % of the"
        f" requests go there; {_describe_outcome(trial)}"
    )
    if trial.state is CanaryState.PASSED:
        text = (
            f"{met}: no worse than the other pods. To promote it, write it into runtime.image and remove runtime.canary"
        )
        return good(kind, text, Reason.CANARY_PASSED)
    return good(kind, f"{met}; it is good enough after {canary.callers}", Reason.PROGRESSING)


def _describe_outcome(trial: CanaryStatus) -> str:
    if not trial.callers:
        return "no caller met it yet"
    return f"{describe_callers(trial.callers)} met it, {trial.failed_callers or 'none'} of them a failure"


def describe_callers(callers: int) -> str:
    """Return a number of callers as text, such as "5 or more callers": numbers above 1 were rounded down before."""
    if callers <= 1:
        return ("no caller", "1 caller")[callers]
    return f"{callers} or more callers"
