"""ServiceOffering: what can be booked, which staff members can do it, and whether the Cal.com event types fit."""

from askproai_operator.controllers.offering.reconcile import reconcile
from askproai_operator.controllers.offering.staffing import (
    AUTO_CREATED_LABEL,
    UnitPlan,
    active_offerings,
    ambiguous_staff,
    branch_name_of,
    identity_of,
    is_auto_created,
    is_offered_in,
    plan_units,
    staff_by_branch,
)

__all__ = [
    "AUTO_CREATED_LABEL", "UnitPlan", "active_offerings", "ambiguous_staff", "branch_name_of", "identity_of",
    "is_auto_created", "is_offered_in", "plan_units", "reconcile", "staff_by_branch",
]  # fmt: skip
