"""The tenant's subscription at Stripe. Its state is shown and has no other effect: every caller is served."""

from askproai_runtime.billing.store import BillingChange, BillingState, get_billing_state, save_billing_change

__all__ = ["BillingChange", "BillingState", "get_billing_state", "save_billing_change"]
