"""`askproai plan` at a real API server where no operator runs: new tenants, refused ones, and fields that others have set."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from askproai_cli.lint import read_documents
from askproai_cli.main import app
from askproai_cli.plan.dry_run import Change
from askproai_cli.plan.plan import Planned, plan_manifests
from askproai_operator import resources
from askproai_sandbox.cluster import ControlPlane, KubeClient

pytestmark = pytest.mark.nightly

EXAMPLES = Path(__file__).parents[3] / "examples"
CREATION = ["create an LLM", "create an agent", "publish that version"]


class Files:
    """Manifests in one file, in a namespace of the test's own."""

    def __init__(self, plane: ControlPlane, file: Path, manifests: list[dict[str, Any]]) -> None:
        self.plane, self.file, self.manifests = plane, file, manifests

    def of(self, kind: str) -> dict[str, Any]:
        return next(each for each in self.manifests if each["kind"] == kind)

    async def plan(self) -> dict[str, Planned]:
        self._write()
        planned = await plan_manifests(read_documents([str(self.file)]), self.plane.kubeconfig, "default")
        return {each.name.partition("/")[0]: each for each in planned}

    async def apply(self, *options: str) -> None:
        self._write()
        await self.plane.kubectl("apply", "-f", str(self.file), *options)

    def _write(self) -> None:
        self.file.write_text(yaml.safe_dump_all(self.manifests, allow_unicode=True))


def practice(plane: ControlPlane, folder: Path, namespace: str) -> Files:
    text = (EXAMPLES / "second-tenant.yaml").read_text().replace("praxis-weber", namespace)
    return Files(plane, folder / "practice.yaml", list(yaml.safe_load_all(text)))


@pytest.fixture
def new(control_plane: ControlPlane, crds: None, tmp_path: Path) -> Files:
    """A practice whose namespace comes with it."""
    return practice(control_plane, tmp_path, "t-comes-later")


@pytest.fixture
def existing(control_plane: ControlPlane, crds: None, kube_namespace: str, tmp_path: Path) -> Files:
    """A practice in a namespace that exists."""
    files = practice(control_plane, tmp_path, kube_namespace)
    files.manifests = [each for each in files.manifests if each["kind"] != "Namespace"]
    return files


async def test_new_tenants_plan_lists_objects_and_agent_steps(new: Files, kube_client: KubeClient) -> None:
    planned = await new.plan()
    assert list(planned) == ["Namespace", "Secret", "Tenant", "Branch", "ServiceOffering", "RetellAgent"]
    assert {each.change for each in planned.values()} == {Change.CREATED}
    steps = planned["RetellAgent"].steps
    assert steps is not None
    assert steps[0] == "waits until Tenant t-comes-later is ready, then:"
    assert list(steps[1:]) == [
        *CREATION, "bind +492217654321 to the published version", "set the inbound webhook of +492217654321"
    ]  # fmt: skip
    namespaces = {each["metadata"]["name"] for each in (await kube_client.get("/api/v1/namespaces"))["items"]}
    assert "t-comes-later" not in namespaces, "a plan writes nothing"


async def test_new_tenants_plan_lists_trunk_and_calcom_steps(new: Files) -> None:
    sip = {"terminationUri": "sip.example"}
    new.of("Branch")["spec"]["phoneNumbers"][0]["sip"] = sip
    account = {name: {"name": "providers", "key": "k"} for name in ("apiKeySecretRef", "webhookSecretRef")}
    new.of("Tenant")["spec"]["calendar"] = {"provider": "Calcom", "calcom": account}
    new.of("Tenant")["spec"]["runtime"] = {"web": {"minReplicas": 2, "maxReplicas": 90}}
    planned = await new.plan()
    assert "import the number +492217654321" in (planned["RetellAgent"].steps or ())
    assert (planned["Tenant"].steps, planned["Tenant"].provider) == (("register the tenant's webhook",), "Cal.com")
    assert any("runtime.web.maxReplicas is" in line for line in planned["Tenant"].fields)


