"""A key that a mapping has twice: kubectl sends the last one in silence, so lint and plan name it."""

import pytest

from askproai_cli.lint import Document, lint
from askproai_cli.lint.documents import _parse

SERVICE = """\
apiVersion: askproai.de/v1alpha1
kind: ServiceOffering
metadata: {name: cut, namespace: salon}
spec:
  branchRef: {name: mitte}
  displayName: Haarschnitt
  durationMinutes: 45
"""


def repeated(text: str) -> dict[str, str]:
    """Return what lint says of repeated keys, by their paths."""
    report = lint(_parse("f.yaml", text))
    return {each.path: each.message for each in report.findings if "the last one counts" in each.message}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (SERVICE, []),
        (SERVICE + "  durationMinutes: 60\n", ["spec.durationMinutes"]),
        (SERVICE + '  "durationMinutes": 60\n', ["spec.durationMinutes"]),
        (SERVICE + "spec: {}\n", ["spec"]),
        (SERVICE + "  staff: [{name: a, name: b}]\n", ["spec.staff[0].name"]),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {true: a, 'true': b, 1: c, '1': d}\n", ["data.1", "data.true"]),
        ('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "name": "b"}}', ["metadata.name"]),
        ("kind: List\nitems:\n- {apiVersion: v1, kind: Namespace, kind: Secret, metadata: {name: a}}\n", ["kind"]),
        ("kind: X\na: &a {b: 1}\nc: {<<: *a, b: 2}\n", []),  # an override, not a repetition
        ("kind: X\na: &a {b: 1}\nd: &d {e: 1}\nc: {<<: *a, <<: *d}\n", []),
    ],
)  # fmt: skip
def test_a_repeated_key_is_a_warning(text: str, paths: list[str]):
    assert sorted(repeated(text)) == paths


COPY, OTHER = SERVICE.replace("45", "60"), SERVICE.replace("cut", "dye")
NAMED = "apiVersion: {}\nkind: A\nmetadata: {}\n".format


@pytest.mark.parametrize(
    ("files", "places"),
    [
        ([SERVICE, COPY], "written 2 times (f0.yaml:3, f1.yaml:3)"),
        ([f"{SERVICE}---\n{OTHER}---\n{COPY}"], "written 2 times (f0.yaml:3, f0.yaml:19)"),
        ([SERVICE, COPY, SERVICE], "written 3 times (f0.yaml:3, f1.yaml:3, f2.yaml:3)"),
        ([SERVICE, COPY.replace("v1alpha1", "v1")], "written 2 times (f0.yaml:3, f1.yaml:3)"),
        (["kind: List\nitems: [{}, {}]".format(*(f"{{apiVersion: v1, kind: A, a: {n}, metadata: {{name: x}}}}" for n in "12"))],
         "written 2 times (f0.yaml:2, f0.yaml:2)"),
        ([SERVICE, SERVICE], None),  # a Namespace in each file
        ([SERVICE, OTHER], None),
        ([SERVICE, COPY.replace("salon", "spa")], None),
        ([NAMED("v1", "{generateName: a}"), NAMED("v1", "{generateName: b}")], None),
        ([NAMED("v1", "{name: a}"), NAMED("b/v1", "{name: a}")], None),
    ],
)  # fmt: skip
def test_differing_manifests_of_one_object_are_a_warning(files: list[str], places: str | None):
    """kubectl applies the last one in silence: the first service does not exist."""
    documents = [document for number, text in enumerate(files) for document in _parse(f"f{number}.yaml", text)]
    found = [each.message for each in lint(documents).findings if each.path == "metadata.name"]
    assert found == ([] if places is None else [f"{places}: the last one counts"])


def test_repeated_key_warning_names_its_lines():
    message = repeated(SERVICE + "  durationMinutes: 60\n  durationMinutes: 90\n")["spec.durationMinutes"]
    assert message == "written 3 times (lines 7, 8, 9): the last one counts"


def test_repeated_keys_line_is_that_of_last_value():
    (document,) = _parse("f.yaml", "a:\n  b: 1\na:\n  c: 2\n")
    assert isinstance(document, Document)
    assert (document.line_of(("a",)), document.line_of(("a", "c")), document.value) == (3, 4, {"a": {"c": 2}})
