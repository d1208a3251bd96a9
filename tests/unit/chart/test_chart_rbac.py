"""The permissions of operator and coordinator: all that their code needs, nothing more, and no way to extend them."""

import re

import yaml

from askproai_operator import resources
from askproai_operator.shards import MAX_SHARDS, Shard
from tests.worlds.chart_render import ROOT

GOLDEN = ROOT / "tests" / "unit" / "chart" / "rbac.yaml"


def rules(manifests):
    """Return the rules of each role, as lines that a person can review in a diff."""
    found = {}
    for (kind, role_name), role in manifests.items():
        if kind in {"ClusterRole", "Role"}:
            found[f"{kind}/{role_name}"] = [
                " ".join((group or "core", resource, *(f"[{name}]" for name in rule.get("resourceNames", ())), *verbs))
                for rule in role["rules"]
                for verbs in [sorted(rule["verbs"])]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
            ]
    return found


def test_every_permission_is_listed_in_the_golden_file(render):
    """A change of permissions is a change of that file, so that nobody widens them unnoticed."""
    assert rules(render()) == yaml.safe_load(GOLDEN.read_text("utf-8"))


def test_no_permission_is_a_wildcard_or_allows_escalation(render):
    words = {word for lines in rules(render()).values() for line in lines for word in line.split()}
    assert "*" not in words
    assert not {"escalate", "bind", "impersonate"} & words
    assert not {"roles", "clusterroles", "rolebindings", "clusterrolebindings", "pods/exec", "nodes"} & words


def test_operator_may_access_only_resources_of_its_code(render):
    roles = rules(render())
    granted = {tuple(line.split()[:2]) for name, lines in roles.items() if name.endswith("operator") for line in lines}
    permitted = {(group, resource) for group, resource in granted if "/" not in resource}
    assert permitted == {(ref.group or "core", ref.plural) for ref in resources._BY_KIND.values()}


def test_operator_has_all_verbs_for_watching_and_applying(render):
    roles = rules(render())
    lines = {tuple(line.split()[:2]): set(line.split()[2:]) for line in roles["ClusterRole/askproai-operator"]}
    for ref in resources.CHILDREN:
        assert lines[ref.group or "core", ref.plural] >= {"get", "list", "watch", "create", "patch", "delete"}, (
            ref.plural
        )
    for ref in resources.CUSTOM:
        assert lines[ref.group, ref.plural] >= {"get", "list", "watch", "patch"}
        assert lines[ref.group, f"{ref.plural}/status"] == {"patch"}


def test_operator_may_hold_the_lease_of_every_shard(render):
    """Also with fewer shards: another shard releases the Lease of a killed one."""
    (held,) = [line for line in rules(render())["Role/askproai-operator"] if line.endswith(" get update")]
    assert {Shard(index, MAX_SHARDS).lease_name for index in range(MAX_SHARDS)} == set(re.findall(r"\[(.*?)\]", held))


def test_coordinator_of_the_fleet_page_reads_user_objects(render):
    roles, before = rules(render("fleetPage.existingSecret=fleet")), rules(render())
    assert roles["ClusterRole/askproai-coordinator"] == [
        f"askproai.de {kind} list watch" for kind in ("tenants", "branches", "serviceofferings", "retellagents")
    ]
    (leases,) = set(roles["Role/askproai-coordinator"]) - set(before["Role/askproai-coordinator"])
    held = {Shard(index, MAX_SHARDS).lease_name for index in range(MAX_SHARDS)}
    assert (set(re.findall(r"\[(.*?)\]", leases)), leases.rpartition(" ")[2]) == (held, "get")
    assert {name: lines for name, lines in roles.items() if "coordinator" not in name} == {
        name: lines for name, lines in before.items() if "coordinator" not in name
    }
