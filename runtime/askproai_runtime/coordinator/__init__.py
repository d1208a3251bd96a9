"""The coordinator: work that is done once for all tenants. It has two processes: the leader, which holds the Lease, does the
work.

No other part waits for it: a booking removes expired holds that conflict with it, and a worker takes over its tenant's lost
jobs. The coordinator handles expired holds and lost jobs that no booking or worker meets, counts across all tenants, and
deletes old data.
"""

from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.process import run_coordinator
from askproai_runtime.coordinator.settings import CoordinatorSettings

__all__ = ["CoordinatorSettings", "Metrics", "run_coordinator"]
