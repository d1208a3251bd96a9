"""What a tenant's process tells its operators: the metrics of contract §5."""

from askproai_runtime.watch.logs import configure_logs
from askproai_runtime.watch.metrics import Metrics

__all__ = ["Metrics", "configure_logs"]
