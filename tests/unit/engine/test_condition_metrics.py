"""The operator's metrics of conditions: counted at each scrape, and the age of the oldest drift."""

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from askproai_operator.control_loop.metrics import ConditionCollector
from askproai_operator.engine import Cache
from tests.worlds.clock import FixedClock
from tests.worlds.salon_objects import put, raw


def drifted(name: str, status: str, since: datetime) -> dict:
    condition = {"type": "Drifted", "status": status, "reason": "DriftFound", "message": ""}
    condition |= {"lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return raw("RetellAgent", name, uid=f"uid-{name}") | {"status": {"conditions": [condition]}}


def test_drift_metric_is_the_oldest_drift_or_zero():
    clock, cache, registry = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)), Cache(), CollectorRegistry()
    ConditionCollector(cache, registry, clock)
    assert registry.get_sample_value("askproai_drift_seconds") == 0
    for name, status, minutes in (("a", "True", 3), ("b", "True", 5), ("c", "False", 90)):
        put(cache, drifted(name, status, clock.now() - timedelta(minutes=minutes)))
    assert registry.get_sample_value("askproai_drift_seconds") == 300
    labels = {"kind": "RetellAgent", "type": "Drifted", "status": "True"}
    assert registry.get_sample_value("askproai_resource_condition", labels) == 2


def test_only_unsuspended_tenants_requesting_pods_are_counted():
    cache, registry = Cache(), CollectorRegistry()
    ConditionCollector(cache, registry, FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC)))
    assert registry.get_sample_value("askproai_tenants_with_pods") == 0
    for name, status in {
        "runs": {"replicas": 2},
        "suspended": {"replicas": 0},
        "new": {},
        "also": {"replicas": 1},
    }.items():
        put(cache, raw("Tenant", name, status=status))
    put(cache, raw("Tenant", "leaves", status={"replicas": 1}, deletionTimestamp="2026-11-20T09:00:00Z"))
    assert registry.get_sample_value("askproai_tenants_with_pods") == 2
