"""A simulator of Cal.com's API: event types, bookings, webhooks.

It follows the odd rules of docs/vendors/calcom.md. Started as a process by `python -m askproai_sandbox.calcom --port N`.
"""

from askproai_sandbox.calcom.app import CalcomSimulator
from askproai_sandbox.calcom.webhooks import signature

__all__ = ["CalcomSimulator", "signature"]
