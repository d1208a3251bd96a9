"""The order in which tenants get a release, decided from the state of Deployments, without a cluster."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.controllers.rollout_report import KIND, RolloutController
from askproai_operator.engine import Cache
from askproai_operator.engine.cache import observed_object
from askproai_operator.rollouts import (
    ROLLOUT,
    Phase,
    RolloutRecord,
    Rollouts,
    encode_record,
    is_broken,
    may_begin,
    phase_of_pods,
)
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
SOAK = timedelta(seconds=30)
FORMER, PRESENT = "0.1.0-former", "0.1.0-present"


def at(seconds: float) -> str:
    """Return the time that is `seconds` from now, as the API writes it."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def progress(reason: str, since: float = -3600, *, status: str = "True") -> dict[str, str]:
    return {"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": at(since)}


def rolled_out(seconds_ago: float) -> dict[str, str]:
    return progress("NewReplicaSetAvailable", -seconds_ago)


def is_down(since: float) -> dict[str, str]:
    return {"type": "Available", "status": "False", "lastTransitionTime": at(since)}


def is_back(since: float) -> dict[str, str]:
    return {"type": "Available", "status": "True", "lastTransitionTime": at(since)}


REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
ROLLED_OUT = rolled_out(3600)
CHANGING, STUCK = progress("ReplicaSetUpdated"), progress("ProgressDeadlineExceeded", status="False")


def deployment(
    *conditions: dict[str, str],
    name: str = "salon",
    component: str = "web",
    release: str = PRESENT,
    judged: bool = True,
    replicas: int = 2,
    updated: int | None = None,
    available: int = 2,
    version: int = 1,
) -> dict[str, Any]:
    """Return a Deployment of Tenant `name` as the API server has it."""
    labels = {"askproai.de/tenant": name, "app.kubernetes.io/component": component}
    record = RolloutRecord(release, "askproai:1", "template", "inputs", judged)
    counts = {"replicas": replicas, "updatedReplicas": replicas if updated is None else updated}
    return {
        "kind": "Deployment",
        "metadata": {
            "name": f"{name}-{component}", "namespace": "salons", "uid": f"{name}-{component}",
            "resourceVersion": str(version), "generation": 1, "labels": labels, "annotations": {ROLLOUT: encode_record(record)},
        },
        "spec": {"replicas": replicas},
        "status": {**counts, "availableReplicas": available, "observedGeneration": 1, "conditions": list(conditions)},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "under_way", "unhealthy", "expected"),
    [
        (2, 0, 0, True),
        (2, 1, 0, True),
        (2, 2, 0, False),
        (2, 3, 0, False),
        (2, 0, 1, False),
        (0, 99, 0, True),
        (0, 99, 1, True),
    ],
)
def test_tenant_begins_below_limit_while_all_are_healthy(limit, under_way, unhealthy, expected):
    assert may_begin(limit, under_way, unhealthy) is expected


@pytest.mark.parametrize(
    ("case", "live", "expected"),
    [
        ("former pods are left", deployment(CHANGING, updated=1), Phase.UNDER_WAY),
        ("a newest pod is not ready", deployment(CHANGING, available=1), Phase.UNDER_WAY),
        ("ready for long", deployment(ROLLED_OUT), Phase.DONE),
        ("still watched", deployment(rolled_out(29)), Phase.UNDER_WAY),
        ("watched for long enough", deployment(rolled_out(30)), Phase.DONE),
        ("a pod failed while it was watched", deployment(rolled_out(60), is_down(-40), available=1), Phase.UNDER_WAY),
        ("a pod failed later, or it is scaled", deployment(rolled_out(60), is_down(-20), available=1), Phase.DONE),
        ("short of a pod for ten minutes", deployment(ROLLED_OUT, is_down(-600), available=1), Phase.UNHEALTHY),
        ("a pod failed and is back since a moment", deployment(rolled_out(45), is_back(-1)), Phase.UNDER_WAY),
        ("a pod failed and has been back for long enough", deployment(rolled_out(75), is_back(-30)), Phase.DONE),
        (
            "a pod is back long after the release, or it was scaled",
            deployment(rolled_out(3600), is_back(-1)),
            Phase.DONE,
        ),
        ("Kubernetes has given up", deployment(STUCK, updated=1), Phase.UNHEALTHY),
        ("pods are refused", deployment(CHANGING, REFUSED, updated=1), Phase.UNHEALTHY),
        ("no pods are asked for", deployment(STUCK, replicas=0, available=0), Phase.DONE),
    ],
)
def test_phase_of_released_pods_is_determined(case, live, expected):
    assert phase_of_pods(observed_object(live), NOW, SOAK) is expected, case


