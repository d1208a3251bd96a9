"""The fields of a live object that are ours, by its field sets."""

import copy
from typing import Any

import pytest

from askproai_operator.engine.owned_fields import digest_of_manifest, digest_of_owned, owned_part

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "t-web", "namespace": "n", "labels": {"a": "1"}, "finalizers": ["ours/f"]},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "public", "port": 8080}]},
}
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {".": {}, 'v:"ours/f"': {}}},
    "f:spec": {
        "f:selector": {},
        "f:ports": {'k:{"port":8080,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}},
    },
}


def live() -> dict[str, Any]:
    """Return the Service with the fields that the API server and others add."""
    raw = copy.deepcopy(MANIFEST)
    raw["metadata"] |= {"uid": "u", "resourceVersion": "7", "finalizers": ["theirs/f", "ours/f"]}
    raw["metadata"]["labels"]["b"] = "theirs"
    raw["spec"] |= {"type": "ClusterIP"}
    raw["spec"]["ports"] = [{"port": 1, "protocol": "TCP"}, raw["spec"]["ports"][0] | {"protocol": "TCP"}]
    entry = {"operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    raw["metadata"]["managedFields"] = [
        {"manager": "kubectl", **entry, "fieldsV1": {"f:metadata": {"f:labels": {"f:b": {}}}}},
        {"manager": "askproai-operator", **entry, "fieldsV1": copy.deepcopy(FIELDS)},
    ]
    return raw


def test_owned_fields_equal_the_applied_fields():
    assert digest_of_owned(live()) == digest_of_manifest(MANIFEST)
    ours = owned_part(live(), FIELDS)
    assert ours["spec"] == MANIFEST["spec"]
    assert ours["metadata"] == {"labels": {"a": "1"}, "finalizers": ["ours/f"]}


def change(raw: dict[str, Any], where: str) -> None:
    ours = raw["metadata"]["managedFields"][1]
    match where:
        case "a value":  # a change that leaves the field ours, unlike an edit
            raw["metadata"]["labels"]["a"] = "2"
        case "a field that is not ours any more":
            del ours["fieldsV1"]["f:metadata"]["f:labels"]
        case "a field that is gone":
            del raw["spec"]["selector"]
        case "an item that is gone":
            raw["spec"]["ports"] = raw["spec"]["ports"][:1]
        case "another API version":
            ours["apiVersion"] = "v2"
        case "another operation":
            ours["operation"] = "Update"
        case _:
            ours["subresource"] = "status"


@pytest.mark.parametrize(
    "where",
    [
        "a value", "a field that is not ours any more", "a field that is gone", "an item that is gone",
        "another API version", "another operation", "a subresource",
    ],
)  # fmt: skip
def test_changed_owned_fields_change_the_digest(where: str):
    raw = live()
    change(raw, where)
    assert digest_of_owned(raw) != digest_of_manifest(MANIFEST)


def test_field_removed_from_the_manifest_changes_the_digest():
    less = MANIFEST | {"spec": {"selector": {"app": "web"}}}
    assert digest_of_owned(live()) != digest_of_manifest(less)


def test_foreign_object_has_no_owned_fields():
    raw = live()
    del raw["metadata"]["managedFields"]
    assert digest_of_owned(raw) is None
