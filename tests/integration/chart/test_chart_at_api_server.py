"""The rendered chart at a real API server: every field known, every right as written, and the guard of Secrets at work."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from askproai_operator.controllers.tenant.children.secrets import teardown_release
from askproai_sandbox.cluster import ApiError, ControlPlane, KubeClient, ProcessError
from tests.worlds.chart_render import SYSTEM
from tests.worlds.salon_objects import create_tenant
from tests.worlds.tools import find_program
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

OPERATOR = f"system:serviceaccount:{SYSTEM}:askproai-operator"


async def test_kubeconform_finds_every_manifest_valid(installed: Path, kube_client: KubeClient, tmp_path: Path):
    """The schemas are the API server's own, so this needs no network and no foreign copy of them."""
    program = find_program("kubeconform")
    groups = (await kube_client.get("/apis"))["groups"]
    versions = [f"apis/{version['groupVersion']}" for group in groups for version in group["versions"]]
    for path in ("api/v1", *versions):
        document = await kube_client.get(f"/openapi/v3/{path}")
        for schema in document["components"]["schemas"].values():
            _strict(schema)
        for name, schema in document["components"]["schemas"].items():
            for known in schema.get("x-kubernetes-group-version-kind", ()):
                stem = f"{known['kind']}-{known['group'].partition('.')[0]}-{known['version']}".lower()
                stem = stem.replace("--", "-")
                whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
                (tmp_path / f"{stem}.json").write_text(json.dumps(whole))
    where = f"{tmp_path}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [program, "-strict", "-summary", "-schema-location", where, str(installed)]
    completed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "Invalid: 0, Errors: 0, Skipped: 0" in completed.stdout


def _strict(schema: dict) -> None:
    """Refuse fields that a schema does not name, and take null for an absent one as the API server does."""
    if "properties" in schema and "additionalProperties" not in schema:
        schema["additionalProperties"] = False


async def test_operators_account_has_exactly_its_roles_rights(control_plane: ControlPlane, installed: Path):
    async def may(verb: str, resource: str, namespace: str = "default", account: str = OPERATOR) -> bool:
        try:
            answer = await control_plane.kubectl("auth", "can-i", verb, resource, "-n", namespace, f"--as={account}")
        except ProcessError:
            return False
        return answer.strip() == "yes"

    coordinator = OPERATOR.replace("operator", "coordinator")
    patched = ("tenants.askproai.de/x", "deployments.apps", "pods")
    allowed = [*(("patch", each) for each in patched), ("watch", "secrets"), ("create", "events")]
    denied = [
        ("delete", "tenants.askproai.de"),
        ("create", "pods"),
        ("delete", "pods"),
        ("create", "pods/exec"),
        ("get", "nodes"),
        ("create", "clusterroles.rbac.authorization.k8s.io"),
        ("create", "customresourcedefinitions.apiextensions.k8s.io"),
        ("delete", "namespaces"),
        ("update", "leases.coordination.k8s.io/askproai-coordinator"),
        ("impersonate", "serviceaccounts"),
    ]
    assert [permission for permission in allowed if not await may(*permission)] == []
    assert [permission for permission in denied if await may(*permission)] == []
    assert await may("update", "leases.coordination.k8s.io/askproai-operator", SYSTEM)
    assert await may("update", "leases.coordination.k8s.io/askproai-coordinator", SYSTEM, coordinator)
    assert not await may("get", "secrets", SYSTEM, coordinator)
    assert not await may("list", "tenants.askproai.de", account=coordinator)


async def test_guard_lets_the_operator_write_only_own_secrets(
    control_plane: ControlPlane,
    crds: None,
    installed: Path,
    kube_client: KubeClient,
    kube_namespace: str,
    tmp_path: Path,
):
    own_labels = {"app.kubernetes.io/managed-by": "askproai-operator"}
    owner = await create_tenant(kube_client, kube_namespace)

    async def apply(name: str, labels: dict[str, str], namespace: str = kube_namespace) -> None:
        owned = {"ownerReferences": [owner]} if namespace != SYSTEM else {}
        meta = {"name": name, "labels": labels} | owned
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
        file = tmp_path / "secret.yaml"
        file.write_text(yaml.safe_dump(secret))
        await control_plane.kubectl("apply", "--server-side", "-n", namespace, "-f", str(file), f"--as={OPERATOR}")

    async def refused(name: str, labels: dict[str, str]) -> bool:
        try:
            await apply(name, labels)
        except ProcessError as error:
            return "may write only Secrets that carry its label" in str(error)
        return False

    await eventually(lambda: refused("strange", {}), SOON, "the guard to be in force")
    await apply("ours", own_labels)
    await apply("ledger", {}, SYSTEM)  # its own namespace: every object there is its own
    path = f"/api/v1/namespaces/{kube_namespace}/secrets"
    await kube_client.create(path, {"kind": "Secret", "metadata": {"name": "users"}})
    assert await refused("users", own_labels), "a user's Secret must not become ours by a label"
    with pytest.raises(ProcessError, match="may write only Secrets"):
        await control_plane.kubectl("delete", "secret", "users", "-n", kube_namespace, f"--as={OPERATOR}")
    meta = {"name": "unlabelled", "ownerReferences": [owner]}
    await kube_client.create(path, {"kind": "Secret", "metadata": meta})
    await apply("unlabelled", own_labels)  # a person removed the label: it is written again
    await control_plane.kubectl("delete", "secret", "ours", "-n", kube_namespace, f"--as={OPERATOR}")
    with pytest.raises(ApiError, match="not found"):
        await kube_client.get(f"{path}/ours")


async def test_guard_admits_ending_an_unlabelled_teardown_secret(
    control_plane: ControlPlane, installed: Path, kube_client: KubeClient, kube_namespace: str
):
    """While its Tenant is being deleted nothing restores the label, so the patch that removes the finalizer must bring it."""
    path = f"/api/v1/namespaces/{kube_namespace}/secrets"
    owner = {"apiVersion": "askproai.de/v1alpha1", "kind": "Tenant", "name": "t", "uid": "u"}
    meta = {"name": "t-teardown", "finalizers": ["askproai.de/operator"], "ownerReferences": [owner]}

    async def patch(name: str, body: dict) -> str:
        options = ("--type=merge", "-p", json.dumps(body), f"--as={OPERATOR}")
        try:
            return await control_plane.kubectl("patch", "secret", name, "-n", kube_namespace, *options)
        except ProcessError as error:
            return str(error)

    async def guarded() -> bool:
        await kube_client.delete(f"{path}/probe")
        await kube_client.create(path, {"kind": "Secret", "metadata": {"name": "probe"}})
        return "may write only Secrets" in await patch("probe", {"data": {"x": "eA=="}})

    await kube_client.create(path, {"kind": "Secret", "metadata": {"name": "probe"}})
    await eventually(guarded, SOON, "the guard to be in force")
    await kube_client.create(path, {"kind": "Secret", "metadata": meta})
    # Without its owner the garbage collector deletes it as soon as the finalizer is gone, so only the answer can be asserted.
    assert "t-teardown patched" in await patch("t-teardown", teardown_release())


async def test_example_pods_are_admitted_in_restricted_namespaces(control_plane: ControlPlane, installed: Path):
    pods = sorted((Path(__file__).parents[3] / "examples/pods").glob("*.yaml"))
    assert pods
    await control_plane.kubectl(
        "label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted", "--overwrite"
    )
    for pod in pods:
        command = ("create", "-n", SYSTEM, "--dry-run=server", "--validate=strict", "-o", "name", "-f", str(pod))
        assert (await control_plane.kubectl(*command)).startswith("pod/")
