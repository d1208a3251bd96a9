"""What a tenant's process tells its operators: logs, and the metrics of contract §5."""

from askproai_runtime.watch.logs import configure_logs, place_of
from askproai_runtime.watch.metrics import Metrics, Waiting, process_registry

__all__ = ["Metrics", "Waiting", "configure_logs", "place_of", "process_registry"]
