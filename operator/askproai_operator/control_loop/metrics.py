"""The operator's metrics (docs/reference/metrics.md). Metrics of the queue have controller-runtime's names, for dashboards."""

from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from askproai_core.clock import Clock
from askproai_core.metrics import MetricFactory
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.engine import Cache
from askproai_operator.rollouts import Phase, Rollouts

_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
_RUNS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics and their registry. One per process; a test creates its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        create = MetricFactory(self.registry)
        self.reconciles = create.counter("reconcile", "Reconciles", "kind", "result")
        self.reconcile_seconds = create.histogram("reconcile_duration_seconds", "Time of one reconcile", _RUNS, "kind")
        text = "Requests of the operator to a provider, by HTTP status or by the way they failed"
        self._provider_requests = create.counter("provider_requests", text, "provider", "operation", "status")
        self.leader = create.gauge("leader", "1 while this process holds the Lease")
        self.watch_restarts = create.counter("watch_restarts", "Watches begun again after an end or an error")
        behind = "Time since a list showed a change that the watch has not reported; 0: none"
        self.watch_behind = create.gauge("watch_behind_seconds", behind, "resource")
        missed = "Deletions that an audit found and no watch reported"
        self.missed_deletions = create.counter("missed_deletions", missed)
        ended = "Sessions of tenants' database logins that were ended because they blocked others"
        self.sessions_ended = create.counter("tenant_sessions_ended", ended, "misuse")
        failures = "Failed steps of the watch over the tenants' database sessions, which are retried"
        self.session_watch_failures = create.counter("session_watch_failures", failures, "step")
        unguarded = "1 if no admission policy restricts the operator's account"
        self.writes_unguarded = create.gauge("writes_unguarded", unguarded)
        quiet = "Healthy Tenants, for which PostgreSQL and Redis are read together"
        self.quiet_tenants = create.gauge("quiet_tenants", quiet)
        self._spans = create.counter("spans", "Spans of traces, exported or dropped", "outcome")
        self._orphans = create.gauge("leftovers", "Remote objects that deletions could not remove yet", "sort")
        workqueue, queue = MetricFactory(self.registry, prefix="workqueue_"), {"name": "askproai"}
        self.depth = workqueue.gauge("depth", "Keys that wait", "name", "priority")
        self.adds = workqueue.counter("adds", "Keys put into the queue", *queue).labels(**queue)
        self.retries = workqueue.counter("retries", "Keys queued again after a failure", *queue).labels(**queue)
        waited = "How long a key waited"
        self.waited = workqueue.histogram("queue_duration_seconds", waited, _WAITS, *queue).labels(**queue)
        worked = "How long a key was processed"
        self.worked = workqueue.histogram("work_duration_seconds", worked, _RUNS, *queue).labels(**queue)
        unfinished = "Time spent so far on unfinished work"
        self.unfinished = workqueue.gauge("unfinished_work_seconds", unfinished, *queue).labels(**queue)
        longest = "Age of the oldest unfinished work"
        self.longest = workqueue.gauge("longest_running_processor_seconds", longest, *queue).labels(**queue)

    def count_provider_request(self, provider: str, operation: str, outcome: str) -> None:
        """Count a request to a provider, by its HTTP status or by the way it failed."""
        self._provider_requests.labels(provider, operation, outcome).inc()

    def count_spans(self, outcome: str, spans: int) -> None:
        """Count spans that were exported to the collector, or dropped."""
        self._spans.labels(outcome).inc(spans)

    def set_orphan_counts(self, counts: Mapping[str, int]) -> None:
        """Set the gauge of the number of orphans of each sort (`orphans.sort_of`); 0 for a sort that `counts` does not name."""
        self._orphans.clear()
        for sort, count in counts.items():
            self._orphans.labels(sort).set(count)


class ConditionCollector(Collector):
    """Counts the conditions in the cache by type at each scrape. A series for each object would be thousands of series.

    A standby has the same cache but counts nothing: a sum over the replicas would count each object twice.
    """

    def __init__(
        self, cache: Cache, registry: CollectorRegistry, clock: Clock, leads: Callable[[], bool] = lambda: True
    ) -> None:
        self._cache, self._clock, self._leads = cache, clock, leads
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if not self._leads():
            return
        labels = ["kind", "type", "status"]
        family = GaugeMetricFamily("askproai_resource_condition", "Objects with this condition", labels=labels)
        counts = Count(
            (model.kind, condition["type"], condition["status"])
            for model in self._cache.models()
            for condition in model.status.get("conditions", ())
        )
        for values, count in sorted(counts.items()):
            family.add_metric(values, count)
        yield family
        asked = "Tenants that should have pods: provisioned and not suspended"
        yield GaugeMetricFamily("askproai_tenants_with_pods", asked, value=self._count_tenants_with_pods())
        about = "Age of the oldest drift at Retell that is not repaired"
        yield GaugeMetricFamily("askproai_drift_seconds", about, value=self._oldest_drift())

    def _count_tenants_with_pods(self) -> int:
        """Return how many Tenants should have pods by their status, not by their spec: edits of a paused Tenant have no effect."""
        tenants = (model for model in self._cache.models() if isinstance(model, Tenant))
        return sum(bool(each.status.get("replicas")) for each in tenants if each.metadata.deletion_timestamp is None)

    def _oldest_drift(self) -> float:
        """Return the age of the oldest condition Drifted=True in seconds; 0 without one."""
        since = [
            datetime.fromisoformat(condition["lastTransitionTime"])
            for model in self._cache.models()
            for condition in model.status.get("conditions", ())
            if (condition["type"], condition["status"]) == (ConditionType.DRIFTED, Status.TRUE)
        ]
        return (self._clock.now() - min(since)).total_seconds() if since else 0


class RolloutCollector(Collector):
    """Counts, at each scrape of the leader, the tenants in each phase of the roll-out of the present release."""

    def __init__(self, rollouts: Rollouts, registry: CollectorRegistry) -> None:
        self._rollouts = rollouts
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        text = "Tenants by phase of the roll-out of this operator's release"
        family = GaugeMetricFamily("askproai_rollout_tenants", text, labels=["phase"])
        counts = self._rollouts.count_phases()
        for phase in Phase:
            family.add_metric([phase], counts[phase])
        yield family
