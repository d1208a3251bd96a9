"""The examples, and the largest objects that the bounds allow, in a real API server."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
OURS = "/apis/askproai.de/v1alpha1/namespaces"


def custom(file: Path) -> list[dict[str, Any]]:
    return [doc for doc in yaml.safe_load_all(file.read_text()) if doc["apiVersion"].startswith("askproai.de/")]


def salon(kind: str) -> dict[str, Any]:
    return next(doc for doc in custom(ROOT / "examples" / "salon.yaml") if doc["kind"] == kind)


def schema_of(kind: str) -> dict[str, Any]:
    crds = (yaml.safe_load(file.read_text()) for file in (ROOT / "crds").glob("*.yaml"))
    crd = next(each for each in crds if each["spec"]["names"]["kind"] == kind)
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def additions(sent: Any, got: Any, path: str = "spec") -> Iterator[tuple[str, Any]]:
    """Yield what the server added to a spec. Fails where it changed something, or added something inside a list."""
    if isinstance(sent, dict):
        assert sent.keys() <= got.keys(), f"{path}: the server dropped {sent.keys() - got.keys()}"
        for name, value in got.items():
            if name not in sent:
                yield f"{path}.{name}", value
            else:
                yield from additions(sent[name], value, f"{path}.{name}")
    else:
        assert sent == got, f"{path} was changed"


def default_at(schema: dict[str, Any], path: str) -> Any:
    for step in path.split(".")[1:]:
        schema = schema["properties"][step]
    return schema.get("default")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
async def test_example_is_accepted_and_unchanged_but_for_defaults(file: Path, apply: Any) -> None:
    """GitOps tools see no difference: nothing is written into a user's spec that is not in git."""
    for manifest in custom(file):
        first, second = await apply(manifest), await apply(manifest)
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        assert second["metadata"]["generation"] == 1
        for path, value in additions(manifest["spec"], second["spec"]):
            assert default_at(schema_of(manifest["kind"]), path) == value, path


async def test_largest_branch_stays_within_the_cost_budget(apply: Any) -> None:
    """60 people with 21 ranges and 50 absences each: CEL's run-time budget is not the estimate that the CRD passed."""
    branch = salon("Branch")
    hours = [{"days": ["Mon", "Tue", "Wed"], "opens": "09:00", "closes": "24:00"}] * 21
    away = [{"from": "2026-12-28", "to": "2026-12-31"}] * 50
    branch["spec"]["openingHours"] = hours
    branch["spec"]["staff"] = [
        {
            "id": f"person-{number}",
            "displayName": "x" * 200,
            "skills": [f"skill-{skill}" for skill in range(50)],
            "languages": ["de"],
            "workingHours": hours,
            "absences": away,
        }
        for number in range(60)
    ]
    await apply(branch)
    branch["spec"]["displayName"] = "anders"
    await apply(branch)


async def test_largest_offering_and_agent_fit_the_cost_budget(apply: Any) -> None:
    offering, agent = salon("ServiceOffering"), salon("RetellAgent")
    offering["spec"]["calcom"]["eventTypes"] = [
        {"staff": f"person-{number}", "eventTypeId": 1000 + number} for number in range(200)
    ]
    agent["spec"]["llm"]["prompt"] = "ü" * 32_000
    await apply(offering)
    await apply(agent)


async def test_largest_tenant_stays_within_the_cost_budget(apply: Any) -> None:
    tenant = salon("Tenant")
    keys = [f"{'a' * 40}.example/key-{number}" for number in range(50)]
    tenant["spec"]["runtime"] = {
        "pods": {
            "imagePullSecrets": [{"name": f"registry-{number}"} for number in range(5)],
            "nodeSelector": dict.fromkeys(keys[:20], "x" * 63),
            "tolerations": [
                {"key": key, "operator": "Equal", "value": "x" * 63, "effect": "NoExecute"} for key in keys[:20]
            ],
            "annotations": dict.fromkeys(keys, "x" * 1000),
        }
    }
    await apply(tenant)


@pytest.mark.parametrize("closes", ["24:00", "00:00"])
async def test_branch_may_close_at_midnight_in_two_spellings(closes: str, apply: Any) -> None:
    branch = salon("Branch")
    branch["spec"]["openingHours"][0]["closes"] = closes
    await apply(branch)


async def test_agents_fields_other_than_references_may_change(apply: Any) -> None:
    agent = salon("RetellAgent")
    await apply(agent)
    agent["spec"]["displayName"] = "Empfang Nord"
    agent["spec"]["adopt"] = {"agentId": "agent_3c9a51e7f0"}
    assert (await apply(agent))["metadata"]["generation"] == 2


async def test_an_observed_agent_that_vanished_can_be_reported(apply, kube_client: KubeClient, kube_namespace) -> None:
    """An object without an agent is refused (invalid/agent-observes-nothing.yaml) by a rule that reads the status. But a
    status that says "it is gone" must be accepted.
    """
    agent = salon("RetellAgent")
    await apply(agent)
    path = f"{OURS}/{kube_namespace}/retellagents/{agent['metadata']['name']}/status"
    await kube_client.merge(path, {"status": {"agentId": "agent_1"}})
    agent["spec"]["managementPolicy"] = "ObserveOnly"
    await apply(agent)
    gone = await kube_client.merge(path, {"status": {"agentId": None, "publishedVersion": None}})
    assert "agentId" not in gone["status"]


async def test_objects_are_found_by_their_references(apply: Any, kube_client: KubeClient, kube_namespace: str) -> None:
    await apply(salon("ServiceOffering"))
    found = await kube_client.get(
        f"{OURS}/{kube_namespace}/serviceofferings", fieldSelector="spec.branchRef.name=mitte"
    )
    assert [item["metadata"]["name"] for item in found["items"]] == ["haarschnitt"]
    none = await kube_client.get(f"{OURS}/{kube_namespace}/serviceofferings", fieldSelector="spec.branchRef.name=nord")
    assert none["items"] == []


async def test_one_category_lists_all_four_kinds(apply: Any, control_plane: ControlPlane, kube_namespace: str) -> None:
    for manifest in custom(ROOT / "examples" / "salon.yaml"):
        await apply(manifest)
    # kubectl asks again for a name that it does not know, but not for a category.
    shutil.rmtree(control_plane.kubeconfig.with_name("kubectl-cache"), ignore_errors=True)
    shown = await control_plane.kubectl("get", "askproai", "-n", kube_namespace)
    for name in ("tenant", "branch", "serviceoffering", "retellagent"):
        assert f"{name}.askproai.de/" in shown
    assert shown.count("READY") == shown.count("REASON") == 4
