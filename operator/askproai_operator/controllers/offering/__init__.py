"""ServiceOffering: what can be booked, who can do it, and whether the calendar fits."""

from askproai_operator.controllers.offering.decide import matched_staff
from askproai_operator.controllers.offering.reconcile import reconcile

__all__ = ["matched_staff", "reconcile"]
