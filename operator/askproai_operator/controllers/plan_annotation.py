"""The annotation `askproai.de/plan`: nothing is applied while an object has it. Pure.

A RetellAgent shows its plan in the status. There is no plan for the other kinds: what depends on one of them waits until the
annotation is removed. Objects depend on each other, so each controller asks about all whose spec it applies.
"""

from collections.abc import Iterable
from typing import Final

from askproai_operator.api import CustomResource, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.applied_spec import PAUSED_ANNOTATION, is_paused

PLAN_ANNOTATION: Final = "askproai.de/plan"


def is_planned(resource: CustomResource) -> bool:
    """Return whether the changes of an object are not to be applied. A deletion is: it cannot be taken back."""
    meta = resource.metadata
    return meta.annotations.get(PLAN_ANNOTATION) == "true" and meta.deletion_timestamp is None


def planned_names(resources: Iterable[CustomResource]) -> str:
    """Return kind and name of those that have the annotation, or an empty text."""
    return ", ".join(f"{each.kind} {each.metadata.name}" for each in resources if is_planned(each))


def plan_hold(resources: Iterable[CustomResource]) -> Condition | None:
    """Return the condition Paused if one of these objects, none of them a RetellAgent, has the annotation."""
    names = planned_names(resources)
    if not names:
        return None
    text = (
        f"nothing is applied until the annotation {PLAN_ANNOTATION} is removed from {names}; a plan is shown for a RetellAgent"
        " only. `askproai plan` shows what a manifest would change before it is applied"
    )
    return bad(ConditionType.PAUSED, Reason.PLAN_UNSUPPORTED, text)


def edit_hold(tenant: Tenant | None) -> Condition | None:
    """Return why an edit of a Tenant's Branch or ServiceOffering has no effect: the Tenant has one of the annotations."""
    if tenant is None:
        return None
    if is_paused(tenant):
        annotation, reason = PAUSED_ANNOTATION, Reason.PAUSED
    elif is_planned(tenant):
        annotation, reason = PLAN_ANNOTATION, Reason.PLAN_UNSUPPORTED
    else:
        return None
    text = f"what was applied last has no effect until the annotation {annotation} is removed from Tenant {tenant.metadata.name}"
    return bad(ConditionType.PAUSED, reason, text)
