"""`helm test`: its command and account, and that only the pod with its log stays."""

import typer

from askproai_cli.main import app
from askproai_operator.installation_report import NAME
from askproai_operator.shards import LEASE_NAMES

HOOK = "helm.sh/hook"


def hooks(manifests):
    return {key: each for key, each in manifests.items() if HOOK in (each["metadata"].get("annotations") or {})}


def test_doctor_hook_deletes_its_account_before_its_pod(render):
    found = hooks(render())
    assert {name for _, name in found} == {"askproai-doctor"}
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Pod"}
    assert {kind for kind, _ in found} == kinds
    weights = {}
    for (kind, _), each in found.items():
        annotations = each["metadata"]["annotations"]
        assert annotations[HOOK] == "test"
        policies = {"before-hook-creation"} | ({"hook-succeeded"} if kind != "Pod" else set())
        assert set(annotations["helm.sh/hook-delete-policy"].split(",")) == policies
        weights[kind] = int(annotations["helm.sh/hook-weight"])
    assert weights["Pod"] > weights["RoleBinding"] > weights["Role"] > weights["ServiceAccount"]


def test_doctor_pod_is_restricted_and_runs_the_command(render):
    manifests = render("image.repository=mirror/askproai", "image.tag=1.2.3", 'image.pullSecrets=["mine"]')
    spec = manifests["Pod", "askproai-doctor"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "mirror/askproai:1.2.3"
    assert spec["imagePullSecrets"] == [{"name": "mine"}]
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    program, name, *arguments = container["command"]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert program == "askproai"
    parsed = command.make_context(name, list(arguments)).params
    assert parsed["wait"] == 60
    assert parsed["urls"] is False, "pods of the cluster may not reach its public URLs"


def test_no_service_or_policy_selects_the_doctor_pod(render):
    manifests = render("networkPolicy.enabled=true")
    labels = manifests["Pod", "askproai-doctor"]["metadata"]["labels"].items()
    for (kind, name), each in manifests.items():
        selector = each.get("spec", {}).get("selector") if kind in {"Service", "Deployment"} else None
        chosen = (selector or {}).get("matchLabels", selector or {})
        assert not chosen or not chosen.items() <= labels, f"{kind} {name}"


def test_doctor_role_names_the_operators_leases_and_report(render):
    named = {rule["resources"][0]: rule.get("resourceNames") for rule in render()["Role", "askproai-doctor"]["rules"]}
    assert set(named["leases"]) == {*LEASE_NAMES, "askproai-coordinator"}
    assert named["configmaps"] == [NAME]
    assert not any("secrets" in rule["resources"] for rule in render()["ClusterRole", "askproai-doctor"]["rules"])
