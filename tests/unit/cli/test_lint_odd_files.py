"""`askproai lint` and `plan` end with a finding for any YAML: they neither raise an exception nor hang."""

import time
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from askproai_cli.lint import Document, lint
from askproai_cli.lint.documents import _parse
from askproai_cli.main import app
from askproai_operator import resources
from tests.worlds.rows import each_row

pytestmark = pytest.mark.nightly

NO_OBJECT = "no Kubernetes object"
KINDS = [ref.kind for ref in resources.CUSTOM]


def run(command: str, text: str) -> Result:
    return CliRunner().invoke(app, [command, "-"], input=text)


def manifest(kind: str, name: str, api: str = "askproai.de/v1alpha1") -> str:
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{}}\n"


@each_row("name", ["[a]", "{a: b}", "{}", "[]", "true", "1"])
@each_row(("kind", "api"), [*((kind, "askproai.de/v1alpha1") for kind in KINDS), ("Secret", "v1")])
def test_lint_refuses_a_name_that_is_no_text(kind: str, api: str, name: str) -> None:
    result = run("lint", manifest(kind, name, api))
    assert result.exit_code == 1
    assert "metadata.name: must be a text" in result.output


@pytest.mark.parametrize("name", ["[a]", "{a: b}", "{}", "[]", "''", "null"])
@pytest.mark.parametrize(("kind", "api"), [("Tenant", "askproai.de/v1alpha1"), ("Secret", "v1")])
def test_plan_needs_a_name_that_is_text(kind: str, api: str, name: str) -> None:
    result = run("plan", manifest(kind, name, api))
    assert result.exit_code == 2
    assert "a manifest needs metadata.name" in result.stderr or "metadata.name must be a text" in result.stderr


@pytest.mark.parametrize("kind", ["[Secret]", "{Secret: Secret}"])
@pytest.mark.parametrize("api", ["v1", "[v1]", "askproai.de/v1alpha1"])
def test_plan_skips_or_reports_kind_without_text(kind: str, api: str) -> None:
    result = run("plan", manifest(kind, "a", api))
    assert result.exit_code in {1, 2}
    assert "there is no manifest of ours" in result.stderr or "a manifest needs metadata.name" in result.stderr


def bomb(levels: int, opening: str, closing: str) -> str:
    """Return a Tenant with nested aliases: each level has ten times as many values as the one before."""
    names = "abcdefghijklmnopqrstuvwxyz"[:levels]
    rows = [f"{name}: &{name} {opening}{', '.join([f'*{below}'] * 10)}{closing}" for below, name in pairwise(names)]
    return "\n".join(["apiVersion: askproai.de/v1alpha1\nkind: Tenant", "a: &a {x: [1, 2, 3, 4, 5, 6, 7, 8]}", *rows])


@pytest.mark.parametrize("command", ["lint", "plan"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{<<: [", "]}")], ids=["lists", "merge keys"])
@pytest.mark.parametrize("levels", [7, 26])
@pytest.mark.timeout(20)  # without the bound, the run would fill the memory or never end
def test_nested_aliases_are_refused_and_not_followed(command: str, opening: str, closing: str, levels: int) -> None:
    started = time.process_time()
    result = run(command, bomb(levels, opening, closing))
    assert time.process_time() - started < 5, "each value takes microseconds, and there are 10 ** levels"
    assert result.exit_code == 2
    assert "<stdin>:1: the aliases (*name) of this document repeat" in result.stderr
    assert "divide the document" in result.stderr


def test_many_yaml_anchors_are_resolved() -> None:
    hours = "{days: [Mon, Tue, Wed, Thu, Fri], opens: '09:00', closes: '18:00'}"
    items = "".join(f"- &b{index} {{hours: [*h, *h, *h]}}\n" for index in range(500))
    (document,) = _parse("f", f"h: &h {hours}\nitems:\n{items}more:\n  <<: *b1\n")
    assert document.value["items"][499]["hours"][2] == document.value["h"] == document.value["more"]["hours"][0]


def test_yaml_alias_within_its_own_anchor_is_refused() -> None:
    result = run("lint", "a: &a [*a]\n")
    assert result.exit_code == 2
    assert "no YAML" in result.stderr


MERGED = """\
x: &x
  items:
    - {apiVersion: askproai.de/v1alpha1, kind: Branch, metadata: {name: mitte}, spec: {}}
    - 5
<<: *x
apiVersion: v1
kind: List
"""


def test_manifest_from_a_yaml_merge_key_is_checked() -> None:
    result = run("lint", MERGED)
    assert result.exit_code == 1
    assert "<stdin>:1: refused: Branch/mitte spec.displayName: is required" in result.output
    assert NO_OBJECT in result.output


@each_row(
    "value",
    ["!!binary aGFsbG8=", "!!binary /w==", "!!set {x}", "!!timestamp 2026-12-24", "!!omap [{a: b}]", "!!pairs [{a: b}]",
     "!!bool x", "!!int x", "!!float x", "!!null x", "!!str [a]", "!unknown x"],
)  # fmt: skip
@each_row("field", ["name", "namespace", "more"])
def test_yaml_tag_causes_a_finding_or_misuse(field: str, value: str) -> None:
    fields = {"name": "a"} | {field: value}
    metadata = ", ".join(f"{name}: {written}" for name, written in fields.items())
    text = f"apiVersion: askproai.de/v1alpha1\nkind: Branch\nmetadata: {{{metadata}}}\nspec: {{displayName: {value}}}\n"
    result = run("lint", text)
    assert result.exit_code in {1, 2}
    assert "<stdin>" in result.output + result.stderr


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.sampled_from(
    ["", "a", "v1", "List", "Secret", "Namespace", "ENC[", "Europe/Berlin", "=", "~", "09:00", *KINDS]
)
FIELDS = st.sampled_from([
    "apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "spec", "items", "data", "stringData",
    "tenantRef", "branchRef", "staff", "id", "phoneNumbers", "number", "did", "exposure", "host", "pathPrefix", "timeZone",
    "calendar", "calcom", "apiKeySecretRef", "key", "openingHours", "days", "opens", "retell", "offer", "staf",
])  # fmt: skip
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
META = st.fixed_dictionaries({"name": VALUES}, optional={"namespace": VALUES, "labels": VALUES, "annotations": VALUES})
OBJECTS = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["askproai.de/v1alpha1", "v1"]) | VALUES,
        "kind": st.sampled_from([*KINDS, "Secret", "Namespace", "List"]) | VALUES,
        "metadata": META | VALUES,
        "spec": st.dictionaries(FIELDS, VALUES, max_size=5) | VALUES,
    },
    optional={"items": VALUES, "data": VALUES, "stringData": VALUES},
)


@settings(deadline=None, max_examples=300)
@given(st.lists(OBJECTS | VALUES, min_size=1, max_size=3))
def test_lint_reports_every_structure_without_crashing(values: list[Any]) -> None:
    documents = list(_parse("odd.yaml", yaml.safe_dump_all(values)))
    report = lint(documents)
    assert report.manifests == len(documents)
    assert all(isinstance(finding.line, int) for finding in report.findings)


def test_a_document_without_lines_begins_at_line_1() -> None:
    assert Document("odd.yaml", {}, {}).line_of(("metadata", "name")) == 1
