"""The third role: what must be done once for all tenants, by the one of two processes that holds the Lease.

Nothing waits for it: a booking clears expired holds in its way by itself, a worker takes over its tenant's lost jobs. The
coordinator finds what nobody comes across, counts what only all tenants together show, and forgets what is old.
"""

from askproai_runtime.coordinator.process import run_coordinator
from askproai_runtime.coordinator.settings import CoordinatorSettings

__all__ = ["CoordinatorSettings", "run_coordinator"]
