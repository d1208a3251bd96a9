"""The coordinator's metrics: counts over all tenants, and its own duties. Only the leader publishes counts of tenants."""

from collections.abc import Mapping

from prometheus_client import Gauge

from askproai_core.metrics import MetricFactory, process_registry
from askproai_core.provider_limits import CircuitState

_ALL_TENANTS = "_"  # the value of `tenant` for metrics of all of them


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = process_registry()
        create = MetricFactory(self.registry)
        self.leader = create.gauge("leader", "1 while this process holds the Lease")
        self.runs = create.counter("duty_runs", "Runs of the coordinator's duties", "duty", "outcome")
        self.changes = create.counter("duty_changes", "What the duties swept, armed again or forgot", "duty")
        self.aged = create.counter(
            "aged", "Appointments that lost who they were for, and customers that went, by age", "what"
        )
        self._dead = create.gauge("dead_letters", "Jobs that wait for a redrive", "tenant")
        oldest = "Age of the oldest job that could run"
        self._oldest = create.gauge("queue_oldest_seconds", oldest, "tenant", "priority")
        overlapping = "Claims that overlap another of the same person"
        self._double = create.gauge("double_bookings", overlapping, "tenant")
        self._circuit = create.gauge("circuit_state", "1 for the circuit's state", "tenant", "provider", "state")
        self._spans = create.counter("spans", "Spans of traces by what became of them", "tenant", "outcome")
        self._redis = create.gauge("redis_degraded", "1 when Redis is configured and away", "tenant")

    def count_spans(self, outcome: str, spans: int) -> None:
        self._spans.labels(_ALL_TENANTS, outcome).inc(spans)

    def redis_degraded(self, away: bool) -> None:
        self._redis.labels(_ALL_TENANTS).set(away)

    def circuit(self, provider: str, state: str) -> None:
        """Publish the state of a provider's circuit for all tenants."""
        for known in CircuitState:
            self._circuit.labels(_ALL_TENANTS, provider, known).set(known == state)

    def dead_letters(self, jobs_by_tenant: Mapping[str, int]) -> None:
        _replace(self._dead, {(tenant,): count for tenant, count in jobs_by_tenant.items()})

    def double_bookings(self, claims_by_tenant: Mapping[str, int]) -> None:
        _replace(self._double, {(tenant,): count for tenant, count in claims_by_tenant.items()})

    def oldest(self, seconds_by_queue: Mapping[tuple[str, ...], float]) -> None:
        """Publish the age in seconds of the oldest ready job by tenant and priority."""
        _replace(self._oldest, seconds_by_queue)


def _replace(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """Replace all samples of a gauge by these values, keyed by labels. Labels that are not among them lose their sample."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