@pytest.mark.parametrize("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
async def test_paused_objects_plan_says_it_has_no_effect(new: Files, kind: str) -> None:
    new.of(kind)["metadata"]["annotations"] = {"askproai.de/paused": "true"}
    planned = await new.plan()
    resumed = "until the annotation askproai.de/paused is removed"
    for each, plan in planned.items():
        assert (f"paused: no edit has an effect {resumed}" in plan.fields) == (each == kind)
    steps = planned["RetellAgent"].steps or ()
    assert (steps[0] == f"waits {resumed}, then:") == (kind == "RetellAgent")


async def test_new_tenants_plan_contains_all_lint_findings(new: Files) -> None:
    new.of("ServiceOffering")["spec"]["price"] = {"amount": 1200.0}
    agent = new.of("RetellAgent")["spec"]
    del agent["transferTo"]
    agent["voice"] = agent.pop("voiceId")
    planned = await new.plan()
    assert planned["ServiceOffering"].change is planned["RetellAgent"].change is Change.REFUSED
    assert planned["Tenant"].change is Change.CREATED
    assert any("needs transferTo" in line for line in planned["RetellAgent"].fields)
    assert any("did you mean voiceId?" in line for line in planned["RetellAgent"].fields)


async def test_simple_tenants_agent_for_all_branches_is_refused(new: Files) -> None:
    spec = new.of("RetellAgent")["spec"]
    spec["tenantRef"], _ = {"name": "t-comes-later"}, spec.pop("branchRef")
    planned = (await new.plan())["RetellAgent"]
    (step,) = planned.steps or ()
    assert step.startswith("refused: an agent for all branches")
    assert planned.is_problem


@pytest.mark.parametrize("options", [(), ("--server-side",), ("--server-side", "--field-manager=argocd-controller")])
async def test_fields_deleted_from_a_manifest_are_removed(
    existing: Files, options: tuple[str, ...], control_plane: ControlPlane
) -> None:
    existing.of("Branch")["spec"]["address"] = {"city": "Köln"}
    await existing.apply(*options)
    assert {each.change for each in (await existing.plan()).values()} == {Change.UNCHANGED}
    namespace = existing.of("Branch")["metadata"]["namespace"]
    patch = {"metadata": {"labels": {"team": "front-desk"}}, "spec": {"address": {"street": "Torstraße 1"}}}
    await control_plane.kubectl("patch", "branch", "praxis", "-n", namespace, "--type=merge", "-p", json.dumps(patch))
    assert (await existing.plan())["Branch"].change is Change.UNCHANGED
    branch = existing.of("Branch")["spec"]
    branch["address"] = {"postalCode": "50667"}
    branch["openingHours"] = copy.deepcopy(branch["openingHours"])[:1]
    planned = (await existing.plan())["Branch"]
    assert (planned.change, planned.fields) == (
        Change.CHANGED,
        (
            "spec.address.city: removed Köln",
            "spec.address.postalCode: added '50667'",
            "spec.openingHours[Mon, Tue, Thu]: removed {closes: '18:00', days: [Mon, Tue, Thu], opens: '14:00'}",
        ),
    )


async def test_plan_names_a_changed_key_without_its_value(existing: Files) -> None:
    await existing.apply()
    existing.of("Secret")["stringData"] = {"retell-api-key": "key_new", "more": "x"}
    planned = (await existing.plan())["Secret"]
    assert (planned.change, planned.fields) == (Change.CHANGED, ("data.more: added", "data.retell-api-key: changed"))


async def test_object_without_its_namespace_is_refused_with_advice(new: Files) -> None:
    new.manifests = [each for each in new.manifests if each["kind"] == "Branch"]
    (planned,) = (await new.plan()).values()
    assert planned.change is Change.REFUSED
    assert planned.fields[0].endswith("create it, or add its manifest to the files")


async def test_apply_without_annotations_leaves_annotations_set_by_hand(
    existing: Files, kube_client: KubeClient, kube_namespace: str
) -> None:
    """As the plan says and as kubectl does, whose record of the last apply always has annotations."""
    await existing.apply()
    name = existing.of("Tenant")["metadata"]["name"]
    await existing.plane.kubectl(
        "annotate", "tenants.askproai.de", name, "-n", kube_namespace, "askproai.de/paused=true"
    )
    assert (await existing.plan())["Tenant"].change is Change.UNCHANGED
    await existing.apply()
    live = await kube_client.get(resources.TENANTS.path(kube_namespace, name))
    assert live["metadata"]["annotations"]["askproai.de/paused"] == "true"


async def test_last_annotation_dropped_by_client_apply_is_removed(existing: Files, kube_namespace: str) -> None:
    tenant = existing.of("Tenant")["metadata"]
    tenant["annotations"] = {"team": "front-desk"}
    await existing.apply()
    await existing.plane.kubectl("annotate", "tenants.askproai.de", tenant["name"], "-n", kube_namespace, "by=hand")
    del tenant["annotations"]
    assert (await existing.plan())["Tenant"].fields == ("metadata.annotations.team: removed front-desk",)


async def test_the_command_repeats_the_warnings_of_lint(new: Files) -> None:
    """The API server accepts a service that nobody can book; a Branch that is only in the cluster causes no warning."""
    new.of("ServiceOffering")["spec"]["durationMinutes"] = 700
    new.manifests = [each for each in new.manifests if each["kind"] != "RetellAgent"]
    new._write()
    command = ["plan", str(new.file), "--kubeconfig", str(new.plane.kubeconfig)]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("ServiceOffering/"))
    warned = next(index for index, line in enumerate(lines) if "it takes 700 minutes with its buffers" in line)
    assert warned > at
    assert lines[warned].startswith("    warning: spec.durationMinutes: ")
    assert not any(line and not line.startswith(" ") for line in lines[at + 1 : warned]), "at its object"
    assert lines[-1].endswith("; 1 warning")
    strict = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--strict"])
    assert (strict.exit_code, strict.stdout) == (1, result.stdout)
    assert "stopped by --strict" in strict.stderr
    as_json = json.loads((await asyncio.to_thread(CliRunner().invoke, app, [*command, "-o", "json"])).stdout)
    assert [len(each["warnings"]) for each in as_json if each["name"].startswith("ServiceOffering/")] == [1]
    new.manifests = [new.of("ServiceOffering")]
    new._write()
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert "is not among these files" not in result.output


async def test_suspended_tenants_plan_says_what_callers_hear(new: Files) -> None:
    new.of("Tenant")["spec"]["suspend"] = True
    planned = await new.plan()
    suspended = [each for each, plan in planned.items() if any("suspended: no pods" in line for line in plan.fields)]
    assert suspended == ["Tenant"]
