"""The coordinator: what must be done once for all tenants, by whichever of two processes holds the Lease.

Nothing waits for it: a booking removes the expired holds in its way, a worker takes over its tenant's lost jobs. The coordinator
finds what nobody comes across, counts what only all tenants together show, and deletes what is old.
"""

from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.process import run_coordinator
from askproai_runtime.coordinator.settings import CoordinatorSettings

__all__ = ["CoordinatorSettings", "Metrics", "run_coordinator"]
