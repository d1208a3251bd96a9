"""`askproai lint`, as a person and a pipeline see it. Its refusals are in tests/integration/crds/test_lint_agrees.py."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from askproai_cli.main import app
from askproai_sandbox.example_tenant import EXAMPLES

BRANCH = """\
apiVersion: askproai.de/v1alpha1
kind: Branch
metadata: {name: mitte}
spec:
  tenantRef: {name: salon}
  displayName: Mitte
  openingHours:
    - {days: [Mon], opens: 09:00, closes: 18:00}   # no quotes: texts all the same, as kubectl reads them
  holidays: {country: DE, closed: [2026-12-24]}
"""


def lint(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["lint", *args], input=stdin)


def test_mistake_has_file_line_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "branch.yaml"
    file.write_text(BRANCH.replace("18:00", "08:00"))
    result = lint(str(file))
    assert result.exit_code == 1
    assert f"{file}:8: refused: Branch/mitte spec.openingHours[0]: opens must be before closes" in result.output
    assert "1 manifest: 1 refused for 1 mistake, 1 warning" in result.output


def test_lint_parses_unquoted_times_like_kubectl() -> None:
    result = lint("-", stdin=BRANCH)
    assert result.exit_code == 0, result.output
    assert "<stdin>:5: warning: Branch/mitte spec.tenantRef: Tenant 'salon' is not among these files" in result.output


def test_shared_staff_id_warns_until_both_name_person() -> None:
    def branches(*persons: str) -> str:
        names = zip(("mitte", "nord"), persons, strict=True)
        staff = "  staff: [{{id: anna, displayName: Anna{}}}]\n"
        return "---\n".join(BRANCH.replace("name: mitte", f"name: {name}") + staff.format(who) for name, who in names)

    result = lint("-", stdin=branches("", ""))
    assert result.exit_code == 0, result.output
    assert "warning: Branch/nord spec.staff[0].id: anna is on the staff of mitte, too" in result.output
    assert "write the same person" in result.output
    assert "staff of mitte" in lint("-", stdin=branches(", person: anna", "")).output
    for others in ("anna", "anna-schmidt"):
        assert "staff of mitte" not in lint("-", stdin=branches(", person: anna", f", person: {others}")).output


def test_answers_that_no_agent_speaks_are_a_warning(tmp_path: Path) -> None:
    salon = (EXAMPLES / "salon.yaml").read_text(encoding="utf-8")
    assert lint("-", "--strict", stdin=salon).exit_code == 0
    silent = "".join(line for line in salon.splitlines(keepends=True) if "- BusinessInformation" not in line)
    result = lint("-", stdin=silent)
    for field in ("Tenant/salon-mueller spec.knowledge", "spec.cancellationRule", "Branch/mitte spec.directions"):
        assert f"{field}: no caller hears it: add BusinessInformation to spec.functions" in result.output
    agents = silent[: silent.index("kind: RetellAgent")].rpartition("---")[0]
    assert "no caller hears it" not in lint("-", stdin=agents).output, "the agent may be in another file"


@pytest.mark.parametrize(
    ("known", "refusal"),
    [
        ("{question: WLAN, answer: ''}", "spec.knowledge[0].answer"),
        (f"{{question: WLAN, answer: {'a' * 501}}}", "spec.knowledge[0].answer"),
        (f"{{question: {'q' * 201}, answer: Ja.}}", "spec.knowledge[0].question"),
        ("{question: WLAN}", "spec.knowledge[0]"),
        ("{question: WLAN, answer: Ja.}, {question: WLAN, answer: Nein.}", "spec.knowledge[1]"),
    ],
)
def test_a_question_or_answer_without_bounds_is_refused(known: str, refusal: str) -> None:
    result = lint("-", stdin=f"{BRANCH}  knowledge: [{known}]\n")
    assert result.exit_code == 1
    assert f"refused: Branch/mitte {refusal}" in result.output, result.output


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: trunk, namespace: salon}
stringData: {username: salon, password: secret}
---
"""
SIP = "{number: 030 1234567, sip: {terminationUri: sip.example, authSecretRef: {name: trunk}}}"


def test_unpermitted_secret_is_a_warning_in_its_namespace() -> None:
    branch = BRANCH.replace("{name: mitte}", "{name: mitte, namespace: salon}") + f"  phoneNumbers: [{SIP}]\n"
    result = lint("-", stdin=SECRET + branch)
    assert result.exit_code == 0, result.output
    expected = "<stdin>:3: warning: Secret/trunk metadata.labels: Branch/mitte names this Secret"
    assert expected in result.output
    assert 'askproai.de/use: "true"' in result.output
    permitted = SECRET.replace("namespace: salon", 'namespace: salon, labels: {askproai.de/use: "true"}')
    assert "Secret" not in lint("-", stdin=permitted + branch).output
    unquoted = SECRET.replace("namespace: salon", "namespace: salon, labels: {askproai.de/use: true}")
    assert expected in lint("-", stdin=unquoted + branch).output, "a label is a text"
    assert "Secret" not in lint("-", stdin=SECRET + BRANCH).output, "a Secret of another namespace"
    assert "Secret" not in lint("-", stdin=SECRET).output


def test_lint_checks_list_items_and_ignores_foreign_kinds() -> None:
    items = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "providers"}, "anything": True},
            {"apiVersion": "askproai.de/v1alpha1", "kind": "Tenants", "metadata": {"name": "salon"}},
        ],
    }
    result = lint("-", stdin=json.dumps(items))
    assert result.exit_code == 1
    assert (
        "Tenants is not known; askproai.de/v1alpha1 has Tenant, Branch, ServiceOffering, RetellAgent" in result.output
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1,", "<stdin>:1: no YAML"),
        ("{a: 1}", "apiVersion and kind are required"),
        ("- 1", "no Kubernetes object"),
        ("{apiVersion: [askproai.de/v1alpha1], kind: Branch}", "no Kubernetes object"),
        ("{apiVersion: askproai.de/v1alpha1, kind: {a: b}}", "no Kubernetes object"),
        ("{apiVersion: askproai.de/v1alpha1, kind: [Branch]}", "no Kubernetes object"),
        ("{apiVersion: 1, kind: Branch}", "apiVersion and kind are required, both texts"),
        ("{apiVersion: v1, kind: 7}", "apiVersion and kind are required, both texts"),
    ],
)
def test_lint_reports_a_text_that_is_no_manifest(text: str, message: str) -> None:
    result = lint("-", stdin=text)
    assert result.exit_code in {1, 2}
    assert message in result.output


def test_unread_nested_manifests_of_a_folder_are_mentioned(tmp_path: Path) -> None:
    (tmp_path / "salon").mkdir()
    (tmp_path / "salon" / "branch.yaml").write_text(BRANCH)
    result = lint(str(tmp_path))
    assert result.exit_code == 2
    assert f"folders in it are not read: name them ({tmp_path}/*)" in result.output.replace("\n", "")


def test_lint_of_an_absent_file_is_misuse(tmp_path: Path) -> None:
    result = lint(str(tmp_path / "nothing.yaml"))
    assert result.exit_code == 2
    assert "cannot be read" in result.output
