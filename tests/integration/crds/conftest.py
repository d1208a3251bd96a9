"""Server-side apply of manifests, as kubectl and GitOps tools do it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from askproai_core.api_resource import LEASES
from askproai_operator import resources
from askproai_operator.resources import MANAGER
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.plan_platform import Platform

Manifest = dict[str, Any]
Apply = Callable[..., Awaitable[Manifest]]


@pytest.fixture
async def apply(crds: None, kube_client: KubeClient, kube_namespace: str) -> AsyncIterator[Apply]:
    """Apply a manifest into the test's own namespace and return the server's answer."""

    async def send(manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": kube_namespace}}
        query = {"fieldManager": "test", "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        path = resources.resource_of_kind(manifest["kind"]).path(kube_namespace, manifest["metadata"]["name"])
        return await kube_client.request("PATCH", path, manifest, content_type="application/apply-patch+yaml", **query)

    yield send
    for resource in resources.CUSTOM:  # at once, so that no later test lists them; the namespace goes when it can
        await kube_client.delete(resource.path(kube_namespace))


@pytest.fixture
async def platform(control_plane: ControlPlane, crds, kube_client: KubeClient, kube_namespace, tmp_path) -> Platform:
    lease = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": {"name": MANAGER}, "spec": {}}
    await kube_client.create(LEASES.path(kube_namespace), lease)
    return Platform(control_plane, kube_client, kube_namespace, tmp_path)
