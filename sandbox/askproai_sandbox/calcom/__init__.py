"""A simulator of Cal.com's API: event types, bookings, webhooks.

Faithful to the odd rules of `reference/calcom-stripe.md`; started as `python -m askproai_sandbox.calcom --port N`.
"""

from askproai_sandbox.calcom.app import CalcomSimulator
from askproai_sandbox.calcom.webhooks import signature

__all__ = ["CalcomSimulator", "signature"]
