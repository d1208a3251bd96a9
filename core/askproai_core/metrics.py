"""Prometheus metrics of one process (operator, coordinator, runtime): its registry, and a factory for uniform names and labels."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


def process_registry() -> CollectorRegistry:
    """Return a registry that already measures the process itself: memory, CPU, files, garbage collection."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


class MetricFactory:
    """Creates metrics in one registry. Each metric's name gets `prefix`; its labels are `common_labels`, then its own."""

    def __init__(
        self, registry: CollectorRegistry, *, prefix: str = "askproai_", common_labels: Sequence[str] = ()
    ) -> None:
        self._registry, self._prefix, self._common_labels = registry, prefix, tuple(common_labels)

    def counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(self._prefix + name, description, self._common_labels + labels, registry=self._registry)

    def gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(self._prefix + name, description, self._common_labels + labels, registry=self._registry)

    def histogram(self, name: str, description: str, buckets: Sequence[float], *labels: str) -> Histogram:
        labels = self._common_labels + labels
        return Histogram(self._prefix + name, description, labels, buckets=buckets, registry=self._registry)
