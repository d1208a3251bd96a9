"""Verify, deduplicate, store, acknowledge: `webhook.py` reads top to bottom."""

from askproai_runtime.intake.events import Incoming, Malformed, Source, TooOld, identify
from askproai_runtime.intake.flush import Flusher, Unavailable
from askproai_runtime.intake.signatures import Verdict, verify_calcom, verify_retell, verify_stripe
from askproai_runtime.intake.store import EventStore, Stored
from askproai_runtime.intake.webhook import Webhooks, require_signature

__all__ = [
    "EventStore", "Flusher", "Incoming", "Malformed", "Source", "Stored", "TooOld", "Unavailable", "Verdict", "Webhooks",
    "identify", "require_signature", "verify_calcom", "verify_retell", "verify_stripe",
]  # fmt: skip
