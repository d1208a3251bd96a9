"""The operator's metrics: contract §5, and the queue's under controller-runtime's names, so that stock dashboards work."""

from collections import Counter as Count
from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_core.clock import Clock
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.engine.cache import Cache

_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_RUNS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One per process; a test makes its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = self._count("askproai_reconcile", "Reconciles", "kind", "result")
        runs = "askproai_reconcile_duration_seconds"
        self.reconcile_seconds = self._times(runs, "Time of one reconcile", _RUNS, "kind")
        self.leader = self._gauge("askproai_leader", "1 while this process holds the Lease")
        self.watch_restarts = self._count("askproai_watch_restarts", "Watches begun again after an end or an error")
        missed = "Deletions that no watch told and that an audit found"
        self.missed_deletions = self._count("askproai_missed_deletions", missed)
        self._leftovers = self._gauge("askproai_leftovers", "What deletions could not remove yet", "sort")
        queue = {"name": "askproai"}
        self.depth = self._gauge("workqueue_depth", "Keys that wait", "name", "priority")
        self.adds = self._count("workqueue_adds", "Keys put into the queue", *queue).labels(**queue)
        self.retries = self._count("workqueue_retries", "Keys back after a failure", *queue).labels(**queue)
        waited, worked = "workqueue_queue_duration_seconds", "workqueue_work_duration_seconds"
        self.waited = self._times(waited, "How long a key waited", _WAITS, *queue).labels(**queue)
        self.worked = self._times(worked, "How long a key was worked on", _RUNS, *queue).labels(**queue)
        unfinished, longest = "workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"
        self.unfinished = self._gauge(unfinished, "Time spent so far on what is not done", *queue).labels(**queue)
        self.longest = self._gauge(longest, "Age of the oldest work that is not done", *queue).labels(**queue)

    def depth_of(self, priority: str) -> Gauge:
        """Give the depth gauge of one priority."""
        return self.depth.labels("askproai", priority)

    def count_leftovers(self, counts: Mapping[str, int]) -> None:
        """Tell how many left-overs of each sort there are now."""
        self._leftovers.clear()
        for sort, count in counts.items():
            self._leftovers.labels(sort).set(count)

    def _count(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)

    def _times(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self.registry)


class Conditions(Collector):
    """Counts conditions at each scrape; a series per object would be thousands (External Secrets' mistake)."""

    def __init__(self, cache: Cache, registry: CollectorRegistry, clock: Clock) -> None:
        self._cache, self._clock = cache, clock
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["kind", "type", "status"]
        family = GaugeMetricFamily("askproai_resource_condition", "Objects with this condition", labels=labels)
        counts = Count(
            (model.kind, one["type"], one["status"])
            for model in self._cache.models()
            for one in model.status.get("conditions", ())
        )
        for values, count in sorted(counts.items()):
            family.add_metric(values, count)
        yield family
        about = "How long the oldest drift at Retell stands that is not set right"
        yield GaugeMetricFamily("askproai_drift_seconds", about, value=self._oldest_drift())

    def _oldest_drift(self) -> float:
        conditions = (one for model in self._cache.models() for one in model.status.get("conditions", ()))
        drifted = (one for one in conditions if (one["type"], one["status"]) == (ConditionType.DRIFTED, Status.TRUE))
        since = (datetime.fromisoformat(one["lastTransitionTime"]) for one in drifted)
        return max(((self._clock.now() - one).total_seconds() for one in since), default=0)
