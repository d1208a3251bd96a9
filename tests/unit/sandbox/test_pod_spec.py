"""The meaning of a pod's manifest for the local pod runner."""

import base64
from pathlib import Path

import pytest

from askproai_sandbox.pods.spec import MissingInput, Sources, container_environment, unsupported_reason, volume_files

pytestmark = pytest.mark.nightly

CONFIG = {"metadata": {"namespace": "n", "name": "config"}, "data": {"tenant.json": "{}"}}
SECRET = {"metadata": {"namespace": "n", "name": "keys"}, "data": {"a": base64.b64encode(b"1").decode()}}
SOURCES = Sources({"n/config": CONFIG}, {"n/keys": SECRET})
POD = {"metadata": {"namespace": "n", "name": "pod-1", "uid": "u"}, "spec": {"nodeName": "local"}}
FROM_SECRET = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
MOUNTS = {"/etc/askproai": Path("/local/outer"), "/etc/askproai/config": Path("/local/config")}


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("ASKPROAI_BIND_ADDRESS", "0.0.0.0", "127.70.1.2"),
        ("ASKPROAI_BIND_ADDRESS", "127.0.0.1", "127.0.0.1"),
        ("OTHER", "0.0.0.0", "0.0.0.0"),
        ("FILE", "/etc/askproai/config/tenant.json", "/local/config/tenant.json"),
        ("FOLDER", "/etc/askproai/config", "/local/config"),
        ("OUTER", "/etc/askproai/credentials", "/local/outer/credentials"),
        ("NEIGHBOUR", "/etc/askproai-more/x", "/etc/askproai-more/x"),
        ("INSIDE", "file:///etc/askproai", "file:///etc/askproai"),
    ],
)
def test_pod_environment_uses_local_addresses_and_paths(name: str, value: str, meaning: str) -> None:
    container = {"env": [{"name": name, "value": value}]}
    assert container_environment(POD, container, "127.70.1.2", MOUNTS) == {name: meaning}


def test_environment_variables_may_contain_fields_of_the_pod() -> None:
    fields = {"NAME": "metadata.name", "NAMESPACE": "metadata.namespace", "ADDRESS": "status.podIP"}
    container = {"env": [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": path}}} for n, path in fields.items()]}
    expected = {"NAME": "pod-1", "NAMESPACE": "n", "ADDRESS": "127.70.1.2"}
    assert container_environment(POD, container, "127.70.1.2", {}) == expected


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        ("askproai:0.1.0", {}),
        ("askproai:fails-30-percent", {"ASKPROAI_TESTING": "1", "ASKPROAI_FAULT": "fail:30:before:book"}),
        ("registry.example/fails-30-percent:1", {}),
    ],
)
def test_tag_names_a_version_with_failing_bookings(image: str, fault: dict[str, str]) -> None:
    assert container_environment(POD, {"image": image}, "127.70.1.2", {}) == fault


def test_waiting_pod_names_its_missing_secret() -> None:
    with pytest.raises(MissingInput, match="n/late does not exist"):
        volume_files({"name": "v", "secret": {"secretName": "late"}}, "n", SOURCES)


def test_the_sources_of_a_projected_volume_are_merged() -> None:
    sources = [
        {"configMap": {"name": "config"}},
        {"secret": {"name": "keys", "items": [{"key": "a", "path": "deep/key"}]}},
        {"secret": {"name": "nobody", "optional": True}},
        {"secret": {"name": "keys", "optional": True, "items": [{"key": "absent", "path": "absent"}]}},
        {"serviceAccountToken": {"path": "token"}},
    ]
    files = volume_files({"name": "v", "projected": {"sources": sources}}, "n", SOURCES)
    assert files == {"tenant.json": b"{}", "deep/key": b"1"}


def test_pod_waits_for_a_missing_key_of_secret() -> None:
    volume = {"name": "v", "secret": {"secretName": "keys", "items": [{"key": "b", "path": "b"}]}}
    with pytest.raises(MissingInput, match="keys has no key b"):
        volume_files(volume, "n", SOURCES)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"initContainers": [{}]}, "initContainers"),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"restartPolicy": "Never"}, "restartPolicy"),
        ({"volumes": [{"name": "disk", "hostPath": {}}]}, "volume disk"),
        ({"containers": [{"name": "web"}]}, "no command"),
        ({"containers": [{"name": "web", "command": ["x"], "volumeMounts": [{"subPath": "x"}]}]}, "subPath"),
        ({"containers": [{"name": "web", "command": ["x"], "livenessProbe": {"exec": {}}}]}, "httpGet"),
        ({"containers": [{"name": "web", "command": ["x"], "envFrom": [{"secretRef": {"name": "s"}}]}]}, "envFrom"),
        ({"containers": [{"name": "web", "command": ["x"], "env": [FROM_SECRET]}]}, "valueFrom"),
    ],
)
def test_unsupported_fields_are_refused_by_name(spec: dict[str, object], name: str) -> None:
    good: dict[str, object] = {"containers": [{"name": "web", "command": ["x"]}]}
    assert unsupported_reason({"spec": good}) is None
    assert name in (unsupported_reason({"spec": good | spec}) or "")
