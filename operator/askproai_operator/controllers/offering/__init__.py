"""ServiceOffering: what can be booked, which staff members can do it, and whether the Cal.com event types fit."""

from askproai_operator.controllers.offering.openings import openings_condition
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
    namesakes,
    plan_units,
    staff_by_branch,
)
from askproai_operator.controllers.offering.status import name_condition, staff_condition

__all__ = [
    "AUTO_CREATED_LABEL", "UnitPlan", "active_offerings", "ambiguous_staff", "branch_name_of", "identity_of",
    "is_auto_created", "is_offered_in", "name_condition", "namesakes", "openings_condition", "plan_units", "reconcile",
    "staff_by_branch", "staff_condition",
]  # fmt: skip
