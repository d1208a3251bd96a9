"""The fields of a tenant's objects that go into a file, and the reasons against an export of the tenant as it is."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from askproai_cli.tenant_move import Destination, MoveRefused, archive, import_tenant
from askproai_cli.tenant_move.archive import open_writer
from askproai_cli.tenant_move.export import find_obstacles
from askproai_cli.tenant_move.manifests import belongings, to_import, to_manifest
from askproai_sandbox.example_tenant import load_manifests

HEADER = {
    "owner": "uid-1:0123456789abcdef",
    "installation": "inst-1",
    "webhook": "https://a.example/webhooks/calcom/inst-1",
}


def live(kind: str, **status: Any) -> dict[str, Any]:
    """Return the salon's object as the API server has it."""
    found = load_manifests()[kind][0]
    found["metadata"] |= {
        "uid": "uid-1", "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-11-01T10:00:00Z",
        "finalizers": ["askproai.de/cleanup"], "managedFields": [{}], "ownerReferences": [{"uid": "uid-2"}],
        "labels": {"app.kubernetes.io/instance": "tenants", "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {
            "askproai.de/reconcile-at": "1", "askproai.de/key-grace": "none", "argocd.argoproj.io/tracking-id": "tenants",
            "askproai.de/plan": "true",
        },
    }  # fmt: skip
    return found | {"status": status}


@pytest.mark.parametrize("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
def test_manifest_has_only_fields_written_by_people(kind: str) -> None:
    written = load_manifests()[kind][0]
    written["metadata"]["annotations"] = {"askproai.de/plan": "true"}
    assert to_manifest(live(kind, agentId="agent_1")) == written


def test_namespace_is_exported_by_name_only() -> None:
    metadata = {"name": "salon", "labels": {"pod-security.kubernetes.io/enforce": "privileged"}}
    found = to_manifest({"kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["example.com/never"]}})
    assert found == {"kind": "Namespace", "metadata": {"name": "salon"}}


def test_foreign_and_generated_objects_are_not_exported() -> None:
    objects = [live(kind) for kind in ("RetellAgent", "ServiceOffering", "Branch")]
    others = deepcopy(objects)
    for each in others:
        each["metadata"]["name"] = "other"
        each["spec"] |= (
            {"tenantRef": {"name": "other"}} if each["kind"] == "Branch" else {"branchRef": {"name": "other"}}
        )
    hotline = live("RetellAgent")
    del hotline["spec"]["branchRef"]
    hotline["spec"]["tenantRef"], hotline["metadata"]["name"] = {"name": "salon-mueller"}, "hotline"
    made = live("ServiceOffering")
    made["metadata"] |= {"name": "mitte-standardberatung", "labels": {"askproai.de/auto-created": "true"}}
    found = belongings("salon-mueller", [*objects, *others, hotline, made])
    names = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert names == [
        ("Branch", "mitte"), ("ServiceOffering", "haarschnitt"), ("RetellAgent", "hotline"), ("RetellAgent", "mitte"),
    ]  # fmt: skip


def test_import_changes_only_the_tenant_manifest() -> None:
    tenant, branch = to_manifest(live("Tenant")), to_manifest(live("Branch"))
    assert to_import(branch, HEADER, suspended=False) == branch
    created = to_import(tenant, HEADER, suspended=True)
    assert created["spec"] == tenant["spec"] | {"suspend": True}
    assert created["metadata"]["annotations"] == {
        "askproai.de/plan": "true",
        "askproai.de/adopt-data": "uid-1:0123456789abcdef",
        "askproai.de/adopt-from": "inst-1",
        "askproai.de/adopt-webhook": "https://a.example/webhooks/calcom/inst-1",
    }
    assert to_import(live("Tenant"), HEADER, suspended=True) == created, "whatever a file has besides"
    local = to_import(tenant, HEADER | {"webhook": None}, suspended=False)
    assert "askproai.de/adopt-webhook" not in local["metadata"]["annotations"]
    assert to_manifest(created)["metadata"]["annotations"] == {"askproai.de/plan": "true"}, (
        "a second move names its own"
    )


def obstacles(*, suspend: bool = True, pods: int = 0, **agent: Any) -> list[str]:
    tenant, mitte = live("Tenant"), live("RetellAgent", **agent)
    tenant["spec"]["suspend"] = suspend
    running = [{"metadata": {"name": f"web-{number}"}} for number in range(pods)]
    return [*find_obstacles(tenant, [mitte], running)]


def test_stopped_tenant_is_suspended_podless_and_announced() -> None:
    assert obstacles(suspended=True) == []
    (running,) = obstacles(suspend=False, pods=2, suspended=True)
    assert running.startswith("it is not suspended: kubectl patch tenants.askproai.de salon-mueller")
    (ending,) = obstacles(pods=2, suspended=True)
    assert "web-0, web-1 have not ended" in ending
    (silent,) = obstacles()
    assert "RetellAgent mitte does not yet say to callers" in silent


def test_observed_agent_does_not_prevent_an_export() -> None:
    tenant, mitte = live("Tenant"), live("RetellAgent")
    tenant["spec"]["suspend"], mitte["spec"]["managementPolicy"] = True, "ObserveOnly"
    assert [*find_obstacles(tenant, [mitte], [])] == []


def of_another_namespace(header: dict[str, Any]) -> None:
    header["secrets"][0]["metadata"]["namespace"] = "praxis"


def with_rights(header: dict[str, Any]) -> None:
    header["secrets"][0]["kind"] = "RoleBinding"


def of_another_tenant(header: dict[str, Any]) -> None:
    header["objects"][0]["metadata"]["name"] = "other"


def of_another_key(header: dict[str, Any]) -> None:
    header["tenant"] = "praxis.praxis"


def with_a_branch_of_another_tenant(header: dict[str, Any]) -> None:
    tenant = header["objects"][0]
    header["objects"].append({**tenant, "kind": "Branch", "spec": {"tenantRef": {"name": "other"}}})


@pytest.mark.parametrize(
    "forge",
    [of_another_namespace, with_rights, of_another_tenant, of_another_key, with_a_branch_of_another_tenant],
)
async def test_foreign_content_of_a_file_is_refused_first(
    forge: Callable[[dict[str, Any]], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_derive", lambda passphrase, salt: (passphrase.encode() + salt).ljust(32)[:32])
    tenant = to_manifest(live("Tenant"))
    namespace, name = tenant["metadata"]["namespace"], tenant["metadata"]["name"]
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": f"{name}-admin", "namespace": namespace}}
    header = HEADER | {
        "tenant": f"{namespace}.{name}", "objects": [tenant], "secrets": [secret],
        "namespace": {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": namespace}},
    }  # fmt: skip
    forge(header)
    file = tmp_path / "salon.askproai"
    with open_writer(file, "correct horse battery") as writer:
        writer.document(header, is_last=True)
    nobody: Any = None  # no cluster is asked
    with pytest.raises(MoveRefused, match="are none of the tenant"):
        await import_tenant(nobody, Destination("postgresql://", "askproai-system"), file, "correct horse battery")
