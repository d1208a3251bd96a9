"""Grants: take, release and review the holders of a host, a phone number or a provider's key."""

from askproai_operator.controllers.grant.first_holder import release, report_refusal, take, take_all
from askproai_operator.controllers.grant.reconcile import OPTIONS, grant_keys, reconcile, remove_routes

__all__ = [
    "OPTIONS", "grant_keys", "reconcile", "release", "remove_routes", "report_refusal", "take",
    "take_all",
]  # fmt: skip
