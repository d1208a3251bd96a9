"""Grants: take, release and review who has a host, a phone number or a provider's key."""

from askproai_operator.controllers.grant.reconcile import OPTIONS, grant_keys, reconcile, remove_routes
from askproai_operator.controllers.grant.take import find_holder, is_of_other, release, report_refusal, take, take_all

__all__ = [
    "OPTIONS", "find_holder", "grant_keys", "is_of_other", "reconcile", "release", "remove_routes", "report_refusal", "take",
    "take_all",
]  # fmt: skip
