"""The meaning of a pod's manifest for the local pod runner."""

import base64

import pytest

from askproai_sandbox.pods.spec import MissingInput, Sources, unsupported_reason, volume_files

pytestmark = pytest.mark.nightly

SECRET = {"metadata": {"namespace": "n", "name": "keys"}, "data": {"a": base64.b64encode(b"1").decode()}}
SOURCES = Sources({}, {"n/keys": SECRET})
FROM_SECRET = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


def test_waiting_pod_names_its_missing_secret() -> None:
    with pytest.raises(MissingInput, match="n/late does not exist"):
        volume_files({"name": "v", "secret": {"secretName": "late"}}, "n", SOURCES)


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
