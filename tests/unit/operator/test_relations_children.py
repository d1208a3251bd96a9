"""The keys that are due when a child, a Secret or a foreign object changes."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from askproai_operator.engine import Cache
from askproai_operator.engine.cache import observed_object
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.grants import Holder, Subject, SubjectKind, grant_manifest
from askproai_operator.relations import Relations, secrets_named
from askproai_operator.resources import CONFIG_MAPS, DEPLOYMENTS, INGRESSES, SECRETS, TENANT_LABEL
from tests.worlds.due_keys import TENANT, changed, changed_by
from tests.worlds.salon_objects import NAMESPACE, key, put, raw, salon


def child(kind: str, name: str, version: int, labels: dict[str, str] | None = None, **content: Any) -> dict[str, Any]:
    meta = {
        "namespace": NAMESPACE,
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "labels": labels or {},
    }
    return {"kind": kind, "metadata": meta, **content}


OURS = {"askproai.de/tenant": "salon-mueller", "app.kubernetes.io/managed-by": "askproai-operator"}


def test_deleted_object_never_returns_to_the_cache():
    def secret(version: int) -> dict[str, object]:
        meta = {"namespace": "salon", "name": "providers", "uid": "u", "resourceVersion": str(version)}
        return {"kind": "Secret", "metadata": meta}

    cache = Cache()
    cache.put(SECRETS, secret(5))
    cache.drop(SECRETS, "salon", "providers", "u", version=7)
    cache.put(SECRETS, secret(6))
    assert cache.secret("salon", "providers") is None, "a list that was read before the deletion"
    cache.put(SECRETS, secret(8))
    assert cache.secret("salon", "providers") is not None, "its label is back"


def test_edited_or_deleted_child_makes_its_tenant_due():
    cache = salon()
    assert changed_by(cache, child("ConfigMap", "c", 1, OURS, data={"a": "1"})) == {TENANT}
    assert changed_by(cache, child("ConfigMap", "c", 2, OURS, data={"a": "1"})) == set()
    assert changed_by(cache, child("ConfigMap", "c", 3, OURS, data={"a": "by hand"})) == {TENANT}
    due: set = set()
    EventSink(cache, Relations(cache), due.add).forget(CONFIG_MAPS, NAMESPACE, "c", "uid-c")
    assert due == {TENANT}


def test_a_deployments_status_makes_its_tenant_due():
    cache = salon()
    changed_by(cache, child("Deployment", "d", 1, OURS, spec={}, status={"readyReplicas": 1}))
    assert changed_by(cache, child("Deployment", "d", 2, OURS, spec={}, status={"readyReplicas": 2})) == {TENANT}
    assert cache.child(DEPLOYMENTS, NAMESPACE, "d").status == {"readyReplicas": 2}


PROGRESSING = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "1 of 2"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}

ROLLED_OUT = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
    "conditions": [PROGRESSING, REFUSED],
}


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"updatedReplicas": 1}, {TENANT}),
        ({"availableReplicas": 1}, {TENANT}),
        ({"replicas": 3}, {TENANT}),
        ({"observedGeneration": 2}, {TENANT}),
        ({"observedGeneration": 4}, set()),
        ({"conditions": [PROGRESSING | {"reason": "ProgressDeadlineExceeded"}, REFUSED]}, {TENANT}),
        ({"conditions": [PROGRESSING, REFUSED | {"message": "forbidden"}]}, {TENANT}),
        ({"conditions": [PROGRESSING | {"message": "2 of 2", "lastUpdateTime": "later"}, REFUSED]}, set()),
        ({"unavailableReplicas": 1, "collisionCount": 1}, set()),
    ],
)
def test_only_read_deployment_status_makes_tenant_due(changes: dict[str, Any], due: set):
    """Kubernetes writes that status with each step of each pod, and each run of a Tenant asks PostgreSQL and Redis."""

    def web(version: int, status: dict[str, Any]) -> dict[str, Any]:
        obj = child("Deployment", "d", version, OURS, spec={}, status=status)
        obj["metadata"]["generation"] = 3
        return obj

    cache = salon()
    changed_by(cache, web(1, ROLLED_OUT))
    assert changed_by(cache, web(2, ROLLED_OUT | changes)) == due


class TestOwnApply:
    """A watch may report what our apply wrote before its answer comes."""

    OWNED: ClassVar = {"a": "1"}

    def written(self, version: int, data: dict[str, str], **content: Any) -> dict[str, Any]:
        obj = child("Deployment", "d", version, OURS, data=data, **content)
        fields = {"f:data": {f"f:{name}": {} for name in self.OWNED}}
        entry = {"manager": "askproai-operator", "operation": "Apply", "fieldsV1": fields}
        obj["metadata"]["managedFields"] = [entry]
        return obj

    def test_only_report_of_own_apply_enqueues_nothing(self):
        cache, due = salon(), []
        sink = EventSink(cache, Relations(cache), due.append)
        owned = observed_object(self.written(1, self.OWNED)).owned
        assert owned is not None
        with sink.applying(DEPLOYMENTS, NAMESPACE, "d", owned):
            sink.observe(DEPLOYMENTS, self.written(1, self.OWNED))
            assert due == []
            sink.observe(DEPLOYMENTS, self.written(2, self.OWNED, status={"readyReplicas": 1}))
            assert due == [TENANT], "its pods"
            sink.observe(DEPLOYMENTS, self.written(3, {"a": "by hand"}, status={"readyReplicas": 1}))
            assert due == [TENANT] * 2, "an edit"
            sink.observe(DEPLOYMENTS, self.written(4, self.OWNED, status={"readyReplicas": 2}))
            assert due == [TENANT] * 3, "a state that is more than ours"
        sink.observe(DEPLOYMENTS, self.written(5, {"a": "by hand"}, status={"readyReplicas": 2}))
        sink.observe(DEPLOYMENTS, self.written(6, self.OWNED, status={"readyReplicas": 2}))
        assert due == [TENANT] * 5, "after the answer"


def test_labelled_secret_enqueues_all_users_without_caching_data():
    """A rotated key takes effect at once."""
    cache = salon()
    watch = {"askproai.de/use": "true"}
    assert changed_by(cache, child("Secret", "providers", 1, watch, data={"k": "Z2VoZWlt"})) >= {TENANT}
    assert changed_by(cache, child("Secret", "providers", 2, watch, data={"k": "bmV1"})) >= {TENANT}
    assert changed_by(cache, child("Secret", "other", 1, watch, data={})) == set()
    assert "bmV1" not in repr(cache.secret(NAMESPACE, "providers"))


def test_calcom_key_change_makes_the_tenants_services_due():
    """Another key may be of another account, which does not have their event types."""
    cache = salon()
    watch = {"askproai.de/use": "true"}
    due = changed_by(cache, child("Secret", "providers", 1, watch, data={"k": "bmV1"}))
    assert due == {TENANT, key("ServiceOffering", "haarschnitt")}
    tenant = raw("Tenant")
    tenant["spec"]["calendar"] = {"provider": "Local"}
    put(cache, tenant)
    assert changed_by(cache, child("Secret", "providers", 2, watch, data={"k": "YW5k"})) == {TENANT}


def test_a_holder_that_lost_its_grant_is_due():
    """A quiet Tenant takes the grant of its key again, before another tenant has it."""
    cache, subject = salon(), Subject(SubjectKind.CALENDAR_KEY, "0" * 64)
    own = Holder(TENANT.kind, NAMESPACE, TENANT.name, "uid-tenant")
    manifest = grant_manifest(NAMESPACE, subject, [own])
    manifest["metadata"] |= {"uid": "uid-grant", "resourceVersion": "1"}
    before = observed_object(manifest)
    assert TENANT in Relations(cache).of_child(CONFIG_MAPS, (NAMESPACE, manifest["metadata"]["name"]), before, None)
    missed = grant_manifest(NAMESPACE, subject, [replace(own, absent_since=datetime(2026, 11, 21, tzinfo=UTC))])
    missed["metadata"] |= {"uid": "uid-grant", "resourceVersion": "2"}
    after = observed_object(missed)
    assert TENANT not in Relations(cache).of_child(
        CONFIG_MAPS, (NAMESPACE, manifest["metadata"]["name"]), before, after
    )


def test_former_host_is_reviewed_when_its_route_ends():
    cache, host = salon(), Subject(SubjectKind.HOST, "former.example").queue_key
    served = {"formerUrl": "https://former.example"}
    changed(cache, "Tenant", status=served)
    cache.put(INGRESSES, route := child("Ingress", "salon-mueller.alternate", 1, {TENANT_LABEL: "salon-mueller"}))
    gone = Relations(cache).of_child(INGRESSES, (NAMESPACE, "salon-mueller.alternate"), observed_object(route), None)
    assert host in gone
    assert host in changed(cache, "Tenant", status={})


def test_every_secret_that_a_spec_names_is_found():
    """Also those inside lists: Cal.com accounts of single staff members, further webhook keys, SIP."""
    cache = Cache()
    obj = raw("Tenant")
    obj["spec"]["retell"]["webhookKeySecretRefs"] = [{"name": "rotated", "key": "k"}]
    _, tenant = put(cache, obj)
    assert secrets_named(tenant) == {"providers", "rotated"}
    obj = raw("ServiceOffering")
    obj["spec"]["calcom"]["eventTypes"][0]["apiKeySecretRef"] = {"name": "annas", "key": "k"}
    _, offering = put(cache, obj)
    assert secrets_named(offering) == {"annas"}


def test_unparsable_object_is_ignored():
    cache = salon()
    broken = raw("Branch", "other")
    del broken["spec"]["displayName"]
    assert changed_by(cache, broken) == set()
    assert cache.get(key("Branch", "other")) is None
