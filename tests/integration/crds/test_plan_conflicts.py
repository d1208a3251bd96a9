"""`askproai plan` names the fields that another manager has set, which `kubectl apply` then refuses or overwrites."""

import asyncio
from pathlib import Path

import pytest
import yaml

from askproai_cli.lint import read_documents
from askproai_cli.plan.plan import Planned, plan_manifests
from askproai_operator.resources import SECRETS, USE_LABEL
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.plan_platform import Platform

pytestmark = pytest.mark.nightly

SALON = Path(__file__).parents[3] / "examples" / "salon.yaml"
PATCH = '{"spec": {"displayName": "Von Hand"}}'


class Salon:
    """A branch in a namespace of the test, which people change by kubectl."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane, self.namespace, self.file = plane, namespace, folder / "branch.yaml"
        branch = next(each for each in yaml.safe_load_all(SALON.read_text()) if each["kind"] == "Branch")
        self.branch = {**branch, "metadata": {"name": "mitte", "namespace": namespace}}
        self.write()

    def write(self, **spec: str) -> None:
        self.branch["spec"] |= spec
        self.file.write_text(yaml.safe_dump(self.branch, allow_unicode=True))

    async def apply(self, *options: str) -> str:
        return await self.plane.kubectl("apply", "-f", str(self.file), *options)

    async def patch(self) -> None:
        await self.plane.kubectl(
            "patch", "branches.askproai.de", "mitte", "-n", self.namespace, "--type=merge", "-p", PATCH
        )

    async def plan(self) -> Planned:
        documents = await asyncio.to_thread(lambda: list(read_documents([str(self.file)])))
        (planned,) = await plan_manifests(documents, self.plane.kubeconfig, self.namespace)
        return planned


@pytest.fixture
def salon(control_plane: ControlPlane, crds: None, kube_client: KubeClient, kube_namespace: str, tmp_path) -> Salon:
    return Salon(control_plane, kube_namespace, tmp_path)


async def test_plan_refuses_the_fields_that_server_apply_refuses(salon: Salon) -> None:
    await salon.apply("--server-side")
    await salon.patch()
    planned = await salon.plan()
    assert planned.change == "refused"
    for said in ("kubectl-patch", ".spec.displayName", "--force-conflicts"):
        assert said in planned.fields[0]
    assert planned.fields[1].startswith("spec.displayName: Von Hand →")
    with pytest.raises(Exception, match="kubectl-patch"):
        await salon.apply("--server-side")


async def test_plan_warns_of_fields_overwritten_client_side(salon: Salon) -> None:
    await salon.apply()
    await salon.patch()
    planned = await salon.plan()
    assert planned.change == "changed"
    (warning,) = planned.warnings
    assert "kubectl-patch" in warning
    assert ".spec.displayName" in warning
    await salon.apply()
    assert (await salon.plan()).warnings == ()


async def test_the_appliers_own_fields_are_no_conflict(salon: Salon) -> None:
    for options in ((), ("--server-side", "--force-conflicts")):
        await salon.apply(*options)
        salon.write(displayName=f"Salon {len(options)}")
        planned = await salon.plan()
        assert (planned.change, planned.warnings) == ("changed", ())


async def test_value_set_by_another_manager_is_no_conflict(salon: Salon) -> None:
    await salon.apply("--server-side")
    await salon.patch()
    salon.write(displayName="Von Hand")
    assert (await salon.plan()).change == "unchanged"


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
