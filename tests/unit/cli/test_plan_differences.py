"""The changes as `askproai plan` shows them: one line for each element of a list, values as YAML, nothing cut off."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_cli.plan.differences import describe_differences, describe_object
from askproai_cli.plan.dry_run import Change, find_applier, merge_patch
from askproai_cli.plan.plan import Planned, summarize
from askproai_cli.plan.secrets import read_values
from tests.worlds.rows import each_row

EXAMPLE = Path(__file__).parents[3] / "examples" / "salon.yaml"
SATURDAY = {"days": ["Sat"], "opens": "10:00", "closes": "12:00"}
WEEK = {"days": ["Tue", "Wed"], "opens": "09:00", "closes": "18:00"}
LONG = "Du bist der Empfang von Salon Müller in Berlin-Mitte.\nErfinde nichts.\n"

CASES: list[tuple[Any, Any, list[str]]] = [
    ([SATURDAY], [WEEK, SATURDAY], ["x[Tue, Wed]: added {days: [Tue, Wed], opens: '09:00', closes: '18:00'}"]),
    ([WEEK, SATURDAY], [WEEK], ["x[Sat]: removed {days: [Sat], opens: '10:00', closes: '12:00'}"]),
    ([SATURDAY], [SATURDAY | {"closes": "14:00"}], ["x[Sat].closes: 12:00 → 14:00"]),
    # Two ranges of the same days have no name of their own.
    ([SATURDAY, SATURDAY | {"opens": "08:00"}], [SATURDAY], ["x: removed {days: [Sat], opens: '08:00', closes: '12:00'}"]),
    ([{"id": "anna", "skills": ["a"]}], [{"id": "anna", "skills": ["a", "b"]}], ["x[anna].skills: added b"]),
    ([{"id": "anna"}, {"id": "mehmet"}], [{"id": "mehmet"}], ["x[anna]: removed {id: anna}"]),
    (["V2", "V1"], ["V1", "V2"], ["x: in another order, [V1, V2]"]),
    # The order of the staff decides who is offered.
    ([{"id": "jana"}, {"id": "tobias"}], [{"id": "tobias"}, {"id": "jana"}], ["x: in another order, [tobias, jana]"]),
    ([{"id": "a"}, {"id": "b"}, {"id": "c"}], [{"id": "c"}, {"id": "b"}], ["x[a]: removed {id: a}", "x: in another order, [c, b]"]),
    ([{"id": "a"}, {"id": "b"}], [{"id": "a"}, {"id": "c"}, {"id": "b"}], ["x[c]: added {id: c}"]),
    ({"a": True}, {"a": False}, ["x.a: true → false"]),
    ({"a": 1}, {}, ["x.a: removed 1"]),
    ({}, {"a": {"b": "ja"}}, ["x.a: added {b: ja}"]),
    ({"a": LONG}, {"a": LONG.replace("nichts", "keine Preise")}, ["x.a:\n  - Erfinde nichts.\n  + Erfinde keine Preise."]),
    (LONG, LONG, []),
]  # fmt: skip


@each_row(("old", "new", "lines"), CASES)
def test_plan_prints_a_line_for_each_differing_element(old: Any, new: Any, lines: list[str]) -> None:
    assert list(describe_differences(old, new, "x")) == lines


def test_values_of_a_secret_are_not_shown() -> None:
    old = {"metadata": {}, "data": {"a": "b2xk", "gone": "b2xk", "same": "b2xk"}}
    new = {"metadata": {"labels": {"askproai.de/use": "true"}}, "data": {"a": "bmV3", "came": "bmV3", "same": "b2xk"}}
    assert describe_object(old, new) == [
        "metadata.labels.askproai.de/use: added 'true'", "data.a: changed", "data.came: added", "data.gone: removed"
    ]  # fmt: skip


def test_refused_object_is_not_counted_as_created() -> None:
    planned = [Planned("Tenant/a", Change.CREATED), Planned("RetellAgent/a", Change.REFUSED, ("x",))]
    planned.append(
        Planned("RetellAgent/b", Change.CREATED, (), ("waits until Tenant a is ready, then:", "create an LLM"))
    )
    assert summarize(planned) == "2 created, 0 changed, 0 unchanged, 1 refused; 1 step at the providers"


def entry(manager: str, operation: str, time: str, **more: str) -> dict[str, str]:
    return {"manager": manager, "operation": operation, "time": time, **more}


def test_plan_uses_the_field_manager_that_applied_last() -> None:
    entries = [
        entry("argocd-controller", "Apply", "2026-11-20T10:00:00Z"),
        entry("kubectl-patch", "Update", "2026-11-21T10:00:00Z"),
        entry("askproai-operator", "Apply", "2026-11-21T11:00:00Z"),
        entry("kubectl", "Apply", "2026-11-21T11:00:00Z", subresource="status"),
    ]
    assert find_applier({"metadata": {"managedFields": entries}}) == "argocd-controller"
    client_side = entry("kubectl-client-side-apply", "Update", "2026-11-20T11:00:00Z")
    assert find_applier({"metadata": {"managedFields": [*entries, client_side]}}) == "kubectl-client-side-apply"
    assert find_applier({"metadata": {}}) == "kubectl"


def test_client_side_apply_removes_only_its_own_fields() -> None:
    last = {"spec": {"a": 1, "gone": 2, "deep": {"x": 1, "y": 2}}}
    new = {"spec": {"a": 3, "deep": {"x": 1}}}
    live = {"spec": {"a": 1, "gone": 2, "others": 5, "deep": {"x": 1, "y": 2, "others": 6}}}
    assert merge_patch(last, new, live) == {"spec": {"gone": None, "a": 3, "deep": {"y": None}}}


# Without a cluster

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: staging
contexts: [{name: staging, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: x}}]
"""


def test_silent_api_server_is_named_with_advice(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(KUBECONFIG)
    result = CliRunner().invoke(app, ["plan", str(EXAMPLE), "--kubeconfig", str(config)])
    assert result.exit_code == 1
    assert "the cluster does not answer (context staging, https://127.0.0.1:1): start it" in result.output
    assert "`askproai lint` checks manifests without a cluster" in result.output


def test_plan_without_any_manifest_fails() -> None:
    result = CliRunner().invoke(app, ["plan", "-"], input="")
    assert result.exit_code == 1
    assert "there is no manifest of ours in -" in result.output


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_secret_key_with_null_is_an_empty_value(field: str) -> None:
    """`api-key:` in YAML is null, which the API server takes as an empty value."""
    assert read_values({field: {"api-key": None}}) == {"api-key": ""}


def test_secret_values_that_are_no_text_are_omitted() -> None:
    secret = {"data": {"binary": "/w==", "text": "Z2VoZWlt"}, "stringData": {"plain": "offen"}}
    assert read_values(secret) == {"text": "geheim", "plain": "offen"}
