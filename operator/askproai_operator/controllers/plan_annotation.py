"""The annotation `askproai.de/plan`: nothing is applied while an object has it. Pure.

A RetellAgent shows its plan in the status. Other kinds have no plan: changes that depend on them wait until the annotation is
removed. Objects depend on each other, so each controller checks all objects whose spec it applies. A config is compiled from
all objects of a Tenant: an annotation on one of them, or a paused Tenant, holds the edits of all.
"""

from collections.abc import Iterable

from askproai_operator.api import CustomResource, RetellAgent, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.applied_spec import PAUSED_ANNOTATION, PLAN_ANNOTATION, is_paused, is_planned
from askproai_operator.relations import Relations


def planned_names(resources: Iterable[CustomResource]) -> str:
    """Return kind and name of each object that has the annotation, as text; "" if none has it."""
    return ", ".join(f"{each.kind} {each.metadata.name}" for each in resources if is_planned(each))


def plan_hold(resources: Iterable[CustomResource]) -> Condition | None:
    """Return the condition Paused if one of these objects has the annotation, else None. Pass no RetellAgent: it has a plan."""
    names = planned_names(resources)
    if not names:
        return None
    text = (
        f"nothing is applied until the annotation {PLAN_ANNOTATION} is removed from {names}; a plan is shown for a RetellAgent"
        " only. `askproai plan` shows what a manifest would change before it is applied"
    )
    return bad(ConditionType.PAUSED, Reason.PLAN_UNSUPPORTED, text)


def tenant_hold(tenant: Tenant, relations: Relations) -> Condition | None:
    """Return the condition Paused if the Tenant, or one of its Branches and services, has the annotation, else None."""
    names = tenant.key[1:]
    return plan_hold([tenant, *relations.branches(*names), *relations.offerings(*names)])


def edit_hold(tenant: Tenant | None, siblings: Iterable[CustomResource]) -> Condition | None:
    """Return the condition Paused if edits of a Tenant's Branches and ServiceOfferings (`siblings`) have no effect now: the
    Tenant is paused, or the Tenant or a sibling has the annotation. None if edits have effect, or without a Tenant.
    """
    if tenant is None:
        return None
    names, annotation, reason = f"Tenant {tenant.metadata.name}", PAUSED_ANNOTATION, Reason.PAUSED
    if not is_paused(tenant):
        names, annotation, reason = planned_names([tenant, *siblings]), PLAN_ANNOTATION, Reason.PLAN_UNSUPPORTED
    if not names:
        return None
    text = f"what was applied last has no effect until the annotation {annotation} is removed from {names}"
    return bad(ConditionType.PAUSED, reason, text)


def agent_hold(agent: RetellAgent, sources: Iterable[CustomResource]) -> str:
    """Return a text that names the annotations to remove before a RetellAgent changes at Retell, and their objects; "" if none.

    `sources`: the Tenant, its Branches and its services. A paused Tenant holds its agents, too: its pods have the earlier
    config, and must be able to answer whatever the agent says to callers.
    """
    sources = list(sources)
    paused = ", ".join(
        f"Tenant {each.metadata.name}" for each in sources if isinstance(each, Tenant) and is_paused(each)
    )
    by_annotation = {PAUSED_ANNOTATION: paused, PLAN_ANNOTATION: planned_names([agent, *sources])}
    return " and ".join(f"{annotation} from {names}" for annotation, names in by_annotation.items() if names)
