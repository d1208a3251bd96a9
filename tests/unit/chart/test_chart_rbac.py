"""What the chart lets operator and coordinator do: all that their code asks for, nothing more, and no way to more."""

import yaml
from tests.unit.chart.chart_render import ROOT

from askproai_operator.engine import resources

GOLDEN = ROOT / "tests" / "unit" / "chart" / "rbac.yaml"


def rules(manifests):
    """Give the rules of each role, as lines that a person can review in a diff."""
    found = {}
    for (kind, name), role in manifests.items():
        if kind in {"ClusterRole", "Role"}:
            found[f"{kind}/{name}"] = [
                " ".join((group or "core", resource, *(f"[{one}]" for one in rule.get("resourceNames", ())), *verbs))
                for rule in role["rules"]
                for verbs in [sorted(rule["verbs"])]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
            ]
    return found


def test_every_right_stands_in_the_golden_file(render):
    """A change of rights is a change of that file, so that nobody widens them without seeing it."""
    assert rules(render()) == yaml.safe_load(GOLDEN.read_text("utf-8"))


def test_no_right_is_a_star_or_a_way_to_more_rights(render):
    words = {word for lines in rules(render()).values() for line in lines for word in line.split()}
    assert "*" not in words
    assert not {"escalate", "bind", "impersonate"} & words
    assert not {"roles", "clusterroles", "rolebindings", "clusterrolebindings", "pods/exec", "nodes"} & words


def test_the_operator_may_touch_what_its_code_names_and_nothing_else(render):
    roles = rules(render())
    granted = {tuple(line.split()[:2]) for name, lines in roles.items() if name.endswith("operator") for line in lines}
    whole = {(group, resource) for group, resource in granted if "/" not in resource}
    assert whole == {(ref.group or "core", ref.plural) for ref in resources._BY_KIND.values()}


def test_the_operator_has_every_verb_that_watching_and_applying_need(render):
    roles = rules(render())
    lines = {tuple(line.split()[:2]): set(line.split()[2:]) for line in roles["ClusterRole/askproai-operator"]}
    for ref in resources.CHILDREN:
        assert lines[ref.group or "core", ref.plural] >= {"get", "list", "watch", "create", "patch", "delete"}, (
            ref.plural
        )
    for ref in resources.CUSTOM:
        assert lines[ref.group, ref.plural] >= {"get", "list", "watch", "patch"}
        assert lines[ref.group, f"{ref.plural}/status"] == {"patch"}


def test_the_coordinator_may_take_part_in_its_election_only(render):
    roles = rules(render())
    assert "ClusterRole/askproai-coordinator" not in roles
    assert roles["Role/askproai-coordinator"] == [
        "coordination.k8s.io leases [askproai-coordinator] get update",
        "coordination.k8s.io leases create",
    ]
