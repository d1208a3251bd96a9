"""Tenant: database role and rows, config, credentials, pods, and the Cal.com webhook of one business."""

from askproai_operator.controllers.tenant.deletion import REMOVAL_ERRORS, failure_text, remove_remote
from askproai_operator.controllers.tenant.reconcile import reconcile
from askproai_operator.controllers.tenant.signing_keys import keep_signing_keys_of_held

__all__ = [
    "REMOVAL_ERRORS", "failure_text",
    "keep_signing_keys_of_held", "reconcile", "remove_remote",
]  # fmt: skip
