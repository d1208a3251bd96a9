"""Plan the default service, which a branch has until a person writes a service for it. Pure.

A branch without a service could not be booked at all, so one is created: "Standardberatung", 30 minutes, free of charge.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from askproai_core.api_resource import AUTO_CREATED_LABEL
from askproai_operator import resources
from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.applied_spec import is_paused
from askproai_operator.controllers.branch.inputs import Inputs, default_service_name
from askproai_operator.resources import MANAGER, TENANT_LABEL
from askproai_operator.services import is_auto_created, is_offered_in, matched_staff

_NOBODY = "nobody works here, so callers cannot book anything: add people to spec.staff"
SETTLE = timedelta(seconds=3)  # one `kubectl apply` brings the services and the agent right after their branch


class Action(StrEnum):
    """The change of a branch's default service: to create, repair or delete it; NONE if there is nothing to change."""

    NONE = "none"
    CREATE = "create"
    REPAIR = "repair"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Plan:
    """The change of the default service, and the condition ServicesReady and the number of services after the change.

    `requeue_after` asks for a run before the usual resync.
    """

    action: Action
    condition: Condition
    services: int
    requeue_after: timedelta | None = None


def is_settling(inputs: Inputs, now: datetime) -> bool:
    """Return True while a branch is so new that its Tenant, services or agents may still be created."""
    age = now - inputs.branch.metadata.creation_timestamp
    return inputs.references.look_again is not None or timedelta() <= age < SETTLE


def plan_default_service(inputs: Inputs, now: datetime) -> Plan:
    """Plan to create or repair the default service while no person has written a service, and to delete it afterwards."""
    kind, default = ConditionType.SERVICES_READY, inputs.default
    if written := written_services(inputs.branch, inputs.offerings):
        count = len(written)
        superseded = (
            default is not None
            and is_auto_created(default)
            and default.metadata.deletion_timestamp is None
            and not is_paused(default)
        )
        return Plan(Action.DELETE if superseded else Action.NONE, _services_condition(inputs.branch, written), count)
    tenant = inputs.references.tenant
    if default is None and tenant is not None and tenant.metadata.deletion_timestamp is not None:
        # Its services may be deleted before this branch: create no new one.
        return Plan(Action.NONE, unknown(kind, Reason.PENDING, f"Tenant {tenant.metadata.name} is being deleted"), 0)
    if default is None and is_settling(inputs, now):
        # No watch event follows if nobody creates a service, so a run is scheduled.
        return Plan(Action.NONE, unknown(kind, Reason.PROGRESSING, "waits for a service"), 0, requeue_after=SETTLE)
    if default is not None and not is_auto_created(default):  # nothing is ever written to a person's own object
        name = default_service_name(inputs.branch)
        text = f"no service names this branch, and the ServiceOffering {name} is another one's: create a service"
        return Plan(Action.NONE, bad(kind, Reason.OWNERSHIP_CONFLICT, text), 0)
    if default is not None and is_paused(default):
        return Plan(Action.NONE, good(kind, "the default service, which is paused"), 1)
    text = "the default service; it goes when the first hand-made one comes"
    condition = good(kind, text) if inputs.branch.spec.staff else bad(kind, Reason.NO_STAFF_WITH_SKILLS, _NOBODY)
    return Plan(Action.CREATE if default is None else Action.REPAIR, condition, 1)


def _services_condition(branch: Branch, written: Collection[ServiceOffering]) -> Condition:
    """Return ServicesReady: True if a staff member of the branch can do at least one of its hand-made services."""
    kind, count = ConditionType.SERVICES_READY, len(written)
    services = "1 service" if count == 1 else f"{count} services"
    if any(matched_staff(branch, each.spec.required_skills) for each in written):
        return good(kind, services)
    text = f"nobody has the skills of any of its {services}: add them to a person's skills, or ask for fewer"
    return bad(kind, Reason.NO_STAFF_WITH_SKILLS, text if branch.spec.staff else _NOBODY)


def written_services(branch: Branch, offerings: Iterable[ServiceOffering]) -> list[ServiceOffering]:
    """Return the services of a branch that people wrote."""
    return [
        offering
        for offering in offerings
        if is_offered_in(offering, branch)
        and not is_auto_created(offering)
        and offering.metadata.deletion_timestamp is None
    ]


def default_service(branch: Branch) -> dict[str, Any]:
    """Return the manifest of `<branch>-standardberatung`: 30 minutes, 0.00 EUR, all staff.

    Callers hear that the price is not known (`tenant_config`): nobody has declared the service free of charge.

    The branch owns the service, so both are deleted together.
    """
    return {
        **resources.OFFERINGS.type_meta,
        "metadata": {
            "name": default_service_name(branch),
            "namespace": branch.metadata.namespace,
            "labels": {
                AUTO_CREATED_LABEL: "true",
                "app.kubernetes.io/name": "askproai",
                "app.kubernetes.io/managed-by": MANAGER,
                TENANT_LABEL: branch.spec.tenant_ref.name,
            },
            "annotations": {
                "askproai.de/reason": "branch_provisioning",
                "kubernetes.io/description": "Automatisch erstellter Standardservice",
            },
            "ownerReferences": [resources.BRANCHES.owner_reference(branch.metadata.name, branch.metadata.uid)],
        },
        "spec": {
            "branchRef": {"name": branch.metadata.name},
            "displayName": "Standardberatung",
            "durationMinutes": 30,
            "price": {"amount": "0.00", "currency": "EUR"},
        },
    }
