"""`askproai plan` names the fields that another manager has set, which `kubectl apply` then refuses or overwrites."""

import asyncio
from pathlib import Path

import pytest
import yaml

from askproai_cli.lint import read_documents
from askproai_cli.plan.plan import Planned, plan_manifests
from askproai_sandbox.cluster import ControlPlane, KubeClient

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