def test_former_templates_status_says_nothing_about_new_pods():
    live = deployment(STUCK)
    live["metadata"]["generation"] = 2
    assert phase_of_pods(observed_object(live), NOW, SOAK) is Phase.UNDER_WAY


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (deployment(ROLLED_OUT), False),
        (deployment(ROLLED_OUT, is_down(-5), available=1), False),
        (deployment(ROLLED_OUT, is_down(-5), replicas=1, available=0), False),
        (deployment(ROLLED_OUT, is_down(-600), replicas=1, available=0), True),
        (deployment(ROLLED_OUT, is_down(-600), available=1), True),
        (deployment(CHANGING, updated=1), True),
        (deployment(STUCK), True),
        (deployment(STUCK, replicas=0, available=0), False),
    ],
)
def test_pods_stuck_changing_or_missing_long_are_broken(live, expected):
    """A tenant's only pod is back seconds after an eviction: such a tenant waits for its turn like all others."""
    assert is_broken(observed_object(live), NOW) is expected


class Fleet:
    """Tenants with Deployments in a cache, and the rollout of a release to them."""

    def __init__(self, limit: int = 1) -> None:
        self.cache, self.clock, self.changes = Cache(), FixedClock(NOW), 0
        self.rollouts = Rollouts(self.cache, self.clock, PRESENT, limit=limit, soak=SOAK, changed=self.count)
        self.versions = 0

    def count(self) -> None:
        self.changes += 1

    def put(self, name: str, *conditions: dict[str, str], **fields: Any) -> Key:
        """Put a Tenant's Deployment in this state into the cache; return the Tenant's key."""
        self.versions += 1
        live = deployment(*conditions, name=name, version=self.versions, **fields)
        self.cache.put(resources.DEPLOYMENTS, live)
        return self.put_tenant(name)

    def put_tenant(self, name: str, **meta: Any) -> Key:
        self.versions += 1
        meta = {"name": name, "namespace": "salons", "uid": name, "resourceVersion": str(self.versions)} | meta
        spec = {
            "displayName": "Salon",
            "retell": {"apiKeySecretRef": {"name": "providers", "key": "retell-api-key"}},
            "calendar": {"provider": "Local"},
        }
        self.cache.put(resources.TENANTS, {"kind": "Tenant", "metadata": meta, "spec": spec})
        return Key("Tenant", "salons", name)

    def begin(self, name: str) -> bool:
        """Have a Tenant ask for its turn, and get the release if it is its turn."""
        key = Key("Tenant", "salons", name)
        begins = self.rollouts.begin(key)
        if begins:
            self.put(name, CHANGING, updated=0)
        self.rollouts.end(key)
        return begins

    def phases(self) -> dict[str, int]:
        return {str(phase): count for phase, count in self.rollouts.count_phases().items() if count}


def waiting_fleet(limit: int = 1) -> Fleet:
    """Return three healthy tenants of the former release: `limit` have begun, and the others wait."""
    fleet = Fleet(limit)
    for name in "abc":
        fleet.put(name, ROLLED_OUT, release=FORMER, judged=False)
    begun = [fleet.begin(name) for name in "abc"]
    assert begun == [number < limit for number in range(3)]
    return fleet


def names(keys: Any) -> list[str]:
    return [key.name for key in keys]


def test_next_tenant_is_due_after_long_enough_readiness():
    fleet = waiting_fleet()
    assert fleet.phases() == {"under_way": 1, "waiting": 2}
    assert fleet.rollouts.take_next() == []
    before = fleet.changes
    fleet.put("a", rolled_out(0))
    assert fleet.changes > before, "whoever gives the turns is due"
    assert (fleet.rollouts.take_next(), fleet.rollouts.next_change()) == ([], SOAK)
    fleet.clock.advance(SOAK)
    assert names(fleet.rollouts.take_next()) == ["b"]
    assert fleet.begin("b")
    assert fleet.phases() == {"done": 1, "under_way": 1, "waiting": 1}


def test_rollout_turn_is_given_to_only_one_tenant():
    fleet = Fleet(limit=1)
    first, second = (fleet.put(name, ROLLED_OUT, release=FORMER, judged=False) for name in "ab")
    assert fleet.rollouts.begin(first)
    assert not fleet.rollouts.begin(second), "the first one's Deployment is not written yet"
    fleet.rollouts.end(first)  # nothing was written, such as for a lost Lease
    assert names(fleet.rollouts.take_next()) == ["b"]


