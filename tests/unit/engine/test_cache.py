"""The cache keeps the newest state when reports of one object come late, in little memory."""

import json
from typing import Any

import kopf

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.control_loop.informer import kopf_settings
from askproai_operator.engine import Cache
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.salon_objects import key, put, raw

WHERE = ("salon", "providers")


def secret(version: int) -> dict[str, Any]:
    namespace, name = WHERE
    return {
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": str(version)},
    }


def test_late_deletion_does_not_remove_a_newer_object():
    """The label by which a Secret is watched was removed and restored: the watch reports the removal as a deletion."""
    cache = Cache()
    cache.put(resources.SECRETS, secret(7))
    assert cache.drop(resources.SECRETS, *WHERE, "u", 6) is None
    assert cache.secret(*WHERE) is not None
    assert cache.drop(resources.SECRETS, *WHERE, "u", 8) is not None
    assert cache.secret(*WHERE) is None


def test_unversioned_drop_removes_an_object_of_any_version():
    cache = Cache()
    cache.put(resources.SECRETS, secret(7))
    assert cache.drop(resources.SECRETS, *WHERE, "u") is not None
    assert cache.secret(*WHERE) is None


def test_objects_with_equal_fields_share_one_name_set():
    """A thousand tenants' manifests name the same fields; pydantic alone makes a set for each part of each of them."""
    cache = Cache()
    for uid in ("first", "second"):
        (manifest,) = load_manifests()["Tenant"]
        del manifest["spec"]["suspend"]
        manifest["metadata"] |= {"name": uid, "namespace": "salon", "uid": uid, "resourceVersion": "5"}
        cache.put(resources.TENANTS, manifest)
    first, second = cache.list(Tenant)
    assert first.spec.model_fields_set is second.spec.model_fields_set
    changed = first.spec.model_copy(update={"suspend": True})
    assert "suspend" in changed.model_fields_set
    assert "suspend" not in first.spec.model_fields_set


def with_condition() -> dict[str, Any]:
    """Return a status as it is decoded from an answer: with strings of its own."""
    return json.loads(
        '{"conditions": [{"type": "Synced", "status": "True", "message": "as declared", "observedGeneration": 3}]}'
    )


def test_equal_condition_messages_share_one_string():
    cache = Cache()
    for name in ("a", "b"):
        put(cache, raw("Branch", name, status=with_condition()))
    first, second = (cache.get(key("Branch", name)).status["conditions"][0] for name in ("a", "b"))  # type: ignore[union-attr]
    assert first == second == with_condition()["conditions"][0]
    assert first["message"] is second["message"]


def test_kopf_stores_no_copy_and_idles_briefly():
    settings = kopf_settings()
    body = kopf.Body({"metadata": {"annotations": {"a": "b"}}, "spec": {"c": 1}})
    assert settings.persistence.diffbase_storage.build(body=body) == {}
    assert settings.persistence.diffbase_storage.fetch(body=body) is None
    assert settings.queueing.idle_timeout <= 1
