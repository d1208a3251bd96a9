"""Tenant: database role and rows, config, credentials, pods, and the Cal.com webhook of one business."""

from askproai_operator.controllers.tenant.reconcile import reconcile

__all__ = ["reconcile"]
