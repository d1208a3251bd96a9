"""The CRDs in a real API server, and an `apply` that speaks server-side apply as kubectl and GitOps tools do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_sandbox.cluster import ApiError, KubeClient
from tests.worlds.waiting import eventually

ROOT = Path(__file__).parents[3]
PLURALS = {
    "Tenant": "tenants",
    "Branch": "branches",
    "ServiceOffering": "serviceofferings",
    "RetellAgent": "retellagents",
}
Manifest = dict[str, Any]
Apply = Callable[..., Awaitable[Manifest]]


def path_of(manifest: Manifest, namespace: str) -> str:
    name = manifest["metadata"]["name"]
    if manifest["kind"] == "Secret":
        return f"/api/v1/namespaces/{namespace}/secrets/{name}"
    return f"/apis/askproai.de/v1alpha1/namespaces/{namespace}/{PLURALS[manifest['kind']]}/{name}"


@pytest.fixture(scope="session")
async def crds(kube_client: KubeClient) -> None:
    """Apply crds/ and wait until all four kinds are served."""
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(file.read_text())
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
        await kube_client.request(
            "PATCH", path, crd, content_type="application/apply-patch+yaml", fieldManager="test", force="true"
        )

    async def served() -> bool:
        try:
            for plural in PLURALS.values():
                await kube_client.get(f"/apis/askproai.de/v1alpha1/{plural}")
        except ApiError as error:
            if error.status not in {404, 429}:  # not known yet; "storage is (re)initializing"
                raise
            return False
        return True

    await eventually(served, 30, "the custom resources")


@pytest.fixture
async def apply(crds: None, kube_client: KubeClient, kube_namespace: str) -> AsyncIterator[Apply]:
    """Apply a manifest into the test's own namespace and return the server's answer."""

    async def send(manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": kube_namespace}}
        query = {"fieldManager": "test", "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        path = path_of(manifest, kube_namespace)
        return await kube_client.request("PATCH", path, manifest, content_type="application/apply-patch+yaml", **query)

    yield send
    for plural in PLURALS.values():  # at once, so that no later test lists them; the namespace goes when it can
        await kube_client.delete(f"/apis/askproai.de/v1alpha1/namespaces/{kube_namespace}/{plural}")
