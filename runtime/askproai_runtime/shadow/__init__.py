"""Shadows: an image answers copies of a tenant's calls on a copy of its book, which shows the bookings that would differ.

No caller hears a shadow, and it reaches no provider (docs/decisions/0126-shadows.md). The pods of the live version write the
copies of requests (`conversation/shadow_requests.py`).
"""

from askproai_runtime.shadow.process import ShadowSettings, run_shadow

__all__ = ["ShadowSettings", "run_shadow"]
