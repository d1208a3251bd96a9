"""ServiceOffering: what can be booked, which staff members can do it, and whether the Cal.com event types fit."""

from askproai_operator.controllers.offering.reconcile import reconcile

__all__ = ["reconcile"]
