"""`askproai plan` looks at the Secrets that manifests name and that are not among the files."""

import pytest

from askproai_operator.resources import SECRETS, USE_LABEL
from askproai_sandbox.cluster import KubeClient
from tests.worlds.plan_platform import Platform

pytestmark = pytest.mark.nightly

KEY = "retell-api-key"


def without_secret(platform: Platform, namespace: str) -> str:
    """Leave the Secret out of the files, put the rest into a namespace that exists, and return the Secret's name."""
    tenant = next(each for each in platform.manifests if each["kind"] == "Tenant")
    platform.manifests = [each for each in platform.manifests if each["kind"] not in {"Namespace", "Secret"}]
    for each in platform.manifests:
        each["metadata"]["namespace"] = namespace
    reference = tenant["spec"]["retell"]["apiKeySecretRef"]
    reference["key"] = KEY
    return str(reference["name"])


async def create_secret(client: KubeClient, namespace: str, name: str, keys: list[str], labels: dict[str, str]) -> None:
    meta = {"name": name, "namespace": namespace, "labels": labels}
    await client.create(SECRETS.path(namespace), {
        "apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": dict.fromkeys(keys, "key_1234567890abcdef")
    })  # fmt: skip


async def test_missing_secret_is_a_warning(platform: Platform) -> None:
    name = without_secret(platform, platform.namespace)
    (warning,) = (await platform.plan())["Tenant"].warnings
    assert warning.startswith(
        f"spec.retell.apiKeySecretRef: Secret '{name}' is neither among these files nor in namespace {platform.namespace}"
    )
    assert "practice.yaml:" in warning


async def test_clusters_secret_without_key_or_label_warns(platform: Platform) -> None:
    name = without_secret(platform, platform.namespace)
    await create_secret(platform.client, platform.namespace, name, ["retel-key"], {})
    missing, unlabelled = (await platform.plan())["Tenant"].warnings
    assert f"has no key '{KEY}'; it has retel-key" in missing
    assert f'without the label {USE_LABEL}: "true"' in unlabelled


async def test_correct_secret_in_the_cluster_causes_no_warning(platform: Platform) -> None:
    name = without_secret(platform, platform.namespace)
    await create_secret(platform.client, platform.namespace, name, [KEY], {USE_LABEL: "true"})
    beside = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "another", "namespace": platform.namespace}}
    platform.manifests.append(beside)
    assert (await platform.plan())["Tenant"].warnings == (), "lint alone would miss it among the files"


async def test_new_namespaces_secret_must_be_among_the_files(platform: Platform) -> None:
    tenant = next(each for each in platform.manifests if each["kind"] == "Tenant")
    platform.manifests = [each for each in platform.manifests if each["kind"] != "Secret"]
    (warning,) = (await platform.plan())["Tenant"].warnings
    assert f"nor in namespace {tenant['metadata']['namespace']}" in warning


async def test_manifest_that_generates_secrets_prevents_warnings(platform: Platform) -> None:
    without_secret(platform, platform.namespace)
    platform.manifests.append({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"name": "keys", "namespace": platform.namespace}, "spec": {},
    })  # fmt: skip
    assert (await platform.plan())["Tenant"].warnings == ()