def test_no_tenant_begins_while_released_pods_are_unhealthy():
    fleet = waiting_fleet(limit=2)
    fleet.put("a", STUCK, updated=1)
    fleet.put("b", ROLLED_OUT)
    assert (names(fleet.rollouts.state().unhealthy), fleet.rollouts.take_next()) == (["a"], [])
    assert not fleet.begin("c")
    fleet.put("a", ROLLED_OUT)
    assert names(fleet.rollouts.take_next()) == ["c"]


@pytest.mark.parametrize("why", ["paused", "being deleted", "deleted", "scaled to 0", "edited"])
def test_paused_or_deleted_stuck_tenant_delays_no_rollout(why):
    fleet = waiting_fleet()
    fleet.put("a", STUCK, updated=1)
    assert fleet.rollouts.take_next() == []
    before = fleet.changes
    if why == "paused":
        fleet.put_tenant("a", annotations={"askproai.de/paused": "true"})
    elif why == "being deleted":
        fleet.put_tenant("a", deletionTimestamp=at(0))
    elif why == "deleted":
        fleet.cache.drop(resources.DEPLOYMENTS, "salons", "a-web", "a-web")
    elif why == "scaled to 0":
        fleet.put("a", STUCK, replicas=0, available=0)
    else:
        fleet.put("a", STUCK, updated=1, judged=False)
    assert fleet.changes > before, "whoever gives the turns is due"
    assert names(fleet.rollouts.take_next()) == ["b"]


def test_restarted_operator_finds_present_rollouts_by_deployments():
    fleet = waiting_fleet()
    restarted = Rollouts(fleet.cache, fleet.clock, PRESENT, limit=1, soak=SOAK, changed=fleet.count)
    assert names(restarted.state().under_way) == ["a"]
    assert not restarted.begin(Key("Tenant", "salons", "b"))


def test_failures_of_a_withdrawn_release_delay_no_rollback():
    fleet = waiting_fleet()
    fleet.put("a", STUCK, updated=1)
    rolled_back = Rollouts(fleet.cache, fleet.clock, FORMER, limit=1, soak=SOAK, changed=fleet.count)
    assert not rolled_back.state().unhealthy
    assert rolled_back.begin(Key("Tenant", "salons", "a"))


def test_tenant_with_half_its_deployments_is_under_way():
    fleet = Fleet()
    fleet.put("a", ROLLED_OUT, component="worker")
    fleet.put("a", ROLLED_OUT, component="web", release=FORMER, judged=False)
    assert names(fleet.rollouts.state().under_way) == ["a"]


def test_tenant_without_a_rollout_turn_counts_as_held():
    """Such as a paused Tenant, or a Tenant without its key: its former pods would go unnoticed until the next upgrade."""
    fleet = waiting_fleet()
    fleet.put("d", ROLLED_OUT, release=FORMER, judged=False)
    assert fleet.phases() == {"under_way": 1, "waiting": 2, "held": 1}


def test_stuck_canary_or_shadow_delays_no_rollout():
    fleet = Fleet()
    for component in ("canary", "shadow"):
        fleet.put("a", STUCK, updated=0, component=component)
    assert fleet.phases() == {}


def test_tenant_stuck_in_a_rollout_becomes_unhealthy():
    """As after `kubectl rollout pause`, or where the second of two Deployments is refused: Kubernetes reports no problem then."""
    fleet = waiting_fleet()
    assert names(fleet.rollouts.state().under_way) == ["a"]
    fleet.clock.advance(timedelta(minutes=10))
    assert names(fleet.rollouts.state().under_way) == ["a"]
    fleet.clock.advance(SOAK)
    state = fleet.rollouts.state()
    assert (names(state.under_way), names(state.unhealthy)) == ([], ["a"])
    fleet.put("a", ROLLED_OUT)
    assert names(fleet.rollouts.take_next()) == ["b"]


def test_repeatedly_dying_pods_are_unhealthy_despite_quick_returns():
    fleet = waiting_fleet()
    for number in range(3):
        assert not fleet.rollouts.state().unhealthy, number
        fleet.put("a", rolled_out(3600), is_back(-60), replicas=1, available=1)
        fleet.put("a", rolled_out(3600), is_down(0), replicas=1, available=0)
        fleet.clock.advance(timedelta(seconds=40))
    fleet.put("a", rolled_out(3600), is_back(-60), replicas=1, available=1)
    assert names(fleet.rollouts.state().unhealthy) == ["a"]
    assert fleet.rollouts.take_next() == []
    fleet.clock.advance(timedelta(minutes=30))
    assert names(fleet.rollouts.take_next()) == ["b"]


