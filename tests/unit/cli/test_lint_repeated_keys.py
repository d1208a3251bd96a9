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


def test_repeated_key_warning_names_its_lines():
    message = repeated(SERVICE + "  durationMinutes: 60\n  durationMinutes: 90\n")["spec.durationMinutes"]
    assert message == "written 3 times (lines 7, 8, 9): the last one counts"


def test_repeated_keys_line_is_that_of_last_value():
    (document,) = _parse("f.yaml", "a:\n  b: 1\na:\n  c: 2\n")
    assert isinstance(document, Document)
    assert (document.line_of(("a",)), document.line_of(("a", "c")), document.value) == (3, 4, {"a": {"c": 2}})
