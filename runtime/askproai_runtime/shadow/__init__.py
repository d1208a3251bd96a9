"""Shadows: an image answers copies of a tenant's calls on a copy of its book, and what it books otherwise is found.

No caller hears of it, and it reaches no provider (docs/decisions/0126-shadows.md). The copies of requests are written by
`conversation/shadow_requests.py`, in the pods of the live version.
"""

from askproai_runtime.shadow.process import run_shadow
from askproai_runtime.shadow.settings import ShadowSettings

__all__ = ["ShadowSettings", "run_shadow"]