def test_rollout_continuing_pod_by_pod_is_not_stuck():
    fleet = waiting_fleet()
    assert names(fleet.rollouts.state().under_way) == ["a"]
    for minutes in (8, 16, 24):
        fleet.clock.advance(timedelta(minutes=8))
        fleet.put("a", progress("ReplicaSetUpdated", minutes * 60), replicas=10, updated=5)
        assert names(fleet.rollouts.state().under_way) == ["a"], minutes


def test_pod_losses_are_counted_separately_for_each_component():
    """And a Deployment that resumes has lost no pod."""
    fleet = waiting_fleet()
    for component in ("web", "worker"):
        for _ in range(2):
            fleet.put("a", ROLLED_OUT, component=component, replicas=1, available=1)
            fleet.put("a", ROLLED_OUT, component=component, replicas=1, available=0)
        fleet.put("a", ROLLED_OUT, component=component, replicas=0, available=0)
        fleet.put("a", ROLLED_OUT, component=component, replicas=1, available=0)
    assert not fleet.rollouts.state().unhealthy


def test_pod_losses_of_a_former_template_are_ignored():
    fleet = waiting_fleet()
    for _ in range(3):
        fleet.put("a", ROLLED_OUT, replicas=1, available=1)
        fleet.put("a", ROLLED_OUT, is_down(0), replicas=1, available=0)
    fleet.put("a", ROLLED_OUT, replicas=1, available=1, judged=False)  # an edit
    fleet.put("a", ROLLED_OUT, replicas=1, available=1)
    assert not fleet.rollouts.state().unhealthy


def test_tenant_with_absent_pods_gets_the_first_turn():
    fleet = Fleet(limit=1)
    for name in "abc":
        fleet.put(name, ROLLED_OUT, release=FORMER, judged=False)
    assert [fleet.begin(name) for name in "abc"] == [True, False, False]
    fleet.put("c", ROLLED_OUT, is_down(-5), release=FORMER, judged=False, replicas=1, available=0)
    fleet.put("a", ROLLED_OUT)
    assert names(fleet.rollouts.take_next()) == ["c"]


def test_disabled_rollout_limit_delays_no_tenant():
    fleet = Fleet(limit=0)
    fleet.put("a", STUCK, updated=1)
    fleet.put("b", ROLLED_OUT, release=FORMER, judged=False)
    assert fleet.begin("b")


class Cluster:
    """The controller's view of an operator, with the Events that it created and the keys that it made due."""

    def __init__(self, fleet: Fleet) -> None:
        self.rollouts, self.kube = fleet.rollouts, self
        self.events: list[tuple[str, str]] = []
        self.due: list[Key] = []
        self.enqueue = self.due.append

    async def record_operator_event(self, reason: str, message: str, _type: str) -> None:
        self.events.append((reason, message))


async def test_stopped_rollout_creates_one_event_with_remedy():
    fleet, controller = waiting_fleet(), RolloutController()
    cluster: Any = Cluster(fleet)
    fleet.put("a", STUCK, updated=1)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await controller.reconcile(Settings().background_key(KIND), cluster)
        fleet.put("a", rolled_out(0))
        result = await controller.reconcile(Settings().background_key(KIND), cluster)
    ((reason, message),) = cluster.events
    assert reason == "RolloutStopped"
    assert "Tenant a in namespace salons" in message
    assert "helm rollback" in message
    assert [(entry["event"], entry["waiting"]) for entry in logs] == [("rollout.stopped", 2), ("rollout.goes_on", 2)]
    assert cluster.due == []
    assert result.resync_after is not None
    assert result.resync_after < SOAK, "of those that are made due some may not ask for their turn"
    fleet.clock.advance(SOAK)
    await controller.reconcile(Settings().background_key(KIND), cluster)
    assert names(cluster.due) == ["b"]


async def test_stop_is_reported_only_while_a_tenant_waits():
    fleet, controller = Fleet(), RolloutController()
    cluster: Any = SimpleNamespace(rollouts=fleet.rollouts)
    fleet.put("a", STUCK, updated=1)
    with structlog.testing.capture_logs() as logs:
        await controller.reconcile(Settings().background_key(KIND), cluster)
    assert logs == []
