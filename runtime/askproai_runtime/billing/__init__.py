"""Billing: what Stripe says of the tenant's subscription. It is shown, and nothing else: every caller is served."""

from askproai_runtime.billing.store import BillingState, billing_state, carry_out

__all__ = ["BillingState", "billing_state", "carry_out"]
