"""ServiceOffering: what can be booked, who can do it, and whether the calendar fits."""

from askproai_operator.kinds.offering.decide import matched_staff
from askproai_operator.kinds.offering.reconcile import reconcile

__all__ = ["matched_staff", "reconcile"]
