"""The coordinator's series: what it sees of all tenants, and how its duties go. Only the leader has samples of tenants."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from askproai_core.metrics import process_registry


class Metrics:
    """One per process."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self.leader = self._gauge("leader", "1 while this process holds the Lease")
        self.runs = self._count("duty_runs", "Runs of the coordinator's duties", "duty", "outcome")
        self.changes = self._count("duty_changes", "What the duties swept, armed again or forgot", "duty")
        self._dead = self._gauge("dead_letters", "Jobs that wait for a redrive", "tenant")
        self._oldest = self._gauge("queue_oldest_seconds", "Age of the oldest job that could run", "tenant", "priority")
        self._double = self._gauge("double_bookings", "Claims that overlap another of the same person", "tenant")
        self._circuit = self._gauge("circuit_state", "1 for the circuit's state", "tenant", "provider", "state")
        self._redis = self._gauge("redis_degraded", "1 when Redis is configured and away", "tenant")

    def redis_degraded(self, away: bool) -> None:
        self._redis.labels("_").set(away)

    def circuit(self, provider: str, state: str) -> None:
        """Show how a provider's circuit over all tenants stands, under the tenant `_`."""
        for one in ("closed", "open", "half_open"):
            self._circuit.labels("_", provider, one).set(one == state)

    def dead_letters(self, of_tenant: Mapping[str, int]) -> None:
        _show(self._dead, {(tenant,): count for tenant, count in of_tenant.items()})

    def double_bookings(self, of_tenant: Mapping[str, int]) -> None:
        _show(self._double, {(tenant,): count for tenant, count in of_tenant.items()})

    def oldest(self, of_queue: Mapping[tuple[str, ...], float]) -> None:
        _show(self._oldest, of_queue)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"askproai_{name}", text, labels, registry=self.registry)

    def _count(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"askproai_{name}", text, labels, registry=self.registry)


def _show(gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
    """Replace all samples: what is not told is not there."""
    gauge.clear()
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
