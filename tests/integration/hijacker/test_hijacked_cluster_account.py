"""The reach in the cluster of an attacker with a tenant's pods, and so their ServiceAccount, or its manifests."""

import pytest
import yaml

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.deployment import service_account
from askproai_sandbox.cluster import KubeClient
from askproai_sandbox.example_tenant import load_manifests
from tests.integration.conftest import CRDS

pytestmark = pytest.mark.nightly

REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ATTEMPTS = (
    ("get", "", "secrets"), ("list", "", "secrets"), ("create", "", "pods"), ("create", "", "pods/exec"),
    ("patch", "apps", "deployments"), ("get", "", "configmaps"), ("list", "", "namespaces"),
    ("create", "", "serviceaccounts/token"), ("update", "coordination.k8s.io", "leases"),
    ("list", "askproai.de", "tenants"), ("patch", "askproai.de", "tenants"), ("patch", "askproai.de", "tenants/status"),
    ("create", "askproai.de", "branches"), ("create", "rbac.authorization.k8s.io", "rolebindings"), ("impersonate", "", "users"),
)  # fmt: skip


def runtime_account(namespace: str) -> dict:
    raw = load_manifests()["Tenant"][0]
    tenant = Tenant.from_raw(raw | {"metadata": raw["metadata"] | {"namespace": namespace, "uid": "u"}})
    account = service_account(tenant)
    return account | {"metadata": {"name": account["metadata"]["name"], "namespace": namespace}}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: "-".join(attempt).replace("/", "-"))
async def test_service_account_of_tenant_pods_has_no_rights(kube_client: KubeClient, kube_namespace, attempt) -> None:
    """Not even in its own namespace; and its token is mounted nowhere."""
    account = runtime_account(kube_namespace)
    assert account["automountServiceAccountToken"] is False
    await kube_client.create(resources.SERVICE_ACCOUNTS.path(kube_namespace), account)
    name = account["metadata"]["name"]
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{kube_namespace}", "system:authenticated"]
    verb, group, resource = attempt
    resource, _, subresource = resource.partition("/")
    for namespace in (kube_namespace, "kube-system", "askproai-system"):
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace}
        spec = {"user": f"system:serviceaccount:{kube_namespace}:{name}", "groups": groups, "resourceAttributes": asked}
        review = await kube_client.create(
            REVIEW, {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        )
        assert review["status"]["allowed"] is False, namespace


def test_no_manifest_can_name_another_namespaces_object() -> None:
    """Manifests of one namespace can refer to no object outside of it without that object's consent."""

    def fields(schema: dict, path: str = "") -> list[str]:
        below = {**schema.get("properties", {}), "[]": schema.get("items", {})}
        extra = schema.get("additionalProperties")
        below |= {"*": extra} if isinstance(extra, dict) else {}
        return [
            found
            for name, child in below.items()
            if child
            for found in (f"{path}.{name}", *fields(child, f"{path}.{name}"))
        ]

    kinds = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    versions = [version for kind in kinds for version in kind["spec"]["versions"]]
    specs = [version["schema"]["openAPIV3Schema"]["properties"]["spec"] for version in versions]
    found = [field for spec in specs for field in fields(spec)]
    assert len(found) > 100
    # The only exception is a Gateway: its own `allowedRoutes` decides whose routes it takes.
    gateways = [f".{part}.gateway.parentRefs.[].namespace" for part in ("exposure", "page")]
    assert sorted(field for field in found if "namespace" in field.lower()) == gateways
