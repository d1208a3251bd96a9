"""ServiceOffering: what can be booked, which staff members can do it, and whether the Cal.com event types fit."""

from askproai_operator.controllers.offering.reconcile import reconcile
from askproai_operator.controllers.offering.units import UnitPlan, identity_of, plan_units

__all__ = ["UnitPlan", "identity_of", "plan_units", "reconcile"]
