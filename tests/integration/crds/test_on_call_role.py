"""examples/rbac/on-call.yaml at a real API server: the rights of docs/on-call.md in all namespaces, and Secrets only where the
second role is bound.
"""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient, ProcessError
from tests.worlds.chart_render import ROOT
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "examples/rbac/on-call.yaml").read_text("utf-8")))
ON_CALL = ("--as=erika", "--as-group=askproai-on-call")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
async def tenants_namespace(kube_client: KubeClient, kube_namespace: str, crds: None) -> AsyncIterator[str]:
    """Yield a namespace in which both roles are bound, by the file as it is."""
    made = []
    for manifest in copy.deepcopy(MANIFESTS):
        folder = f"{RBAC}/{manifest['kind'].lower()}s"
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = kube_namespace
            folder = f"{RBAC}/namespaces/{kube_namespace}/{manifest['kind'].lower()}s"
        await kube_client.create(folder, manifest)
        made.append(f"{folder}/{manifest['metadata']['name']}")
    yield kube_namespace
    for path in made:
        await kube_client.delete(path)


async def can(plane: ControlPlane, *arguments: str) -> bool:
    """Return the answer of `kubectl auth can-i` for a person on call."""
    try:
        return (await plane.kubectl(*ON_CALL, "auth", "can-i", *arguments)).strip() == "yes"
    except ProcessError:  # its exit code for "no"
        return False


async def test_on_call_role_has_exactly_the_pages_rights(control_plane: ControlPlane, tenants_namespace: str) -> None:
    async def is_known() -> bool:  # the authorizer sees a binding a moment later
        return await can(control_plane, "get", "secrets", "-n", tenants_namespace)

    await eventually(is_known, SOON, "the bindings to be in force")
    for kind in ("tenants", "branches", "serviceofferings", "retellagents"):
        assert await can(control_plane, "list", f"{kind}.askproai.de", "-A"), kind
        assert await can(control_plane, "patch", f"{kind}.askproai.de", "-n", "default"), kind
        assert not await can(control_plane, "delete", f"{kind}.askproai.de", "-n", tenants_namespace), kind
        assert not await can(control_plane, "create", f"{kind}.askproai.de", "-n", tenants_namespace), kind
    for what in (
        "pods",
        "events",
        "deployments.apps",
        "leases.coordination.k8s.io",
        "networkpolicies.networking.k8s.io",
    ):
        assert await can(control_plane, "list", what, "-A"), what
    assert await can(control_plane, "get", "pods", "--subresource=log", "-n", "askproai-system")
    assert await can(control_plane, "create", "pods", "--subresource=portforward", "-n", tenants_namespace)
    assert not await can(control_plane, "get", "secrets", "-n", "askproai-system")
    assert not await can(control_plane, "create", "pods", "--subresource=portforward", "-n", "default")
    assert not await can(control_plane, "create", "pods", "--subresource=exec", "-n", tenants_namespace)
    assert not await can(control_plane, "delete", "pods", "-n", tenants_namespace)
    assert not await can(control_plane, "patch", "secrets", "-n", tenants_namespace)
